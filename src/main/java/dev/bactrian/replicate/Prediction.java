package dev.bactrian.replicate;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.bactrian.generate.Documents;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.ProviderJson;

/**
 * A prediction as an answer shows it (PROVIDERS.md 1.6). All but {@code id} and {@code status} may be missing.
 *
 * @param rawStatus the status in the service's own word, such as {@code processing}
 * @param output    null where there is none
 * @param streamUrl where its output can be read as it is made, or null
 */
public record Prediction(String id, String rawStatus, JsonNode output, JsonNode error, String logs, JsonNode metrics,
        boolean dataRemoved, String streamUrl) {

    private static final Pattern PREDICTION_IN_URL = Pattern.compile("/predictions/([A-Za-z0-9_-]+)");

    /**
     * Reads an answer; empty where it is not a prediction, or not the one asked for. An answer to a poll may lack the id:
     * the one asked for is it.
     *
     * @param askedFor the id that was polled, or null where a create was answered
     */
    static Optional<Prediction> read(JsonNode body, String askedFor) {
        String id = body.path("id").isTextual() ? body.path("id").textValue() : askedFor;
        boolean status = body.path("status").isTextual() && !body.path("status").textValue().isBlank();
        if (!body.isObject() || id == null || askedFor != null && (!status || isOfAnother(body, askedFor))) {
            return Optional.empty();
        }
        JsonNode output = body.path("output");
        JsonNode logs = body.path("logs");
        return Optional.of(new Prediction(askedFor == null ? id : askedFor, status ? body.path("status").textValue() : "starting",
                output.isNull() || output.isMissingNode() ? null : output, body.path("error"),
                logs.isTextual() ? logs.textValue() : "", body.path("metrics"), body.path("data_removed").asBoolean(false),
                streamUrl(body.path("urls").path("stream").textValue(), id)));
    }

    /** Null too where the URL is that of another prediction, as far as it shows. */
    private static String streamUrl(String url, String id) {
        Matcher shown = PREDICTION_IN_URL.matcher(url == null ? "" : url);
        return shown.find() && !shown.group(1).equals(id) ? null : url;
    }

    /** Whether an answer is said to be of another prediction: whatever went wrong on the way, it is not ours. */
    static boolean isOfAnother(JsonNode body, String askedFor) {
        return body.hasNonNull("id") && !askedFor.equals(body.path("id").asText());
    }

    /** The same, as one that has ended well. */
    Prediction succeeded() {
        return new Prediction(id, "succeeded", output, error, logs, metrics, dataRemoved, streamUrl);
    }

    /** A prediction of which only the id is known: created before a restart. */
    static Prediction recalled(String id) {
        return known(id, "starting");
    }

    /** A prediction of which no more is known than this. */
    static Prediction known(String id, String rawStatus) {
        return new Prediction(id, rawStatus, null, MissingNode.getInstance(), "", MissingNode.getInstance(), false, null);
    }

    public PredictionStatus status() {
        return PredictionStatus.of(rawStatus);
    }

    /** Why it failed, in the service's words: its error, else the last line of its log. */
    String reason() {
        Optional<String> said = error.isTextual() ? Optional.of(OneLine.of(error.textValue())).filter(text -> !text.isBlank())
                : error.isNull() || error.isMissingNode() || error.isContainerNode() && error.isEmpty() ? Optional.empty()
                : Optional.of(ProviderJson.message(error).orElse(OneLine.of(Documents.text(error))));
        return said.orElseGet(() -> {
            String lastLine = logs.lines().filter(line -> !line.isBlank()).reduce((a, b) -> b).orElse("");
            return "prediction " + id + " gave no reason"
                    + (lastLine.isEmpty() ? "" : "; the last line of its log: " + OneLine.of(lastLine));
        });
    }
}
