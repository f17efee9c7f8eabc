package dev.bactrian.emit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Masked;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.config.Settings.EmitFormat;
import dev.bactrian.config.Settings.ImagesMode;
import dev.bactrian.core.Job;
import dev.bactrian.core.Steps;
import dev.bactrian.error.Cause;
import dev.bactrian.flow.Retries;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Generation;
import dev.bactrian.generate.Headers;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;
import org.apache.camel.RuntimeCamelException;
import org.apache.camel.component.file.FileEndpoint;
import org.apache.camel.component.file.GenericFileProducer;
import org.apache.camel.http.base.HttpOperationFailedException;
import org.apache.camel.support.CamelContextHelper;
import org.slf4j.Logger;

/**
 * Determines the messages of an outcome and tracks their delivery, for {@code routes/emit.camel.yaml}. As a processor it makes the
 * message of a delivery.
 */
public final class Emitter implements CamelContextAware, Processor {

    /** The name of the bean. */
    public static final String BEAN = "bactrianEmitter";

    /** The name of the bean that marks the standalone service, where a destination without a consumer is an error. */
    public static final String STANDALONE = "bactrianStandalone";

    /** The exchange property with the file of a batch's outcomes: it is sent in place of the document in the body. */
    public static final String BATCH = "bactrianBatchFile";

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.emit");

    /** The default destination for content, which must not be stored in a file {@code .json}. */
    private static final String CONTENT_DEFAULT = "file:outbox?fileName=${header.BactrianContentName}";

