package dev.bactrian.emit;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.config.Settings.EmitFormat;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.FailureDocuments;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Generation;
import dev.bactrian.generate.Headers;
import dev.bactrian.http.Answers;
import dev.bactrian.upstage.ChatStream;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.util.URISupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What {@code routes/emit.yaml} can't say itself: which messages go where. */
public final class Emitter implements CamelContextAware {

    private static final Logger LOG = LoggerFactory.getLogger("dev.bactrian.emit");

    private CamelContext camelContext;
    private Settings settings;
    private List<String> results;
    private List<String> errors;
    private List<String> chunks;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        settings = Settings.of(camelContext);
        results = endpoints(Property.EMIT_RESULT);
        errors = endpoints(Property.EMIT_ERROR);
        chunks = endpoints(Property.EMIT_CHUNK);
    }

    private List<String> endpoints(Property property) {
        return settings.endpoints(property).stream().map(Emitter::wholeFiles).toList();
    }

    /** A file is written under a temporary name and renamed, so that no reader sees half of one. */
    static String wholeFiles(String uri) {
        if (!uri.startsWith("file:") || uri.contains("tempPrefix=") || uri.contains("tempFileName=") || uri.contains("fileExist=Append")) {
            return uri;
        }
        return uri + (uri.contains("?") ? "&" : "?") + "tempPrefix=.tmp-&eagerDeleteTargetFile=false";
    }

    /** Where chunks go. */
    public List<String> chunkEndpoints() {
        return chunks;
    }

    /** For the routes: whether chunks go anywhere. */
    public boolean isChunksWanted() {
        return !chunks.isEmpty();
    }

    /** Leaves the headers of a chunk on its message. */
    public void chunkHeaders(Exchange exchange) {
        Message message = exchange.getMessage();
        message.setHeader(Headers.CHUNK_INDEX, exchange.getProperty(org.apache.camel.ExchangePropertyKey.SPLIT_INDEX));
    }

    /** Leaves the headers that every chunk of a request has. */
    public void requestHeaders(Exchange exchange) {
        Generation generation = exchange.getVariable("generation", Generation.class);
        exchange.getMessage().removeHeaders("*");
        exchange.getMessage().getHeaders().putAll(Documents.headers(generation, "text", "processing"));
    }

    /** A chunk could not be passed on: its stream, where it is one, ends there. */
    public void chunkFailed(Exchange exchange) {
        Throwable cause = FailureDocuments.cause(exchange);
        GenerationFailure failure = new GenerationFailure(ErrorType.DELIVERY_FAILED,
                "a chunk could not be emitted: " + problem(cause), null, 1, false, cause);
        ChatStream stream = exchange.getVariable("stream", ChatStream.class);
        if (stream != null) {
            stream.fail(failure);
        } else {
            throw failure;
        }
    }

    /** The deliveries of the document that is the body: to each destination for its status once. */
    public Emission emission(Exchange exchange) {
        String document = exchange.getMessage().getBody(String.class);
        boolean failed = "failed".equals(exchange.getMessage().getHeader(Headers.STATUS));
        List<Delivery> deliveries = new ArrayList<>();
        for (String uri : failed ? errors : results) {
            if (failed || settings.emitFormat() == EmitFormat.JSON) {
                deliveries.add(new Delivery(uri, document, "application/json"));
            } else {
                contents(Answers.json(document).orElse(MissingNode.getInstance()), uri, deliveries);
            }
        }
        return new Emission(document, deliveries);
    }

    private static void contents(JsonNode document, String uri, List<Delivery> deliveries) {
        deliveries.add(new Delivery(uri, document.path("text").asText(""), "text/plain; charset=UTF-8"));
    }

    /** Makes the message of a delivery: its body, the Bactrian headers, and a content type where HTTP needs one. */
    public Delivery open(Exchange exchange) {
        Delivery delivery = exchange.getMessage().getBody(Delivery.class);
        Message message = exchange.getMessage();
        message.setBody(delivery.body());
        message.removeHeaders("*", "Bactrian*");
        if (delivery.uri().startsWith("http:") || delivery.uri().startsWith("https:")) {
            message.setHeader(Exchange.CONTENT_TYPE, delivery.contentType());
            if (delivery.body() instanceof String text) {
                message.setBody(text.getBytes(StandardCharsets.UTF_8));
            }
        }
        return delivery;
    }

    /** Notes that a delivery could not be made. */
    public void failed(Exchange exchange) {
        Delivery delivery = exchange.getVariable("delivery", Delivery.class);
        Throwable cause = FailureDocuments.cause(exchange);
        String problem = settings.redact(URISupport.sanitizeUri(delivery.uri()) + ": " + problem(cause));
        LOG.warn("{}: could not be emitted to {}", exchange.getMessage().getHeader(Headers.REQUEST_ID), problem);
        exchange.getVariable("emission", Emission.class).failed(problem);
    }

    private static String problem(Throwable cause) {
        return cause.getMessage() == null ? cause.getClass().getSimpleName() : Answers.oneLine(cause.getMessage());
    }
}
