package dev.bactrian.error;

import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.RejectedExecutionException;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.config.Settings;
import dev.bactrian.emit.StreamBridge;
import dev.bactrian.generate.Cancellation;
import dev.bactrian.generate.Cancellations;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Generation;
import dev.bactrian.generate.Headers;
import dev.bactrian.generate.Intake;
import dev.bactrian.generate.Results;
import dev.bactrian.http.HttpFailures;
import dev.bactrian.model.Provider;
import dev.bactrian.observe.Observer;
import dev.bactrian.replicate.PollState;
import dev.bactrian.replicate.PredictionOutput;
import dev.bactrian.replicate.PredictionStream;
import dev.bactrian.request.RequestId;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.text.OutgoingJson;
import dev.bactrian.upstage.ChatStream;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.http.base.HttpOperationFailedException;
import org.slf4j.Logger;

/** What {@code routes/errors.camel.yaml} can't say itself: the error document of a request that failed. */
public final class ErrorDocuments implements CamelContextAware {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.errors");

    private CamelContext camelContext;
    private Settings settings;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        if (this.camelContext == camelContext) {
            // Camel sets it more than once.
            return;
        }
        this.camelContext = camelContext;
        settings = Settings.of(camelContext);
        camelContext.getCamelContextExtension().addContextPlugin(ErrorDocuments.class, this);
    }

    /** Those of a context; also while it stops and its beans are gone. */
    public static ErrorDocuments of(CamelContext context) {
        return context.getCamelContextExtension().getContextPlugin(ErrorDocuments.class);
    }

    /** Leaves the error document as the body, its headers, and nothing else. */
    public void document(Exchange exchange) {
        Generation generation = exchange.getVariable("generation", Generation.class);
        int attempts = exchange.getVariable(Retries.ATTEMPTS, 1, Integer.class);
        GenerationFailure failure = clean(generation, failure(exchange, generation, attempts));
        String id = generation != null ? generation.id() : failure.requestId() != null ? failure.requestId() : defaultId(exchange);
        Cancellations.settle(exchange);
        exchange.setVariable("failure", failure);
        closeStream(exchange);
        try {
            leave(exchange, id, generation, failure, Part.of(exchange));
        } catch (OutOfMemoryError e) {
            LOG.warn("{}: no memory for what came of the answer; its error goes out without", id);
            leave(exchange, id, generation, failure, Part.forget(exchange));
        }
        exchange.getMessage().removeHeaders("*");
        if (generation == null) {
            exchange.getMessage().setHeader(Headers.REQUEST_ID, id);
            exchange.getMessage().setHeader(Headers.STATUS, "failed");
        } else {
            exchange.getMessage().getHeaders().putAll(Documents.headers(generation, "failed"));
        }
    }

    private void leave(Exchange exchange, String id, Generation generation, GenerationFailure failure, Part part) {
        ObjectNode document = generation == null ? Documents.error(id, failure, Instant.now())
                : (ObjectNode) OutgoingJson.of(Documents.error(generation, failure, StreamBridge.isTextKept(exchange) ? part.text() : "",
                        prediction(exchange)), settings.account(generation.account())::masked);
        exchange.getMessage().setBody(Documents.text(document));
        exchange.setVariable(Results.SUMMARY, Documents.summary(document));
        Observer.of(camelContext).ended(exchange, generation, document, part.chunks());
    }

    /** Where something else than its end has ended the reading. */
    private static void closeStream(Exchange exchange) {
        ChatStream stream = exchange.getVariable("stream", ChatStream.class);
        if (stream != null) {
            stream.close();
        }
    }

    /** What came of the answer before it failed. */
    private record Part(String text, int chunks) {

        static Part of(Exchange exchange) {
            ChatStream stream = exchange.getVariable("stream", ChatStream.class);
            PredictionStream streamed = exchange.getVariable("streamed", PredictionStream.class);
            PredictionOutput output = exchange.getVariable("output", PredictionOutput.class);
            return stream != null ? new Part(stream.text(), stream.chunks())
                    : output != null ? new Part(output.text(), output.before() + output.chunks().size())
                    : streamed != null ? new Part(streamed.text(), streamed.chunks()) : new Part("", 0);
        }

        /** What it takes up is free for what is more important. */
        static Part forget(Exchange exchange) {
            exchange.getMessage().setBody(null);
            List.of("stream", "output", "streamed", "chunks", "pictures").forEach(exchange::removeVariable);
            PollState poll = exchange.getVariable("poll", PollState.class);
            if (poll != null) {
                exchange.setVariable("poll", poll.withoutOutput());
            }
            return new Part("", 0);
        }
    }

    private static ObjectNode prediction(Exchange exchange) {
        PollState poll = exchange.getVariable("poll", PollState.class);
        return poll == null ? null : poll.document();
    }

    private static String defaultId(Exchange exchange) {
        String id = exchange.getVariable(Intake.DEFAULT_ID, String.class);
        return id == null ? UUID.randomUUID().toString() : RequestId.fit(id);
    }

    private GenerationFailure failure(Exchange exchange, Generation generation, int attempts) {
        Throwable cause = Cause.of(exchange);
        if (isStopped(cause)) {
            return stopped(exchange, generation, cause);
        }
        if (cause instanceof GenerationFailure failure) {
            return failure;
        }
        Provider provider = generation == null ? null : generation.model().provider();
        if (provider != null && Cancellations.isRequested(exchange)
                && (HttpFailures.mayRepeat(cause, provider) || provider == Provider.UPSTAGE && cause instanceof IOException)) {
            return Cancellation.failure(generation, attempts);
        }
        boolean answered = exchange.getVariable("stream") != null || exchange.getVariable("output") != null;
        if (provider != null && !answered && (cause instanceof IOException || cause instanceof HttpOperationFailedException)) {
            return HttpFailures.of(cause, provider, attempts);
        }
        String who = generation == null ? "a request" : generation.id();
        if (cause instanceof VirtualMachineError) {
            LOG.error("{}: can't be brought to an end: {}", who, Cause.words(cause));
        } else if (!settings.redact(String.valueOf(cause)).equals(String.valueOf(cause))) {
            LOG.error("{}: unexpected failure: {}", who, settings.redact(OneLine.whole(String.valueOf(cause))));
        } else {
            LOG.error("{}: unexpected failure", who, cause);
        }
        return new GenerationFailure(answered ? ErrorType.DELIVERY_FAILED : ErrorType.PROVIDER_UNAVAILABLE,
                cause.getClass().getSimpleName() + ": " + cause.getMessage(), null, attempts, false, cause);
    }

    /** When a stop is forced, whatever is left fails with something of its own. */
    private boolean isStopped(Throwable cause) {
        boolean stopping = camelContext.isStopping() || camelContext.isStopped();
        return cause == null || stopping && (cause instanceof RejectedExecutionException || camelContext.getShutdownStrategy().isForceShutdown());
    }

    /** Its cause says so, too: for a request that is there at the next start it is no outcome. */
    private static GenerationFailure stopped(Exchange exchange, Generation generation, Throwable cause) {
        boolean replicate = generation != null && generation.isReplicate();
        boolean unsent = generation == null || cause instanceof StoppedException && exchange.getVariable("poll") == null;
        RejectedExecutionException why = cause instanceof RejectedExecutionException rejected ? rejected
                : new RejectedExecutionException("the application has stopped", cause);
        return new GenerationFailure(exchange.getVariable("stream") == null ? ErrorType.PROVIDER_UNAVAILABLE : ErrorType.STREAM_INTERRUPTED,
                "the application has stopped", null, exchange.getVariable(Retries.ATTEMPTS, unsent ? 0 : 1, Integer.class), unsent || !replicate, why);
    }

    private GenerationFailure clean(Generation generation, GenerationFailure failure) {
        // Masked first, and cut then: half a token is not found any more.
        String message = OneLine.of(settings.account(generation == null ? null : generation.account()).redact(String.valueOf(failure.getMessage())));
        return message.equals(failure.getMessage()) ? failure : new GenerationFailure(failure.type(), message,
                failure.httpStatus(), failure.attempts(), failure.retryable(), null).of(failure.requestId());
    }
}
