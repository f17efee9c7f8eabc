package dev.bactrian.threads;

import java.util.List;
import java.util.Objects;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.spi.ExecutorServiceManager;
import org.apache.camel.spi.LifecycleStrategy;
import org.apache.camel.support.LifecycleStrategySupport;

/**
 * A thread pool for the routes that ends its threads after a minute without work. Camel's factory of thread pools creates it on first
 * use. JMX shows it, its threads follow the application's thread-name pattern, and they are virtual if {@code bactrian.threads} says so.
 * It is shut down when the context has stopped its routes.
 */
public class RoutePool extends AbstractExecutorService implements CamelContextAware {

    private static final long CHECK_MILLIS = 1000;

    private final String name;
    private final Semaphore room;
    private final LifecycleStrategy untilStopped = new LifecycleStrategySupport() {
        @Override
        public void onContextStopped(CamelContext context) {
            shutdownNow();
        }
    };
    private CamelContext camelContext;
    private volatile ExecutorService pool;
    private volatile boolean shutdown;

    /** Creates an unbounded pool. */
    public RoutePool(String name) {
        this(name, Integer.MAX_VALUE);
    }

    /** Creates a pool that runs at most that number of tasks at once. If all are busy, the caller waits. */
    public RoutePool(String name, int most) {
        this.name = name;
        room = new Semaphore(most);
    }

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
    }

    /**
     * Runs the task in the pool; waits if the pool is full.
     *
     * @throws RejectedExecutionException if the pool has been shut down, or the caller was interrupted while waiting
     */
    @Override
    public void execute(Runnable work) {
        try {
            do {
                if (shutdown) {
                    throw new RejectedExecutionException("the application has stopped");
                }
            } while (!room.tryAcquire(CHECK_MILLIS, TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RejectedExecutionException("interrupted while waiting for a thread", e);
        }
        boolean accepted = false;
        try {
            pool().execute(() -> {
                try {
                    work.run();
                } finally {
                    room.release();
                }
            });
            accepted = true;
        } finally {
            if (!accepted) {
                room.release();
            }
        }
    }

    /**
     * Returns Camel's pool, which is created on the first call.
     *
     * @throws RejectedExecutionException if this pool was shut down
     */
    final ExecutorService pool() {
        ExecutorService made = pool;
        return made != null ? made : makeOnce();
    }

    private synchronized ExecutorService makeOnce() {
        if (shutdown || camelContext.isStopped()) {
            throw new RejectedExecutionException("the application has stopped");
        }
        if (pool == null) {
            pool = make(camelContext.getExecutorServiceManager(), new ThreadsOfPool(camelContext, name));
            if (pool instanceof ThreadPoolExecutor shown) {
                // JMX shows it under the name.
                camelContext.getLifecycleStrategies().forEach(strategy -> strategy.onThreadPoolAdd(camelContext, shown, name, null, null, null));
            }
            camelContext.addLifecycleStrategy(untilStopped);
        }
        return pool;
    }

    /** Lets Camel's factory create the pool. */
    ExecutorService make(ExecutorServiceManager manager, ThreadFactory threads) {
        return manager.getThreadPoolFactory().newCachedThreadPool(threads);
    }

    @Override
    public synchronized void shutdown() {
        shutdown = true;
        if (pool != null) {
            camelContext.getLifecycleStrategies().remove(untilStopped);
            camelContext.getExecutorServiceManager().shutdown(pool);
        }
    }

    @Override
    public synchronized List<Runnable> shutdownNow() {
        shutdown = true;
        if (pool == null) {
            return List.of();
        }
        camelContext.getLifecycleStrategies().remove(untilStopped);
        return Objects.requireNonNullElse(camelContext.getExecutorServiceManager().shutdownNow(pool), List.of());
    }

    @Override
    public boolean isShutdown() {
        return shutdown;
    }

    @Override
    public boolean isTerminated() {
        return shutdown && (pool == null || pool.isTerminated());
    }

    @Override
    public boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
        ExecutorService made = pool;
        return made == null || made.awaitTermination(timeout, unit);
    }

    @Override
    public String toString() {
        return name;
    }
}
