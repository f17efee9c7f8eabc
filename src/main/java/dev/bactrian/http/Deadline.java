package dev.bactrian.http;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Cuts a call where what is awaited of it has not come in time. A socket's timeout counts between two reads alone: a byte
 * now and then keeps it quiet for ever, and it does not count while a request is sent. Safe to use from any thread.
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

    /** {@code cut}: what ends the call; run by a thread of the clock. */
    Deadline(ScheduledExecutorService clock, Runnable cut) {
        this.clock = clock;
        this.cut = cut;
    }

    /** One that never comes. */
    static Deadline none() {
        return new Deadline(null, () -> { });
    }

    /**
     * From now on that much time is left; zero is no limit.
     *
     * @param late what is said where it is not enough
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

    /** That much more is left, where there is a limit. */
    synchronized void extend(long nanos) {
        until += nanos;
    }

    /** The time does not count until {@link #goOn}. */
    synchronized void pause() {
        pausedAt = System.nanoTime();
        paused = true;
    }

    /** The time counts again. */
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

    /** Nothing is awaited any more. False where the call has been cut, or is just being. */
    synchronized boolean stop() {
        stopped = true;
        if (alarm != null) {
            alarm.cancel(false);
            alarm = null;
        }
        return !over;
    }

    /** What a failed read or write means: that it was cut for being late, where it was. */
    synchronized IOException meaning(IOException failure) {
        return over ? (IOException) new SocketTimeoutException(late).initCause(failure) : failure;
    }

    /** Fails where the call has been cut: what looks like the end of an answer is none then. */
    synchronized void demand() throws SocketTimeoutException {
        if (over) {
            throw new SocketTimeoutException(late);
        }
    }
}
