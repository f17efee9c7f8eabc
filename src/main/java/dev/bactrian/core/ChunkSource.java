package dev.bactrian.core;

import java.util.Iterator;

import dev.bactrian.error.GenerationFailure;

/**
 * The chunks of an answer, in order, none of them empty: what the routes split
 * over. May answer null at its end, which Camel's splitter skips.
 */
public interface ChunkSource extends Iterator<String> {

    /**
     * Ends it from outside, where a chunk can't be passed on: the next one asked for is this failure. (An exception of
     * the splitter's own steps would count as handled by then, and pass by the route's error handler.)
     */
    void fail(GenerationFailure reason);

    /** How many chunks of the same answer went out before these. */
    default int before() {
        return 0;
    }
}
