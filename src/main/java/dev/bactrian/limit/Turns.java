package dev.bactrian.limit;

import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Cancellation;
import dev.bactrian.core.Job;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.error.StoppedException;
import dev.bactrian.threads.RoutePool;
import dev.bactrian.threads.ScheduledPool;
import org.apache.camel.AsyncCallback;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.support.AsyncProcessorSupport;

/**
 * The step before a call to a provider: waits until the gate that the header {@code Bactrian-Gate} names lets the call pass.
 * The oldest request goes first. A request that waits holds no thread, unless its exchange must stay on its thread.
 *
 * <p>Fails with a {@link GenerationFailure} if the request was cancelled, and with {@code rate-limited} if the provider has
 * refused as many calls in a row as there may be tries and has accepted none for 90 s.
 */
public final class Turns extends AsyncProcessorSupport implements CamelContextAware {

    /** An internal header that is never sent: the name of the gate that the call must pass. */
    public static final String GATE = "Bactrian-Gate";
    /**
     * An internal header that is never sent, of a call whose tokens are limited: the maximum length of its answer in tokens; 0 if it is
     * not limited.
     */
    public static final String MOST_TOKENS = "Bactrian-Most-Tokens";

    /** A request that was refused this often goes behind the others, because it may ask for more than the provider ever allows. */
    private static final int OFTEN = 3;
    /** A thread that waits sees within this time that the application stops. */
    private static final long LONGEST_SLEEP_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    /**
     * The number of creates that have waited and are made at once: 10 a second, Replicate's limit, even if each takes 3 s. After a wait many
     * come at once, and a thread for each would take memory and bring nothing.
     */
    private static final int MOST_CREATES = 32;
    private static final String PREFER = "Prefer";

    /** Makes the calls that have waited. A call blocks and must not hold the timer's thread. */
    private final RoutePool calls = new RoutePool("bactrian-call");
    /** Makes those that are answered at once: creates, and the few other calls of a provider that is polled. */
    private final ScheduledPool creates = new ScheduledPool("bactrian-create", MOST_CREATES);
    private final ScheduledPool timer = new ScheduledPool("bactrian-turn", 1);
    private CamelContext camelContext;
    private Gates gates;
    private int mostRetries;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        calls.setCamelContext(camelContext);
        creates.setCamelContext(camelContext);
        timer.setCamelContext(camelContext);
        gates = Gates.of(camelContext);
        mostRetries = Settings.of(camelContext).count(Property.RETRY_MAX_ATTEMPTS);
    }

    @Override
    public boolean process(Exchange exchange, AsyncCallback callback) {
        try {
            Place place = new Place(exchange);
            long wait = place.ask();
            if (wait > 0) {
                place.waits();
            }
            if (wait > 0 && !exchange.isTransacted()) {
                askLater(place, wait, callback);
                return false;
            }
            while (wait > 0) {
                TimeUnit.NANOSECONDS.sleep(Math.min(wait, LONGEST_SLEEP_NANOS));
                wait = place.ask();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            exchange.setException(new RejectedExecutionException("interrupted while waiting for a call", e));
        } catch (RuntimeException e) {
            exchange.setException(e);
        }
        callback.done(true);
        return true;
    }

    private void askLater(Place place, long nanos, AsyncCallback callback) {
        timer.schedule(() -> {
            try {
                long wait = place.ask();
                if (wait > 0) {
                    askLater(place, wait, callback);
                    return;
                }
            } catch (Throwable e) {
                place.exchange.setException(e);
            }
            goOn(place.exchange, callback);
        }, nanos, TimeUnit.NANOSECONDS);
    }

    private void goOn(Exchange exchange, AsyncCallback callback) {
        try {
            (isAnsweredAtOnce(exchange) ? creates : calls).execute(() -> callback.done(false));
        } catch (RejectedExecutionException | Error e) {
            // Such as an OutOfMemoryError because no thread can be created.
            exchange.setException(e);
            callback.done(false);
        }
    }

    /** Whether the call takes no longer than the service needs to accept it: not a chat, and not a create that waits for its output. */
    private static boolean isAnsweredAtOnce(Exchange exchange) {
        return Job.of(exchange).provider().isPolled() && exchange.getMessage().getHeader(PREFER) == null;
    }

    /** The place of an exchange in the line of those that wait for a call. */
    private final class Place {

        private final Exchange exchange;
        private final Job job;
        private final Gate gate;
        private final Ticket ticket;

        Place(Exchange exchange) {
            this.exchange = exchange;
            job = Job.of(exchange);
            Message message = exchange.getMessage();
            gate = gates.named(message.getHeader(GATE, String.class));
            Long most = message.removeHeader(MOST_TOKENS) instanceof Long tokens ? tokens : null;
            long bytes = most != null && message.getBody() instanceof byte[] body ? body.length : -1;
            long since = job.attempts().failures() >= OFTEN ? System.nanoTime() : job.generation().startNano();
            ticket = gate.ticket(since, bytes, most == null ? 0 : most);
            job.gate(Gates.callOf(gate, ticket));
            message.setHeader(GATE, job.gate());
        }

        /** Reports a request that waits for its first call. */
        void waits() {
            if (job.progress() != null && job.poll() == null) {
                job.progress().waiting();
            }
        }

        /** Whether the request waits for its first call in a transaction: its message goes back and comes again after the next start. */
        private boolean isReturnedByAStop() {
            return exchange.isTransacted() && job.poll() == null;
        }

        /**
         * Asks whether the call may be made.
         *
         * @return nanoseconds until to ask again; 0 if the call must be made now
         * @throws GenerationFailure if the call must not be made at all
         */
        long ask() {
            if (camelContext.isStopping() && (isReturnedByAStop() || camelContext.getShutdownStrategy().isForceShutdown())) {
                gate.leave(ticket);
                throw new StoppedException();
            }
            // The cancel of a prediction is sent although its request was cancelled.
            boolean cancelled = job.poll() == null && job.isCancelled();
            boolean refused = job.attempts().counted() + gate.refusalRoundsSince(ticket) > mostRetries;
            if (!cancelled && !refused) {
                long wait = gate.ask(ticket);
                if (wait > 0) {
                    return wait;
                }
            }
            gate.leave(ticket);
            if (job.poll() == null && job.isCancelled()) {
                throw Cancellation.failure(job.provider(), job.attempts().failures());
            }
            if (refused) {
                throw new GenerationFailure(ErrorType.RATE_LIMITED, job.generation().getProvider() + " answered 429 to "
                        + (mostRetries + 1) + " calls in a row while this one waited", 429, job.attempts().failures(), true, null);
            }
            if (job.progress() != null && job.poll() == null) {
                job.progress().calling();
            }
            return 0;
        }
    }
}
