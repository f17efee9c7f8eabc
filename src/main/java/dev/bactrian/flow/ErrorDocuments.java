package dev.bactrian.flow;

import java.io.IOException;
import java.time.Instant;
import java.util.UUID;
import java.util.concurrent.RejectedExecutionException;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Cancellation;
import dev.bactrian.core.Job;
import dev.bactrian.core.PartialAnswer;
import dev.bactrian.core.Provider;
import dev.bactrian.core.Provider.Access;
import dev.bactrian.core.Steps;
import dev.bactrian.cost.Costs;
import dev.bactrian.error.Cause;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.error.StoppedException;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Generation;
import dev.bactrian.generate.Headers;
import dev.bactrian.http.HttpFailures;
import dev.bactrian.limit.Keys;
import dev.bactrian.observe.Observer;
import dev.bactrian.request.RequestId;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.text.OutgoingJson;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.http.base.HttpOperationFailedException;
import org.slf4j.Logger;

/** Makes the error document of a failed request, for {@code routes/errors.camel.yaml}. */
public final class ErrorDocuments implements CamelContextAware {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.errors");
    private static final Logger REQUESTS = OneLineLogger.of("dev.bactrian.requests");

    private CamelContext camelContext;
    private Settings settings;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        if (this.camelContext == camelContext) {
            // Camel calls this more than once.
            return;
        }
        this.camelContext = camelContext;
        settings = Settings.of(camelContext);
        camelContext.getCamelContextExtension().addContextPlugin(ErrorDocuments.class, this);
        Steps.of(camelContext, "bactrianErrors", ErrorDocuments.class).step("report", ErrorDocuments::report);
    }

    /** Returns the instance of a context, even while the context stops and its beans are gone. */
    public static ErrorDocuments of(CamelContext context) {
        return context.getCamelContextExtension().getContextPlugin(ErrorDocuments.class);
    }

    /** Sets the body to the error document and the headers to those of an error; removes all other headers. */
    public void document(Exchange exchange) {
        Job job = Job.in(exchange);
        Generation generation = job.generation();
        int attempts = job.attempts().failures() == 0 ? 1 : job.attempts().failures();
        GenerationFailure failure = clean(generation, failure(exchange, job, attempts));
        String id = generation != null ? generation.id() : failure.requestId() != null ? failure.requestId() : defaultId(exchange);
        job.settle();
        job.failure(failure);
        try {
            if (job.answer() != null) {
                job.answer().leave();
            }
            leave(exchange, job, id, job.arrived());
        } catch (OutOfMemoryError e) {
            LOG.warn("{}: no memory for what came of the answer; its error goes out without", id);
            // Free the memory of the answer, so that at least the error document can be made.
            exchange.getMessage().setBody(null);
            exchange.removeVariable("bactrianOutgoing");
            job.forget();
            leave(exchange, job, id, null);
        }
        exchange.getMessage().removeHeaders("*");
        if (generation == null) {
            exchange.getMessage().setHeader(Headers.REQUEST_ID, id);
            exchange.getMessage().setHeader(Headers.STATUS, "failed");
        } else {
            exchange.getMessage().getHeaders().putAll(Documents.headers(generation, "failed"));
        }
    }

    /** Makes the error document and logs the error. */
    public void report(Exchange exchange) {
        document(exchange);
        REQUESTS.warn("{}: failed, {}", exchange.getMessage().getHeader(Headers.REQUEST_ID), Job.of(exchange).summary());
    }

    /** Makes the document; {@code part} is what arrived of the answer before the failure, or null. */
    private void leave(Exchange exchange, Job job, String id, PartialAnswer part) {
        Generation generation = job.generation();
        ObjectNode document = generation == null ? Documents.error(id, job.failure(), Instant.now())
                : (ObjectNode) OutgoingJson.of(Documents.error(generation, job.failure(), part != null && job.isTextKept() ? part.text() : "",
                        job.poll() == null ? null : job.poll().document()), settings.account(generation.account())::masked);
        Costs costs = Costs.of(camelContext);
        if (costs != null && generation != null) {
            costs.ended(job, document, part);
        }
        exchange.getMessage().setBody(Documents.text(document));
        job.summarize(Documents.summary(document));
        Observer.of(camelContext).ended(exchange, generation, document, part == null ? 0 : part.count());
    }

    private static String defaultId(Exchange exchange) {
        String id = Trigger.of(exchange).defaultId();
        return id == null ? UUID.randomUUID().toString() : RequestId.fit(id);
    }

    private GenerationFailure failure(Exchange exchange, Job job, int attempts) {
        Generation generation = job.generation();
        Throwable cause = Cause.of(exchange);
        if (isStopped(cause)) {
            return stopped(job, cause);
        }
        if (cause instanceof GenerationFailure failure) {
            return failure;
        }
        Provider provider = job.provider();
        if (provider != null && job.isCancelled()
                && (HttpFailures.mayRepeat(cause, provider) || !provider.isPolled() && cause instanceof IOException)) {
            return Cancellation.failure(provider, attempts);
        }
        boolean answered = job.answer() != null;
        if (provider != null && !answered && (cause instanceof IOException || cause instanceof HttpOperationFailedException)) {
            return withKeys(HttpFailures.of(cause, provider, attempts), generation, provider);
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

    /** Adds that no key is left, if there are several. */
    private GenerationFailure withKeys(GenerationFailure failure, Generation generation, Provider provider) {
        if (generation == null || generation.token() == null || failure.httpStatus() == null || !Keys.isRefusal(failure.httpStatus())) {
            return failure;
        }
        Access access = provider.access(generation.account());
        Keys keys = Keys.of(camelContext);
        String model = generation.getModelId();
        if (keys.isOneLeft(access, model)) {
            return failure;
        }
        String message = failure.getMessage() + "; all keys of " + access.tokenName() + " are set aside: " + keys.setAside(access, model);
        return new GenerationFailure(failure.type(), message, failure.httpStatus(), failure.attempts(), failure.retryable(),
                failure.getCause());
    }

    /** In a forced stop the remaining exchanges fail with various exceptions, or with none. */
    private boolean isStopped(Throwable cause) {
        boolean stopping = camelContext.isStopping() || camelContext.isStopped();
        return cause == null || stopping && (cause instanceof RejectedExecutionException || camelContext.getShutdownStrategy().isForceShutdown());
    }

    /**
     * The cause is a {@link RejectedExecutionException}, which marks the failure as not final: the request may be repeated at the next
     * start.
     */
    private static GenerationFailure stopped(Job job, Throwable cause) {
        Generation generation = job.generation();
        boolean unsent = generation == null || cause instanceof StoppedException && job.poll() == null;
        RejectedExecutionException why = cause instanceof RejectedExecutionException rejected ? rejected
                : new RejectedExecutionException("the application has stopped", cause);
        ErrorType type = job.answer() == null || job.poll() != null ? ErrorType.PROVIDER_UNAVAILABLE : ErrorType.STREAM_INTERRUPTED;
        int attempts = job.attempts().failures() > 0 ? job.attempts().failures() : unsent ? 0 : 1;
        boolean retryable = unsent || job.provider() == null || !job.provider().isPolled();
        return new GenerationFailure(type, "the application has stopped", null, attempts, retryable, why);
    }

    private GenerationFailure clean(Generation generation, GenerationFailure failure) {
        // Mask before cutting: a truncated token would not be recognized.
        String message = OneLine.of(settings.account(generation == null ? null : generation.account()).redact(String.valueOf(failure.getMessage())));
        return message.equals(failure.getMessage()) ? failure : new GenerationFailure(failure.type(), message,
                failure.httpStatus(), failure.attempts(), failure.retryable(), null).of(failure.requestId());
    }
}
