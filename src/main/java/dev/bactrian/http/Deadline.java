package dev.bactrian.http;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Cuts a call if the expected part of it does not arrive in time. A socket timeout only limits the time between two reads: a single
 * byte now and then keeps resetting it, and it does not apply while a request is sent. Thread-safe.
 */
final class Deadline {

    private static final long PAUSED_NANOS = 100_000_000;

    private final ScheduledExecutorService clock;
    private final Runnable cut;
    private String late = "";
    private long until;
    private Future<?> alarm;
    private boolean paused;
    private long pausedAt;
    private boolean stopped;
    private boolean over;

    /** Creates a deadline; after it, a thread of the clock runs {@code cut} to end the call. */
    Deadline(ScheduledExecutorService clock, Runnable cut) {
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
        if (alarm != null) {
            alarm.cancel(false);
            alarm = null;
        }
        this.late = late;
        if (clock != null && !stopped && !over && !time.isZero()) {
            until = System.nanoTime() + time.toNanos();
            schedule();
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

    private void schedule() {
        try {
            alarm = clock.schedule(this::check, Math.max(paused ? PAUSED_NANOS : 1, until - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            // the client has been closed, and its connections with it
        }
    }

    private void check() {
        synchronized (this) {
            if (stopped || over) {
                return;
            } else if (paused || until - System.nanoTime() > 0) {
                schedule();
                return;
            }
            over = true;
        }
        cut.run();
    }

    /** Ends the deadline. Returns false if the call has been cut, or is being cut. */
    synchronized boolean stop() {
        stopped = true;
        if (alarm != null) {
            alarm.cancel(false);
            alarm = null;
        }
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
