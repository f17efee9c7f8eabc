package dev.bactrian.generate;

import java.io.IOException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.text.LongText;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.OutgoingJson;
import dev.bactrian.text.ProviderJson;
import dev.bactrian.text.Unicode;

/** The result and error documents: JSON as docs/reference/documents.md describes it. */
public final class Documents {

    private static final DateTimeFormatter TIMESTAMP =
            DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", Locale.ROOT).withZone(ZoneOffset.UTC);

    private Documents() {
    }

    /** Returns the result document: the request, the fields of the provider's answer, the start time and the duration. */
    public static ObjectNode result(Generation generation, ObjectNode answer) {
        ObjectNode document = head(generation, "succeeded");
        document.setAll(answer);
        return tail(withAttempts(document, generation, null), generation);
    }

    /**
     * Returns the error document of a request.
     *
     * @param partialText the text that arrived before the failure
     * @param prediction  what is known about the prediction, or null
     */
    public static ObjectNode error(Generation generation, GenerationFailure failure, String partialText, ObjectNode prediction) {
        ObjectNode document = head(generation, "failed");
        document.set("error", error(failure));
        document.put("partialText", partialText);
        if (prediction != null) {
            document.set("prediction", prediction);
        }
        return tail(withAttempts(document, generation, failure), generation);
    }

    /** Adds the models that were tried, if there was more than one. */
    private static ObjectNode withAttempts(ObjectNode document, Generation generation, GenerationFailure failure) {
        if (!generation.fallback().tried().isEmpty()) {
            document.set("attempts", generation.fallback().attempts(generation, failure));
        }
        return document;
    }

    /** Returns the error document of a request that could not be read. */
    public static ObjectNode error(String id, GenerationFailure failure, Instant startedAt) {
        ObjectNode document = JsonNodeFactory.instance.objectNode().put("id", id).put("status", "failed")
                .putNull("provider").putNull("model");
        document.set("error", error(failure));
        return document.put("partialText", "").put("startedAt", timestamp(startedAt)).put("durationMs", 0L);
    }

    private static ObjectNode error(GenerationFailure failure) {
        return JsonNodeFactory.instance.objectNode()
                .put("type", failure.type().toString())
                .put("message", OneLine.of(failure.getMessage()))
                .put("httpStatus", failure.httpStatus())
                .put("attempts", failure.attempts())
                .put("retryable", failure.retryable());
    }

    private static ObjectNode head(Generation generation, String status) {
        return JsonNodeFactory.instance.objectNode()
                .put("id", generation.id())
                .put("status", status)
                .put("provider", generation.getProvider())
                .put("model", generation.model().id());
    }

    private static ObjectNode tail(ObjectNode document, Generation generation) {
        return document.put("startedAt", timestamp(generation.startedAt())).put("durationMs", generation.elapsed().toMillis());
    }

    private static String timestamp(Instant instant) {
        return TIMESTAMP.format(instant);
    }

    /** Returns a summary of a document for the log, in one line and without content: model, duration, chunks, polls and error. */
    public static String summary(ObjectNode document) {
        StringBuilder summary = new StringBuilder();
        if (document.path("model").isTextual()) {
            summary.append(document.path("model").textValue()).append(" at ").append(document.path("provider").textValue()).append(", ");
        }
        summary.append(document.path("durationMs").asLong()).append(" ms");
        if (document.has("chunks")) {
            summary.append(", ").append(document.path("chunks").asInt()).append(" chunks");
        }
        if (document.has("prediction")) {
            summary.append(", ").append(document.path("prediction").path("polls").asInt()).append(" polls");
        }
        if (document.has("cost")) {
            summary.append(", ").append(document.path("cost").path("amount").decimalValue().toPlainString()).append(' ')
                    .append(document.path("cost").path("currency").asText());
        }
        if (document.has("error")) {
            summary.append(": ").append(document.path("error").path("type").asText()).append(": ")
                    .append(document.path("error").path("message").asText());
        }
        return Unicode.valid(summary.toString());
    }

    /** Returns the document as text. It is valid JSON whatever characters the provider's answer contains ({@link OutgoingJson}). */
    public static String text(JsonNode document) {
        return written(OutgoingJson.of(document)).toString();
    }

    /** Returns the text of a document that {@link OutgoingJson} has made, in pieces: the caller can release the document before it joins them. */
    public static LongText written(JsonNode document) {
        try {
            LongText text = new LongText();
            ProviderJson.JSON.writeValue(text, document);
            return text;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Returns the headers of a message that is sent before the kind of the answer is known; the kind is the model's, if that is known. */
    public static Map<String, Object> headers(Generation generation, String status) {
        return headers(generation, generation.model().kind() == null ? null : generation.model().kind().toString(), status);
    }

    /** Returns the headers of a document or a chunk. The kind is null if it is unknown. */
    public static Map<String, Object> headers(Generation generation, String kind, String status) {
        Map<String, Object> headers = new LinkedHashMap<>();
        headers.put(Headers.REQUEST_ID, generation.id());
        headers.put(Headers.PROVIDER, generation.getProvider());
        headers.put(Headers.MODEL, generation.model().id());
        if (kind != null) {
            headers.put(Headers.KIND, kind);
        }
        headers.put(Headers.STATUS, status);
        return headers;
    }
}
