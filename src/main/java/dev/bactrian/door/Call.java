package dev.bactrian.door;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Settings.ImagesMode;
import dev.bactrian.core.Cancellation;
import dev.bactrian.core.Job;
import dev.bactrian.flow.Trigger;
import dev.bactrian.request.RequestId;
import dev.bactrian.text.Fingerprint;
import org.apache.camel.Exchange;

/** One call at the door: an exchange property of {@code routes/from-http.camel.yaml}. For one thread at a time. */
final class Call {

    private static final int PIECE_BYTES = 16 * 1024;
    private static final String PROPERTY = "bactrianCall";
    private static final Pattern KEY = Pattern.compile("[\\x20-\\x7E]{1,255}");

    private final Client client;
    private final Caller caller;
    private final Map<String, String> corsHeaders;
    private final Runnable release;
    private final String key;
    private Cancellation cancellation = new Cancellation();
    private String id;
    private String fingerprint = "";
    private EventWriter events;
    private boolean named;
    private boolean kept;
    private boolean batch;
    private boolean replayed;
    private boolean handedOver;

    private Call(Client client, Caller caller, Map<String, String> corsHeaders, String key, String id, Runnable release) {
        this.client = client;
        this.caller = caller;
        this.corsHeaders = corsHeaders;
        this.key = key;
        this.id = id;
        this.release = release;
    }

    /**
     * Begins the call of an exchange.
     *
     * @param release gives back the call's place among those in work
     * @throws Refusal 400 if the {@code Idempotency-Key} is malformed
     */
    static Call begin(Exchange exchange, Client client, Caller caller, Map<String, String> corsHeaders, Runnable release) {
        String key = client.header("Idempotency-Key");
        if (key != null && !KEY.matcher(key).matches()) {
            throw new Refusal(400, "invalid-request", "Idempotency-Key: not 1 to 255 visible characters");
        }
        String id = key == null ? UUID.randomUUID().toString() : "key-" + fingerprint(caller.name() + "\n" + key);
        Call call = new Call(client, caller, corsHeaders, key, id, release);
        exchange.setProperty(PROPERTY, call);
        return call;
    }

    /** Makes the call of a request that was accepted before a stop or a crash. */
    static void resume(Exchange exchange, Outcomes.Kept request, Cancellation cancellation) {
        Call call = new Call(null, new Caller(request.owner(), false), Map.of(), null, request.id(), () -> { });
        call.fingerprint = request.fingerprint();
        call.cancellation = cancellation;
        call.kept = true;
        call.batch = request.isBatch();
        exchange.setProperty(PROPERTY, call);
    }

