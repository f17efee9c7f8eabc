package dev.bactrian.emit;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import dev.bactrian.core.Job;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerateException;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.flow.CallerReply;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Generation;
import dev.bactrian.generate.Headers;
import dev.bactrian.ledger.Ledger;
import org.apache.camel.AggregationStrategy;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.support.SynchronizationAdapter;

/**
 * What {@code routes/stream.camel.yaml} can't say itself: it ties the exchange that does the work to the
 * {@link ChunkStream} that its caller gets.
 */
public final class StreamBridge implements AggregationStrategy, Processor {

    /** Set by a caller: whether the result document is to hold the text, which is then kept in memory. */
    public static final String KEEP_TEXT = "bactrianKeepText";

    private final Map<ChunkStream, Job> open = new ConcurrentHashMap<>();

    /** Makes the stream of a request. */
    public void open(Exchange exchange) {
        Job job = Job.of(exchange);
        ChunkStream stream = new ChunkStream(exchange.getVariable(KEEP_TEXT, false, Boolean.class),
                e -> failure(job, "interrupted while waiting for the answer", e));
        open.put(stream, job);
        job.channel(stream);
    }

    /** Prepares the request's own exchange: its outcome ends the stream. */
    @Override
    public void process(Exchange exchange) {
        Job job = Job.of(exchange).fork();
        exchange.setVariable(Job.VARIABLE, job);
        ChunkStream stream = stream(job);
        // The first that is added is the last that is called: the request's id is free and its connection given back by then.
        exchange.getExchangeExtension().addOnCompletion(new SynchronizationAdapter() {
            @Override
            public void onDone(Exchange done) {
                Job asked = open.remove(stream);
                GenerateException failure = CallerReply.failure(done);
                if (failure == null && job.summary() == null) {
                    // The routes were stopped under way.
                    stream.end(null, stopped(asked));
                    return;
                }
                forgetFailed(done, failure);
                stream.end(done.getMessage().getBody(String.class), failure);
            }
        });
    }

    /** The caller's next try must not go on with a prediction that has failed or was cancelled. */
    private static void forgetFailed(Exchange done, GenerateException failure) {
        CamelContext context = done.getContext();
        Generation generation = Job.generation(done);
        if (failure != null && generation != null && CallerReply.isSettled(done) && !context.isStopping()) {
            Ledger.of(context).forget(generation.recallKey());
        }
    }

    /** The provider has begun to answer: a caller that waits gets its stream. Nothing for other requests. */
    public void begun(Exchange exchange) {
        Job job = Job.of(exchange);
        if (job.channel() != null) {
            stream(job).begun(job.cancellation());
        }
    }

    /** Waits for the beginning of the answer, or for the failure that comes instead. */
    public void await(Exchange exchange) {
        stream(Job.of(exchange)).awaitBegin();
    }

    /** Hands the stream to the caller, or throws what has failed before there was one. */
    @Override
    public Exchange aggregate(Exchange caller, Exchange outcome) {
        Job job = Job.ofCopy(caller, outcome);
        ChunkStream stream = stream(job);
        if (outcome.getException() != null) {
            CallerReply.broken(outcome);
        }
        GenerateException failure = CallerReply.failure(outcome);
        if (failure == null) {
            failure = begun(stream);
        }
        if (failure != null) {
            if (stream != null) {
                // Whoever was interrupted while the answer was awaited reads none of it: the request must not go on for nobody.
                stream.close();
                open.remove(stream);
            }
            failure.setRedeliveries(CallerReply.redeliveries(caller));
            caller.setException(failure);
            return caller;
        }
        Generation generation = job.generation();
        Ledger.of(caller.getContext()).forgetLater(caller, generation, true);
        stream.heldBy(caller);
        caller.getMessage().setBody(stream);
        // Of an earlier answer.
        caller.getMessage().removeHeader(Headers.KIND);
        caller.getMessage().getHeaders().putAll(Documents.headers(generation, "processing"));
        return caller;
    }

    private static GenerateException begun(ChunkStream stream) {
        try {
            return stream.awaitBegin();
        } catch (GenerateException e) {
            return e;
        }
    }

    /** Ends those that are open; who reads them must not take it for their end. */
    public void stop() {
        open.forEach((stream, job) -> {
            stream.end(null, stopped(job));
            stream.cut();
        });
    }

    private static GenerateException stopped(Job job) {
        return failure(job, "the application has stopped", null);
    }

    private static GenerateException failure(Job job, String message, Throwable cause) {
        Generation generation = job.generation();
        GenerationFailure failure = new GenerationFailure(ErrorType.STREAM_INTERRUPTED, message, null, 1, !job.service().isPolled(), cause);
        return new GenerateException(failure.type().toString(), failure.getMessage(), failure.retryable(),
                Documents.text(Documents.error(generation, failure, "", null)), Documents.headers(generation, "failed"), cause);
    }

    /** The stream that the caller of a request reads, or null. */
    static ChunkStream stream(Job job) {
        return (ChunkStream) job.channel();
    }
}
