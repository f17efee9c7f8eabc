package dev.bactrian.door;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Settings.ImagesMode;
import dev.bactrian.core.Cancellation;
import dev.bactrian.flow.Trigger;
import org.apache.camel.Exchange;

/** One call at the door: an exchange property of {@code routes/from-http.camel.yaml}. For one thread at a time. */
final class Call {

    private static final String PROPERTY = "bactrianCall";

    private final Client client;
    private final Caller caller;
    private final Map<String, String> corsHeaders;
    private final Cancellation cancellation = new Cancellation();
    private final String id = UUID.randomUUID().toString();
    private EventWriter events;

    private Call(Client client, Caller caller, Map<String, String> corsHeaders) {
        this.client = client;
        this.caller = caller;
        this.corsHeaders = corsHeaders;
    }

    /** Begins the call of an exchange. */
    static Call begin(Exchange exchange, Client client, Caller caller, Map<String, String> corsHeaders) {
        Call call = new Call(client, caller, corsHeaders);
        exchange.setProperty(PROPERTY, call);
        return call;
    }

    /** Returns the call of an exchange, or null if it was refused. */
    static Call of(Exchange exchange) {
        return exchange.getProperty(PROPERTY, Call.class);
    }

    Client client() {
        return client;
    }

    Caller caller() {
        return caller;
    }

    /** Returns the id of a request that has none of its own. */
    String id() {
        return id;
    }

    /** Returns what cancels the request of this call. */
    Cancellation cancellation() {
        return cancellation;
    }

    /** Returns the writer of the answer as it arrives, or null if the answer is written as a whole. */
    EventWriter events() {
        return events;
    }

    /**
     * Prepares the exchange for {@code direct:bactrian-request}: the request ends when the client goes away.
     *
     * @param writer writes the answer as it arrives, or null
     * @param images how the result has its images, or null as configured
     */
    void ask(Exchange exchange, EventWriter writer, ImagesMode images) {
        events = writer;
        new Trigger(id, "", null, null, cancellation, writer, images).set(exchange);
        client.onGone(cancellation::request);
    }

    /** Returns the headers of an answer that is a stream of events. */
    Map<String, String> eventHeaders() {
        Map<String, String> headers = new LinkedHashMap<>(corsHeaders);
        headers.put("Content-Type", "text/event-stream");
        headers.put("Cache-Control", "no-store");
        // A proxy such as nginx would collect the events.
        headers.put("X-Accel-Buffering", "no");
        headers.put("X-Request-Id", id);
        return headers;
    }

    /** Sets the message to the answer that an error document is. */
    void fail(Exchange exchange, JsonNode document) {
        answer(exchange, Answers.status(document.path("error").path("type").asText()), Answers.JSON, Answers.bytes(Answers.error(document)));
        Answers.retry(exchange.getMessage(), document);
    }

    /** Sets the message to an answer; removes all other headers. */
    void answer(Exchange exchange, int status, String contentType, byte[] body) {
        Answers.set(exchange, status, contentType, body);
        exchange.getMessage().setHeader("X-Request-Id", id);
        exchange.getMessage().getHeaders().putAll(corsHeaders);
    }
}
