package dev.bactrian.emit;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.FailureDocuments;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Generation;
import dev.bactrian.generate.Headers;
import dev.bactrian.generate.Intake;
import dev.bactrian.http.Answers;
import dev.bactrian.threads.Pools;
import org.apache.camel.AsyncCallback;
import org.apache.camel.AsyncProducer;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.ExchangePattern;
import org.apache.camel.ExchangePropertyKey;
import org.apache.camel.support.AsyncProcessorSupport;
import org.apache.camel.support.ExchangeHelper;
import org.apache.camel.support.service.ServiceHelper;

/**
 * Sends a chunk to each endpoint of {@code bactrian.emit.chunk}. In Java and not as a recipient list: with one, a
 * stream of 100,000 chunks took about four times as long.
 */
public final class ChunkSender extends AsyncProcessorSupport implements CamelContextAware {

    private CamelContext camelContext;
    private List<String> uris;
    private volatile List<AsyncProducer> producers;
    private final ExecutorService apart = Pools.asNeeded("bactrian-chunk");

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        uris = Settings.of(camelContext).endpoints(Property.EMIT_CHUNK).stream().map(Emitter::asMeant).toList();
    }

    /** For the routes: whether chunks go anywhere. */
    public boolean isWanted() {
        return !uris.isEmpty();
    }

    /** Leaves the headers that all chunks of a request have, and no other. */
    public void headers(Exchange exchange) {
        Generation generation = exchange.getVariable("generation", Generation.class);
        exchange.getMessage().removeHeaders("*");
        if (isWanted()) {
            exchange.getMessage().getHeaders().putAll(Documents.headers(generation, "text", "processing"));
            int attempt = exchange.getVariable(Intake.ATTEMPT, 1, Integer.class);
            if (attempt > 1) {
                exchange.getMessage().setHeader(Headers.ATTEMPT, attempt);
            }
        }
    }

    /** Sends one to each endpoint in turn; where that fails, its source is told. */
    @Override
    public boolean process(Exchange exchange, AsyncCallback callback) {
        if (uris.isEmpty()) {
            callback.done(true);
            return true;
        }
        exchange.getMessage().setHeader(Headers.CHUNK_INDEX, exchange.getProperty(ExchangePropertyKey.SPLIT_INDEX));
        // Whatever the caller of the routes waits for, a chunk is no question.
        exchange.setPattern(ExchangePattern.InOnly);
        if (exchange.getVariable(Intake.ATTEMPT) == null) {
            return send(exchange, callback);
        }
        sendApart(exchange);
        callback.done(true);
        return true;
    }

    /** From another thread: sent from the one that is in a transaction, it would be seen at the commit. */
    private void sendApart(Exchange exchange) {
        try {
            apart.submit(() -> {
                CompletableFuture<Void> sent = new CompletableFuture<>();
                send(exchange, doneSync -> sent.complete(null));
                return sent.get();
            }).get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            exchange.setException(e);
            failed(exchange);
        } catch (ExecutionException | RejectedExecutionException e) {
            exchange.setException(e);
            failed(exchange);
        }
    }

    private boolean send(Exchange exchange, AsyncCallback callback) {
        try {
            List<AsyncProducer> targets = producers();
            int last = targets.size() - 1;
            for (AsyncProducer target : targets.subList(0, last)) {
                Exchange copy = ExchangeHelper.createCorrelatedCopy(exchange, false);
                target.process(copy);
                if (copy.getException() != null) {
                    throw copy.getException();
                }
            }
            return targets.get(last).process(exchange, doneSync -> {
                if (exchange.getException() != null) {
                    failed(exchange);
                }
                callback.done(doneSync);
            });
        } catch (Exception e) {
            exchange.setException(e);
            failed(exchange);
            callback.done(true);
            return true;
        }
    }

    private static void failed(Exchange exchange) {
        Throwable cause = FailureDocuments.cause(exchange);
        exchange.setException(null);
        exchange.getVariable("chunks", ChunkSource.class).fail(new GenerationFailure(ErrorType.DELIVERY_FAILED,
                "a chunk could not be emitted: " + Answers.oneLine(String.valueOf(cause.getMessage())), null, 1, false, cause));
    }

    private List<AsyncProducer> producers() throws Exception {
        if (producers == null) {
            synchronized (this) {
                if (producers == null) {
                    List<AsyncProducer> made = new ArrayList<>();
                    for (String uri : uris) {
                        AsyncProducer producer = camelContext.getEndpoint(uri).createAsyncProducer();
                        ServiceHelper.startService(producer);
                        made.add(producer);
                    }
                    producers = List.copyOf(made);
                }
            }
        }
        return producers;
    }

    /** Lets go of the endpoints. */
    @Override
    protected void doStop() {
        apart.shutdownNow();
        List<AsyncProducer> made = producers;
        producers = null;
        if (made != null) {
            ServiceHelper.stopAndShutdownServices(made);
        }
    }
}
