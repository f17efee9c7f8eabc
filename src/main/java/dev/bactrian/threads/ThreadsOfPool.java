package dev.bactrian.threads;

import java.util.concurrent.ThreadFactory;

import dev.bactrian.config.Settings;
import org.apache.camel.CamelContext;
import org.apache.camel.spi.ExecutorServiceManager;

/** Creates the threads of one pool: virtual or platform threads, as {@code bactrian.threads} says, named by the application's pattern. */
final class ThreadsOfPool implements ThreadFactory {

    private final ExecutorServiceManager names;
    private final String pool;
    private final ThreadFactory threads;

    ThreadsOfPool(CamelContext context, String pool) {
        names = context.getExecutorServiceManager();
        this.pool = pool;
        threads = Settings.of(context).virtualThreads() ? virtual() : Thread::new;
    }

    /** Returns the factory of {@code Thread.ofVirtual()}, by reflection because Java 17 has none. */
    private static ThreadFactory virtual() {
        try {
            Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
            return (ThreadFactory) Class.forName("java.lang.Thread$Builder").getMethod("factory").invoke(builder);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("no virtual threads in Java " + Runtime.version(), e);
        }
    }

    @Override
    public Thread newThread(Runnable work) {
        Thread thread = threads.newThread(work);
        thread.setName(names.resolveThreadName(pool));
        // A virtual thread always is a daemon.
        thread.setDaemon(true);
        return thread;
    }
}
