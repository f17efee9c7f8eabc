package dev.bactrian.emit;

import java.util.concurrent.RejectedExecutionException;

import dev.bactrian.core.Job;
import dev.bactrian.error.GenerateException;
import dev.bactrian.flow.CallerReply;
import org.apache.camel.AggregationStrategy;
import org.apache.camel.Exchange;

/** Sets the body to the outcome of a request that is to be emitted: its result or error document. */
public final class Outcome implements AggregationStrategy {

    private final CallerReply reply = new CallerReply();

    @Override
    public Exchange aggregate(Exchange trigger, Exchange outcome) {
        reply.aggregate(trigger, outcome);
        Job job = Job.of(outcome);
        if (job != null && job.progress() != null) {
            job.progress().delivering(trigger);
        }
        if (trigger.getException() instanceof GenerateException failure) {
            trigger.setException(null);
            trigger.setProperty(Exchange.EXCEPTION_CAUGHT, failure);
            try {
                reply.error(trigger);
            } catch (RejectedExecutionException e) {
                trigger.setException(e);
            }
        }
        return trigger;
    }
}
