package dev.bactrian.error;

import org.apache.camel.Exchange;
import org.apache.camel.http.base.HttpOperationFailedException;

/** What a step has failed with. */
public final class Cause {

    private Cause() {
    }

    /** The exception, without what Camel wraps around it; null where there is none. */
    public static Throwable of(Exchange exchange) {
        Throwable failure = exchange.getException() != null ? exchange.getException()
                : exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Throwable.class);
        return failure == null ? null : of(failure);
    }

    /** What it says; of an Error, such as an exhausted heap, also which one it is. */
    public static String words(Throwable cause) {
        return cause instanceof Error || cause.getMessage() == null
                ? cause.getClass().getSimpleName() + (cause.getMessage() == null ? "" : ": " + cause.getMessage()) : cause.getMessage();
    }

    /** The same of an exception that a route has caught. */
    public static Throwable of(Throwable caught) {
        Throwable cause = caught;
        while (cause.getCause() != null && cause.getClass().getName().startsWith("org.apache.camel.")
                && !(cause instanceof HttpOperationFailedException)) {
            cause = cause.getCause();
        }
        return cause;
    }
}
