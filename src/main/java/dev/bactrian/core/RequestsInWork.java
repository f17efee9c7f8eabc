package dev.bactrian.core;

import java.time.Duration;

/** The requests that this application works on. */
public interface RequestsInWork {

    /** Waits until there is none, that long at most. */
    void awaitEnd(Duration atMost);
}
