package dev.bactrian.error;

import java.util.concurrent.RejectedExecutionException;

/** Thrown by work that was waiting when a stop was forced; no call was in progress. */
public final class StoppedException extends RejectedExecutionException {

    private static final long serialVersionUID = 1L;

    public StoppedException() {
        super("the application has stopped");
    }
}
