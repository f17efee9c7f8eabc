package dev.bactrian.threads;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** The thread pools that the routes declare, with names that a thread dump explains. */
public final class Pools {

    private Pools() {
    }

    /** Threads that wait for a time and then work, that many at most. */
    public static ScheduledThreadPoolExecutor scheduled(String name, int threads) {
        ScheduledThreadPoolExecutor pool = new ScheduledThreadPoolExecutor(threads, named(name));
        pool.setRemoveOnCancelPolicy(true);
        return pool;
    }

    /** As many threads as there is work, gone after a minute without any. */
    public static ExecutorService asNeeded(String name) {
        return Executors.newCachedThreadPool(named(name));
    }

    /** As many threads as there is work, that many at most; beyond, whoever brings work waits. */
    public static ExecutorService atMost(String name, int threads) {
        return new ThreadPoolExecutor(0, threads, 1, TimeUnit.MINUTES, new SynchronousQueue<>(), named(name), Pools::handOver);
    }

    private static void handOver(Runnable work, ThreadPoolExecutor pool) {
        try {
            do {
                if (pool.isShutdown()) {
                    throw new RejectedExecutionException("the application has stopped");
                }
            } while (!pool.getQueue().offer(work, 1, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RejectedExecutionException("interrupted while waiting for a thread", e);
        }
    }

    private static ThreadFactory named(String name) {
        AtomicInteger count = new AtomicInteger();
        return work -> {
            Thread thread = new Thread(work, name + "-" + count.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        };
    }
}
