package dev.bactrian.core;

import dev.bactrian.error.GenerationFailure;
import org.apache.camel.Exchange;

/**
 * A service that runs models, as the routes and the core use it. It is the bean {@code bactrian<Name>}, such as
 * {@code bactrianReplicate}, beside its route {@code direct:bactrian-<name>}, which makes the first call of a request; one
 * that is polled has {@code direct:bactrian-<name>-poll} and {@code direct:bactrian-<name>-cancel}, too.
 */
public interface Provider {

    /**
     * Leaves the body and the headers of the call that starts the request of an exchange, and none of the caller's headers.
     *
     * @throws GenerationFailure {@code authentication} where no token is set for the official endpoint
     */
    void request(Exchange exchange);

    /** Milliseconds until the next poll is due, which is thereby given its place among the others: asked once for each. */
    default long pollDelay(Job job) {
        throw new UnsupportedOperationException("not polled");
    }

    /**
     * Reads the answer of a request that is not polled any more into its job.
     *
     * @throws GenerationFailure where there is none: it failed, was cancelled, or did not end in time
     */
    default void read(Job job) {
        throw new UnsupportedOperationException("not polled");
    }
}
