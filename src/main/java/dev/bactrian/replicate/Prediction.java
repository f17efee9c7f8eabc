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
 * A prediction as an answer describes it (Replicate HTTP API reference, predictions.get). Only {@code id} and {@code status} are required.
 *
 * @param rawStatus the status as the service writes it, such as {@code processing}
 * @param output    the output, or null if there is none
 * @param streamUrl the URL of the output's event stream, or null
 */
public record Prediction(String id, String rawStatus, JsonNode output, JsonNode error, String logs, JsonNode metrics,
        boolean dataRemoved, String streamUrl) {

    private static final Pattern PREDICTION_IN_URL = Pattern.compile("/predictions/([A-Za-z0-9_-]+)");

    /**
     * Reads an answer. Returns empty if it is not a prediction or a different one. The answer to a poll may lack the id.
     *
     * @param askedFor the id that was polled, or null for the answer to a create
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

    /** Returns null if the URL contains the id of another prediction. */
    private static String streamUrl(String url, String id) {
        Matcher shown = PREDICTION_IN_URL.matcher(url == null ? "" : url);
        return shown.find() && !shown.group(1).equals(id) ? null : url;
    }

    /** Whether the answer contains the id of another prediction; such an answer must not be used. */
    static boolean isOfAnother(JsonNode body, String askedFor) {
        return body.hasNonNull("id") && !askedFor.equals(body.path("id").asText());
    }

    /** Returns the same prediction with the status {@code succeeded}. */
    Prediction succeeded() {
        return new Prediction(id, "succeeded", output, error, logs, metrics, dataRemoved, streamUrl);
    }

    /** Returns a prediction that was created before a restart; only its id is known. */
    static Prediction recalled(String id) {
        return known(id, "starting");
    }

    /** Returns a prediction of which only the id and status are known. */
    static Prediction known(String id, String rawStatus) {
        return new Prediction(id, rawStatus, null, MissingNode.getInstance(), "", MissingNode.getInstance(), false, null);
    }

    public PredictionStatus status() {
        return PredictionStatus.of(rawStatus);
    }

    /** Returns why it failed, in the service's words: its error, else the last line of its log. */
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
