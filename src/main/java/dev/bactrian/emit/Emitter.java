package dev.bactrian.emit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings.EmitFormat;
import dev.bactrian.config.Settings;
import dev.bactrian.error.FailureDocuments;
import dev.bactrian.generate.Headers;
import dev.bactrian.http.Answers;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.RuntimeCamelException;
import org.apache.camel.http.base.HttpOperationFailedException;
import org.apache.camel.util.StringHelper;
import org.apache.camel.util.URISupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What {@code routes/emit.camel.yaml} can't say itself: which messages go where. */
public final class Emitter implements CamelContextAware {

    private static final Logger LOG = LoggerFactory.getLogger("dev.bactrian.emit");

    /** Where content goes by default: a name that ends in {@code .json} would lie about it. */
    private static final String CONTENT_DEFAULT = "file:outbox?fileName=${header.BactrianContentName}";

    private CamelContext camelContext;
    private Settings settings;
    private List<String> results;
    private List<String> errors;
    private Images images;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        settings = Settings.of(camelContext);
        boolean content = settings.emitFormat() == EmitFormat.CONTENT && !settings.isSet(Property.EMIT_RESULT);
        results = content ? List.of(asMeant(CONTENT_DEFAULT)) : endpoints(Property.EMIT_RESULT);
        images = new Images(settings);
        try {
            camelContext.addStartupListener((context, alreadyStarted) -> requireComponents());
        } catch (Exception e) {
            throw RuntimeCamelException.wrapRuntimeCamelException(e);
        }
        errors = endpoints(Property.EMIT_ERROR);
    }

    /** A destination that no component serves stops the start, and not the first result. */
    private void requireComponents() {
        for (Property property : List.of(Property.EMIT_RESULT, Property.EMIT_ERROR, Property.EMIT_CHUNK)) {
            for (String uri : settings.endpoints(property)) {
                String scheme = StringHelper.before(uri, ":", uri);
                if (!uri.startsWith("{{") && camelContext.getComponent(scheme) == null) {
                    throw new SettingException(property.key(), "no component '" + scheme + "' is on the class path");
                }
            }
        }
    }

    /** Closes the connections over which images came. */
    public void stop() throws IOException {
        images.close();
    }

    private List<String> endpoints(Property property) {
        return settings.endpoints(property).stream().map(Emitter::asMeant).toList();
    }

    /**
     * A file is written under a temporary name and renamed, so that no reader sees half of one. HTTP is a POST also where
     * the URI has a query, of which camel-http would make a GET without the body.
     */
    static String asMeant(String uri) {
        if ((uri.startsWith("http:") || uri.startsWith("https:")) && !uri.contains("httpMethod=")) {
            return uri + (uri.contains("?") ? "&" : "?") + "httpMethod=POST";
        }
        if (!uri.startsWith("file:") || uri.contains("tempPrefix=") || uri.contains("tempFileName=") || uri.contains("fileExist=Append")) {
            return uri;
        }
        return uri + (uri.contains("?") ? "&" : "?") + "tempPrefix=.tmp-&eagerDeleteTargetFile=false";
    }

    /** The deliveries of the document that is the body: to each destination for its status once. */
    public Emission emission(Exchange exchange) {
        String document = exchange.getMessage().getBody(String.class);
        boolean failed = "failed".equals(exchange.getMessage().getHeader(Headers.STATUS));
        List<Delivery> deliveries = new ArrayList<>();
        for (String uri : failed ? errors : results) {
            if (failed || settings.emitFormat() == EmitFormat.JSON) {
                deliveries.add(Delivery.document(uri, document));
            } else {
                contents(Answers.json(document).orElseThrow(), uri, deliveries);
            }
        }
        return new Emission(document, deliveries);
    }

    private static void contents(JsonNode document, String uri, List<Delivery> deliveries) {
        if (document.has("images")) {
            int index = 0;
            for (JsonNode image : document.get("images")) {
                deliveries.add(Delivery.image(uri, image.path("url").asText(), index++));
            }
        } else {
            JsonNode text = document.has("text") ? document.get("text") : document.path("output");
            deliveries.add(Delivery.text(uri, text.isTextual() ? text.textValue() : text.toString()));
        }
    }

    /**
     * Makes the message of a delivery: its body, the Bactrian headers, and a content type where HTTP needs one.
     *
     * @throws IOException where the bytes of an image can't be had
     */
    public void open(Exchange exchange) throws IOException {
        Message message = exchange.getMessage();
        Delivery delivery = exchange.getVariable("delivery", Delivery.class);
        // First what can fail: the headers still hold the count of the tries.
        Images.Image image = delivery.imageUrl() == null ? null : images.fetch(delivery.imageUrl());
        message.removeHeaders("*", "Bactrian*", "CamelRedeliver*");
        String id = message.getHeader(Headers.REQUEST_ID, String.class);
        String contentType;
        if (image != null) {
            message.setHeader(Headers.CONTENT_NAME, id + "-" + delivery.index() + "." + image.extension());
            message.setBody(image.bytes());
            contentType = image.contentType();
        } else {
            message.setBody(delivery.byHttp() ? delivery.text().getBytes(StandardCharsets.UTF_8) : delivery.text());
            contentType = delivery.json() ? "application/json" : "text/plain; charset=UTF-8";
            if (!delivery.json()) {
                message.setHeader(Headers.CONTENT_NAME, id + ".txt");
            }
        }
        if (delivery.byHttp()) {
            message.setHeader(Exchange.CONTENT_TYPE, contentType);
        }
    }

    /** Notes that a delivery could not be made. */
    public void failed(Exchange exchange) {
        Delivery delivery = exchange.getVariable("delivery", Delivery.class);
        Throwable cause = FailureDocuments.cause(exchange);
        String problem = problem(delivery, cause);
        LOG.warn("{}: could not be emitted to {}", exchange.getMessage().getHeader(Headers.REQUEST_ID), problem);
        exchange.getVariable("emission", Emission.class).failed(problem, exchange.getVariable(FailureDocuments.ATTEMPTS, 1, Integer.class));
    }

    /** Where a delivery could not be made and why, in one line without a secret. */
    public String problem(Delivery delivery, Throwable cause) {
        String destination = delivery.isReply() ? "its JMSReplyTo" : URISupport.sanitizeUri(delivery.uri());
        return settings.redact(destination + ": " + problem(cause));
    }

    /** An HTTP destination's address may hold a secret, and Camel's own message holds the address. */
    private static String problem(Throwable cause) {
        return cause instanceof HttpOperationFailedException http ? "answered " + http.getStatusCode()
                : cause.getMessage() == null ? cause.getClass().getSimpleName() : Answers.oneLine(cause.getMessage());
    }
}
