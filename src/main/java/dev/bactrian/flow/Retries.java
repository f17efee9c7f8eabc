package dev.bactrian.flow;


import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Job;
import dev.bactrian.core.Provider.Access;
import dev.bactrian.core.Steps;
import dev.bactrian.error.Cause;
import dev.bactrian.generate.Generation;
import dev.bactrian.http.HttpFailures;
import dev.bactrian.limit.Gate;
import dev.bactrian.limit.Gates;
import dev.bactrian.limit.Keys;
import dev.bactrian.limit.Retry;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.threads.Descriptors;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.http.base.HttpOperationFailedException;
import org.slf4j.Logger;

/** Decides whether and when a failed step is repeated, for {@code routes/errors.camel.yaml}. */
public final class Retries implements CamelContextAware, Processor {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.errors");

    /** The number of refused calls that never count as attempts, however long they take. */
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
        Steps.of(camelContext, "bactrianRetries", Retries.class).test("mayRepeat", Retries::mayRepeat);
    }

    /** Whether the failed step is repeated: only the first call of a request, if it was not answered and cannot have cost anything. */
    public boolean mayRepeat(Exchange exchange) {
        return mayRepeat(exchange, Job.of(exchange));
    }

    private boolean mayRepeat(Exchange exchange, Job job) {
        return job != null && job.generation() != null && !job.isAnswered()
                && (failures(exchange) - job.attempts().spared() <= mostRetries || Descriptors.areExhausted(Cause.of(exchange)))
                && !job.isCancelled()
                && (HttpFailures.mayRepeat(Cause.of(exchange), job.provider()) || isOtherKeyLeft(Cause.of(exchange), job));
    }

    /** Whether the service has refused the key, and another one may be used: a refused call costs nothing. */
    private boolean isOtherKeyLeft(Throwable cause, Job job) {
        if (!(cause instanceof HttpOperationFailedException http && Keys.isRefusal(http.getStatusCode())) || job.generation() == null
                || job.generation().token() == null) {
            return false;
        }
        Access access = job.provider().access(job.generation().account());
        return job.attempts().refusedKeys() <= access.tokens().size() && Keys.of(camelContext).isOneLeft(access, job.generation().getModelId());
    }

    /** Sets a key aside because of a 403: for all models if that is about the key, else for the request's. */
    private void setAside(Throwable cause, Job job) {
        Generation generation = job.generation();
        if (cause instanceof HttpOperationFailedException http && http.getStatusCode() == 403 && generation.token() != null) {
            Access access = job.provider().access(generation.account());
            Keys.of(camelContext).refused(generation.getProvider(), access, access.only(generation.token()).token(),
                    HttpFailures.isAboutTheKey(http.getResponseBody()) ? null : generation.getModelId(), 403);
        }
    }

    /** Does not count a refused call as an attempt. Limited, because a single request may exceed what the service ever accepts. */
    private void spare(Job job) {
        long now = System.nanoTime();
        if (job.attempts().spared() < SURELY_SPARED || now - job.attempts().sparedSince(now) < retry.longestRefusal().toNanos()) {
            job.attempts().spare(now);
        }
    }

    /** Whether the maximum number of retries is not reached yet. */
    public boolean mayDeliverAgain(Exchange exchange) {
        return failures(exchange) <= mostRetries;
    }

    /** Returns the number of failures of the current step. Camel's counter is already that of the next redelivery. */
    public static int failures(Exchange exchange) {
        return exchange.getMessage().getHeader(Exchange.REDELIVERY_COUNTER, 1, Integer.class);
    }

    /** Records the number of failures of a step and sets the delay before it is repeated. */
    @Override
    public void process(Exchange exchange) {
        Throwable cause = Cause.of(exchange);
        int attempts = failures(exchange);
        Job job = Job.in(exchange);
        Generation generation = job.generation();
        job.attempts().failures(attempts);
        if (generation != null && !job.isAnswered() && job.gate() != null && HttpFailures.isRefused(cause)) {
            refused(exchange, job, cause);
            return;
        }
        if (generation != null && !job.isAnswered()) {
            setAside(cause, job);
        }
        if (generation != null && !job.isAnswered() && isOtherKeyLeft(cause, job)) {
            job.attempts().refuseKey(System.nanoTime());
            exchange.getMessage().setHeader(Exchange.REDELIVERY_DELAY, 0L);
            return;
        }
        long delay = retry.before(attempts, HttpFailures.headers(cause), HttpFailures.body(cause)).toMillis();
        exchange.getMessage().setHeader(Exchange.REDELIVERY_DELAY, delay);
        if (mayRepeat(exchange, job)) {
            if (job.progress() != null) {
                job.progress().waiting();
            }
            LOG.warn("{}: {}; again in {} ms", generation.id(),
                    settings.account(generation.account()).redact(OneLine.of(String.valueOf(cause.getMessage()))), delay);
        }
    }

    /**
     * Handles an HTTP 429 answer: the gate of the limit, which knows the delay that the service asks for, decides when the call is
     * repeated.
     */
    private void refused(Exchange exchange, Job job, Throwable cause) {
        Generation generation = job.generation();
        Gate gate = Gates.of(camelContext).named(job.gate());
        retry.asked(HttpFailures.headers(cause), HttpFailures.body(cause)).ifPresent(gate::askedToWait);
        // If there is another model, the request need not wait for this one's limit.
        if (gate.isMinutesLimit() && !generation.fallback().hasNext()) {
            spare(job);
        }
        exchange.getMessage().setHeader(Exchange.REDELIVERY_DELAY, 0L);
        LOG.debug("{}: refused by the limit of {}; all its calls wait for {} ms", generation.id(), generation.getProvider(),
                gate.closedFor().toMillis());
    }
}
