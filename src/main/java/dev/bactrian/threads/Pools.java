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

/** Creates thread pools with names that are recognizable in a thread dump. */
public final class Pools {

    private Pools() {
    }

    /** Creates a scheduled pool with that number of threads at most. */
    public static ScheduledThreadPoolExecutor scheduled(String name, int threads) {
        ScheduledThreadPoolExecutor pool = new ScheduledThreadPoolExecutor(threads, named(name));
        pool.setRemoveOnCancelPolicy(true);
        return pool;
    }

    /** Creates an unbounded pool that ends its threads after a minute without work. */
    public static ExecutorService asNeeded(String name) {
        return Executors.newCachedThreadPool(named(name));
    }

    /** Creates a pool with at most that number of threads, which end after a minute without work. If all are busy, the caller waits. */
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
