package dev.bactrian.error;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.generate.Cancellations;
import dev.bactrian.generate.Generation;
import dev.bactrian.http.HttpFailures;
import dev.bactrian.http.Retry;
import dev.bactrian.limit.Gate;
import dev.bactrian.limit.Gates;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.threads.Descriptors;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.slf4j.Logger;

/** What {@code routes/errors.camel.yaml} can't say itself: whether a step that has failed is made again, and when. */
public final class Retries implements CamelContextAware, Processor {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.errors");

    /** The variable that counts how often the current step has failed. */
    public static final String ATTEMPTS = "attempts";
    /** The variable that counts those of its failures that are no tries: 429s of a limit that others have used up. */
    private static final String SPARED = "spared";
    /** So many of them are none, however long they take. */
    private static final int SURELY_SPARED = 60;

    /** Failures that are no tries: how many, and when the first was, by {@link System#nanoTime()}. */
    private record Spared(int count, long since) {
    }

    private CamelContext camelContext;
    private Settings settings;
    private Retry retry;
    private int mostRetries;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        settings = Settings.of(camelContext);
        mostRetries = settings.count(Property.RETRY_MAX_ATTEMPTS);
        retry = Retry.of(settings);
    }

    /**
     * Whether the step that has just failed is made again: it is the create or chat call, which was not answered, and by
     * its failure nothing can have been paid for.
     */
    public boolean mayRepeat(Exchange exchange) {
        Generation generation = exchange.getVariable("generation", Generation.class);
        boolean answered = isAnswered(exchange);
        return generation != null && !answered
                && (failures(exchange) - spared(exchange) <= mostRetries || Descriptors.areExhausted(Cause.of(exchange)))
                && !Cancellations.isRequested(exchange)
                && HttpFailures.mayRepeat(Cause.of(exchange), generation.model().provider());
    }

    private static boolean isAnswered(Exchange exchange) {
        return exchange.getVariable("stream") != null || exchange.getVariable("poll") != null;
    }

    private static int spared(Exchange exchange) {
        Spared spared = exchange.getVariable(SPARED, Spared.class);
        return spared == null ? 0 : spared.count();
    }

    /** Not without end, though others are answered meanwhile: one request may be more than the service ever takes. */
    private void spare(Exchange exchange) {
        long now = System.nanoTime();
        Spared before = exchange.getVariable(SPARED, new Spared(0, now), Spared.class);
        if (before.count() < SURELY_SPARED || now - before.since() < retry.longestRefusal().toNanos()) {
            exchange.setVariable(SPARED, new Spared(before.count() + 1, before.since()));
        }
    }

    /** How often the call of a request was made in vain, less what is no try. */
    public static int counted(Exchange exchange) {
        return exchange.getVariable(ATTEMPTS, 0, Integer.class) - spared(exchange);
    }

    /** Whether fewer retries have been made than there may be. */
    public boolean mayDeliverAgain(Exchange exchange) {
        return failures(exchange) <= mostRetries;
    }

    /** How often the current step has failed: Camel counts the redelivery that would be next. */
    public static int failures(Exchange exchange) {
        return exchange.getMessage().getHeader(Exchange.REDELIVERY_COUNTER, 1, Integer.class);
    }

    /** Notes the failure of a step: how often it was made, and how long to wait should it be made again. */
    @Override
    public void process(Exchange exchange) {
        Throwable cause = Cause.of(exchange);
        int attempts = failures(exchange);
        Generation generation = exchange.getVariable("generation", Generation.class);
        exchange.setVariable(ATTEMPTS, attempts);
        if (generation != null && !isAnswered(exchange) && HttpFailures.isRefused(cause)) {
            refused(exchange, generation, cause);
            return;
        }
        long delay = retry.before(attempts, HttpFailures.headers(cause), HttpFailures.body(cause)).toMillis();
        exchange.getMessage().setHeader(Exchange.REDELIVERY_DELAY, delay);
        if (mayRepeat(exchange)) {
            LOG.warn("{}: {}; again in {} ms", generation.id(),
                    settings.account(generation.account()).redact(OneLine.of(String.valueOf(cause.getMessage()))), delay);
        }
    }

    /** A call was answered 429: it is made again when the gate of its limit lets it, which knows what the service asks for. */
    private void refused(Exchange exchange, Generation generation, Throwable cause) {
        Gate gate = Gates.of(camelContext).calls(generation);
        retry.asked(HttpFailures.headers(cause), HttpFailures.body(cause)).ifPresent(gate::told);
        if (gate.isMinutesLimit()) {
            spare(exchange);
        }
        exchange.getMessage().setHeader(Exchange.REDELIVERY_DELAY, 0L);
        LOG.debug("{}: refused by the limit of {}; all its calls wait for {} ms", generation.id(), generation.getProvider(),
                gate.closedFor().toMillis());
    }
}
