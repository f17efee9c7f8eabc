package dev.bactrian.door;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Steps;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.flow.Requests;
import dev.bactrian.generate.Models;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.request.RequestReader;
import dev.bactrian.request.RequestReader.Format;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.support.CamelContextHelper;

/** Requests in Bactrian's own form: what the inbox takes, and result and error documents as answers. */
public final class NativeRequests implements CamelContextAware {

    /** What such a call asks for. */
    static final String WHAT = "requests";

    private CamelContext camelContext;
    private RequestReader reader;
    private Door door;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        camelContext = context;
        reader = new RequestReader(Settings.of(context).bytes(Property.MAX_REQUEST_BYTES), Models.of(context).catalogue().providers());
        Steps.of(context, "bactrianNativeRequests", NativeRequests.class).step("request", NativeRequests::request)
                .test("isAsynchronous", NativeRequests::isAsynchronous).step("accepted", NativeRequests::accepted)
                .step("answer", NativeRequests::answer);
    }

    /** Sets the door, which keeps the connection of a silent stream open. */
    public void setDoor(Door door) {
        this.door = door;
    }

    /**
     * Checks the request in the body, or that it is a batch, and prepares the exchange for it.
     *
     * @throws dev.bactrian.error.GenerationFailure {@code invalid-request}
     */
    public void request(Exchange exchange) {
        String contentType = exchange.getMessage().getHeader(Exchange.CONTENT_TYPE, String.class);
        byte[] body = exchange.getMessage().getBody(byte[].class);
        if (CamelContextHelper.mandatoryLookup(camelContext, Requests.BEAN, Requests.class).isBatch(exchange)) {
            batch(exchange, body);
            return;
        }
        GenerateRequest asked = reader.read(body == null ? new byte[0] : body, contentType == null ? Format.UNKNOWN : Format.ofContentType(contentType));
        Call call = Call.of(exchange);
        call.name(asked.id());
        call.keepOutcome();
        NativeEvents events = null;
        if (accepts(call, "text/event-stream") && !isAsynchronous(exchange)) {
            events = new NativeEvents(call.client(), call.eventHeaders(), call.isKeyed());
            door.follow(events);
        }
        call.ask(exchange, WHAT, body, events, null);
    }

    private static void batch(Exchange exchange, byte[] body) {
        if (body == null || new String(body, StandardCharsets.UTF_8).replace("\uFEFF", "").isBlank()) {
            throw new GenerationFailure(ErrorType.INVALID_REQUEST, "no request: every line is blank");
        }
        Call call = Call.of(exchange);
        call.keepOutcome();
        call.markBatch();
        exchange.getMessage().setBody(body);
        call.ask(exchange, "batch", body, null, null);
    }

    private static boolean accepts(Call call, String type) {
        String accept = call.client().header("Accept");
        return accept != null && accept.toLowerCase(Locale.ROOT).contains(type);
    }

    /** Whether the caller does not wait for the outcome: {@code Prefer: respond-async}. */
    public boolean isAsynchronous(Exchange exchange) {
        String prefer = Call.of(exchange).client().header("Prefer");
        return prefer != null && Arrays.stream(prefer.toLowerCase(Locale.ROOT).split("[,;]")).anyMatch(one -> one.trim().equals("respond-async"));
    }

    /** Answers that the request is accepted, and where to ask for its outcome. */
    public void accepted(Exchange exchange) {
        Call call = Call.of(exchange);
        byte[] body = Answers.bytes(JsonNodeFactory.instance.objectNode().put("id", call.id()).put("status", "processing"));
        call.answer(exchange, 202, Answers.JSON, body);
        exchange.getMessage().setHeader("Location", "/requests/" + call.id());
        exchange.getMessage().setHeader("Preference-Applied", "respond-async");
    }

    /** Answers with the document or the outcomes of a batch in the body, or ends the stream with the document. */
    public void answer(Exchange exchange) throws IOException, InterruptedException {
        if (Call.of(exchange).isBatch()) {
            Call.of(exchange).send(exchange, Answers.JSON_LINES, exchange.getMessage().getBody(InputStream.class));
            return;
        }
        String text = exchange.getMessage().getBody(String.class);
        JsonNode document = ProviderJson.json(text).orElseThrow();
        Call call = Call.of(exchange);
        if (call.endEvents(exchange, document)) {
            return;
        }
        int status = document.has("error") ? Answers.status(document.path("error").path("type").asText()) : 200;
        call.answer(exchange, status, Answers.JSON, text.getBytes(StandardCharsets.UTF_8));
        if (status != 200) {
            Answers.retry(exchange.getMessage(), document);
        }
    }
}
