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

/** The documents that go out: JSON as docs/reference.md describes it. */
public final class Documents {

    private static final DateTimeFormatter TIMESTAMP =
            DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", Locale.ROOT).withZone(ZoneOffset.UTC);

    private Documents() {
    }

    /** The result of a generation: what it is, then what the provider's answer adds, then when and how long. */
    public static ObjectNode result(Generation generation, ObjectNode answer) {
        ObjectNode document = head(generation, "succeeded");
        document.setAll(answer);
        return tail(document, generation);
    }

    /**
     * The error of a generation.
     *
     * @param partialText what came of the answer before it failed
     * @param prediction  the prediction's id and what is known of it, or null
     */
    public static ObjectNode error(Generation generation, GenerationFailure failure, String partialText, ObjectNode prediction) {
        ObjectNode document = head(generation, "failed");
        document.set("error", error(failure));
        document.put("partialText", partialText);
        if (prediction != null) {
            document.set("prediction", prediction);
        }
        return tail(document, generation);
    }

    /** The error of a request that was never taken. */
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

    /** A document for the log, on one line without its content: what it cost in time, and in chunks or polls. */
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
        if (document.has("error")) {
            summary.append(": ").append(document.path("error").path("type").asText()).append(": ")
                    .append(document.path("error").path("message").asText());
        }
        return Unicode.valid(summary.toString());
    }

    /** The document as text: whatever it holds of a provider's answer, it can be written and read ({@link OutgoingJson}). */
    public static String text(JsonNode document) {
        return written(document).toString();
    }

    /** The same, not yet in one piece: what the document was made from may be let go first. */
    public static LongText written(JsonNode document) {
        try {
            LongText text = new LongText();
            ProviderJson.JSON.writeValue(text, OutgoingJson.of(document));
            return text;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The headers that go with what is said before an answer has shown its kind: that of the model, where it is known. */
    public static Map<String, Object> headers(Generation generation, String status) {
        return headers(generation, generation.model().kind() == null ? null : generation.model().kind().toString(), status);
    }

    /** The headers that go with a document or a chunk; {@code kind} may be null where nobody knows it. */
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
