package dev.bactrian.emit;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import dev.bactrian.core.Job;
import dev.bactrian.core.Steps;
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
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.support.SynchronizationAdapter;

/** Connects the exchange that processes a request to the {@link ChunkStream} that its caller gets, for {@code routes/stream.camel.yaml}. */
public final class StreamBridge implements AggregationStrategy, CamelContextAware, Processor {

    /** The exchange variable by which a caller asks for the text in the result document; the text is then kept in memory. */
    public static final String KEEP_TEXT = "bactrianKeepText";

    private final Map<ChunkStream, Job> open = new ConcurrentHashMap<>();
    private CamelContext camelContext;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        Steps.of(camelContext, "bactrianStreams", StreamBridge.class).step("open", StreamBridge::open).step("begun", StreamBridge::begun)
                .step("await", StreamBridge::await);
    }

    /** Creates the stream of a request. */
    public void open(Exchange exchange) {
        Job job = Job.of(exchange);
        ChunkStream stream = new ChunkStream(exchange.getVariable(KEEP_TEXT, false, Boolean.class),
                e -> failure(job, "interrupted while waiting for the answer", e));
        open.put(stream, job);
        job.reader(stream);
    }

    /** Prepares the exchange that processes the request: its outcome ends the stream. */
    @Override
    public void process(Exchange exchange) {
        Job job = Job.of(exchange).fork();
        exchange.setVariable(Job.VARIABLE, job);
        ChunkStream stream = stream(job);
        // Completions run in reverse order: by then the request's id is released and its connection returned.
        exchange.getExchangeExtension().addOnCompletion(new SynchronizationAdapter() {
            @Override
            public void onDone(Exchange done) {
                Job asked = open.remove(stream);
                GenerateException failure = CallerReply.failure(done);
                if (failure == null && job.summary() == null) {
                    // The routes were stopped during the processing.
                    stream.end(null, stopped(asked == null ? job : asked));
                    return;
                }
                forgetFailed(done, failure);
                answeredBy(asked, job);
                stream.end(done.getMessage().getBody(String.class), failure);
            }
        });
    }

    /** Removes a failed or cancelled prediction from the ledger, so that the caller's next attempt does not resume it. */
    private static void forgetFailed(Exchange done, GenerateException failure) {
        CamelContext context = done.getContext();
        Generation generation = Job.generation(done);
        if (failure != null && generation != null && CallerReply.isSettled(done) && !context.isStopping()) {
            generation.recallKeys().forEach(Ledger.of(context)::forget);
        }
    }

    /**
     * Records that the provider has begun to answer, so that the waiting caller gets its stream. Does nothing if the request has no
     * stream.
     */
    public void begun(Exchange exchange) {
        Job job = Job.of(exchange);
        ChunkStream stream = stream(job);
        if (stream == null) {
            return;
        }
        Runnable begin = () -> {
            open.computeIfPresent(stream, (same, asked) -> answeredBy(asked, job));
            stream.begun(job.cancellation());
        };
        if (job.generation().fallback().hasNext() && (!job.provider().isPolled() || job.generation().fallback().afterPaid())) {
            // Another model answers if this one breaks off before its first chunk.
            stream.onFirstChunk(begin, job.cancellation());
        } else {
            begin.run();
        }
    }

    /** The caller gets the headers of the model that answers, and the ledger forgets the predictions of those that were tried before. */
    private static Job answeredBy(Job asked, Job job) {
        if (asked != null && job.generation() != null) {
            asked.generation(job.generation(), job.provider());
        }
        return asked;
    }

    /** Waits until the answer begins or the request fails. */
    public void await(Exchange exchange) {
        stream(Job.of(exchange)).awaitBegin();
    }

    /** Returns the stream to the caller, or throws the failure if the request failed before the answer began. */
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
                // An interrupted caller does not read the answer; the request must not continue.
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
        // Left over from an earlier answer.
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

    /** Ends all open streams with a failure, so that their readers do not take it for the end of the answer. */
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
        GenerationFailure failure = new GenerationFailure(ErrorType.STREAM_INTERRUPTED, message, null, 1, !job.provider().isPolled(), cause);
        return new GenerateException(failure.type().toString(), failure.getMessage(), failure.retryable(),
                Documents.text(Documents.error(generation, failure, "", null)), Documents.headers(generation, "failed"), cause);
    }

    /** Returns the stream that the caller of a request reads, or null. */
    private static ChunkStream stream(Job job) {
        return job.reader() instanceof ChunkStream stream ? stream : null;
    }
}
