package dev.bactrian.generate;

import java.util.Map;

import dev.bactrian.error.GenerateException;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.replicate.Ledger;
import org.apache.camel.AggregationStrategy;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Hands the outcome of a request to the caller of {@code direct:generate}: a result as the body with the
 * {@code Bactrian*} headers, an error as an exception. All else of the caller's exchange stays as it was.
 */
public final class Answer implements AggregationStrategy, Processor {


    /**
     * Stops a redelivery of the caller's error handler: a request that failed for good fails again at once, without a
     * call, whatever number of redeliveries the host has set. One that is {@code retryable} is made again.
     */
    @Override
    public void process(Exchange exchange) {
        boolean redelivered = exchange.getMessage().getHeader(Exchange.REDELIVERY_COUNTER, 0, Integer.class) > 0;
        if (redelivered && exchange.getProperty(Exchange.EXCEPTION_CAUGHT) instanceof GenerateException before && !before.isRetryable()) {
            exchange.setException(before);
        }
    }

    @Override
    public Exchange aggregate(Exchange caller, Exchange outcome) {
        GenerationFailure failure = outcome.getVariable("failure", GenerationFailure.class);
        String document = outcome.getMessage().getBody(String.class);
        if (failure != null) {
            caller.setException(new GenerateException(failure.type().toString(), failure.getMessage(), failure.retryable(), document));
            return caller;
        }
        caller.getContext().getRegistry().mandatoryFindSingleByType(Ledger.class).forgetWhenDone(caller, outcome.getVariable("generation", Generation.class));
        caller.getMessage().setBody(document);
        for (Map.Entry<String, Object> header : outcome.getMessage().getHeaders().entrySet()) {
            if (header.getKey().startsWith("Bactrian")) {
                caller.getMessage().setHeader(header.getKey(), header.getValue());
            }
        }
        return caller;
    }
}
