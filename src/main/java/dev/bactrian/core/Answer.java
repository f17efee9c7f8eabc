package dev.bactrian.core;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** A provider's answer to a request: its text by pieces, and in the end the result that it adds up to. */
public interface Answer extends PartialAnswer {

    /** The fields that it adds to the result document. */
    ObjectNode answer();

    /** The result document is made: lets go of the text. */
    default void forget() {
    }

    /** Leaves what is still open of it, where something else than its end has ended the reading. */
    default void leave() {
    }
}
