package dev.bactrian.flow;

import java.io.IOException;
import java.util.EnumSet;
import java.util.Set;

import dev.bactrian.config.Settings;
import dev.bactrian.core.Job;
import dev.bactrian.core.PartialAnswer;
import dev.bactrian.core.Provider;
import dev.bactrian.core.Steps;
import dev.bactrian.cost.Costs;
import dev.bactrian.error.Cause;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.error.NotSentException;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Generation;
import dev.bactrian.http.HttpFailures;
import dev.bactrian.ledger.Ledger;
import dev.bactrian.model.Cost;
import dev.bactrian.model.Model;
import dev.bactrian.observe.Observer;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.OneLineLogger;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.ExchangePropertyKey;
import org.apache.camel.http.base.HttpOperationFailedException;
import org.slf4j.Logger;

/**
 * The bean {@code bactrianFallback} of the routes: decides whether a request whose model does not answer goes on with another one. It does
 * if the failure says that the provider is overloaded, away or too slow, no chunk has been emitted, and nothing may have been paid for.
 */
public final class Fallbacks implements CamelContextAware {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.requests");
    private static final Set<ErrorType> PASSING = EnumSet.of(ErrorType.RATE_LIMITED, ErrorType.PROVIDER_UNAVAILABLE, ErrorType.TIMEOUT,
            ErrorType.STREAM_INTERRUPTED);

    private CamelContext camelContext;
    private Settings settings;
    private Observer observer;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        settings = Settings.of(camelContext);
        observer = Observer.of(camelContext);
        Steps.of(camelContext, "bactrianFallback", Fallbacks.class).test("isDue", Fallbacks::isDue).test("isFinal", Fallbacks::isFinal)
                .step("next", Fallbacks::next).step("recall", Fallbacks::recall);
    }

    /** Whether a model is to be tried or polled now: true for the first, and once for each {@link #next} one. Call it once for each turn. */
    public boolean isDue(Exchange exchange) {
        Job job = Job.of(exchange);
        return job != null && job.takeTurn();
    }

    /** Whether the failure of the exchange is final, because no other model is tried. */
    public boolean isFinal(Exchange exchange) {
        return !isNext(exchange);
    }

    private boolean isNext(Exchange exchange) {
        Job job = Job.of(exchange);
        if (job == null || job.generation() == null || !job.generation().fallback().hasNext()) {
            return false;
        }
        boolean ending = job.failure() != null || job.isCancelled() || camelContext.isStopping() || camelContext.isStopped();
        GenerationFailure failure = ending ? null : failure(exchange, job);
        PartialAnswer arrived = job.arrived();
        return failure != null && PASSING.contains(failure.type()) && (arrived == null || !arrived.isPassedOn())
                && isAboutTheProvider(failure) && (job.generation().fallback().afterPaid() || !mayBePaidFor(job, failure));
    }

    /** Returns the failure, or null if it is not that of a call. */
    private static GenerationFailure failure(Exchange exchange, Job job) {
        Throwable cause = Cause.of(exchange);
        if (cause instanceof GenerationFailure failure) {
            return failure;
        }
        boolean ofTheCall = job.answer() == null && (cause instanceof IOException || cause instanceof HttpOperationFailedException);
        return ofTheCall && job.provider() != null ? HttpFailures.of(cause, job.provider(), Math.max(1, job.attempts().failures())) : null;
    }

    /** Whether a call was made, or not made because of the provider; without a ledger, for example, none is made. */
    private static boolean isAboutTheProvider(GenerationFailure failure) {
        return failure.type() != ErrorType.PROVIDER_UNAVAILABLE || failure.attempts() > 0 || failure.getCause() instanceof NotSentException;
    }

    private static boolean mayBePaidFor(Job job, GenerationFailure failure) {
        boolean unsure = failure.getCause() == null || failure.getCause() instanceof GenerationFailure
                || HttpFailures.mayBeAccepted(failure.getCause(), job.provider());
        return job.provider().isPolled() && (job.poll() != null || failure.attempts() > 0 && !failure.retryable() && unsure);
    }

    /**
     * Goes on with the next model: sets the variables, and removes what the failed attempt has left on the exchange. If the caught failure
     * is final, the exchange fails with it.
     */
    public void next(Exchange exchange) {
        if (isFinal(exchange)) {
            exchange.setException(Cause.of(exchange));
            return;
        }
        Job job = Job.of(exchange);
        GenerationFailure failure = failure(exchange, job);
        Generation before = job.generation();
        String message = OneLine.of(settings.account(before.account()).redact(String.valueOf(failure.getMessage())));
        GenerationFailure shown = new GenerationFailure(failure.type(), message);
        Costs costs = Costs.of(camelContext);
        Cost cost = costs == null ? null : costs.failed(job, Documents.error(before, shown, "", job.poll() == null ? null : job.poll().document()));
        Generation next = before.next(shown, cost, this::isPolled);
        LOG.warn("{}: {} at {} failed: {}: {}; {} at {} is tried", before.id(), before.getModelId(), before.getProvider(), failure.type(),
                message, next.getModelId(), next.getProvider());
        observer.fellBack(before, failure.type().toString());
        goOn(exchange, job, next);
        job.giveTurn();
        exchange.getMessage().setBody(null);
        exchange.getMessage().removeHeaders("*");
        exchange.removeProperty(ExchangePropertyKey.EXCEPTION_CAUGHT);
        exchange.removeProperty(ExchangePropertyKey.UNIT_OF_WORK_EXHAUSTED);
        // Otherwise Camel's error handler would take the next failure for this one.
        exchange.getExchangeExtension().setErrorHandlerHandled(null);
        exchange.getExchangeExtension().setFailureHandled(false);
    }

    private void goOn(Exchange exchange, Job job, Generation next) {
        if (!job.isUnadmitted()) {
            observer.left(job.generation());
            observer.begun(exchange, next);
        }
        job.next(next, Provider.of(camelContext, next.getProvider()));
        exchange.setVariable(Requests.PROVIDER, next.getProvider());
    }

    /**
     * Continues with the last model that has a create in the ledger, if the request was processed before, so that no model before it is
     * tried and paid for again.
     *
     * @throws GenerationFailure {@code provider-unavailable} if the ledger cannot be read
     */
    public void recall(Exchange exchange) {
        Job job = Job.of(exchange);
        Generation generation = job.generation();
        if (generation.fallback().key() == null || !generation.fallback().tried().isEmpty()) {
            return;
        }
        try {
            generation.lastOf(one -> one.recallKey() != null && Ledger.of(camelContext).recallCreate(one) != null, this::isPolled)
                    .ifPresent(later -> goOn(exchange, job, later));
        } catch (GenerationFailure e) {
            // A chat needs no ledger; a later model whose create cannot be recorded is not called.
            if (isPolled(generation.model())) {
                throw e;
            }
        }
    }

    private boolean isPolled(Model model) {
        Provider provider = Provider.of(camelContext, model.provider().toString());
        return provider == null || provider.isPolled();
    }
}
