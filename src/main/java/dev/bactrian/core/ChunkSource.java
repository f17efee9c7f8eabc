package dev.bactrian.core;

import java.util.Iterator;

import dev.bactrian.error.GenerationFailure;

/**
 * Iterates over the chunks of an answer, in order; the routes split over it. No chunk is empty. {@code next} may return null at the end
 * of the answer, which Camel's splitter skips.
 */
public interface ChunkSource extends Iterator<String> {

    /**
     * Makes the next call of {@code next} throw this failure, when a chunk could not be delivered; the remaining chunks are not read.
     * (The splitter would treat an exception of its own steps as handled and bypass the route's error handler.)
     */
    void fail(GenerationFailure reason);

    /** Returns the number of chunks of the same answer that were delivered before this source was opened. */
    default int before() {
        return 0;
    }
}
