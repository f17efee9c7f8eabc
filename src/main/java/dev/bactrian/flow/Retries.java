package dev.bactrian.flow;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Job;
import dev.bactrian.error.Cause;
import dev.bactrian.generate.Generation;
import dev.bactrian.http.HttpFailures;
import dev.bactrian.limit.Gate;
import dev.bactrian.limit.Gates;
import dev.bactrian.limit.Retry;
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

    /** So many of them are none, however long they take. */
    private static final int SURELY_SPARED = 60;

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
        return mayRepeat(exchange, Job.of(exchange));
    }

    private boolean mayRepeat(Exchange exchange, Job job) {
        return job != null && job.generation() != null && !job.isAnswered()
                && (failures(exchange) - job.spared() <= mostRetries || Descriptors.areExhausted(Cause.of(exchange)))
                && !job.isCancelled()
                && HttpFailures.mayRepeat(Cause.of(exchange), job.service());
    }

    /** Not without end, though others are answered meanwhile: one request may be more than the service ever takes. */
    private void spare(Job job) {
        long now = System.nanoTime();
        if (job.spared() < SURELY_SPARED || now - job.sparedSince(now) < retry.longestRefusal().toNanos()) {
            job.spare(now);
        }
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
        Job job = Job.in(exchange);
        Generation generation = job.generation();
        job.attempts(attempts);
        if (generation != null && !job.isAnswered() && job.gate() != null && HttpFailures.isRefused(cause)) {
            refused(exchange, job, cause);
            return;
        }
        long delay = retry.before(attempts, HttpFailures.headers(cause), HttpFailures.body(cause)).toMillis();
        exchange.getMessage().setHeader(Exchange.REDELIVERY_DELAY, delay);
        if (mayRepeat(exchange, job)) {
            LOG.warn("{}: {}; again in {} ms", generation.id(),
                    settings.account(generation.account()).redact(OneLine.of(String.valueOf(cause.getMessage()))), delay);
        }
    }

    /** A call was answered 429: it is made again when the gate of its limit lets it, which knows what the service asks for. */
    private void refused(Exchange exchange, Job job, Throwable cause) {
        Generation generation = job.generation();
        Gate gate = Gates.of(camelContext).named(job.gate());
        retry.asked(HttpFailures.headers(cause), HttpFailures.body(cause)).ifPresent(gate::told);
        if (gate.isMinutesLimit()) {
            spare(job);
        }
        exchange.getMessage().setHeader(Exchange.REDELIVERY_DELAY, 0L);
        LOG.debug("{}: refused by the limit of {}; all its calls wait for {} ms", generation.id(), generation.getProvider(),
                gate.closedFor().toMillis());
    }
}
