package dev.bactrian.error;

import org.apache.camel.Exchange;
import org.apache.camel.http.base.HttpOperationFailedException;

/** Finds out what a step has failed with. */
public final class Cause {

    private Cause() {
    }

    /** Returns the exception without Camel's wrappers, or null if the exchange has none. */
    public static Throwable of(Exchange exchange) {
        Throwable failure = exchange.getException() != null ? exchange.getException()
                : exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Throwable.class);
        return failure == null ? null : of(failure);
    }

    /** Returns the message; for an Error, such as an exhausted heap, and for an exception without a message, preceded by the class name. */
    public static String words(Throwable cause) {
        return cause instanceof Error || cause.getMessage() == null
                ? cause.getClass().getSimpleName() + (cause.getMessage() == null ? "" : ": " + cause.getMessage()) : cause.getMessage();
    }

    /** Returns a caught exception without Camel's wrappers. */
    public static Throwable of(Throwable caught) {
        Throwable cause = caught;
        while (cause.getCause() != null && cause.getClass().getName().startsWith("org.apache.camel.")
                && !(cause instanceof HttpOperationFailedException)) {
            cause = cause.getCause();
        }
        return cause;
    }
}
