package dev.bactrian.core;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** A provider's answer to a request: its text, read in chunks, and the result that they add up to. */
public interface Answer extends PartialAnswer {

    /** Returns the fields that the answer adds to the result document. */
    ObjectNode answer();

    /** Releases the text, after the result document has been made. */
    default void forget() {
    }

    /** Closes the connection if it is still open, when the reading was stopped before the end of the answer. */
    default void leave() {
    }
}
