package dev.bactrian.limit;

import java.util.concurrent.TimeUnit;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.error.Retries;
import dev.bactrian.generate.Cancellations;
import dev.bactrian.generate.Generation;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Header;
import org.apache.camel.Variable;

/** What {@code routes/limits.camel.yaml} can't say itself: whose turn it is to make a call. */
public final class Turns implements CamelContextAware {

    /** On a request, and never sent: the name of the gate that it has gone through. */
    public static final String GATE = "Bactrian-Gate";

    private static final String TURN = "turn";
    /** The variable that holds why the call of an exchange that has waited is not made. */
    private static final String REFUSAL = "refusal";
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

    /** The gate of the call that a request is made with. */
    public String ofCalls(@Variable("generation") Generation generation) {
        return gates.calls(generation).name();
    }

    /** The gate of polls and cancels. */
    public String ofPolls(@Variable("generation") Generation generation) {
        return gates.polls(generation).name();
    }

    /**
     * Leaves the variable {@code turn} where the call of an exchange has to wait for its turn. Not where the request was ended
     * meanwhile: its call is not made.
     *
     * <p>Where, as long as it waits, the service has refused as many calls in a row as there may be tries, and let nobody in
     * for 90 s, it waits no longer: {@link #end} fails.
     *
     * @throws GenerationFailure {@code rate-limited} where that is so before it has waited
     */
    public void ask(Exchange exchange, @Header(GATE) String name, @Variable("generation") Generation generation) {
        Gate gate = gates.named(name);
        Turn turn = exchange.getVariable(TURN, Turn.class);
        boolean often = exchange.getVariable(Retries.ATTEMPTS, 0, Integer.class) >= OFTEN;
        Ticket ticket = turn == null ? gate.ticket(often ? System.nanoTime() : generation.startNano()) : turn.ticket();
        boolean ended = exchange.getVariable("poll") == null && Cancellations.isRequested(exchange);
        boolean refused = Retries.counted(exchange) + gate.seenInVain(ticket) > mostRetries;
        long wait = ended || refused ? 0 : gate.ask(ticket);
        if (wait > 0) {
            exchange.setVariable(TURN, new Turn(ticket, TimeUnit.NANOSECONDS.toMillis(wait) + 1));
            return;
        }
        exchange.removeVariable(TURN);
        gate.leave(ticket);
        if (refused && !ended) {
            int attempts = exchange.getVariable(Retries.ATTEMPTS, 0, Integer.class);
            GenerationFailure failure = new GenerationFailure(ErrorType.RATE_LIMITED, generation.getProvider() + " answered 429 to "
                    + (mostRetries + 1) + " calls in a row while this one waited", 429, attempts, true, null);
            if (turn == null) {
                throw failure;
            }
            exchange.setVariable(REFUSAL, failure);
        }
    }

    /**
     * Goes on after the wait, on a thread that no other wait needs: whoever asked for the request may go on with it.
     *
     * @throws GenerationFailure where the wait was in vain
     */
    public void end(Exchange exchange) {
        if (exchange.removeVariable(REFUSAL) instanceof GenerationFailure failure) {
            throw failure;
        }
    }

    /** A place in the line, and how long to wait there before asking again. */
    public record Turn(Ticket ticket, long millis) {
    }
}
