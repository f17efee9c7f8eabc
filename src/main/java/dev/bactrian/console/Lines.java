package dev.bactrian.console;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.error.ErrorType;
import dev.bactrian.generate.Generation;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.Unicode;

/** The parts of the line of a request. */
final class Lines {

    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", Locale.ROOT).withZone(ZoneOffset.UTC);
    private static final int LONGEST_NAME = 200;
    private static final int LONGEST_PROMPT = 200;
    private static final int READ_OF_A_PROMPT = 1_000;
    private static final int LONGEST_URL = 4_000;
    private static final int MOST_IMAGES = 50;

    private Lines() {
    }

    static String time(Instant instant) {
        return TIME.format(instant);
    }

    /** Returns the name of a model, which may be anything that a request has named. */
    static String name(String model) {
        return OneLine.cut(model, LONGEST_NAME);
    }

    /** Returns the beginning of a text, without half of a surrogate pair. */
    static String cut(String text, int longest) {
        return text.length() <= longest ? text : text.substring(0, Character.isHighSurrogate(text.charAt(longest - 1)) ? longest - 1 : longest);
    }

    /** Returns the beginning of the prompt, or of the last message, in one line. */
    static String prompt(Generation generation, Mask mask) {
        GenerateRequest request = generation.request();
        String all = request.prompt() != null ? request.prompt()
                : request.messages().isEmpty() ? "" : request.messages().get(request.messages().size() - 1).text();
        return OneLine.cut(OneLine.whole(mask.cut(all == null ? "" : all, READ_OF_A_PROMPT)), LONGEST_PROMPT);
    }

    /** Returns the fields that a line has once the request has its result or error document. */
    static ObjectNode outcome(ObjectNode document, boolean isCancelled) {
        boolean failed = document.has("error");
        ObjectNode outcome = JsonNodeFactory.instance.objectNode();
        if (document.path("provider").isTextual()) {
            outcome.put("provider", document.path("provider").textValue()).put("model", name(document.path("model").asText()));
        }
        if (document.path("kind").isTextual()) {
            outcome.put("kind", document.path("kind").textValue());
        }
        outcome.put("outcome", !failed ? "succeeded" : isCancelled ? "cancelled" : "failed").put("endedAt", time(Instant.now()))
                .put("durationMs", document.path("durationMs").asLong());
        if (document.has("chunks")) {
            outcome.put("chunks", document.path("chunks").asInt());
        }
        JsonNode prediction = document.path("prediction");
        copy(outcome, prediction, "polls");
        copy(outcome, prediction, "queuedMs");
        copy(outcome, prediction, "predictMs");
        JsonNode usage = document.path("usage");
        if (usage.path("prompt_tokens").isNumber() || usage.path("completion_tokens").isNumber()) {
            outcome.putObject("tokens").put("prompt", usage.path("prompt_tokens").asLong()).put("completion", usage.path("completion_tokens").asLong());
        }
        JsonNode cost = document.path("cost");
        if (cost.path("amount").isNumber()) {
            ObjectNode shown = outcome.putObject("cost").put("amount", cost.path("amount").decimalValue()).put("currency", cost.path("currency").asText());
            shown.put("basis", cost.path("basis").asText()).put("estimated", cost.path("estimated").asBoolean());
        }
        if (document.path("images").isArray()) {
            images(outcome, document.path("images"));
        }
        if (failed) {
            error(outcome, document.path("error"));
        }
        return outcome;
    }

    /** Returns the fields of a request that is not in work here any more, without an outcome. */
    static ObjectNode unknown() {
        return JsonNodeFactory.instance.objectNode().put("outcome", "unknown").put("endedAt", time(Instant.now()));
    }

    private static void copy(ObjectNode to, JsonNode from, String field) {
        if (from.path(field).isNumber()) {
            to.put(field, from.path(field).asLong());
        }
    }

    private static void images(ObjectNode outcome, JsonNode images) {
        int shown = 0;
        for (JsonNode image : images) {
            String url = image.path("url").asText();
            ObjectNode entry = shown++ < MOST_IMAGES ? outcome.withArray("images").addObject() : null;
            if (entry != null && url.length() <= LONGEST_URL) {
                entry.put("url", url);
            } else if (entry != null) {
                // In base64.
                entry.put("bytes", url.length() * 3L / 4);
            }
        }
    }

    private static void error(ObjectNode outcome, JsonNode error) {
        ObjectNode shown = outcome.putObject("error").put("type", error.path("type").asText()).put("reason", reason(error.path("type").asText()))
                .put("message", Unicode.valid(error.path("message").asText()));
        if (error.path("httpStatus").isNumber()) {
            shown.put("httpStatus", error.path("httpStatus").asInt());
        }
        shown.put("retryable", error.path("retryable").asBoolean());
    }

    /** Returns what an error type means, in plain words. */
    static String reason(String type) {
        for (ErrorType known : ErrorType.values()) {
            if (known.toString().equals(type)) {
                return words(known);
            }
        }
        return "The request failed.";
    }

    private static String words(ErrorType type) {
        return switch (type) {
            case INVALID_REQUEST -> "The request itself is wrong. The same request fails again.";
            case UNSUPPORTED_MODEL -> "There is no such model.";
            case AUTHENTICATION -> "The provider does not take the key, or no key is set.";
            case BUDGET_EXCEEDED -> "A budget has no room for the request. Nothing was sent.";
            case RATE_LIMITED -> "The provider takes no more requests for now.";
            case PROVIDER_REJECTED -> "The provider refuses this request.";
            case PROVIDER_UNAVAILABLE -> "The provider could not be reached, or did not answer as it should.";
            case PREDICTION_FAILED -> "The model failed while it worked on the request.";
            case PREDICTION_CANCELED -> "The request was cancelled.";
            case TIMEOUT -> "The prediction did not end in time. It was cancelled.";
            case STREAM_INTERRUPTED -> "The answer broke off before its end.";
            case EMPTY_OUTPUT -> "The provider returned nothing.";
            case DELIVERY_FAILED -> "There is an answer, but it could not be delivered.";
        };
    }
}
