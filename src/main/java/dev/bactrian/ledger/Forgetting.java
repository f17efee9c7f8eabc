package dev.bactrian.ledger;

import java.time.Duration;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Deletes entries on a thread of its own, so that no request waits for slow or unavailable records. As long as the records respond
 * promptly, an entry is deleted when {@link #forget} returns. Failed deletions are retried. Entries that are not deleted when the
 * application stops, and those beyond {@value #MOST}, stay.
 */
final class Forgetting {

    /** The maximum number of pending deletions while the records are unavailable. A stale entry does no harm. */
    static final int MOST = 10_000;

    private static final Duration PROMPTLY = Duration.ofMillis(200);
    private static final Duration LAST = Duration.ofSeconds(1);
    private static final Duration AGAIN = Duration.ofSeconds(2);

    private final Records records;
    private final Outage outage;
    /** Not a pool of Camel's, because Camel shuts those down before the registry, until which this worker is needed. */
    private final ScheduledThreadPoolExecutor worker = new ScheduledThreadPoolExecutor(1, Forgetting::thread);
    /** The keys to delete, and whether deleting each of them has failed before. */
    private final Map<String, Boolean> waiting = new LinkedHashMap<>();
    private final Set<String> inProgress = new HashSet<>();
    private boolean scheduled;
    private boolean prompt = true;
    private boolean closed;

    Forgetting(Records records, Outage outage) {
        this.records = records;
        this.outage = outage;
    }

    private static Thread thread(Runnable work) {
        Thread thread = new Thread(work, "bactrian-ledger");
        thread.setDaemon(true);
        return thread;
    }

    /** Deletes the entry now or later. Never fails. */
    synchronized void forget(String key) {
        if (closed) {
            return;
        }
        if (waiting.size() < MOST) {
            waiting.putIfAbsent(key, false);
        }
        schedule(prompt ? Duration.ZERO : AGAIN);
        if (prompt) {
            prompt = isGone(key, PROMPTLY);
        }
    }

    private void schedule(Duration delay) {
        if (!scheduled && !closed) {
            scheduled = true;
            worker.schedule(this::work, delay.toMillis(), TimeUnit.MILLISECONDS);
        }
    }

    private boolean isGone(String key, Duration most) {
        long until = System.nanoTime() + most.toNanos();
        while (inProgress.contains(key) || waiting.containsKey(key)) {
            long millis = (until - System.nanoTime()) / 1_000_000;
            if (millis <= 0 || !await(millis)) {
                return false;
            }
        }
        return true;
    }

    private boolean await(long millis) {
        try {
            wait(millis);
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private void work() {
        synchronized (this) {
            scheduled = false;
        }
        for (Map.Entry<String, Boolean> next = next(); next != null; next = next()) {
            try {
                takeAway(next.getKey());
            } catch (RuntimeException e) {
                again(next, e);
                return;
            }
        }
    }

    private synchronized Map.Entry<String, Boolean> next() {
        Iterator<Map.Entry<String, Boolean>> entries = waiting.entrySet().iterator();
        if (!entries.hasNext() || closed) {
            return null;
        }
        Map.Entry<String, Boolean> next = Map.Entry.copyOf(entries.next());
        entries.remove();
        inProgress.add(next.getKey());
        return next;
    }

    private void takeAway(String key) {
        boolean gone = false;
        try {
            records.setState(key, null);
            gone = true;
        } finally {
            synchronized (this) {
                inProgress.remove(key);
                prompt = gone;
                if (!gone) {
                    waiting.put(key, true);
                }
                notifyAll();
            }
        }
        outage.isOver();
    }

    private synchronized void again(Map.Entry<String, Boolean> tried, RuntimeException failure) {
        if (!closed && !tried.getValue()) {
            outage.warn("forget", "{}: cannot be forgotten: {}; it is tried again, and so are those that come meanwhile",
                    tried.getKey(), failure.getMessage());
        }
        schedule(AGAIN);
    }

    /**
     * Carries out a pending deletion of the key, before the entry is read or written again.
     *
     * @throws RuntimeException if the entry cannot be deleted
     */
    void settle(String key) {
        synchronized (this) {
            while (inProgress.contains(key)) {
                if (!await(0)) {
                    throw new IllegalStateException("interrupted");
                }
            }
            if (waiting.remove(key) == null) {
                return;
            }
            inProgress.add(key);
        }
        takeAway(key);
    }

    /** Stops, after deleting what can be deleted at once. */
    void stop() {
        synchronized (this) {
            long until = System.nanoTime() + LAST.toNanos();
            while (prompt && !(waiting.isEmpty() && inProgress.isEmpty()) && System.nanoTime() < until && await(LAST.toMillis() / 10)) {
                schedule(Duration.ZERO);
            }
            closed = true;
            if (inProgress.isEmpty()) {
                // No interrupt if nothing runs: an embedded database may not survive one.
                worker.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
                worker.shutdown();
                return;
            }
        }
        worker.shutdownNow();
    }
}
