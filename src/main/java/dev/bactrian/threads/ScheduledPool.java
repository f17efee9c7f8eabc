package dev.bactrian.threads;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;

import org.apache.camel.CamelContext;
import org.apache.camel.spi.ExecutorServiceManager;
import org.apache.camel.spi.ThreadPoolProfile;
import org.apache.camel.util.concurrent.ThreadPoolRejectedPolicy;

/** A {@link RoutePool} for delayed tasks. It has a fixed number of threads and an unbounded queue. */
public final class ScheduledPool extends RoutePool implements ScheduledExecutorService {

    private final int threads;

    /** Creates a pool that a route file declares. */
    public ScheduledPool(String name, int threads) {
        super(name);
        this.threads = threads;
    }

    /** Creates a pool of the Camel context. */
    public ScheduledPool(CamelContext context, String name, int threads) {
        this(name, threads);
        setCamelContext(context);
    }

    @Override
    ExecutorService make(ExecutorServiceManager manager, ThreadFactory factory) {
        ThreadPoolProfile profile = new ThreadPoolProfile(toString());
        profile.setPoolSize(threads);
        // Camel's defaults would bound the queue.
        profile.setMaxPoolSize(0);
        profile.setMaxQueueSize(0);
        profile.setRejectedPolicy(ThreadPoolRejectedPolicy.Abort);
        profile.addDefaults(manager.getDefaultThreadPoolProfile());
        return manager.getThreadPoolFactory().newScheduledThreadPool(profile, factory);
    }

    private ScheduledExecutorService scheduler() {
        return (ScheduledExecutorService) pool();
    }

    @Override
    public ScheduledFuture<?> schedule(Runnable work, long delay, TimeUnit unit) {
        return scheduler().schedule(work, delay, unit);
    }

    @Override
    public <V> ScheduledFuture<V> schedule(Callable<V> work, long delay, TimeUnit unit) {
        return scheduler().schedule(work, delay, unit);
    }

    @Override
    public ScheduledFuture<?> scheduleAtFixedRate(Runnable work, long delay, long period, TimeUnit unit) {
        return scheduler().scheduleAtFixedRate(work, delay, period, unit);
    }

    @Override
    public ScheduledFuture<?> scheduleWithFixedDelay(Runnable work, long delay, long pause, TimeUnit unit) {
        return scheduler().scheduleWithFixedDelay(work, delay, pause, unit);
    }
}
