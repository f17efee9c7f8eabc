package dev.bactrian.limit;

import java.util.concurrent.TimeUnit;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Cancellation;
import dev.bactrian.core.Job;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Generation;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;

/** What {@code routes/limits.camel.yaml} can't say itself: whose turn it is to make a call. */
public final class Turns implements CamelContextAware {

    /** On a request, and never sent: the name of the gate that it has gone through. */
    public static final String GATE = "Bactrian-Gate";

    /** Who was refused as often goes behind the others: what it asks for may be too much, and what they ask for not. */
    private static final int OFTEN = 3;

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
        gates = Gates.of(camelContext);
        mostRetries = Settings.of(camelContext).count(Property.RETRY_MAX_ATTEMPTS);
    }

    /**
     * Whether a call has to wait for its turn: asked for the first time.
     *
     * @throws GenerationFailure where the call is not made: the request was ended, or the service has refused too many
     */
    public boolean mustWait(Exchange exchange) {
        ask(exchange);
        Job job = Job.of(exchange);
        if (!job.isWaiting()) {
            check(job);
        }
        return job.isWaiting();
    }

    /**
     * Asks whether it is the turn of the call that an exchange is about to make, by the gate that the header
     * {@code Bactrian-Gate} names. It waits no longer where the request was ended meanwhile: its call is not made.
     *
     * <p>Where, as long as it waits, the service has refused as many calls in a row as there may be tries, and let nobody in
     * for 90 s, it waits no longer: {@link #end} fails.
     *
     * @throws GenerationFailure {@code rate-limited} where that is so before it has waited
     */
    public void ask(Exchange exchange) {
        Job job = Job.of(exchange);
        Generation generation = job.generation();
        Gate gate = gates.named(exchange.getMessage().getHeader(GATE, String.class));
        job.gate(gate.name());
        Place turn = (Place) job.turn();
        boolean often = job.attempts() >= OFTEN;
        Ticket ticket = turn == null ? gate.ticket(often ? System.nanoTime() : generation.startNano()) : turn.ticket();
        boolean ended = job.poll() == null && job.isCancelled();
        boolean refused = job.tries() + gate.seenInVain(ticket) > mostRetries;
        long wait = ended || refused ? 0 : gate.ask(ticket);
        if (wait > 0) {
            job.turn(new Place(ticket, TimeUnit.NANOSECONDS.toMillis(wait) + 1));
            return;
        }
        job.turn(null);
        gate.leave(ticket);
        if (refused && !ended) {
            GenerationFailure failure = new GenerationFailure(ErrorType.RATE_LIMITED, generation.getProvider() + " answered 429 to "
                    + (mostRetries + 1) + " calls in a row while this one waited", 429, job.attempts(), true, null);
            if (turn == null) {
                throw failure;
            }
            job.refuse(failure);
        }
    }

    /**
     * Goes on after the wait, on a thread that no other wait needs: whoever asked for the request may go on with it.
     *
     * @throws GenerationFailure where the wait was in vain, or the request was ended
     */
    public void end(Exchange exchange) {
        Job job = Job.of(exchange);
        GenerationFailure failure = job.takeRefusal();
        if (failure != null) {
            throw failure;
        }
        check(job);
    }

    /** A call of a request that was ended is not made; the cancel of its prediction is. */
    private static void check(Job job) {
        if (job.poll() == null && job.isCancelled()) {
            throw Cancellation.failure(job.service(), job.attempts());
        }
    }

    private record Place(Ticket ticket, long millis) implements Job.Turn {
    }
}
