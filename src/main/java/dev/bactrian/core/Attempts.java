package dev.bactrian.core;

/** The failures of the current step of a request. A 429 of a limit that other requests have used up does not count as an attempt. */
public final class Attempts {

    private int failures;
    private int spared;
    private int refusedKeys;
    private long sparedSince;

    /** Returns the number of failures. */
    public int failures() {
        return failures;
    }

    /** Sets the number of failures. */
    public void failures(int count) {
        failures = count;
    }

    /** Returns the number of failures that count as attempts. */
    public int counted() {
        return failures - spared;
    }

    /** Returns the number of failures that do not count. */
    public int spared() {
        return spared;
    }

    /** Returns the time of the first failure that does not count, by {@link System#nanoTime()}, or {@code now} if there is none. */
    public long sparedSince(long now) {
        return spared == 0 ? now : sparedSince;
    }

    /** Adds a failure that does not count because the service has refused the key; there are other keys. Returns their number so far. */
    public int refuseKey(long now) {
        spare(now);
        return ++refusedKeys;
    }

    /** Returns how often the service has refused the key. */
    public int refusedKeys() {
        return refusedKeys;
    }

    /** Adds a failure that does not count. */
    public void spare(long now) {
        sparedSince = sparedSince(now);
        spared++;
    }
}