    private CamelContext camelContext;
    private Settings settings;
    private List<String> results;
    private List<String> errors;
    private List<String> batches;
    private DestinationEndpoints destinations;
    private UndeliveredFolder undelivered;

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
        boolean content = settings.emitFormat() == EmitFormat.CONTENT && !settings.isSet(Property.EMIT_RESULT);
        results = content ? List.of(DestinationUris.asMeant(CONTENT_DEFAULT)) : endpoints(Property.EMIT_RESULT);
        errors = endpoints(Property.EMIT_ERROR);
        batches = endpoints(Property.EMIT_BATCH);
        destinations = DestinationEndpoints.of(camelContext);
        undelivered = new UndeliveredFolder();
        undelivered.setCamelContext(camelContext);
        Steps.of(camelContext, BEAN, Emitter.class).step("begin", Emitter::begin).test("isFirst", Emitter::isFirst)
                .step("addMessages", Emitter::addMessages).value("pending", Emitter::pending).test("isDue", Emitter::isDue)
                .step("broken", Emitter::broken).step("keepUndelivered", Emitter::keepUndelivered).step("notKept", Emitter::notKept)
                .step("safe", Emitter::safe).step("refused", Emitter::refused).step("sent", Emitter::sent).step("failed", Emitter::failed)
                .step("lost", Emitter::lost).test("mayDeliverAgain", Emitter::mayDeliverAgain).test("isEmitting", Emitter::isEmitting)
                .test("mayGoOn", Emitter::mayGoOn);
    }

    private List<String> endpoints(Property property) {
        return settings.endpoints(property).stream().map(DestinationUris::asMeant).toList();
    }

    /**
     * Returns the deliveries of the document in the body: one for each destination of its status, or one for each image with the emit
     * format {@code content}.
     */
    public List<Delivery> deliveries(Exchange exchange) {
        String document = exchange.getMessage().getBody(String.class);
        boolean failed = "failed".equals(exchange.getMessage().getHeader(Headers.STATUS));
        List<Delivery> deliveries = new ArrayList<>();
        for (String uri : failed ? errors : results) {
            if (!failed && settings.emitFormat() == EmitFormat.CONTENT) {
                contents(document, uri, Outgoing.images(exchange), deliveries);
            } else {
                deliveries.add(Delivery.document(uri, document));
            }
        }
        return deliveries;
    }

    /** Begins a round in which the pending messages are sent. */
    public void begin(Exchange exchange) {
        Outgoing.document(exchange).begin();
        // The redelivery count of the rounds is not that of a delivery.
        exchange.getMessage().removeHeaders("CamelRedeliver*");
    }

    /** Whether the messages of the document are not determined yet. */
    public boolean isFirst(Exchange exchange) {
        return !Outgoing.document(exchange).isOpened();
    }

    /** Determines all messages of the document in the body. */
    public void addMessages(Exchange exchange) {
        ResultImages images = Outgoing.images(exchange);
        List<Delivery> messages = new ArrayList<>();
        Path batch = Outgoing.document(exchange).batch();
        List<Delivery> all = batch == null ? deliveries(exchange) : batches.stream().map(uri -> Delivery.batch(uri, batch)).toList();
        all.forEach(delivery -> messages.addAll(messages(delivery, images)));
        Outgoing.document(exchange).open(exchange.getMessage().getBody(String.class), images, messages);
    }

    /** Returns the messages of the current delivery, whose document is in the body. */
    public List<Delivery> messages(Exchange exchange) {
        Delivery delivery = Outgoing.delivery(exchange);
        return messages(delivery.json() ? Delivery.document(delivery.destination(), exchange.getMessage().getBody(String.class)) : delivery,
                Outgoing.images(exchange));
    }

    /** In order: the images of a document before the document. */
    private List<Delivery> messages(Delivery delivery, ResultImages images) {
        List<Delivery> messages = new ArrayList<>();
        if (delivery.json() && settings.imagesMode() == ImagesMode.DOWNLOAD) {
            images.all().stream().filter(image -> !image.isMissing())
                    .forEach(image -> messages.add(Delivery.image(delivery.destination(), DestinationUris.forFiles(delivery.destination()), image)));
        }
        messages.add(delivery);
        messages.replaceAll(message -> message.isReply() ? message : message.to(destinations.withTimeouts(message.uri())));
        return messages;
    }

    private static void contents(String document, String uri, ResultImages known, List<Delivery> deliveries) {
        JsonNode json = ProviderJson.json(document).orElseThrow();
        if (json.has("images")) {
            ResultImages images = known.all().isEmpty() ? ResultImages.of(document, ImagesMode.URL) : known;
            images.all().forEach(image -> deliveries.add(Delivery.image(uri, uri, image)));
        } else {
            JsonNode text = json.has("text") ? json.get("text") : json.path("output");
            deliveries.add(Delivery.text(uri, text.isTextual() ? text.textValue() : Documents.text(text)));
        }
    }

    /**
     * Returns the document for a delivery that has to wait, with the images that were downloaded, because their URLs expire; empty if
     * there are none.
     */
    public static Optional<String> waiting(Exchange exchange) {
        return Outgoing.images(exchange).waiting();
    }

    /** Returns the messages that are still to be sent, in order. */
    public List<Delivery> pending(Exchange exchange) {
        return Outgoing.document(exchange).pending();
    }

    /** Whether the delivery in the body can be sent: the messages that must precede it were sent. */
    public boolean isDue(Exchange exchange) {
        return Outgoing.document(exchange).isDue(exchange.getMessage().getBody(Delivery.class));
    }

    /** Whether the exchange emits a document, as opposed to a delivery from the queue. */
    public boolean isEmitting(Exchange exchange) {
        return Outgoing.document(exchange) != null;
    }

    /** Records that the delivery was made. */
    public void sent(Exchange exchange) {
        if (isEmitting(exchange)) {
            Outgoing.document(exchange).sent(Outgoing.delivery(exchange));
        }
    }

    /** Whether a failed delivery is repeated within the round: only in the first round, up to the configured number of retries. */
    public boolean mayDeliverAgain(Exchange exchange) {
        return isEmitting(exchange) && !Outgoing.document(exchange).isTriedAgain() && !Outgoing.document(exchange).isClosed() && retries().mayDeliverAgain(exchange);
    }

    /** Whether to begin another round: until everything is delivered or kept, or the application has stopped. */
    public boolean mayGoOn(Exchange exchange) {
        return !Outgoing.document(exchange).isClosed();
    }

    private Retries retries() {
        return CamelContextHelper.mandatoryLookup(camelContext, "bactrianRetries", Retries.class);
    }

    /**
     * Makes the message of the delivery in the body: its content, the Bactrian headers, and a content type if one is needed.
     *
     * @throws ImageException if it is an image that cannot be downloaded
     * @throws IOException    if it is a batch whose outcomes cannot be read
     */
    @Override
    public void process(Exchange exchange) throws ImageException, IOException {
        Message message = exchange.getMessage();
        if (message.getBody() instanceof Delivery next) {
            Outgoing.deliver(exchange, next);
        }
        Delivery delivery = Outgoing.delivery(exchange);
        if (delivery.isUnfetched()) {
            CamelContextHelper.mandatoryLookup(camelContext, ImageDownloads.BEAN, ImageDownloads.class).download(delivery.image());
        }
        removeOthers(message);
        String requestId = message.getHeader(Headers.REQUEST_ID, String.class);
        if (delivery.image() != null) {
            open(message, delivery.image());
        } else if (delivery.file() != null) {
            open(message, delivery, delivery.file());
        } else {
            open(message, delivery);
        }
        if (DestinationUris.isFile(delivery.uri())) {
            FileNames.warnOfReplaced(exchange, delivery.uri(), requestId);
        }
    }

    private void open(Message message, Delivery delivery) {
        boolean succeeded = "succeeded".equals(message.getHeader(Headers.STATUS));
        String id = message.getHeader(Headers.REQUEST_ID, String.class);
        if (succeeded && DestinationUris.namesFiles(delivery.uri())) {
            id = FileNames.ofResult(id);
            message.setHeader(Headers.REQUEST_ID, id);
        }
        message.setBody(delivery.byHttp() ? delivery.text().getBytes(StandardCharsets.UTF_8) : delivery.text());
        if (delivery.byHttp()) {
            message.setHeader(Exchange.CONTENT_TYPE, delivery.json() ? "application/json" : "text/plain; charset=UTF-8");
        }
        if (!delivery.json()) {
            message.setHeader(Headers.CONTENT_NAME, id + ".txt");
        } else if (settings.imagesMode() == ImagesMode.DOWNLOAD && succeeded) {
            message.setHeader(Headers.CONTENT_NAME, id + ".json");
        }
    }

    private static void open(Message message, Delivery delivery, Path batch) throws IOException {
        // Components for files and HTTP read a file as it is. For others it may be gone when they read it.
        message.setBody(DestinationUris.namesFiles(delivery.uri()) || delivery.byHttp() ? batch.toFile() : Files.newInputStream(batch));
        message.setHeader(Headers.CONTENT_NAME, message.getHeader(Headers.REQUEST_ID) + FileNames.BATCH);
        if (delivery.byHttp()) {
            message.setHeader(Exchange.CONTENT_TYPE, "application/x-ndjson");
        }
    }

    /**
     * Returns the file that the outcomes of the batch will be written to, or null if there is none on this machine.
     *
     * @param id the id of the batch
     */
    public Path batchFile(String id) throws IOException {
        try {
            for (String uri : batches) {
                if (DestinationUris.isFile(uri) && camelContext.getEndpoint(uri) instanceof FileEndpoint endpoint) {
                    Exchange exchange = endpoint.createExchange();
                    exchange.getMessage().setHeader(Headers.REQUEST_ID, id);
                    exchange.getMessage().setHeader(Headers.STATUS, "succeeded");
                    exchange.getMessage().setHeader(Headers.CONTENT_NAME, id + FileNames.BATCH);
                    return Path.of(((GenericFileProducer<?>) endpoint.createProducer()).createFileName(exchange)).toAbsolutePath();
                }
            }
            return null;
        } catch (IOException e) {
            throw e;
        } catch (Exception e) {
            throw new IOException(Cause.words(Cause.of(e)), e);
        }
    }

    /** Removes all other headers. A header of the caller that has the name of one of ours could change the file name. */
    private static void removeOthers(Message message) {
        message.removeHeaders("*", Headers.REQUEST_ID, Headers.PROVIDER, Headers.MODEL, Headers.KIND, Headers.STATUS, "CamelRedeliver*");
    }

    private static void open(Message message, ResultImage image) {
        message.setBody(image.content().bytes());
        message.setHeader(Headers.CONTENT_NAME, image.name());
        message.setHeader(Exchange.CONTENT_TYPE, image.content().contentType());
    }

    /**
     * Rethrows the failure of a destination. A host's route may have handled it with an error handler of its own, and Camel ignores an
     * exception that is marked as handled; the marks are reset.
     */
    public void refused(Exchange exchange) throws Exception {
        TemporaryFiles.remove(exchange);
        Exception failure = failure(exchange);
        exchange.getExchangeExtension().setFailureHandled(false);
        exchange.getExchangeExtension().setErrorHandlerHandled(null);
        throw failure;
    }

    private static Exception failure(Exchange exchange) {
        Throwable cause = Cause.of(exchange);
        return cause instanceof Exception exception ? exception : new RuntimeCamelException(cause);
    }

    /** Logs that an outcome was neither emitted nor kept, and rethrows the failure of the destination. */
    public void lost(Exchange exchange) throws Exception {
        Generation generation = Job.generation(exchange);
        Object id = exchange.getMessage().getHeader(Headers.REQUEST_ID, generation == null ? "a request" : generation.id());
        LOG.error("{}: neither emitted nor kept in {}/: {}", id,
                settings.require(Property.UNDELIVERED), settings.redact(Masked.text(OneLine.of(Cause.words(Cause.of(exchange))))));
        refused(exchange);
    }

    /** Records that a delivery failed. */
    public void failed(Exchange exchange) {
        if (!isEmitting(exchange)) {
            return;
        }
        Delivery delivery = Outgoing.delivery(exchange);
        OutgoingDocument outgoing = Outgoing.document(exchange);
        String problem = problem(delivery, Cause.of(exchange));
        if (!outgoing.isTriedAgain() && !outgoing.isClosed()) {
            LOG.warn("{}: could not be emitted to {}", outgoing.id(), problem);
        }
        outgoing.failed(delivery, problem, Math.max(1, Job.in(exchange).attempts().failures()));
    }

    /** Records a failure in a round that is not one of a delivery. */
    public void broken(Exchange exchange) {
        Throwable cause = Cause.of(exchange);
        OutgoingDocument outgoing = Outgoing.document(exchange);
        if (!outgoing.isTriedAgain() && !outgoing.isClosed()) {
            LOG.error("{}: could not be emitted", outgoing.id(), cause);
        }
        outgoing.broken(settings.redact(Masked.text(OneLine.of(cause.toString()))));
    }

    /**
     * Keeps the parts of the document that could not be delivered.
     *
     * @throws IOException if they cannot be written
     */
    public void keepUndelivered(Exchange exchange) throws IOException {
        if (Outgoing.document(exchange).isIncomplete()) {
            keep(Outgoing.document(exchange));
        }
    }

    void keep(OutgoingDocument document) throws IOException {
        undelivered.keep(document);
    }

    /** Returns the folder for undelivered documents. */
    Path folder() {
        return undelivered.folder();
    }

    /** Rethrows the failure to keep an undelivered outcome. Logs it once. */
    public void notKept(Exchange exchange) throws Exception {
        OutgoingDocument outgoing = Outgoing.document(exchange);
        if (!outgoing.isTriedAgain() && !outgoing.isClosed()) {
            LOG.warn("{}: neither emitted nor kept in {}/: {}; it stays in work and is tried again", outgoing.id(),
                    settings.require(Property.UNDELIVERED), UndeliveredFolder.reason(Cause.of(exchange)));
        }
        throw failure(exchange);
    }

    /** Logs that an outcome was delivered or kept after earlier rounds had failed to do either. */
    public void safe(Exchange exchange) {
        OutgoingDocument outgoing = Outgoing.document(exchange);
        if (outgoing.isTriedAgain()) {
            LOG.warn("{}: {}", outgoing.id(), outgoing.isKept() ? "is kept in " + settings.require(Property.UNDELIVERED) + "/ now" : "is emitted now");
        }
    }

    /** Describes why a delivery failed, in one line without secrets. */
    public String problem(Delivery delivery, Throwable cause) {
        String destination = destination(delivery);
        boolean lost = cause instanceof ImageException && delivery.image() != null && !ImageContent.isData(delivery.image().url());
        return settings.redact(destination + ": " + (lost ? "image " + delivery.image().url() + ": " : "") + problem(cause));
    }

    /** Returns the name of a destination without secrets. */
    static String destination(Delivery delivery) {
        return delivery.isReply() ? "its JMSReplyTo" : Masked.uri(delivery.destination());
    }

    /** Omits Camel's message for HTTP failures, because it contains the URL, which may contain a secret. */
    private static String problem(Throwable cause) {
        return cause instanceof HttpOperationFailedException http ? "answered " + http.getStatusCode()
                : Masked.text(OneLine.of(Cause.words(cause)));
    }
}
