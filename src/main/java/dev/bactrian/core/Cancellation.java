package dev.bactrian.core;

import java.time.Duration;

import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;

/**
 * Whether a request in work is to end, as {@code direct:cancel} asks for: the exchange variable {@code cancellation} of
 * the routes. Safe to use from any thread.
 */
public final class Cancellation {

    private boolean requested;
    private boolean settled;
    private Runnable cut = () -> { };
    private String prediction;
    private long waitsUntil;
    private boolean waiting;

    /**
     * Asks for the end, and cuts the call that is open, if it is one that may be.
     *
     * @return whether the request is going to end for it: not where its outcome is known already
     */
    public boolean request() {
        Runnable open;
        synchronized (this) {
            if (settled) {
                return false;
            }
            requested = true;
            open = cut;
        }
        open.run();
        return true;
    }

    /** Cuts the call that is open, if it is one that may be, as a failure of its own. */
    void cut() {
        Runnable open;
        synchronized (this) {
            open = cut;
        }
        open.run();
    }

    /** For the routes: whether the end was asked for. */
    public synchronized boolean isRequested() {
        return requested;
    }

    /** How to cut the call that is about to be made; at once where the end was asked for already. */
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
     * The outcome is known: from here on nothing is cancelled.
     *
     * @return false where the end was asked for before
     */
    public synchronized boolean settle() {
        settled = true;
        return !requested;
    }

    /**
     * The error of a request that was ended so.
     *
     * @param attempts how often the call was made; 0: nothing was sent
     */
    public static GenerationFailure failure(Provider service, int attempts) {
        return service.isPolled() ? failure(ErrorType.PREDICTION_CANCELED, attempts) : interrupted(attempts);
    }

    /** The same of a chat. */
    public static GenerationFailure interrupted(int attempts) {
        return failure(ErrorType.STREAM_INTERRUPTED, attempts);
    }

    private static GenerationFailure failure(ErrorType type, int attempts) {
        return new GenerationFailure(type, "canceled on request", null, attempts, false, null);
    }

    /** It lies in a queue until the next look at its prediction, which is null where there is none yet. */
    synchronized void waitFor(String id, Duration delay) {
        prediction = id;
        waiting = true;
        waitsUntil = System.nanoTime() + delay.toNanos();
    }

    /** It is in the hands of this process. */
    synchronized void take() {
        waiting = false;
        settled = false;
    }

    /** Whether it may be about that prediction: not where it was about another. */
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
