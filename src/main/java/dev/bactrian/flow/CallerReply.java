package dev.bactrian.flow;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;

import dev.bactrian.core.Job;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerateException;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Generation;
import dev.bactrian.host.Transactions;
import dev.bactrian.ledger.Ledger;
import dev.bactrian.text.OneLineLogger;
import org.apache.camel.AggregationStrategy;
import org.apache.camel.Exchange;
import org.apache.camel.NoSuchBeanException;
import org.apache.camel.Processor;
import org.slf4j.Logger;

/**
 * Hands the outcome of a request to the caller of {@code direct:generate}: a result as the body with the
 * {@code Bactrian*} headers, an error as an exception. All else of the caller's exchange stays as it was.
 */
public final class CallerReply implements AggregationStrategy, Processor {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.requests");

    /**
     * Stops a redelivery of the caller's error handler: a request that failed for good fails again at once, without a
     * call, whatever number of redeliveries the host has set. One that is {@code retryable}, and of which no chunk has
     * gone out, is made again.
     *
     * <p>A caller in a transaction gets its answer on the thread that it asks on: what it sends from another would be
     * committed when its own message is rolled back.
     */
    @Override
    public void process(Exchange exchange) {
        if (Transactions.holdThisThread()) {
            exchange.getExchangeExtension().setTransacted(true);
        }
        // Not where the caller has caught it and asks something else: the count stays where an earlier step was tried again.
        if (exchange.getProperty(Exchange.EXCEPTION_CAUGHT) instanceof GenerateException before && isFinal(before)
                && redeliveries(exchange) > before.getRedeliveries()) {
            before.setRedeliveries(redeliveries(exchange));
            exchange.setException(before);
        }
    }

    /** How often the caller's error handler has tried again. */
    public static int redeliveries(Exchange caller) {
        return caller.getMessage().getHeader(Exchange.REDELIVERY_COUNTER, 0, Integer.class);
    }

    /** Of a stream that broke off, chunks may have gone out: they would go out again. */
    private static boolean isFinal(GenerateException failure) {
        return !failure.isRetryable() || failure.getType().equals(ErrorType.STREAM_INTERRUPTED.toString());
    }

    @Override
    public Exchange aggregate(Exchange caller, Exchange outcome) {
        Job job = Job.ofCopy(caller, outcome);
        if (outcome.getException() != null || job.summary() == null) {
            // The routes were ended before the request was.
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
     * Whether what the ledger holds of a request is done with. Where nothing was sent and the request may come again, as
     * when the ledger could not be read, it still counts.
     */
    public static boolean isSettled(Exchange outcome) {
        GenerationFailure failure = Job.of(outcome).failure();
        return failure == null || failure.attempts() > 0 || !failure.retryable();
    }

    private static void forgetLater(Exchange caller, Generation generation, boolean succeeded) {
        try {
            Ledger.of(caller.getContext()).forgetLater(caller, generation, succeeded);
        } catch (NoSuchBeanException e) {
            // The application has stopped and its beans are gone: what it remembers is there at the next start.
            LOG.debug("Not forgotten: {}", generation.id());
        }
    }

    /**
     * A request that could not even be handed over, as to a pool that a stop has ended.
     *
     * @throws GenerateException in any case
     */
    public void refuse(Exchange exchange) {
        Exchange refused = exchange.copy();
        refused.getVariables().keySet().removeIf(name -> !name.equals(Trigger.VARIABLE));
        broken(refused);
        throw failure(refused);
    }

    /** Makes an error document of what an exchange has failed with that no route of ours could handle, as at a forced stop. */
    public static void broken(Exchange outcome) {
        ErrorDocuments.of(outcome.getContext()).document(outcome);
    }

    /** Why the request of an exchange that is done has failed, or null. */
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
     * Leaves the error document of a caught {@link GenerateException} as the body, and its headers.
     *
     * @throws RejectedExecutionException where the application's stop was the failure: that is no outcome, and the request may be
     *                                    done at the next start
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
