package dev.bactrian.batch;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.UUID;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Supplier;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Cancellation;
import dev.bactrian.core.Cancellations;
import dev.bactrian.core.Steps;
import dev.bactrian.emit.Emitter;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.flow.Trigger;
import dev.bactrian.generate.Capacity;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Headers;
import dev.bactrian.generate.Models;
import dev.bactrian.request.RequestId;
import dev.bactrian.request.RequestReader;
import dev.bactrian.request.RequestReader.Format;
import dev.bactrian.text.Fingerprint;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Ordered;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.WrappedFile;
import org.apache.camel.support.CamelContextHelper;
import org.apache.camel.support.SynchronizationAdapter;

/** Reads the lines of batches and writes their outcomes, for {@code routes/batch.camel.yaml}. */
public final class Batches implements CamelContextAware {

    /** The name of the bean. */
    public static final String BEAN = "bactrianBatches";

    /** The exchange properties with the batch and its line. */
    private static final String BATCH = "bactrianBatch";
    private static final String LINE = "bactrianBatchLine";
    private static final String CLAIM = "bactrianBatchClaim";

    /** The memory of the lines that are processed at once, in requests of the maximum size. */
    private static final int LARGE_LINES = 4;
    /** The number of outcomes that may wait for one before them; the next line waits then. */
    private static final int MOST_WAITING = 100_000;
    /** How long it is known that a batch of the queue was delivered. */
    private static final Duration REMEMBERED = Duration.ofDays(1);

    /** The id of a batch, reserved for the exchange. */
    private record Claim(String exchangeId, String id, Cancellation cancellation) {
    }

