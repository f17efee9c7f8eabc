package dev.bactrian.http;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;

/**
 * Cuts a call if the expected part of it does not arrive in time. A socket timeout only limits the time between two reads: a single
 * byte now and then keeps resetting it, and it does not apply while a request is sent. Thread-safe.
 */
final class Deadline {

    private static final long PAUSED_NANOS = 100_000_000;

    private final DeadlineClock clock;
    private final Runnable cut;
    private String late = "";
    private long until;
    /** When the clock looks at this deadline at the latest. */
    private long checkedAt;
    private boolean watched;
    private boolean paused;
    private long pausedAt;
    private boolean stopped;
    private boolean over;

    /** Creates a deadline; after it, a thread of the clock runs {@code cut} to end the call. */
    Deadline(DeadlineClock clock, Runnable cut) {
        this.clock = clock;
        this.cut = cut;
    }

    /** Returns a deadline that never expires. */
    static Deadline none() {
        return new Deadline(null, () -> { });
    }

    /**
     * Restarts the deadline with that time from now; zero means no limit.
     *
     * @param late the message of the exception after the deadline
     */
    synchronized void within(Duration time, String late) {
        this.late = late;
        if (clock == null || stopped || over) {
            return;
        } else if (time.isZero()) {
            forget();
            return;
        }
        until = System.nanoTime() + time.toNanos();
        if (!watched || until - checkedAt < 0) {
            watched = true;
            checkedAt = until;
            clock.watch(this, until);
        }
    }

    private void forget() {
        if (watched) {
            watched = false;
            clock.forget(this);
        }
    }

    /** Extends the deadline, if there is one. */
    synchronized void extend(long nanos) {
        until += nanos;
    }

    /** Pauses the deadline until {@link #goOn}. */
    synchronized void pause() {
        pausedAt = System.nanoTime();
        paused = true;
    }

    /** Resumes the deadline. */
    synchronized void goOn() {
        if (paused) {
            paused = false;
            until += System.nanoTime() - pausedAt;
        }
    }

    /**
     * Returns the nanoseconds until the clock must ask again, the largest number if it need not; 0 or less if the deadline is over, and
     * the call must be cut.
     */
    synchronized long check(long now) {
        if (!watched) {
            return Long.MAX_VALUE;
        }
        long left = paused ? Math.max(PAUSED_NANOS, until - now) : until - now;
        if (left > 0) {
            checkedAt = now + left;
        } else {
            over = true;
            watched = false;
        }
        return left;
    }

    /** Cuts the call. */
    void cut() {
        cut.run();
    }

    /** Ends the deadline. Returns false if the call has been cut, or is being cut. */
    synchronized boolean stop() {
        stopped = true;
        forget();
        return !over;
    }

    /** Returns the exception to throw for a failed read or write: a timeout if the deadline has cut the call, else the failure itself. */
    synchronized IOException meaning(IOException failure) {
        return over ? (IOException) new SocketTimeoutException(late).initCause(failure) : failure;
    }

    /** Throws if the deadline has cut the call, because the cut may look like the end of the answer. */
    synchronized void demand() throws SocketTimeoutException {
        if (over) {
            throw new SocketTimeoutException(late);
        }
    }
}