    private static String fingerprint(String text) {
        return Fingerprint.of(text.getBytes(StandardCharsets.UTF_8));
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

    /** Returns the id of the request: its own, or one that is made of its {@code Idempotency-Key}, or a new one. */
    String id() {
        return id;
    }

    /** Uses the id that the request itself has; ignores null, and an invalid one, with which the request fails. */
    void name(String requestId) {
        if (requestId != null && RequestId.isValid(requestId)) {
            id = requestId;
            named = true;
        }
    }

    /** Whether the caller may repeat the call, because the id is not a new one. */
    boolean isRepeatable() {
        return named || isKeyed();
    }

    /** Whether the call has an {@code Idempotency-Key}. Its request goes on if the client goes away, because it may ask again. */
    boolean isKeyed() {
        return key != null;
    }

    /** Returns what distinguishes what is asked from what another call with the same id asks. */
    String fingerprint() {
        return fingerprint;
    }

    /** Returns what cancels the request of this call. */
    Cancellation cancellation() {
        return cancellation;
    }

    /** Keeps the outcome, so that callers can ask for it. */
    void keepOutcome() {
        kept = true;
    }

    /** Whether the outcome is kept. */
    boolean isKept() {
        return kept || isKeyed();
    }

    /** Marks what is asked for as a batch. */
    void markBatch() {
        batch = true;
    }

    /** Whether a batch is asked for, whose outcomes are lines. */
    boolean isBatch() {
        return batch;
    }

    /** Marks the call as one that is answered with an outcome that was kept. */
    void markReplayed() {
        replayed = true;
    }

    boolean isReplayed() {
        return replayed;
    }

    /** Keeps the call's place among those in work until that exchange is done, which goes on after the call is answered. */
    void handOver(Exchange copy) {
        handedOver = true;
        copy.getExchangeExtension().addOnCompletion(new Release(release));
    }

    /** Whether the caller has its answer and does not wait for the outcome. */
    boolean isAnswered() {
        return handedOver || client == null;
    }

    /** Gives back the call's place, unless it was handed over. */
    void done() {
        if (!handedOver) {
            release.run();
        }
    }

    /** Returns the writer of the answer as it arrives, or null if the answer is written as a whole. */
    EventWriter events() {
        return events;
    }

    /**
     * Prepares the exchange for {@code direct:bactrian-request}: the request ends when the client goes away.
     *
     * @param what   what is asked for
     * @param body   the body of the call
     * @param writer writes the answer as it arrives, or null
     * @param images how the result has its images, or null as configured
     */
    void ask(Exchange exchange, String what, byte[] body, EventWriter writer, ImagesMode images) {
        fingerprint = fingerprint(what + "\n" + key + "\n" + Fingerprint.of(body));
        events = writer;
        // The body of other calls is made of fields, and never a text as a user has written it.
        String input = what.equals(NativeRequests.WHAT) ? null : "request";
        new Trigger(id, "", null, input, cancellation, writer, images).set(exchange);
        if (!isKeyed()) {
            client.onGone(() -> {
                if (!handedOver) {
                    cancellation.request();
                }
            });
        }
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

    /**
     * Ends the stream of events with a document. Returns false if the answer is to be written as a whole: none is a stream, or it has
     * failed before it began.
     */
    boolean endEvents(Exchange exchange, JsonNode document) throws InterruptedException {
        boolean failed = document.has("error");
        if (events == null || failed && !events.isBegunOrNever()) {
            return false;
        }
        if (replayed) {
            replay(document);
        }
        if (failed) {
            events.error(document);
        } else {
            events.result(document);
        }
        end(exchange);
        return true;
    }

    private void replay(JsonNode document) throws InterruptedException {
        List<JsonNode> toolCalls = new ArrayList<>();
        document.path("toolCalls").forEach(toolCalls::add);
        String reasoning = document.path("reasoning").asText("");
        String refusal = document.path("refusal").asText("");
        if (!toolCalls.isEmpty() || !reasoning.isEmpty() || !refusal.isEmpty()) {
            events.put(new Job.Delta(reasoning, refusal, toolCalls));
        }
        String text = document.path("text").asText("");
        if (!text.isEmpty()) {
            events.put(text);
        }
    }

    /** Ends a stream of events that has begun with an error that is no outcome. Returns false if none has begun. */
    boolean breakEvents(Exchange exchange, String type, String message) throws InterruptedException {
        if (events == null || !events.isBegunOrNever()) {
            return false;
        }
        events.error(Answers.error(type, message));
        end(exchange);
        return true;
    }

    private void end(Exchange exchange) {
        events.end();
        exchange.getMessage().removeHeaders("*");
        exchange.getMessage().setBody(null);
    }

    /** Answers at once, whatever becomes of the exchange. */
    void breakOff(Exchange exchange, Refusal refusal) throws InterruptedException {
        if (!breakEvents(exchange, refusal.type(), refusal.getMessage())) {
            Map<String, String> headers = new LinkedHashMap<>(corsHeaders);
            headers.put("Content-Type", Answers.JSON);
            headers.put("X-Request-Id", id);
            headers.put("X-Should-Retry", String.valueOf(refusal.retryAfter() > 0));
            client.begin(refusal.status(), headers);
            client.write(Answers.bytes(Answers.error(refusal.type(), refusal.getMessage())));
            client.end();
        }
    }

    /** Answers with a file, piece by piece: platform-http would wait without end for a client that goes away amid a stream. */
    void send(Exchange exchange, String contentType, InputStream content) throws IOException, InterruptedException {
        Map<String, String> headers = new LinkedHashMap<>(corsHeaders);
        headers.put("Content-Type", contentType);
        headers.put("X-Content-Type-Options", "nosniff");
        headers.put("X-Request-Id", id);
        if (replayed) {
            headers.put("Idempotent-Replayed", "true");
        }
        try (content) {
            client.begin(200, headers);
            byte[] piece = content.readNBytes(PIECE_BYTES);
            while (piece.length > 0 && client.write(piece)) {
                piece = content.readNBytes(PIECE_BYTES);
            }
        } finally {
            client.end();
        }
        exchange.getMessage().removeHeaders("*");
        exchange.getMessage().setBody(null);
    }

    /** Sets the message to the answer that an error document is. */
    void fail(Exchange exchange, JsonNode document) {
        answer(exchange, Answers.status(document.path("error").path("type").asText()), Answers.JSON, Answers.bytes(Answers.error(document)));
        Answers.retry(exchange.getMessage(), document);
    }

    /**
     * Sets the message to an answer; removes all other headers.
     *
     * @param body bytes, or a stream of them
     */
    void answer(Exchange exchange, int status, String contentType, byte[] body) {
        Answers.set(exchange, status, contentType, body);
        exchange.getMessage().setHeader("X-Request-Id", id);
        if (replayed) {
            exchange.getMessage().setHeader("Idempotent-Replayed", "true");
        }
        exchange.getMessage().getHeaders().putAll(corsHeaders);
    }
}
