package dev.bactrian.http;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Watches the deadlines of calls. Nearly all calls end long before their deadline, so they have no timers of their own:
 * one timer runs when the earliest deadline that was known may be over, and looks at all of them. Thread-safe.
 */
final class DeadlineClock {

    private final ScheduledExecutorService timer;
    private final Set<Deadline> watched = ConcurrentHashMap.newKeySet();
    private volatile boolean armed;
    private volatile long next;
    private Future<?> alarm;

    /** Creates a clock whose timer runs in that executor. */
    DeadlineClock(ScheduledExecutorService timer) {
        this.timer = timer;
    }

    /** Watches a deadline that is not over before that time, by {@link System#nanoTime()}. */
    void watch(Deadline deadline, long until) {
        watched.add(deadline);
        wakeAt(until);
    }

    /** Watches a deadline no longer. */
    void forget(Deadline deadline) {
        watched.remove(deadline);
    }

    private void wakeAt(long until) {
        if (armed && until - next >= 0) {
            return;
        }
        synchronized (this) {
            if (armed && until - next >= 0) {
                return;
            }
            if (alarm != null) {
                alarm.cancel(false);
            }
            armed = false;
            next = until;
            try {
                alarm = timer.schedule(this::check, Math.max(1, until - System.nanoTime()), TimeUnit.NANOSECONDS);
                armed = true;
            } catch (RejectedExecutionException e) {
                // the client has been closed, and its connections with it
            }
        }
    }

    private void check() {
        // A deadline that is set from here on arms the timer itself.
        synchronized (this) {
            armed = false;
            alarm = null;
        }
        long now = System.nanoTime();
        boolean any = false;
        long earliest = 0;
        for (Deadline deadline : watched) {
            long left = deadline.check(now);
            if (left <= 0) {
                watched.remove(deadline);
                timer.execute(deadline::cut);
            } else if (left < Long.MAX_VALUE && (!any || now + left - earliest < 0)) {
                any = true;
                earliest = now + left;
            }
        }
        if (any) {
            wakeAt(earliest);
        }
    }
}
