package dev.bactrian.core;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.error.GenerationFailure;

/** How far a provider's asynchronous work on a request has come, by the last poll. Immutable. */
public interface Poll {

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
