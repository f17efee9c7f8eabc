package dev.bactrian.flow;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;

import dev.bactrian.core.Job;
import dev.bactrian.core.Steps;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerateException;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Generation;
import dev.bactrian.host.Transactions;
import dev.bactrian.ledger.Ledger;
import dev.bactrian.text.OneLineLogger;
import org.apache.camel.AggregationStrategy;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.NoSuchBeanException;
import org.apache.camel.Processor;
import org.slf4j.Logger;

/**
 * Returns the outcome of a request to the caller of {@code direct:generate}: a result as the body with the {@code Bactrian*} headers, an
 * error as an exception. Nothing else of the caller's exchange changes.
 */
public final class CallerReply implements AggregationStrategy, CamelContextAware, Processor {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.requests");

    private CamelContext camelContext;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        Steps.of(camelContext, "bactrianAnswer", CallerReply.class).step("refuse", CallerReply::refuse);
    }

    /**
     * Handles a redelivery by the caller's error handler: a request that has failed permanently fails again at once, without a call,
     * whatever number of redeliveries the host has configured. A request that is {@code retryable} is repeated unless chunks of it may
     * have been delivered.
     *
     * <p>A caller in a transaction gets its answer on its own thread, because messages sent from another thread would stay committed when
     * its own message is rolled back.
     */
    @Override
    public void process(Exchange exchange) {
        if (Transactions.holdThisThread()) {
            exchange.getExchangeExtension().setTransacted(true);
        }
        // A redelivery of this step raises the count. If the caller has caught the failure and makes a new request, the count is
        // unchanged.
        if (exchange.getProperty(Exchange.EXCEPTION_CAUGHT) instanceof GenerateException before && isFinal(before)
                && redeliveries(exchange) > before.getRedeliveries()) {
            before.setRedeliveries(redeliveries(exchange));
            exchange.setException(before);
        }
    }

    /** Returns how often the caller's error handler has redelivered. */
    public static int redeliveries(Exchange caller) {
        return caller.getMessage().getHeader(Exchange.REDELIVERY_COUNTER, 0, Integer.class);
    }

    /** After an interrupted stream, chunks may have been delivered; a repeated request would deliver them again. */
    private static boolean isFinal(GenerateException failure) {
        return !failure.isRetryable() || failure.getType().equals(ErrorType.STREAM_INTERRUPTED.toString());
    }

    @Override
    public Exchange aggregate(Exchange caller, Exchange outcome) {
        Job job = Job.ofCopy(caller, outcome);
        if (outcome.getException() != null || job.summary() == null) {
            // The processing was aborted before there was a result or error document.
            broken(outcome);
        }
        GenerateException failure = failure(outcome);
        Generation generation = job.generation();
        if (isSettled(outcome)) {
            forgetLater(caller, generation, failure == null);
        }
        if (failure != null) {
            failure.setRedeliveries(redeliveries(caller));
            caller.setException(failure);
            return caller;
        }
        caller.getMessage().setBody(outcome.getMessage().getBody(String.class));
        caller.getMessage().getHeaders().putAll(headers(outcome));
        return caller;
    }

    /**
     * Whether the records of a request in the ledger can be removed. They are kept if nothing was sent and the request may be repeated,
     * for example because the ledger could not be read.
     */
    public static boolean isSettled(Exchange outcome) {
        GenerationFailure failure = Job.of(outcome).failure();
        return failure == null || failure.attempts() > 0 || !failure.retryable();
    }

    private static void forgetLater(Exchange caller, Generation generation, boolean succeeded) {
        try {
            Ledger.of(caller.getContext()).forgetLater(caller, generation, succeeded);
        } catch (NoSuchBeanException e) {
            // The application has stopped and its beans are gone; the records are still there at the next start.
            LOG.debug("Not forgotten: {}", generation.id());
        }
    }

    /**
     * Fails a request that could not be handed over, for example because a stop has ended the thread pool.
     *
     * @throws GenerateException always
     */
    public void refuse(Exchange exchange) {
        Exchange refused = exchange.copy();
        refused.getVariables().keySet().removeIf(name -> !name.equals(Trigger.VARIABLE));
        broken(refused);
        throw failure(refused);
    }

    /** Makes an error document for an exchange that failed outside the error handling of our routes, as in a forced stop. */
    public static void broken(Exchange outcome) {
        ErrorDocuments.of(outcome.getContext()).document(outcome);
    }

    /** Returns why the request of a completed exchange failed, or null. */
    public static GenerateException failure(Exchange outcome) {
        Job job = Job.of(outcome);
        GenerationFailure failure = job == null ? null : job.failure();
        return failure == null ? null : new GenerateException(failure.type().toString(), failure.getMessage(), failure.retryable(),
                outcome.getMessage().getBody(String.class), headers(outcome), failure.getCause());
    }

    private static Map<String, Object> headers(Exchange outcome) {
        Map<String, Object> headers = new LinkedHashMap<>(outcome.getMessage().getHeaders());
        headers.keySet().removeIf(name -> !name.startsWith("Bactrian"));
        return headers;
    }

    /**
     * Sets the body and headers to the error document and headers of a caught {@link GenerateException}.
     *
     * @throws RejectedExecutionException if the request failed because the application stops: that is not an outcome, because the request
     *                                    may be repeated at the next start
     */
    public void error(Exchange exchange) {
        GenerateException failure = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, GenerateException.class);
        if (failure.isRejected() && exchange.getContext().isStopping()) {
            throw new RejectedExecutionException(failure.getMessage());
        }
        exchange.getMessage().setBody(failure.getDocument());
        exchange.getMessage().getHeaders().putAll(failure.getHeaders());
    }
}
