package dev.bactrian.text;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.StreamWriteConstraints;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;

/** Reads answers of providers as JSON, whatever their content type. */
public final class ProviderJson {

    private static final int LONGEST_NUMBER = 1_000_000;
    private static final int DEEPEST = 100_000;

    /** Allows writing whatever can be read, wrapped a few levels deeper. */
    private static final StreamWriteConstraints WRITTEN = StreamWriteConstraints.builder()
            .maxNestingDepth(StreamReadConstraints.DEFAULT_MAX_DEPTH + 100).build();

    /**
     * As lenient as the services are (duplicate keys, unknown fields). Strings have no limit of their own:
     * {@code bactrian.max-response-bytes} limits the whole answer.
     */
    public static final ObjectMapper JSON = JsonMapper.builder(JsonMappers.factory(JsonMappers.limits().build())
                    .streamWriteConstraints(WRITTEN).build())
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .nodeFactory(new JsonNodeFactory(true))
            .build();

    /**
     * A fallback for what {@link #JSON} rejects: extensions of JSON (NaN, control characters in strings), extreme depth and extreme
     * length. Reads numbers with a fraction or an exponent as doubles, which always works.
     */
    private static final ObjectMapper LENIENT = JsonMapper.builder(JsonMappers.factory(JsonMappers.limits().maxNestingDepth(DEEPEST).maxNumberLength(LONGEST_NUMBER).build())
            .enable(StreamReadFeature.USE_FAST_BIG_NUMBER_PARSER).enable(StreamReadFeature.USE_FAST_DOUBLE_PARSER).build())
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS, JsonReadFeature.ALLOW_UNESCAPED_CONTROL_CHARS,
                    JsonReadFeature.ALLOW_BACKSLASH_ESCAPING_ANY_CHARACTER, JsonReadFeature.ALLOW_TRAILING_COMMA,
                    JsonReadFeature.ALLOW_LEADING_ZEROS_FOR_NUMBERS, JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS,
                    JsonReadFeature.ALLOW_LEADING_DECIMAL_POINT_FOR_NUMBERS, JsonReadFeature.ALLOW_TRAILING_DECIMAL_POINT_FOR_NUMBERS)
            .build();

    private static final String BYTE_ORDER_MARK = "\uFEFF";

    private ProviderJson() {
    }

    /** Parses the body; empty if it is not JSON. As lenient as possible, because the answer may have been paid for. */
    public static Optional<JsonNode> json(String body) {
        if (body == null) {
            return Optional.empty();
        }
        String blank = body.stripLeading();
        String text = blank.startsWith(BYTE_ORDER_MARK) ? blank.substring(1) : body;
        try {
            return Optional.of(JSON.readTree(text)).filter(node -> !node.isMissingNode());
        } catch (JacksonException | NumberFormatException e) {
            return lenient(text);
        }
    }

    private static Optional<JsonNode> lenient(String text) {
        try {
            return Optional.of(OutgoingJson.cut(LENIENT.readTree(text))).filter(node -> !node.isMissingNode());
        } catch (JacksonException | NumberFormatException e) {
            return Optional.empty();
        }
    }

    /** Returns an object with only that field of a truncated object; empty if the field is missing or not a complete string. */
    public static Optional<JsonNode> begun(String body, String field) {
        try (JsonParser parser = LENIENT.createParser(body == null ? "" : body)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                return Optional.empty();
            }
            for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
                if (parser.nextToken() == JsonToken.VALUE_STRING && name.equals(field)) {
                    return Optional.of(JSON.createObjectNode().put(field, parser.getText()));
                }
                parser.skipChildren();
            }
        } catch (IOException e) {
            // truncated before the field
        }
        return Optional.empty();
    }

    /** Returns the JSON as UTF-8, with lone surrogates replaced by U+FFFD. For a provider. */
    public static byte[] bytes(JsonNode json) {
        try {
            return Unicode.valid(JSON.writeValueAsString(json)).getBytes(StandardCharsets.UTF_8);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    public static Optional<Double> number(String body, String field) {
        return json(body).map(node -> node.get(field)).filter(JsonNode::isNumber).map(JsonNode::doubleValue);
    }

    /**
     * Returns the provider's message in an error answer, on one line: from JSON in any of the usual forms ({@code error},
     * {@code detail}, {@code message}, {@code title}, {@code errors}; text, objects or lists), or else plain text. Empty for HTML,
     * truncated JSON and the like.
     */
    public static Optional<String> message(String body) {
        if (body == null) {
            return Optional.empty();
        }
        // A body that begins like JSON may still be text: "404 page not found".
        return json(body).filter(node -> node.isContainerNode() || node.isTextual()).map(ProviderJson::message)
                .orElseGet(() -> ErrorWords.ofText(body).map(OneLine::of));
    }

    /** Returns the provider's message in a JSON error answer, on one line. */
    public static Optional<String> message(JsonNode body) {
        return ErrorWords.of(body).map(OneLine::of);
    }

    /** Returns the title of an HTML page, or else its text, on one line; empty if it has neither. */
    public static Optional<String> title(String page) {
        return ErrorWords.ofPage(page).map(OneLine::of);
    }
}
