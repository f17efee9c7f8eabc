package dev.bactrian.emit;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;

import dev.bactrian.config.Masked;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Cancellation;
import dev.bactrian.core.ChunkSource;
import dev.bactrian.core.Job;
import dev.bactrian.core.Steps;
import dev.bactrian.error.Cause;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Generation;
import dev.bactrian.generate.Headers;
import dev.bactrian.host.Transactions;
import dev.bactrian.text.OneLine;
import dev.bactrian.threads.RoutePool;
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
 * Sends a chunk to each endpoint of {@code bactrian.emit.chunk}. Implemented in Java because a recipient list takes about four times as
 * long for a stream of 100,000 chunks.
 */
public final class ChunkSender extends AsyncProcessorSupport implements CamelContextAware {

    private CamelContext camelContext;
    private Settings settings;
    private DestinationEndpoints destinations;
    /** By account key; the key is empty for no account. */
    private final Map<String, List<AsyncProducer>> producers = new ConcurrentHashMap<>();
    private final RoutePool apart = new RoutePool("bactrian-chunk");

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        apart.setCamelContext(camelContext);
        settings = Settings.of(camelContext);
        destinations = DestinationEndpoints.of(camelContext);
        Steps.of(camelContext, "bactrianChunks", ChunkSender.class).test("areLeft", ChunkSender::areLeft).step("headers", ChunkSender::headers)
                .value("chunks", ChunkSender::chunks);
    }

    /** Whether the chunks of the request are sent anywhere. */
    public boolean isWanted(Exchange exchange) {
        return isWanted(Job.of(exchange));
    }

    private boolean isWanted(Job job) {
        return job.reader() != null || !endpoints(job).isEmpty();
    }

    private List<String> endpoints(Job job) {
        return settings.account(job.generation().account()).endpoints(Property.EMIT_CHUNK);
    }

    /** Whether chunks of the request may remain to be sent after the last poll. */
    public boolean areLeft(Exchange exchange) {
        Job job = Job.of(exchange);
        return job.poll() != null && isWanted(job);
    }

    /**
     * Returns the chunks of the answer, for the splitter. If no endpoint gets them, the splitter gets none either: an exchange for each costs
     * more than everything else that is done with a chunk.
     */
    public ChunkSource chunks(Exchange exchange) {
        Job job = Job.of(exchange);
        return job.chunks() == null || !endpoints(job).isEmpty() ? job.chunks() : new Unsplit(job, job.chunks());
    }

    /** Reads all chunks at the first call of {@code next}, passes them to the reader of the stream if there is one, and returns null. */
    private static final class Unsplit implements ChunkSource {

        private final Job job;
        private final ChunkSource chunks;

        Unsplit(Job job, ChunkSource chunks) {
            this.job = job;
            this.chunks = chunks;
        }

        @Override
        public boolean hasNext() {
            return chunks.hasNext();
        }

        @Override
        public String next() {
            while (chunks.hasNext()) {
                String chunk = chunks.next();
                if (chunk != null) {
                    try {
                        pass(job, chunk);
                    } catch (InterruptedException | RuntimeException e) {
                        chunks.fail(notEmitted(e));
                    }
                }
            }
            return null;
        }

        @Override
        public void fail(GenerationFailure reason) {
            chunks.fail(reason);
        }

        @Override
        public int before() {
            return chunks.before();
        }
    }

    /** Passes a chunk to whoever follows the request. Returns false if its reader takes no more; then the chunk source fails. */
    private static boolean pass(Job job, String chunk) throws InterruptedException {
        if (job.progress() != null) {
            job.progress().chunk(chunk);
        }
        if (job.reader() != null && !job.reader().put(chunk)) {
            job.chunks().fail(Cancellation.failure(job.provider(), 1));
            return false;
        }
        return true;
    }

    /** Sets the headers that all chunks of a request have, and removes all others. */
    public void headers(Exchange exchange) {
        Job job = Job.of(exchange);
        exchange.getMessage().removeHeaders("*");
        if (isWanted(job)) {
            exchange.getMessage().getHeaders().putAll(Documents.headers(job.generation(), "text", "processing"));
            if (job.deliveryCount() != null && job.deliveryCount() > 1) {
                exchange.getMessage().setHeader(Headers.ATTEMPT, job.deliveryCount());
            }
        }
    }

    /** Passes a chunk to the reader of the stream and to each endpoint in turn. If that fails, the chunk source fails. */
    @Override
    public boolean process(Exchange exchange, AsyncCallback callback) {
        List<AsyncProducer> targets;
        // The recipient may change the variable; read it first.
        Job job = Job.of(exchange);
        try {
            if (!pass(job, exchange.getMessage().getBody(String.class))) {
                callback.done(true);
                return true;
            }
            targets = producers(job.generation());
        } catch (Exception e) {
            exchange.setException(e);
            failed(exchange, job);
            callback.done(true);
            return true;
        }
        if (targets.isEmpty()) {
            callback.done(true);
            return true;
        }
        int index = exchange.getProperty(ExchangePropertyKey.SPLIT_INDEX, Integer.class);
        exchange.getMessage().setHeader(Headers.CHUNK_INDEX, job.chunks().before() + index);
        // Always InOnly, whatever the caller's exchange pattern.
        exchange.setPattern(ExchangePattern.InOnly);
        if (!Transactions.holdThisThread()) {
            return send(exchange, job, targets, callback);
        }
        sendApart(exchange, job, targets);
        callback.done(true);
        return true;
    }

    /** Sends from another thread: a message sent by a thread in a transaction is not visible before the commit. */
    private void sendApart(Exchange exchange, Job job, List<AsyncProducer> targets) {
        try {
            apart.submit(() -> {
                CompletableFuture<Void> sent = new CompletableFuture<>();
                send(exchange, job, targets, doneSync -> sent.complete(null));
                return sent.get();
            }).get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            exchange.setException(e);
            failed(exchange, job);
        } catch (ExecutionException | RejectedExecutionException e) {
            exchange.setException(e);
            failed(exchange, job);
        }
    }

    private static boolean send(Exchange exchange, Job job, List<AsyncProducer> targets, AsyncCallback callback) {
        try {
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
                    failed(exchange, job);
                }
                callback.done(doneSync);
            });
        } catch (Exception e) {
            exchange.setException(e);
            failed(exchange, job);
            callback.done(true);
            return true;
        }
    }

    private static void failed(Exchange exchange, Job job) {
        Throwable cause = Cause.of(exchange);
        exchange.setException(null);
        job.chunks().fail(notEmitted(cause));
    }

    private static GenerationFailure notEmitted(Throwable cause) {
        return new GenerationFailure(ErrorType.DELIVERY_FAILED, "a chunk could not be emitted: " + Masked.text(OneLine.of(Cause.words(cause))), null, 1,
                false, cause);
    }

    private List<AsyncProducer> producers(Generation generation) throws Exception {
        String account = generation.account() == null ? "" : generation.account();
        List<AsyncProducer> known = producers.get(account);
        if (known != null) {
            return known;
        }
        synchronized (producers) {
            if (!producers.containsKey(account)) {
                List<AsyncProducer> made = new ArrayList<>();
                for (String uri : settings.account(generation.account()).endpoints(Property.EMIT_CHUNK)) {
                    destinations.check(Property.EMIT_CHUNK, uri);
                    AsyncProducer producer = camelContext.getEndpoint(destinations.withTimeouts(DestinationUris.asMeant(uri))).createAsyncProducer();
                    ServiceHelper.startService(producer);
                    made.add(producer);
                }
                producers.put(account, List.copyOf(made));
            }
            return producers.get(account);
        }
    }

    /** Stops the producers. Not called when Camel stops a single route, because the other routes still send. */
    public void release() {
        apart.shutdownNow();
        producers.values().forEach(ServiceHelper::stopAndShutdownServices);
        producers.clear();
    }
}
