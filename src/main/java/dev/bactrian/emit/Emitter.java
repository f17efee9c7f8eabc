package dev.bactrian.emit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
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
import org.apache.camel.ExchangeException;
import org.apache.camel.Message;
import org.apache.camel.Processor;
import org.apache.camel.http.base.HttpOperationFailedException;
import org.apache.camel.support.CamelContextHelper;
import org.slf4j.Logger;

/**
 * Which messages an outcome comes to, and what becomes of each. For {@code routes/emit.camel.yaml}; as a processor it makes the
 * message of a delivery.
 */
public final class Emitter implements CamelContextAware, Processor {

    /** The name of the bean. */
    public static final String BEAN = "bactrianEmitter";

    /** The name of the bean that says that the application is the service: what it sends to itself, nobody takes. */
    public static final String STANDALONE = "bactrianStandalone";

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.emit");

    /** Where content goes by default: a name that ends in {@code .json} would lie about it. */
    private static final String CONTENT_DEFAULT = "file:outbox?fileName=${header.BactrianContentName}";

    private CamelContext camelContext;
    private Settings settings;
    private List<String> results;
    private List<String> errors;
    private DestinationEndpoints destinations;
    private UndeliveredFolder undelivered;

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
        boolean content = settings.emitFormat() == EmitFormat.CONTENT && !settings.isSet(Property.EMIT_RESULT);
        results = content ? List.of(DestinationUris.asMeant(CONTENT_DEFAULT)) : endpoints(Property.EMIT_RESULT);
        errors = endpoints(Property.EMIT_ERROR);
        destinations = DestinationEndpoints.of(camelContext);
        undelivered = new UndeliveredFolder();
        undelivered.setCamelContext(camelContext);
    }

    private List<String> endpoints(Property property) {
        return settings.endpoints(property).stream().map(DestinationUris::asMeant).toList();
    }

    /** What the document that is the body comes to: to each destination for its status once, with {@code content} each image apart. */
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

    /** A round in which what is not sent yet is tried. */
    public void begin(Exchange exchange) {
        Outgoing.document(exchange).begin();
        // How often the rounds were tried is not how often a delivery was.
        exchange.getMessage().removeHeaders("CamelRedeliver*");
    }

    /** Whether the messages of the document are not known yet. */
    public boolean isFirst(Exchange exchange) {
        return !Outgoing.document(exchange).isOpened();
    }

    /** Finds all messages of the document that is the body. */
    public void addMessages(Exchange exchange) {
        ResultImages images = Outgoing.images(exchange);
        List<Delivery> messages = new ArrayList<>();
        deliveries(exchange).forEach(delivery -> messages.addAll(messages(delivery, images)));
        Outgoing.document(exchange).open(exchange.getMessage().getBody(String.class), images, messages);
    }

    /** The messages of the delivery that the exchange makes, whose document is the body. */
    public List<Delivery> messages(Exchange exchange) {
        Delivery delivery = Outgoing.delivery(exchange);
        return messages(delivery.json() ? Delivery.document(delivery.destination(), exchange.getMessage().getBody(String.class)) : delivery,
                Outgoing.images(exchange));
    }

    /** In order: the images that go with a document come before it. */
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

    /** The document of a delivery that has to wait, with the images that are here by now: they are not there for ever. */
    public static Optional<String> waiting(Exchange exchange) {
        return Outgoing.images(exchange).waiting();
    }

    /** What of the document is still to be sent, in order. */
    public List<Delivery> pending(Exchange exchange) {
        return Outgoing.document(exchange).pending();
    }

    /** Whether the delivery that is the body can be made, all that belongs before it being there. */
    public boolean isDue(Exchange exchange) {
        return Outgoing.document(exchange).isDue(exchange.getMessage().getBody(Delivery.class));
    }

    /** Whether the exchange is that of a document on its way out, and not a delivery from the queue. */
    public boolean isEmitting(Exchange exchange) {
        return Outgoing.document(exchange) != null;
    }

    /** A delivery was made. */
    public void sent(Exchange exchange) {
        if (isEmitting(exchange)) {
            Outgoing.document(exchange).sent(Outgoing.delivery(exchange));
        }
    }

    /** Whether a delivery that has failed is tried again in this round: in the first alone, as often as is set. */
    public boolean mayDeliverAgain(Exchange exchange) {
        return isEmitting(exchange) && !Outgoing.document(exchange).isTriedAgain() && !Outgoing.document(exchange).isClosed() && retries().mayDeliverAgain(exchange);
    }

    /** Whether another round is made: until all is delivered or kept, or the application has stopped. */
    public boolean mayGoOn(Exchange exchange) {
        return !Outgoing.document(exchange).isClosed();
    }

    private Retries retries() {
        return CamelContextHelper.mandatoryLookup(camelContext, "bactrianRetries", Retries.class);
    }

    /**
     * Makes the message of the delivery that is the body: its content, the Bactrian headers, and a content type where one is
     * needed.
     *
     * @throws ImageException where it is an image that can't be downloaded
     */
    @Override
    public void process(Exchange exchange) throws ImageException {
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

    /** A caller's own header may be named as ours, and would name a file. */
    private static void removeOthers(Message message) {
        message.removeHeaders("*", Headers.REQUEST_ID, Headers.PROVIDER, Headers.MODEL, Headers.KIND, Headers.STATUS, "CamelRedeliver*");
    }

    private static void open(Message message, ResultImage image) {
        message.setBody(image.content().bytes());
        message.setHeader(Headers.CONTENT_NAME, image.name());
        message.setHeader(Exchange.CONTENT_TYPE, image.content().contentType());
    }

    /**
     * Fails with what a destination failed with. A host's route there has an error handler of its own, and what that has
     * given up counts as handled with Camel; caught and thrown again, it does not.
     */
    public void refused(Exchange exchange, @ExchangeException Exception cause) throws Exception {
        TemporaryFiles.remove(exchange);
        exchange.getExchangeExtension().setFailureHandled(false);
        exchange.getExchangeExtension().setErrorHandlerHandled(null);
        throw cause;
    }

    /** The same, said in the log: nobody else says that an outcome could not even be kept. */
    public void lost(Exchange exchange, @ExchangeException Exception cause) throws Exception {
        Generation generation = Job.generation(exchange);
        Object id = exchange.getMessage().getHeader(Headers.REQUEST_ID, generation == null ? "a request" : generation.id());
        LOG.error("{}: neither emitted nor kept in {}/: {}", id,
                settings.require(Property.UNDELIVERED), settings.redact(Masked.text(OneLine.of(Cause.words(Cause.of(cause))))));
        refused(exchange, cause);
    }

    /** Notes that a delivery could not be made. */
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
        outgoing.failed(delivery, problem, Math.max(1, Job.in(exchange).attempts()));
    }

    /** Notes that something else went wrong in a round. */
    public void broken(Exchange exchange) {
        Throwable cause = Cause.of(exchange);
        OutgoingDocument outgoing = Outgoing.document(exchange);
        if (!outgoing.isTriedAgain() && !outgoing.isClosed()) {
            LOG.error("{}: could not be emitted", outgoing.id(), cause);
        }
        outgoing.broken(settings.redact(Masked.text(OneLine.of(cause.toString()))));
    }

    /**
     * Keeps what of the document could not be delivered.
     *
     * @throws IOException where it can't be written
     */
    public void keepUndelivered(Exchange exchange) throws IOException {
        if (Outgoing.document(exchange).isIncomplete()) {
            keep(Outgoing.document(exchange));
        }
    }

    void keep(OutgoingDocument document) throws IOException {
        undelivered.keep(document);
    }

    /** Where it is kept. */
    Path folder() {
        return undelivered.folder();
    }

    /** Fails because an outcome is neither delivered nor kept, and says so once. */
    public void notKept(Exchange exchange, @ExchangeException Exception cause) throws Exception {
        OutgoingDocument outgoing = Outgoing.document(exchange);
        if (!outgoing.isTriedAgain() && !outgoing.isClosed()) {
            LOG.warn("{}: neither emitted nor kept in {}/: {}; it stays in work and is tried again", outgoing.id(),
                    settings.require(Property.UNDELIVERED), UndeliveredFolder.reason(Cause.of(cause)));
        }
        throw cause;
    }

    /** Says that an outcome that could go nowhere has gone somewhere. */
    public void safe(Exchange exchange) {
        OutgoingDocument outgoing = Outgoing.document(exchange);
        if (outgoing.isTriedAgain()) {
            LOG.warn("{}: {}", outgoing.id(), outgoing.isKept() ? "is kept in " + settings.require(Property.UNDELIVERED) + "/ now" : "is emitted now");
        }
    }

    /** Where a delivery could not be made and why, in one line without a secret. */
    public String problem(Delivery delivery, Throwable cause) {
        String destination = destination(delivery);
        boolean lost = cause instanceof ImageException && delivery.image() != null && !ImageContent.isData(delivery.image().url());
        return settings.redact(destination + ": " + (lost ? "image " + delivery.image().url() + ": " : "") + problem(cause));
    }

    /** The name of a destination, without a secret. */
    static String destination(Delivery delivery) {
        return delivery.isReply() ? "its JMSReplyTo" : Masked.uri(delivery.destination());
    }

    /** An HTTP destination's address may hold a secret, and Camel's own message holds the address. */
    private static String problem(Throwable cause) {
        return cause instanceof HttpOperationFailedException http ? "answered " + http.getStatusCode()
                : Masked.text(OneLine.of(Cause.words(cause)));
    }
}
