package dev.bactrian.core;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.error.GenerationFailure;

/** How far a provider's asynchronous work on a request has come, by the last poll. Immutable. */
public interface Poll {

    /** Whether an id may be put into a URL or a record: what the services hand out is letters, digits, {@code _} and {@code -}. */
    static boolean isValidId(String id) {
        return id.matches("[A-Za-z0-9_-]{1,128}");
    }

    /** What the provider knows the work by. */
    String getId();

    /** Whether it is polled again. */
    boolean isPending();

    /** Whether it has ended, well or badly, by what the provider says. */
    boolean isEnded();

    /** The part of the result and error documents that tells of it. */
    ObjectNode document();

    /** The same without the output, which takes up memory. */
    Poll withoutOutput();

    /** It is polled no more, for that reason. */
    Poll givenUp(GenerationFailure reason);
}
