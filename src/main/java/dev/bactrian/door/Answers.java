package dev.bactrian.door;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.generate.Documents;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** Answers of the door: documents, and errors as OpenAI clients read them ({@code {"error": {"message", "type", "code", "param"}}}). */
final class Answers {

    static final String JSON = "application/json";
    static final String JSON_LINES = "application/x-ndjson";

    private static final Pattern FIELD = Pattern.compile("([a-z][a-zA-Z0-9_.\\[\\]-]*): .*", Pattern.DOTALL);
    private static final Set<String> TRIED_AGAIN = Set.of("rate-limited", "provider-unavailable");
    private static final int SECONDS = 1;
    /** A budget has room again at midnight at the earliest; no client waits for that. */
    private static final int BUDGET_SECONDS = 3600;

    private Answers() {
    }

    /** Sets the message to an answer; removes all other headers. */
    static void set(Exchange exchange, int status, String contentType, byte[] body) {
        Message message = exchange.getMessage();
        message.removeHeaders("*");
        // Of other types platform-http makes a stream, and waits for the client to read it.
        message.setBody(ByteBuffer.wrap(body));
        message.setHeader(Exchange.HTTP_RESPONSE_CODE, status);
        message.setHeader(Exchange.CONTENT_TYPE, contentType);
        message.setHeader("X-Content-Type-Options", "nosniff");
    }

    static byte[] bytes(JsonNode document) {
        return Documents.text(document).getBytes(StandardCharsets.UTF_8);
    }

    /** Returns the status for an error of that type. */
    static int status(String type) {
        return switch (type) {
            case "invalid-request" -> 400;
            case "unsupported-model" -> 404;
            case "budget-exceeded", "rate-limited" -> 429;
            case "provider-unavailable" -> 503;
            case "timeout" -> 504;
            default -> 502;
        };
    }

    /** Returns the body of an error. */
    static ObjectNode error(String type, String message) {
        Matcher field = FIELD.matcher(message);
        ObjectNode body = JsonNodeFactory.instance.objectNode();
        body.putObject("error").put("message", message).put("type", type).put("param", field.matches() ? field.group(1) : null).put("code", type);
        return body;
    }

    /** Returns the body of an error document's error. */
    static ObjectNode error(JsonNode document) {
        return error(document.path("error").path("type").asText(), document.path("error").path("message").asText());
    }

    /** Sets the headers that say whether, and when, to try again; OpenAI's clients read both. */
    static void retry(Message message, boolean retryable, int seconds) {
        message.setHeader("X-Should-Retry", String.valueOf(retryable));
        if (seconds > 0) {
            message.setHeader("Retry-After", seconds);
        }
    }

    /** Sets those headers for the error of an error document. */
    static void retry(Message message, JsonNode document) {
        String type = document.path("error").path("type").asText();
        retry(message, document.path("error").path("retryable").asBoolean(), type.equals("budget-exceeded") ? BUDGET_SECONDS
                : TRIED_AGAIN.contains(type) ? SECONDS : 0);
    }
}
