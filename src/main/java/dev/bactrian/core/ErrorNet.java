package dev.bactrian.core;

import java.time.Duration;
import java.util.Collection;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

import dev.bactrian.error.StoppedException;
import dev.bactrian.text.OneLineLogger;
import org.apache.camel.AsyncCallback;
import org.apache.camel.AsyncProcessor;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.ExtendedCamelContext;
import org.apache.camel.NamedNode;
import org.apache.camel.Processor;
import org.apache.camel.Route;
import org.apache.camel.RuntimeCamelException;
import org.apache.camel.impl.engine.DefaultReactiveExecutor;
import org.apache.camel.model.DelayDefinition;
import org.apache.camel.model.ProcessorDefinition;
import org.apache.camel.model.ProcessorDefinitionHelper;
import org.apache.camel.model.RouteDefinition;
import org.apache.camel.model.WireTapDefinition;
import org.apache.camel.spi.AsyncProcessorAwaitManager;
import org.apache.camel.spi.InterceptStrategy;
import org.apache.camel.spi.ReactiveExecutor;
import org.apache.camel.spi.ShutdownPrepared;
import org.apache.camel.support.AsyncProcessorConverterHelper;
import org.apache.camel.support.AsyncProcessorSupport;
import org.apache.camel.support.CamelContextHelper;
import org.apache.camel.support.LifecycleStrategySupport;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.processor.DelegateAsyncProcessor;
import org.apache.camel.support.processor.DelegateSyncProcessor;
import org.apache.camel.support.service.ServiceSupport;
import org.slf4j.Logger;

/**
 * Turns an {@link Error}, such as an exhausted heap, into the failure of the request during which it is thrown.
 *
 * <p>Camel's processors only catch exceptions. An Error escapes through the reactive executor, the exchange is never done, and its caller
 * waits forever. This class keeps track of the open steps of our routes, by exchange and by thread. It lets the innermost open step fail
 * with an Error that reaches the executor. This includes Errors thrown by a host's own route that one of our steps has called.
 */
public final class ErrorNet implements CamelContextAware, InterceptStrategy {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.errors");
    private static final String ROUTES = "bactrian-";

    /** Time for open calls to end in a forced stop. */
    private static final Duration LAST_CALLS = Duration.ofSeconds(2);
    private static final long GLANCE_NANOS = 5_000_000;

    /** The exchange property that holds the innermost open step. Copies of an exchange inherit it. */
    private static final String OPEN = "bactrianOpenStep";

    /** Preallocated, for when there is no memory to create one. */
    private static final RuntimeCamelException NO_ROOM = new RuntimeCamelException(new OutOfMemoryError("Java heap space"));

    private static final ThreadLocal<Work> WORK = ThreadLocal.withInitial(Work::new);

    private CamelContext camelContext;
    private EndOfWaiting end;

    /** The step that a thread is executing. */
    private static final class Work {
        private Step innermost;
        private int depth;
    }

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    /** Camel calls this before it builds the routes. */
    @Override
    public void setCamelContext(CamelContext camelContext) {
        if (this.camelContext == camelContext) {
            // Camel calls this more than once.
            return;
        }
        this.camelContext = camelContext;
        ExtendedCamelContext extension = camelContext.getCamelContextExtension();
        for (InterceptStrategy known : extension.getInterceptStrategies()) {
            if (known instanceof ErrorNet other) {
                // Camel creates the beans of a route file more than once.
                end = other.end;
                return;
            }
        }
        end = new EndOfWaiting(camelContext);
        extension.addInterceptStrategy(this);
        if (!(extension.getReactiveExecutor() instanceof Guarded)) {
            extension.setReactiveExecutor(new Guarded(extension.getReactiveExecutor()));
        }
        camelContext.addLifecycleStrategy(new LifecycleStrategySupport() {
            @Override
            public void onRoutesAdd(Collection<Route> routes) {
                // Added to our routes as a service, because Camel only prepares services of routes for a forced stop.
                routes.stream().filter(route -> route.getId().startsWith(ROUTES)).forEach(route -> route.addService(end));
            }
        });
    }

