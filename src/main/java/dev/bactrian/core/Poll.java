package dev.bactrian.core;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.error.GenerationFailure;

/** The state of a provider's asynchronous work on a request, as of the last poll. Immutable. */
public interface Poll {

    /** Whether an id is safe in a URL or a record: up to 128 letters, digits, {@code _} and {@code -}, as the services issue them. */
    static boolean isValidId(String id) {
        return id.matches("[A-Za-z0-9_-]{1,128}");
    }

    /** Returns the provider's id of the work. */
    String getId();

    /** Whether to poll again. */
    boolean isPending();

    /** Whether the provider has reported the end, successful or not. */
    boolean isEnded();

    /** Whether the provider has begun the work, as far as is known. */
    default boolean isRunning() {
        return false;
    }

    /** Returns the part of the result and error documents that describes the work. */
    ObjectNode document();

    /** Returns the same state without the output, which takes up memory. */
    Poll withoutOutput();

    /** Returns the same state with the polling ended for this reason. */
    Poll givenUp(GenerationFailure reason);
}