    private CamelContext camelContext;
    private Settings settings;
    private long maxBytes;
    private Window window;

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
        maxBytes = settings.bytes(Property.MAX_REQUEST_BYTES);
        Steps.of(camelContext, BEAN, Batches.class).step("open", Batches::open).value("lines", Batches::lines)
                .step("begin", Batches::begin).test("isRequest", Batches::isRequest).step("refuse", Batches::refuse)
                .step("append", Batches::append).test("mayGoOn", (batches, exchange) -> batches.mayGoOn())
                .step("complete", Batches::complete).step("delivered", Batches::delivered);
    }

    private synchronized Window window() {
        if (window == null) {
            window = new Window(Capacity.of(camelContext).most(), LARGE_LINES * maxBytes);
        }
        return window;
    }

    /**
     * Begins the batch in the body, or continues it where an earlier run has stopped. May be called again after a failure.
     *
     * @throws GenerationFailure {@code invalid-request} if the id is not valid, or a batch with that id is being processed
     * @throws IOException       if what is known of the batch cannot be read or written
     */
    public void open(Exchange exchange) throws IOException {
        open(exchange, true);
    }

    /**
     * Begins or continues a batch as {@link #open} does. Its outcomes are not emitted, so that no part of them is collected where they would
     * be emitted to.
     */
    public void openUnemitted(Exchange exchange) throws IOException {
        open(exchange, false);
    }

    private void open(Exchange exchange, boolean emitted) throws IOException {
        Trigger trigger = Trigger.of(exchange);
        Claim claim = claim(exchange, trigger);
        String id = claim.id();
        try {
            String delivery = delivery(exchange, trigger);
            Path folder = folder(settings, id, delivery);
            if (trigger.attempt() != null) {
                forgetOld(folder.getParent());
            }
            Path beside = emitted ? CamelContextHelper.mandatoryLookup(camelContext, Emitter.BEAN, Emitter.class).batchFile(id) : null;
            Batch batch = new Batch(id, delivery, folder, beside, new LineReader(stream(exchange), maxBytes), claim.cancellation());
            exchange.setProperty(BATCH, batch);
            exchange.getExchangeExtension().addOnCompletion(new End(batch, trigger.attempt() != null && !Spool.isThere(folder)));
        } catch (IOException e) {
            if (Settings.of(camelContext).isFirst("batch " + id)) {
                Batch.LOG.error("{}: the batch cannot begin, and is tried again: {}", id, e.toString());
            }
            throw e;
        }
    }

    private Claim claim(Exchange exchange, Trigger trigger) throws IOException {
        Claim claim = exchange.getProperty(CLAIM, Claim.class);
        if (claim != null && claim.exchangeId().equals(exchange.getExchangeId())) {
            return claim;
        }
        claim = new Claim(exchange.getExchangeId(), id(exchange.getMessage(), trigger),
                trigger.batch() == null ? new Cancellation() : trigger.batch());
        if (!Cancellations.of(camelContext).follow(exchange, claim.id(), claim.cancellation())) {
            if (trigger.attempt() != null && trigger.attempt() > 1) {
                throw new RejectedExecutionException("an earlier delivery of the batch " + claim.id() + " is in work");
            }
            Spool.forget(folder(settings, claim.id(), delivery(exchange, trigger)));
            throw new GenerationFailure(ErrorType.INVALID_REQUEST, "id: a batch with the id " + claim.id() + " is in work");
        }
        exchange.setProperty(CLAIM, claim);
        return claim;
    }

    /** Returns the folder of all batches. */
    private static Path folder(Settings settings) {
        return Path.of(settings.require(Property.DATA_DIR), "batches").toAbsolutePath();
    }

    /** Returns the folder of a batch. */
    static Path folder(Settings settings, String id, String delivery) {
        return folder(settings).resolve(id + "-" + Fingerprint.of(delivery.getBytes(StandardCharsets.UTF_8)));
    }

    /** Deletes a folder with the files in it, if it exists. */
    static void deleteFolder(Path folder) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
            for (Path file : files) {
                Files.deleteIfExists(file);
            }
        } catch (NoSuchFileException e) {
            return;
        }
        Files.deleteIfExists(folder);
    }

    /** Continues the batches whose callers did not wait for them, and which an earlier run has not completed. */
    public void start() throws Exception {
        camelContext.addStartupListener((context, already) -> {
            if (context.getRegistry().lookupByName(BEAN) != this) {
                // Camel creates the beans of a route file more than once.
                return;
            }
            ProducerTemplate template = null;
            for (Path folder : Spool.left(folder(settings))) {
                template = template == null ? context.createProducerTemplate() : template;
                Exchange exchange = context.getEndpoint("direct:bactrian-batch").createExchange();
                Spool.restore(exchange, folder);
                template.asyncSend("direct:bactrian-batch", exchange);
            }
        });
    }

    /**
     * Returns the document about the batch of a queue's message if its outcomes were delivered before, but the message was not acknowledged;
     * else null.
     *
     * @throws IOException if that cannot be read
     */
    public String deliveredBefore(Exchange exchange) throws IOException {
        Trigger trigger = Trigger.of(exchange);
        Path mark = folder(settings, id(exchange.getMessage(), trigger), delivery(exchange, trigger)).resolve(Batch.DELIVERED);
        return Files.exists(mark) ? Files.readString(mark) : null;
    }

    /** Deletes the marks of delivered batches, whose messages were acknowledged long ago. */
    private static void forgetOld(Path batches) throws IOException {
        if (!Files.isDirectory(batches)) {
            return;
        }
        Instant old = Instant.now().minus(REMEMBERED);
        try (DirectoryStream<Path> folders = Files.newDirectoryStream(batches, folder -> Files.exists(folder.resolve(Batch.DELIVERED)))) {
            for (Path folder : folders) {
                if (Files.getLastModifiedTime(folder.resolve(Batch.DELIVERED)).toInstant().isBefore(old)) {
                    deleteFolder(folder);
                }
            }
        }
    }

    private static String id(Message message, Trigger trigger) {
        String id = message.getHeader(Headers.REQUEST_ID, String.class);
        if (id == null || id.isBlank() || message.getHeader(Headers.STATUS) != null) {
            return trigger.defaultId() == null ? UUID.randomUUID().toString() : RequestId.fit(trigger.defaultId());
        } else if (!RequestId.isValid(id)) {
            throw new GenerationFailure(ErrorType.INVALID_REQUEST, Headers.REQUEST_ID + ": " + RequestId.FAULT);
        }
        return id;
    }

    /** Distinguishes batches with one id: a file with other content has another time or length. */
    private static String delivery(Exchange exchange, Trigger trigger) {
        String length = exchange.getMessage().getBody() instanceof WrappedFile<?> file ? "-" + file.getFileLength() : "";
        return trigger.delivery().isEmpty() ? exchange.getExchangeId() : trigger.delivery() + length;
    }

    /**
     * Returns the body as a stream of bytes.
     *
     * @throws GenerationFailure {@code invalid-request} if it is none
     */
    static InputStream stream(Exchange exchange) {
        Object body = exchange.getMessage().getBody();
        InputStream stream = body instanceof InputStream in ? in
                : body instanceof String text ? new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8))
                : body == null ? null : exchange.getContext().getTypeConverter().tryConvertTo(InputStream.class, exchange, body);
        if (stream == null) {
            throw new GenerationFailure(ErrorType.INVALID_REQUEST, "not lines of JSON: " + (body == null ? "no body" : body.getClass().getName()));
        }
        return stream;
    }

    private static Batch of(Exchange exchange) {
        return exchange.getProperty(BATCH, Batch.class);
    }

    /** Returns what counts the lines of the batch of an exchange that were read so far. */
    public static Supplier<ObjectNode> counts(Exchange exchange) {
        Batch batch = of(exchange);
        return () -> counts(batch);
    }

    private static ObjectNode counts(Batch batch) {
        int done = batch.done();
        int failed = batch.failed();
        return JsonNodeFactory.instance.objectNode().put("lines", batch.lines()).put("succeeded", done - failed).put("failed", failed);
    }

    private boolean isStopping() {
        return camelContext.isStopping() || camelContext.isStopped();
    }

    /** Returns the lines that have no outcome yet. The next one is available when fewer than {@code bactrian.max-in-flight} are processed. */
    public Iterator<Line> lines(Exchange exchange) {
        Batch batch = of(exchange);
        return new Iterator<>() {
            private Line next;

            /** Does not wait, because the line before is only processed after this call. */
            @Override
            public boolean hasNext() {
                if (next == null && !isStopping()) {
                    next = batch.next();
                }
                return next != null;
            }

            @Override
            public Line next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                Line line = next;
                next = null;
                return window().enter(line.bytes().length, () -> isStopping(), () -> batch.waiting() >= MOST_WAITING) ? line : Line.NONE;
            }
        };
    }

    /** Begins a line: sets the body to its bytes, and the id that it has by default. Ends the exchange if the application stops. */
    public void begin(Exchange exchange) {
        Message message = exchange.getMessage();
        Line line = message.getBody(Line.class);
        if (line == Line.NONE) {
            exchange.setRouteStop(true);
            return;
        }
        exchange.getExchangeExtension().addOnCompletion(new SynchronizationAdapter() {
            @Override
            public void onDone(Exchange done) {
                window().leave(line.bytes().length);
            }
        });
        Batch batch = of(exchange);
        exchange.setProperty(LINE, line);
        message.removeHeaders("*", Headers.MODEL, Headers.PROVIDER, Headers.FALLBACK, Headers.FALLBACK_AFTER_PAID);
        message.setHeader(Exchange.CONTENT_TYPE, "application/json");
        message.setBody(line.bytes());
        new Trigger(defaultId(batch, line), batch.delivery() + "-" + line.number(), null, null, batch.cancellation(), null, null).set(exchange);
    }

    private static String defaultId(Batch batch, Line line) {
        return RequestId.fit(batch.id() + "-" + line.number());
    }

    /** Whether the line is to be processed: it could be read, and the batch was not cancelled. */
    public boolean isRequest(Exchange exchange) {
        return line(exchange).failure() == null && !of(exchange).cancellation().isRequested();
    }

    /** Whether the request of an exchange is a line of a batch. */
    public static boolean isLine(Exchange exchange) {
        return exchange.getProperty(LINE) != null;
    }

    private static Line line(Exchange exchange) {
        return exchange.getProperty(LINE, Line.class);
    }

    /** Sets the body to the error document of a line that is not processed. */
    public void refuse(Exchange exchange) {
        Line line = line(exchange);
        GenerationFailure failure = line.failure() != null ? line.failure()
                : new GenerationFailure(ErrorType.PREDICTION_CANCELED, "canceled on request", null, 0, false, null);
        exchange.getMessage().setBody(Documents.text(Documents.error(idOf(exchange, line), failure, Instant.now())));
    }

    private String idOf(Exchange exchange, Line line) {
        String id = null;
        try {
            id = line.failure() != null ? null
                    : new RequestReader(maxBytes, Models.of(camelContext).catalogue().providers()).read(line.bytes(), Format.JSON).id();
        } catch (GenerationFailure e) {
            id = e.requestId();
        }
        return id == null ? defaultId(of(exchange), line) : id;
    }

    /**
     * Adds the outcome in the body to those of the batch. It is on the disk afterwards.
     *
     * @throws IOException if it cannot be written
     */
    public void append(Exchange exchange) throws IOException {
        of(exchange).add(line(exchange), exchange.getMessage().getBody(String.class));
    }

    /** Whether to write again what could not be written: until the application stops. */
    public boolean mayGoOn() {
        return !isStopping();
    }

    /**
     * Sets the body to a document about the completed batch, whose file with the outcomes is emitted.
     *
     * @throws GenerationFailure          {@code invalid-request} if all lines are blank
     * @throws RejectedExecutionException if a line has no outcome, because the application stops
     */
    public void complete(Exchange exchange) {
        Batch batch = of(exchange);
        if (!batch.isComplete()) {
            throw new RejectedExecutionException("the batch is not complete, with " + batch.done() + " outcomes; it goes on when it comes again");
        } else if (batch.lines() == 0) {
            batch.delivered("");
            throw new GenerationFailure(ErrorType.INVALID_REQUEST, "no request: every line is blank");
        }
        boolean canceled = !batch.cancellation().settle();
        Duration took = Duration.between(batch.startedAt(), Instant.now());
        Batch.LOG.info("{}: {}, {} lines: {} succeeded, {} failed, in {} s", batch.id(), canceled ? "canceled" : "complete", batch.lines(),
                batch.lines() - batch.failed(), batch.failed(), took.toSeconds());
        Message message = exchange.getMessage();
        message.removeHeaders("*");
        message.setHeader(Headers.REQUEST_ID, batch.id());
        message.setHeader(Headers.STATUS, canceled ? "failed" : "succeeded");
        message.setBody(document(batch, canceled, took));
        exchange.setProperty(Emitter.BATCH, batch.part());
    }

    private static String document(Batch batch, boolean canceled, Duration took) {
        ObjectNode document = JsonNodeFactory.instance.objectNode().put("id", batch.id()).put("status", canceled ? "failed" : "succeeded")
                .putNull("provider").putNull("model");
        document.set("batch", counts(batch));
        return Documents.text(document.put("startedAt", batch.startedAt().toString()).put("durationMs", took.toMillis()));
    }

    /** Records that the outcomes are delivered or kept. What is known of the batch is deleted once its exchange is done. */
    public void delivered(Exchange exchange) {
        of(exchange).delivered(exchange.getMessage().getBody(String.class));
    }

    /** Closes the files of a batch when its exchange is done, after the file of its requests was moved. */
    private static final class End extends SynchronizationAdapter {

        private final Batch batch;
        private final boolean queued;

        End(Batch batch, boolean queued) {
            this.batch = batch;
            this.queued = queued;
        }

        @Override
        public void onDone(Exchange done) {
            try {
                batch.close();
                if (!done.isFailed()) {
                    batch.forget(queued);
                }
            } catch (IOException e) {
                Batch.LOG.warn("{}: what was recorded of the batch cannot be deleted: {}", batch.id(), e.toString());
            }
        }

        @Override
        public int getOrder() {
            return Ordered.LOWEST;
        }
    }
}