    @Override
    public Processor wrapProcessorInInterceptors(CamelContext context, NamedNode definition, Processor target, Processor next) {
        RouteDefinition route = definition instanceof ProcessorDefinition<?> step ? ProcessorDefinitionHelper.getRoute(step) : null;
        // Camel may find the strategy twice, in the context and in its registry.
        boolean watched = target instanceof DelegateAsyncProcessor wrapped && wrapped.getProcessor() instanceof Watched;
        if (watched || route == null || route.getId() == null || !route.getId().startsWith(ROUTES)) {
            return target;
        }
        AsyncProcessor step = AsyncProcessorConverterHelper.convert(target);
        return definition instanceof DelayDefinition ? new Waiting(step, end) : new Watched(step, definition instanceof WireTapDefinition<?>);
    }

    /** Returns the exchange that this thread is processing, or null. */
    public static Exchange current() {
        Step step = WORK.get().innermost;
        return step == null ? null : step.exchange;
    }

    /** Tracks a step of our routes while it is open. */
    private static class Watched extends AsyncProcessorSupport {

        private final AsyncProcessor target;
        private final boolean apart;

        Watched(AsyncProcessor target, boolean apart) {
            this.target = target;
            this.apart = apart;
        }

        @Override
        public boolean process(Exchange exchange, AsyncCallback callback) {
            Step parent = exchange.getProperty(OPEN, Step.class);
            Step step = new Step(exchange, callback, parent);
            Work work = WORK.get();
            work.innermost = step;
            // The exchange of a wire tap goes its own way: its Errors must not fail this exchange.
            step.mark(apart ? null : step);
            try {
                return target instanceof DelegateSyncProcessor synchronous ? run(synchronous, step) : target.process(exchange, step);
            } catch (Error e) {
                if (!failInnermost(work.innermost, e) && !failInnermost(step, e)) {
                    throw e;
                }
                return false;
            }
        }

        /** Runs a synchronous step. Camel would end it before it throws an Error, and the exchange would go on as if it had succeeded. */
        private static boolean run(Processor synchronous, Step step) {
            try {
                synchronous.process(step.exchange);
            } catch (Exception e) {
                step.exchange.setException(e);
            }
            step.done(true);
            return true;
        }

        @Override
        public String toString() {
            return target.toString();
        }
    }

    /** A step in which exchanges wait without a thread. */
    private static final class Waiting extends Watched {

        private final EndOfWaiting end;

        Waiting(AsyncProcessor target, EndOfWaiting end) {
            super(target, false);
            this.end = end;
        }

        @Override
        public boolean process(Exchange exchange, AsyncCallback callback) {
            end.waiting.add(exchange);
            if (end.ended) {
                end.waiting.remove(exchange);
                exchange.setException(new StoppedException());
                callback.done(true);
                return true;
            }
            boolean sync = super.process(exchange, doneSync -> {
                end.waiting.remove(exchange);
                callback.done(doneSync);
            });
            if (end.ended && !sync) {
                EndOfWaiting.end(exchange);
            }
            return sync;
        }
    }

    /**
     * Ends waiting exchanges and open calls when a stop is forced. Camel does neither: it would interrupt the caller, or leave it
     * waiting, without an outcome of the request.
     */
    private static final class EndOfWaiting extends ServiceSupport implements ShutdownPrepared {

        private final Set<Exchange> waiting = ConcurrentHashMap.newKeySet();
        private final CamelContext camelContext;
        private volatile boolean ended;

        EndOfWaiting(CamelContext camelContext) {
            this.camelContext = camelContext;
        }

        /**
         * Camel calls this from two threads at once and continues the stop when either returns; therefore the second waits for the first.
         */
        @Override
        public synchronized void prepareShutdown(boolean suspendOnly, boolean forced) {
            if (forced && camelContext.isStopping() && !ended) {
                ended = true;
                waiting.forEach(EndOfWaiting::end);
                Cancellations.of(camelContext).cut();
                // Includes requests whose poll is in progress: Camel interrupts the waiting callers next.
                long end = System.nanoTime() + LAST_CALLS.toNanos();
                CamelContextHelper.mandatoryLookup(camelContext, "bactrianRequests", RequestsInWork.class).awaitEnd(LAST_CALLS);
                awaitCallers(end);
            }
        }

        static void end(Exchange waiting) {
            Step step = waiting.getProperty(OPEN, Step.class);
            if (step != null) {
                step.fail(new StoppedException());
            }
        }

        /** Waits for the callers' threads, which continue a moment after their requests are done. */
        private void awaitCallers(long end) {
            AsyncProcessorAwaitManager callers = PluginHelper.getAsyncProcessorAwaitManager(camelContext);
            while (callers.size() > 0 && System.nanoTime() - end < 0) {
                LockSupport.parkNanos(GLANCE_NANOS);
            }
        }
    }

