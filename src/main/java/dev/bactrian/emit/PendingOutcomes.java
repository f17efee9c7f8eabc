package dev.bactrian.emit;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.error.Cause;
import dev.bactrian.flow.Trigger;
import dev.bactrian.generate.Headers;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.threads.ScheduledPool;
import org.apache.camel.AsyncCallback;
import org.apache.camel.AsyncProducer;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.spi.ShutdownStrategy;
import org.apache.camel.support.AsyncProcessorSupport;
import org.apache.camel.support.ExchangeHelper;
import org.apache.camel.support.LifecycleStrategySupport;
import org.apache.camel.support.service.ServiceHelper;
import org.slf4j.Logger;

/**
 * The outcomes that are being emitted. A copy of the exchange sends the outcome through the route {@code bactrian-emit-round}, and the
 * exchange continues when the copy is done. When the shutdown timeout expires, undelivered outcomes are kept and the exchange continues
 * at once, even if its copy hangs: a slow destination must not cause a request to be repeated and paid for again.
 */
public final class PendingOutcomes extends AsyncProcessorSupport implements CamelContextAware {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.emit");

    /** An outcome that has just begun gets this much time to be sent, even if the shutdown timeout has expired. */
    private static final Duration YOUNG = Duration.ofSeconds(1);
    private static final int CUTTERS = 4;

    private final Set<Pending> pending = ConcurrentHashMap.newKeySet();
    private CamelContext camelContext;
    private Settings settings;
    private Emitter emitter;
    private AsyncProducer route;
    private ScheduledExecutorService cutters;
    /** By {@link System#nanoTime()}: when the shutdown timeout expires, and when Camel stops waiting. */
    private long graceEnds;
    private long camelEnds;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        if (this.camelContext == camelContext) {
            // Camel calls this more than once.
            return;
        }
        this.camelContext = camelContext;
        settings = Settings.of(camelContext);
        camelContext.addLifecycleStrategy(new LifecycleStrategySupport() {
            @Override
            public void onContextStopping(CamelContext context) {
                stopping();
            }

            @Override
            public void onContextStopped(CamelContext context) {
                stopped();
            }
        });
    }

    /** Sets the emitter, which keeps undelivered outcomes. */
    public void setEmitter(Emitter emitter) {
        this.emitter = emitter;
    }

    @Override
    public boolean process(Exchange exchange, AsyncCallback callback) {
        Exchange copy = ExchangeHelper.createCorrelatedCopy(exchange, false);
        OutgoingDocument outgoing = new OutgoingDocument(exchange.getMessage().getHeader(Headers.REQUEST_ID, String.class),
                exchange.getMessage().getBody(String.class), exchange.getProperty(Emitter.BATCH, Path.class));
        Outgoing.send(copy, outgoing);
        copy.removeProperty(Emitter.BATCH);
        Trigger.remove(copy);
        Pending one = new Pending(exchange, outgoing, callback, System.nanoTime());
        hold(one);
        try {
            route().process(copy, doneSync -> one.end(copy));
        } catch (Exception e) {
            copy.setException(e);
            one.end(copy);
        }
        return false;
    }

    private synchronized void hold(Pending one) {
        pending.add(one);
        if (cutters != null) {
            cutLater(one);
        }
    }

    private synchronized AsyncProducer route() throws Exception {
        if (route == null) {
            route = camelContext.getEndpoint("direct:bactrian-emit-round").createAsyncProducer();
            ServiceHelper.startService(route);
        }
        return route;
    }

    /** Schedules the end of all pending outcomes, because the application stops. */
    private synchronized void stopping() {
        ShutdownStrategy strategy = camelContext.getShutdownStrategy();
        Duration camel = Duration.of(strategy.getTimeout(), strategy.getTimeUnit().toChronoUnit());
        // Leaves time for Camel to complete the exchanges and move the files.
        Duration grace = camel.minus(min(camel.dividedBy(4), YOUNG));
        if (settings.isSet(Property.SHUTDOWN_TIMEOUT)) {
            grace = min(grace, settings.duration(Property.SHUTDOWN_TIMEOUT));
        }
        long now = System.nanoTime();
        graceEnds = now + grace.toNanos();
        camelEnds = now + camel.minus(min(camel.dividedBy(8), Duration.ofMillis(500))).toNanos();
        cutters = new ScheduledPool(camelContext, "bactrian-end-of-grace", CUTTERS);
        pending.forEach(this::cutLater);
    }

    private static Duration min(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    private void cutLater(Pending one) {
        long at = one.begun() + YOUNG.toNanos() - graceEnds > 0 ? one.begun() + YOUNG.toNanos() : graceEnds;
        at = at - camelEnds > 0 ? camelEnds : at;
        try {
            cutters.schedule(one::cut, at - System.nanoTime(), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            one.cut();
        }
    }

    private void stopped() {
        ScheduledExecutorService pool;
        synchronized (this) {
            pool = cutters;
            cutters = null;
        }
        // For a context whose stop did not wait, or whose timeout expired first.
        pending.forEach(Pending::cut);
        if (pool != null) {
            pool.shutdownNow();
        }
    }

    /** Stops the producer. */
    public synchronized void release() {
        ServiceHelper.stopAndShutdownService(route);
        route = null;
    }

    /** An exchange that waits for its copy. */
    private final class Pending {

        private final Exchange exchange;
        private final OutgoingDocument outgoing;
        private final AsyncCallback callback;
        private final long begun;
        private final AtomicBoolean ended = new AtomicBoolean();

        Pending(Exchange exchange, OutgoingDocument outgoing, AsyncCallback callback, long begun) {
            this.exchange = exchange;
            this.outgoing = outgoing;
            this.callback = callback;
            this.begun = begun;
        }

        long begun() {
            return begun;
        }

        /** Continues when the copy is done. */
        void end(Exchange copy) {
            if (ended.compareAndSet(false, true)) {
                goOn(copy.getException());
            }
        }

        /** Keeps the outcome and continues, because the time is over. */
        void cut() {
            if (!ended.compareAndSet(false, true)) {
                return;
            }
            outgoing.close(delivery -> (delivery == null ? "" : Emitter.destination(delivery) + ": ") + "not delivered before the stop");
            Exception failure = null;
            if (outgoing.isIncomplete()) {
                try {
                    emitter.keep(outgoing);
                    LOG.warn("{}: kept in {}/: the application stops before it is delivered", outgoing.id(), emitter.folder());
                } catch (IOException | RuntimeException | OutOfMemoryError e) {
                    LOG.error("{}: neither delivered nor kept in {}/ before the stop: {}", outgoing.id(), emitter.folder(), UndeliveredFolder.reason(e));
                    failure = new RejectedExecutionException("stopped before its outcome was safe", Cause.of(e));
                }
            }
            goOn(failure);
        }

        private void goOn(Exception failure) {
            pending.remove(this);
            if (outgoing.isKept()) {
                exchange.getMessage().setHeader(Headers.STATUS, "failed");
            } else if (failure != null) {
                exchange.setException(failure);
            }
            callback.done(false);
        }
    }
}
