package dev.bactrian.jms;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.BooleanSupplier;

/**
 * Enforces {@code bactrian.max-in-flight} for the queue. Counts requests that a consumer works on, and running predictions that
 * this instance has created or polled. If another instance polls such a prediction next, this one does not see its end; the
 * prediction counts until its next poll is {@value #GRACE_SECONDS} seconds overdue.
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
     * Waits until another request may start.
     *
     * @throws RejectedExecutionException if the application stops first
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
     * Waits a moment before another attempt to start a request.
     *
     * @throws RejectedExecutionException if the application stops first
     */
    synchronized void pause(BooleanSupplier stopping) {
        await(stopping);
    }

    /** Reports that a consumer has finished its work on a request. */
    synchronized void end() {
        working--;
        notifyAll();
    }

    /** Reports that a prediction is running, and when its next poll is due. */
    synchronized void waiting(String prediction, long delayMillis) {
        waiting.put(prediction, System.nanoTime() + delayMillis * 1_000_000);
    }

    /** Returns the number of running predictions. */
    synchronized int waiting() {
        forgetLate();
        return waiting.size();
    }

    /** Reports that a prediction has ended. */
    synchronized void ended(String prediction) {
        waiting.remove(prediction);
        notifyAll();
    }
}