    /** An open step. Replaces the step's callback. */
    private static final class Step implements AsyncCallback {

        private final AtomicBoolean closed = new AtomicBoolean();
        private final Exchange exchange;
        private final AsyncCallback callback;
        private final Step parent;

        Step(Exchange exchange, AsyncCallback callback, Step parent) {
            this.exchange = exchange;
            this.callback = callback;
            this.parent = parent;
        }

        private void mark(Step innermost) {
            if (innermost == null) {
                exchange.removeProperty(OPEN);
            } else {
                exchange.setProperty(OPEN, innermost);
            }
        }

        /** Does nothing if the step has failed before. */
        @Override
        public void done(boolean doneSync) {
            if (closed.compareAndSet(false, true)) {
                mark(parent);
                WORK.get().innermost = parent;
                callback.done(doneSync);
            }
        }

        boolean fail(Throwable failure) {
            if (!closed.compareAndSet(false, true)) {
                return false;
            }
            exchange.setException(failure instanceof Error error ? wrapped(error) : failure);
            mark(parent);
            WORK.get().innermost = parent;
            callback.done(false);
            return true;
        }
    }

    /** Returns an exception for an Error, even if there is no memory for a new one. */
    static RuntimeCamelException wrapped(Error error) {
        try {
            return new RuntimeCamelException(error);
        } catch (OutOfMemoryError e) {
            return NO_ROOM;
        }
    }

    /** Fails the innermost open step. If that throws an Error too, fails the enclosing step instead. */
    private static boolean failInnermost(Step innermost, Error error) {
        Error last = error;
        for (Step step = innermost; step != null; step = step.parent) {
            try {
                if (step.fail(last)) {
                    return true;
                }
            } catch (Error again) {
                last = again;
                leave(step);
            }
        }
        return false;
    }

    /** Runs the completions of an exchange that cannot end normally, such as the release of a request's id. */
    private static void leave(Step step) {
        if (step.parent == null || step.parent.exchange == step.exchange) {
            return;
        }
        try {
            step.exchange.getUnitOfWork().done(step.exchange);
        } catch (RuntimeException | Error e) {
            LOG.warn("An exchange could not be ended: {}", e.toString());
        }
    }

    /**
     * Delegates to the context's executor and keeps an Error from escaping while one of our steps is open. Extends Camel's implementation
     * because Camel logs any other type at INFO.
     */
    private static final class Guarded extends DefaultReactiveExecutor {

        private final ReactiveExecutor executor;

        Guarded(ReactiveExecutor executor) {
            this.executor = executor;
        }

        @Override
        public void schedule(Runnable runnable) {
            Work work = enter();
            try {
                executor.schedule(runnable);
            } catch (Error e) {
                caught(work, e);
            } finally {
                leave(work);
            }
        }

        @Override
        public void scheduleMain(Runnable runnable) {
            Work work = enter();
            try {
                executor.scheduleMain(runnable);
            } catch (Error e) {
                caught(work, e);
            } finally {
                leave(work);
            }
        }

        @Override
        public void scheduleSync(Runnable runnable) {
            Work work = enter();
            try {
                executor.scheduleSync(runnable);
            } catch (Error e) {
                caught(work, e);
            } finally {
                leave(work);
            }
        }

        @Override
        public void scheduleQueue(Runnable runnable) {
            executor.scheduleQueue(runnable);
        }

        @Override
        public boolean executeFromQueue() {
            Work work = enter();
            try {
                return executor.executeFromQueue();
            } catch (Error e) {
                caught(work, e);
                return true;
            } finally {
                leave(work);
            }
        }

        private static Work enter() {
            Work work = WORK.get();
            work.depth++;
            return work;
        }

        private static void leave(Work work) {
            if (--work.depth == 0) {
                work.innermost = null;
            }
        }

        private static void caught(Work work, Error error) {
            if (!failInnermost(work.innermost, error)) {
                throw error;
            }
        }

        @Override
        public boolean isStatisticsEnabled() {
            return executor.isStatisticsEnabled();
        }

        @Override
        public void setStatisticsEnabled(boolean statisticsEnabled) {
            executor.setStatisticsEnabled(statisticsEnabled);
        }

        @Override
        public String toString() {
            return executor.toString();
        }
    }
}
