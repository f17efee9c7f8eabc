package dev.bactrian.core;

import java.time.Duration;

/** The requests that this application is processing. */
public interface RequestsInWork {

    /** Waits until no request is being processed, for at most this time. */
    void awaitEnd(Duration atMost);
}
