package dev.bactrian.error;

import java.util.concurrent.RejectedExecutionException;

/** What waited for its turn or its time when a stop was forced; nothing of it was under way just then. */
public final class StoppedException extends RejectedExecutionException {

    private static final long serialVersionUID = 1L;

    public StoppedException() {
        super("the application has stopped");
    }
}
