package dev.bactrian.emit;

import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.error.Cause;
import dev.bactrian.generate.Headers;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.threads.Pools;
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
 * Holds what is on its way out until its outcome is safe: a copy of the exchange sends it, by the route
 * {@code bactrian-safe}, and the exchange goes on when that has ended. When the time to stop in is over, what is not
 * delivered is kept, and the exchange goes on at once, whatever its copy hangs at: a request must not be paid for again
 * because a destination was slow.
 */
public final class InHand extends AsyncProcessorSupport implements CamelContextAware {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.emit");

    /** What gets no answer for so long hangs: what has just begun is given that time though the time to stop in is over. */
    private static final Duration YOUNG = Duration.ofSeconds(1);
    private static final int CUTTERS = 4;

    private final Set<Hand> hands = ConcurrentHashMap.newKeySet();
    private CamelContext camelContext;
    private Settings settings;
    private Undelivered undelivered;
    private AsyncProducer route;
    private ScheduledThreadPoolExecutor cutters;
    /** By the clock of {@link System#nanoTime()}: when the time to stop in is over, and when Camel stops waiting. */
    private long graceEnds;
    private long camelEnds;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        if (this.camelContext == camelContext) {
            // Camel sets it more than once.
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

    /** Where what can't be delivered is kept. */
    public void setUndelivered(Undelivered undelivered) {
        this.undelivered = undelivered;
    }

    @Override
    public boolean process(Exchange exchange, AsyncCallback callback) {
        Exchange copy = ExchangeHelper.createCorrelatedCopy(exchange, false);
        OutgoingDocument emission = new OutgoingDocument(exchange.getMessage().getHeader(Headers.REQUEST_ID, String.class),
                exchange.getMessage().getBody(String.class));
        copy.setVariable("emission", emission);
        Hand hand = new Hand(exchange, emission, callback, System.nanoTime());
        hold(hand);
        try {
            route().process(copy, doneSync -> hand.end(copy));
        } catch (Exception e) {
            copy.setException(e);
            hand.end(copy);
        }
        return false;
    }

    private synchronized void hold(Hand hand) {
        hands.add(hand);
        if (cutters != null) {
            cutLater(hand);
        }
    }

    private synchronized AsyncProducer route() throws Exception {
        if (route == null) {
            route = camelContext.getEndpoint("direct:bactrian-safe").createAsyncProducer();
            ServiceHelper.startService(route);
        }
        return route;
    }

    /** The application stops: from now on there is an end to how long anything is in hand. */
    private synchronized void stopping() {
        ShutdownStrategy strategy = camelContext.getShutdownStrategy();
        Duration camel = Duration.of(strategy.getTimeout(), strategy.getTimeUnit().toChronoUnit());
        // In time for Camel to end the exchanges, and move the files.
        Duration grace = camel.minus(min(camel.dividedBy(4), YOUNG));
        if (settings.isSet(Property.SHUTDOWN_TIMEOUT)) {
            grace = min(grace, settings.duration(Property.SHUTDOWN_TIMEOUT));
        }
        long now = System.nanoTime();
        graceEnds = now + grace.toNanos();
        camelEnds = now + camel.minus(min(camel.dividedBy(8), Duration.ofMillis(500))).toNanos();
        cutters = Pools.scheduled("bactrian-end-of-grace", CUTTERS);
        hands.forEach(this::cutLater);
    }

    private static Duration min(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    private void cutLater(Hand hand) {
        long at = hand.begun() + YOUNG.toNanos() - graceEnds > 0 ? hand.begun() + YOUNG.toNanos() : graceEnds;
        at = at - camelEnds > 0 ? camelEnds : at;
        try {
            cutters.schedule(hand::cut, at - System.nanoTime(), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            hand.cut();
        }
    }

    private void stopped() {
        ScheduledThreadPoolExecutor pool;
        synchronized (this) {
            pool = cutters;
            cutters = null;
        }
        // Of a context whose stop did not wait, or whose timeout came first.
        hands.forEach(Hand::cut);
        if (pool != null) {
            pool.shutdownNow();
        }
    }

    /** Lets go of the route that sends. */
    public synchronized void release() {
        ServiceHelper.stopAndShutdownService(route);
        route = null;
    }

    /** One exchange that waits for its copy. */
    private final class Hand {

        private final Exchange exchange;
        private final OutgoingDocument emission;
        private final AsyncCallback callback;
        private final long begun;
        private final AtomicBoolean ended = new AtomicBoolean();

        Hand(Exchange exchange, OutgoingDocument emission, AsyncCallback callback, long begun) {
            this.exchange = exchange;
            this.emission = emission;
            this.callback = callback;
            this.begun = begun;
        }

        long begun() {
            return begun;
        }

        /** The copy has come to its end. */
        void end(Exchange copy) {
            if (ended.compareAndSet(false, true)) {
                goOn(copy.getException());
            }
        }

        /** The time is over. */
        void cut() {
            if (!ended.compareAndSet(false, true)) {
                return;
            }
            emission.close(delivery -> (delivery == null ? "" : Emitter.destination(delivery) + ": ") + "not delivered before the stop");
            Exception failure = null;
            if (emission.isIncomplete()) {
                try {
                    undelivered.keep(emission);
                    LOG.warn("{}: kept in {}/: the application stops before it is delivered", emission.id(), undelivered.folder());
                } catch (IOException | RuntimeException | OutOfMemoryError e) {
                    LOG.error("{}: neither delivered nor kept in {}/ before the stop: {}", emission.id(), undelivered.folder(), Undelivered.reason(e));
                    failure = new RejectedExecutionException("stopped before its outcome was safe", Cause.of(e));
                }
            }
            goOn(failure);
        }

        private void goOn(Exception failure) {
            hands.remove(this);
            if (emission.isKept()) {
                exchange.getMessage().setHeader(Headers.STATUS, "failed");
            } else if (failure != null) {
                exchange.setException(failure);
            }
            callback.done(false);
        }
    }
}
