package dev.bactrian.jms;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.BooleanSupplier;

/**
 * Holds {@code bactrian.max-in-flight} for the queue: requests that a consumer works on, and predictions under way that
 * this instance has created or polled. A prediction whose polls another instance goes on with is not known to have
 * ended; it counts until a poll of it would be {@value #GRACE_SECONDS} seconds late.
 */
final class InFlightLimiter {

    private static final int GRACE_SECONDS = 10;
    private static final long GRACE_NANOS = Duration.ofSeconds(GRACE_SECONDS).toNanos();
    private static final long CHECK_MILLIS = 200;

    private final int most;
    private final Map<String, Long> waiting = new HashMap<>();
    private int working;

    InFlightLimiter(int most) {
        this.most = most;
    }

    /**
     * Waits until another request may be begun.
     *
     * @throws RejectedExecutionException when the application stops first
     */
    synchronized void begin(BooleanSupplier stopping) {
        while (working + waiting.size() >= most) {
            if (!forgetLate()) {
                await(stopping);
            }
        }
        working++;
    }

    private boolean forgetLate() {
        long now = System.nanoTime();
        return waiting.values().removeIf(due -> now - due > GRACE_NANOS);
    }

    private void await(BooleanSupplier stopping) {
        if (stopping.getAsBoolean()) {
            throw new RejectedExecutionException("stopped before it could be begun; the request stays in its queue");
        }
        try {
            wait(CHECK_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RejectedExecutionException("interrupted before it could be begun; the request stays in its queue");
        }
    }

    /**
     * Waits a moment, for what keeps a request from being begun to go away.
     *
     * @throws RejectedExecutionException when the application stops first
     */
    synchronized void pause(BooleanSupplier stopping) {
        await(stopping);
    }

    /** A consumer has done with a request. */
    synchronized void end() {
        working--;
        notifyAll();
    }

    /** A prediction is under way; its next poll comes after that many milliseconds. */
    synchronized void waiting(String prediction, long delayMillis) {
        waiting.put(prediction, System.nanoTime() + delayMillis * 1_000_000);
    }

    /** How many predictions are under way. */
    synchronized int waiting() {
        forgetLate();
        return waiting.size();
    }

    /** A prediction has ended. */
    synchronized void ended(String prediction) {
        waiting.remove(prediction);
        notifyAll();
    }
}
