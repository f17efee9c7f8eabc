package dev.bactrian.fuzz;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.EnumSet;
import java.util.Set;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Generation;

/** What must be true of whatever leaves: valid Unicode, JSON that a strict reader takes, messages of one line. */
final class Checks {

    /** As strict as a reader of ours may be: a reader's usual limit of 1000 levels, no field twice, nothing behind the end. */
    private static final ObjectMapper STRICT = JsonMapper.builder(JsonFactory.builder().streamReadConstraints(StreamReadConstraints.builder()
                    .maxStringLength(Integer.MAX_VALUE).maxNumberLength(2000).build()).build())
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS, DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .build();
    private static final int LONGEST_MESSAGE = 4000;

    private Checks() {
    }

    /** The text as UTF-8; a finding where it has none. */
    static byte[] utf8(String text, String what) {
        try {
            var bytes = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            byte[] copy = new byte[bytes.remaining()];
            bytes.get(copy);
            return copy;
        } catch (CharacterCodingException e) {
            throw new Finding(what + " is valid Unicode", Fuzz.shown(text));
        }
    }

    /** The JSON that those bytes hold; a finding where a strict reader does not take them. */
    static JsonNode json(byte[] bytes, String what) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            return STRICT.readTree(bytes);
        } catch (IOException e) {
            throw new Finding(what + " can be read back", e.getMessage());
        }
    }

    /** The document as it is read back from what is written of it. */
    static JsonNode written(ObjectNode document, String what) {
        String text;
        try {
            text = Documents.text(document);
        } catch (RuntimeException | StackOverflowError e) {
            throw new Finding(what + " can be written", Fuzz.line(e));
        }
        JsonNode read = json(utf8(text, what), what);
        String summary = Documents.summary(document);
        Finding.unless(isLine(summary), "the log's line of " + what + " is one line", Fuzz.shown(summary));
        return read;
    }

    /** Checks the error document of a failure, and that it is of these types. */
    static JsonNode error(Generation generation, GenerationFailure failure, String partialText, ObjectNode prediction, Set<ErrorType> types) {
        Finding.unless(types.contains(failure.type()), "a failure is of a type that fits", failure.type() + ": " + failure.getMessage());
        Finding.unless(failure.getMessage() != null, "a failure has a message", failure.type());
        JsonNode error = written(generation == null ? Documents.error("fuzz", failure, Instant.now())
                : Documents.error(generation, failure, partialText, prediction), "an error document").path("error");
        String message = error.path("message").asText();
        Finding.unless(isLine(message), "a message is one line without control characters", Fuzz.shown(message));
        Finding.unless(message.length() <= LONGEST_MESSAGE, "a message is not without end", message.length());
        return error;
    }

    static Set<ErrorType> types(ErrorType first, ErrorType... others) {
        return EnumSet.of(first, others);
    }

    private static boolean isLine(String text) {
        return text.chars().noneMatch(c -> Character.isISOControl(c) || c == '\u2028' || c == '\u2029');
    }
}
