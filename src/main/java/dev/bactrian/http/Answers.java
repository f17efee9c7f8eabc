package dev.bactrian.http;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import java.util.StringJoiner;
import java.util.regex.Pattern;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;

/** Reads what providers answer: JSON where it is JSON, whatever its content type says. */
public final class Answers {

    /**
     * Lenient where the services are (a key given twice, unknown fields), and without a limit of its own on a string's
     * length: {@code bactrian.max-response-bytes} is the limit.
     */
    public static final ObjectMapper JSON = new ObjectMapper(JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder().maxStringLength(Integer.MAX_VALUE).build()).build())
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .setNodeFactory(JsonNodeFactory.withExactBigDecimals(true));

    private static final int LONGEST_MESSAGE = 2000;
    /** Line ends, and what else would move the cursor of a terminal that shows a log. */
    private static final Pattern CONTROLS = Pattern.compile("[\\p{Cc}\\u2028\\u2029]+");

    private Answers() {
    }

    /** The body as JSON, or empty where it is not. */
    public static Optional<JsonNode> json(String body) {
        try {
            return Optional.ofNullable(body == null ? null : JSON.readTree(body)).filter(node -> !node.isMissingNode());
        } catch (JacksonException e) {
            return Optional.empty();
        }
    }

    /** The JSON as UTF-8. Half of a surrogate pair, which UTF-8 can't hold, becomes U+FFFD. */
    public static byte[] bytes(JsonNode json) {
        try {
            ByteBuffer bytes = StandardCharsets.UTF_8.newEncoder().onMalformedInput(CodingErrorAction.REPLACE)
                    .replaceWith("\uFFFD".getBytes(StandardCharsets.UTF_8)).encode(CharBuffer.wrap(JSON.writeValueAsString(json)));
            return Arrays.copyOf(bytes.array(), bytes.limit());
        } catch (JsonProcessingException | CharacterCodingException e) {
            throw new IllegalStateException(e);
        }
    }

    static Optional<Double> number(String body, String field) {
        return json(body).map(node -> node.get(field)).filter(JsonNode::isNumber).map(JsonNode::doubleValue);
    }

    /**
     * The service's own words in an error answer, on one line: {@code error.message}, {@code error}, {@code detail},
     * {@code title} or {@code message} of a JSON body; empty for HTML and the like.
     */
    public static Optional<String> message(String body) {
        return json(body).flatMap(Answers::message);
    }

    /** The same of a body that is JSON. */
    public static Optional<String> message(JsonNode body) {
        JsonNode error = body.path("error");
        for (JsonNode candidate : new JsonNode[] {
            error.path("message"), error.path("detail"), error, body.path("detail"), body.path("title"), body.path("message")}) {
            if (candidate.isTextual() && !candidate.textValue().isBlank()) {
                return Optional.of(oneLine(candidate.textValue()));
            }
        }
        return Optional.empty();
    }

    /** Text for a message: on one line, without control characters and not without end. */
    public static String oneLine(String text) {
        // Line by line: one pattern with blanks on both sides of the line end takes quadratic time on blanks.
        StringJoiner line = new StringJoiner(" ");
        for (String part : CONTROLS.split(text)) {
            if (!part.isBlank() && line.length() <= LONGEST_MESSAGE) {
                line.add(part.strip());
            }
        }
        if (line.length() <= LONGEST_MESSAGE) {
            return line.toString();
        }
        int end = Character.isHighSurrogate(line.toString().charAt(LONGEST_MESSAGE - 1)) ? LONGEST_MESSAGE - 1 : LONGEST_MESSAGE;
        return line.toString().substring(0, end) + "…";
    }
}
