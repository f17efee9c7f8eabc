package dev.bactrian.core;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;

/** The state of cancelling one request through {@code direct:cancel}. Thread-safe. */
public final class Cancellation {

    private boolean requested;
    private boolean settled;
    private Runnable cut = () -> { };
    private String prediction;
    private long waitsUntil;
    private boolean waiting;
    private Set<Cancellation> parts = Set.of();

    /**
     * Requests the cancellation and interrupts the open call if that call can be interrupted.
     *
     * @return true if the request will end because of it, false if its outcome is already known
     */
    public boolean request() {
        Runnable open;
        List<Cancellation> all;
        synchronized (this) {
            if (settled) {
                return false;
            }
            requested = true;
            open = cut;
            all = List.copyOf(parts);
        }
        open.run();
        all.forEach(Cancellation::request);
        return true;
    }

    /** Cancels that request, too, when this one, a batch, is cancelled; at once if it was cancelled before. */
    public void include(Cancellation part) {
        synchronized (this) {
            if (parts.isEmpty()) {
                parts = new HashSet<>();
            }
            parts.add(part);
            if (!requested) {
                return;
            }
        }
        part.request();
    }

    /** Forgets a request of this batch, because it is done. */
    public synchronized void exclude(Cancellation part) {
        if (!parts.isEmpty()) {
            parts.remove(part);
        }
    }

    /** Interrupts the open call, if it can be interrupted, without requesting a cancellation: the call fails like any other. */
    void cut() {
        Runnable open;
        synchronized (this) {
            open = cut;
        }
        open.run();
    }

    /** Whether a cancellation was requested. */
    public synchronized boolean isRequested() {
        return requested;
    }

    /** Sets how to interrupt the call that is about to be made. Runs it at once if a cancellation was requested before. */
    public void onRequest(Runnable cutsTheCall) {
        synchronized (this) {
            cut = cutsTheCall;
            if (!requested) {
                return;
            }
        }
        cutsTheCall.run();
    }

    /**
     * Marks the outcome as known. Later cancellation requests have no effect.
     *
     * @return false if a cancellation was requested before
     */
    public synchronized boolean settle() {
        settled = true;
        return !requested;
    }

    /**
     * Returns the error of a cancelled request.
     *
     * @param attempts how often the call was made; 0 if nothing was sent
     */
    public static GenerationFailure failure(Provider service, int attempts) {
        return service.isPolled() ? failure(ErrorType.PREDICTION_CANCELED, attempts) : interrupted(attempts);
    }

    /** Returns the error of a cancelled chat. */
    public static GenerationFailure interrupted(int attempts) {
        return failure(ErrorType.STREAM_INTERRUPTED, attempts);
    }

    private static GenerationFailure failure(ErrorType type, int attempts) {
        return new GenerationFailure(type, "canceled on request", null, attempts, false, null);
    }

    /** Marks the request as waiting in a queue until its next poll. The prediction's id is null if there is no prediction yet. */
    synchronized void waitFor(String id, Duration delay) {
        prediction = id;
        waiting = true;
        waitsUntil = System.nanoTime() + delay.toNanos();
    }

    /** Marks the request as processed by this instance again. */
    synchronized void take() {
        waiting = false;
        settled = false;
    }

    /** Whether this cancellation may concern the prediction: false if it was bound to another one. */
    synchronized boolean isAbout(String id) {
        return prediction == null || prediction.equals(id);
    }

    synchronized boolean isWaiting() {
        return waiting;
    }

    synchronized boolean isLate(Duration grace) {
        return waiting && System.nanoTime() - waitsUntil > grace.toNanos();
    }
}
