package dev.bactrian.upstage;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.http.Answers;
import dev.bactrian.http.EventStream;

/**
 * What one event of a chat stream says (PROVIDERS.md 3.5), read anew for each.
 *
 * <p>The events of an answer differ in their text alone, so what stood around the text of the last one is remembered:
 * where the next one has the same around a string without escapes, that string is its text and nothing need be parsed.
 * Parsing was a third of a chunk's time in a profile.
 */
final class ChatEvent {

    private String piece;
    private final StringBuilder reasoning = new StringBuilder();
    private final List<JsonNode> toolCalls = new ArrayList<>();
    private String finishReason;
    private JsonNode usage;
    private String error;

    private byte[] before;
    private byte[] after;
    private int textAt;

    /** Reads an event. False where it is not JSON: half of one says nothing. */
    boolean read(EventStream event) throws IOException {
        reset();
        boolean isError = "error".equals(event.type());
        if (!isError && looksLikeTheLast(event)) {
            return true;
        }
        try (JsonParser parser = Answers.JSON.getFactory().createParser(event.data(), event.start(), event.length())) {
            read(parser, isError, event);
            remember(event);
            return true;
        } catch (JacksonException e) {
            reset();
        }
        // Text takes bytes that are not UTF-8, which the parser of bytes refuses.
        try (JsonParser parser = Answers.JSON.getFactory().createParser(event.text())) {
            read(parser, isError, event);
            return true;
        } catch (JacksonException e) {
            reset();
            error = isError ? Answers.oneLine(event.text()) : null;
            return isError;
        }
    }

    private void reset() {
        piece = null;
        reasoning.setLength(0);
        toolCalls.clear();
        finishReason = null;
        usage = null;
        error = null;
        textAt = -1;
    }

    private boolean looksLikeTheLast(EventStream event) {
        if (before == null) {
            return false;
        }
        byte[] data = event.data();
        int from = event.start() + before.length;
        int to = event.start() + event.length() - after.length;
        if (from >= to || !Arrays.equals(data, event.start(), from, before, 0, before.length)
                || !Arrays.equals(data, to, to + after.length, after, 0, after.length)) {
            return false;
        }
        for (int i = from; i < to; i++) {
            if (data[i] == '"' || data[i] == '\\' || data[i] >= 0 && data[i] < ' ') {
                return false;
            }
        }
        piece = new String(data, from, to - from, StandardCharsets.UTF_8);
        return true;
    }

    private void remember(EventStream event) {
        boolean textAlone = piece != null && textAt >= 0 && reasoning.isEmpty() && toolCalls.isEmpty()
                && finishReason == null && usage == null && error == null;
        if (!textAlone) {
            return;
        }
        byte[] data = event.data();
        int end = event.start() + event.length();
        int from = event.start() + textAt + 1;
        int to = from;
        while (to < end && data[to] != '"' && data[to] != '\\') {
            to++;
        }
        if (to < end && data[to] == '"') {
            before = Arrays.copyOfRange(data, event.start(), from);
            after = Arrays.copyOfRange(data, to, end);
        }
    }

    private void read(JsonParser parser, boolean isError, EventStream event) throws IOException {
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            error = isError ? Answers.oneLine(event.text()) : null;
            return;
        }
        if (isError) {
            error = said(parser.readValueAsTree());
            return;
        }
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            JsonToken value = parser.nextToken();
            if (field.equals("choices") && value == JsonToken.START_ARRAY) {
                readChoices(parser);
            } else if (field.equals("usage") && value == JsonToken.START_OBJECT) {
                usage = parser.readValueAsTree();
            } else if (field.equals("error") && value != JsonToken.VALUE_NULL) {
                error = said(parser.readValueAsTree());
            } else {
                parser.skipChildren();
            }
        }
    }

    private static String said(JsonNode failure) {
        JsonNode body = failure.has("error") ? failure : Answers.JSON.createObjectNode().set("error", failure);
        return Answers.message(body).orElse(Answers.oneLine(failure.toString()));
    }

    private void readChoices(JsonParser parser) throws IOException {
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            if (parser.currentToken() == JsonToken.START_OBJECT) {
                readChoice(parser);
            } else {
                parser.skipChildren();
            }
        }
    }

    private void readChoice(JsonParser parser) throws IOException {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            JsonToken value = parser.nextToken();
            if (field.equals("delta") && value == JsonToken.START_OBJECT) {
                readDelta(parser);
            } else if (field.equals("finish_reason") && value == JsonToken.VALUE_STRING && parser.getTextLength() > 0) {
                finishReason = parser.getText();
            } else {
                parser.skipChildren();
            }
        }
    }

    private void readDelta(JsonParser parser) throws IOException {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            JsonToken value = parser.nextToken();
            if (field.equals("content") && value == JsonToken.VALUE_STRING) {
                if (parser.getTextLength() > 0) {
                    textAt = piece == null ? (int) parser.currentTokenLocation().getByteOffset() : -1;
                    piece = piece == null ? parser.getText() : piece + parser.getText();
                }
            } else if ((field.equals("reasoning") || field.equals("reasoning_content")) && value == JsonToken.VALUE_STRING) {
                reasoning.append(parser.getText());
            } else if (field.equals("tool_calls") && value == JsonToken.START_ARRAY) {
                parser.<JsonNode>readValueAsTree().forEach(toolCalls::add);
            } else {
                parser.skipChildren();
            }
        }
    }

    /** Its text, never empty; null where it has none. */
    String piece() {
        return piece;
    }

    /** Its piece of reasoning, perhaps empty. */
    CharSequence reasoning() {
        return reasoning;
    }

    /** Its pieces of calls of tools, told apart by their index. */
    List<JsonNode> toolCalls() {
        return toolCalls;
    }

    /** Why the answer ends; null where it does not say so. */
    String finishReason() {
        return finishReason;
    }

    /** The tokens counted; null where it does not say so. */
    JsonNode usage() {
        return usage;
    }

    /** What went wrong, in the service's words on one line; null where nothing did. */
    String error() {
        return error;
    }
}
