package dev.bactrian.emit;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import dev.bactrian.config.Beans;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerateException;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.CallerReply;
import dev.bactrian.generate.Cancellation;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Generation;
import dev.bactrian.generate.Headers;
import dev.bactrian.generate.Results;
import dev.bactrian.ledger.Ledger;
import org.apache.camel.AggregationStrategy;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.support.SynchronizationAdapter;

/**
 * What {@code routes/stream.camel.yaml} can't say itself: it ties the exchange that does the work to the
 * {@link ChunkStream} that its caller gets.
 */
public final class StreamBridge implements AggregationStrategy {

    /** Set by a caller: whether the result document is to hold the text, which is then kept in memory. */
    public static final String KEEP_TEXT = "bactrianKeepText";

    /** The variable that holds the stream, in the exchange that does the work. */
    public static final String CHANNEL = "channel";

    private final Map<ChunkStream, Generation> open = new ConcurrentHashMap<>();

    /** Makes the stream of a request. */
    public void open(Exchange exchange) {
        Generation generation = exchange.getVariable("generation", Generation.class);
        ChunkStream stream = new ChunkStream(exchange.getVariable(KEEP_TEXT, false, Boolean.class),
                e -> failure(generation, "interrupted while waiting for the answer", e));
        open.put(stream, generation);
        exchange.setVariable(CHANNEL, stream);
    }

    /** The request's own exchange: its outcome ends the stream. */
    public void follow(Exchange exchange) {
        ChunkStream stream = exchange.getVariable(CHANNEL, ChunkStream.class);
        // The first that is added is the last that is called: the request's id is free and its connection given back by then.
        exchange.getExchangeExtension().addOnCompletion(new SynchronizationAdapter() {
            @Override
            public void onDone(Exchange done) {
                Generation generation = open.remove(stream);
                GenerateException failure = CallerReply.failure(done);
                if (failure == null && done.getVariable(Results.SUMMARY) == null) {
                    // The routes were stopped under way.
                    stream.end(null, stopped(generation));
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
        Generation generation = done.getVariable("generation", Generation.class);
        if (failure != null && generation != null && CallerReply.isSettled(done) && !context.isStopping()) {
            Beans.one(context, Ledger.class).forget(generation.recallKey());
        }
    }

    /** The provider has begun to answer: a caller that waits gets its stream. Nothing for other requests. */
    public void begun(Exchange exchange) {
        ChunkStream stream = exchange.getVariable(CHANNEL, ChunkStream.class);
        if (stream != null) {
            stream.begun(exchange.getVariable("cancellation", Cancellation.class));
        }
    }

    /** Waits for the beginning of the answer, or for the failure that comes instead. */
    public void await(Exchange exchange) {
        exchange.getVariable(CHANNEL, ChunkStream.class).awaitBegin();
    }

    /** Hands the stream to the caller, or throws what has failed before there was one. */
    @Override
    public Exchange aggregate(Exchange caller, Exchange outcome) {
        ChunkStream stream = outcome.getVariable(CHANNEL, ChunkStream.class);
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
        Generation generation = outcome.getVariable("generation", Generation.class);
        Beans.one(caller.getContext(), Ledger.class).forgetLater(caller, generation, true);
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

    /** Whether the text of the exchange's answer is kept. */
    public static boolean isTextKept(Exchange exchange) {
        ChunkStream stream = exchange.getVariable(CHANNEL, ChunkStream.class);
        return stream == null || stream.isTextKept();
    }

    /** Ends those that are open; who reads them must not take it for their end. */
    public void stop() {
        open.forEach((stream, generation) -> {
            stream.end(null, stopped(generation));
            stream.cut();
        });
    }

    private static GenerateException stopped(Generation generation) {
        return failure(generation, "the application has stopped", null);
    }

    private static GenerateException failure(Generation generation, String message, Throwable cause) {
        GenerationFailure failure = new GenerationFailure(ErrorType.STREAM_INTERRUPTED, message, null, 1, !generation.isReplicate(), cause);
        return new GenerateException(failure.type().toString(), failure.getMessage(), failure.retryable(),
                Documents.text(Documents.error(generation, failure, "", null)), Documents.headers(generation, "failed"), cause);
    }
}
