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
import dev.bactrian.http.EventStream;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.ProviderJson;

/**
 * Parses one event of a chat stream at a time (Upstage API reference, Chat Completions).
 *
 * <p>The events of an answer usually differ only in their text. This class remembers the bytes around the text of the last event. If the
 * next event has the same bytes around a string without escapes, that string is its text and the event is not parsed. Parsing took a
 * third of a chunk's time in a profile.
 */
final class ChatEvent {

    private static final String DONE = "[DONE]";

    private String piece;
    private final StringBuilder reasoning = new StringBuilder();
    private final StringBuilder refusal = new StringBuilder();
    private final List<JsonNode> toolCalls = new ArrayList<>();
    private String finishReason;
    private JsonNode usage;
    private String error;
    private boolean message;
    private boolean failure;
    private boolean done;
    private boolean textAlone;

    private byte[] before;
    private byte[] after;
    private int textAt;

    /** Reads an event. Returns false if it is not JSON, for example if it is incomplete. */
    boolean read(EventStream event) throws IOException {
        if (textAlone) {
            piece = null;
            textAlone = false;
        } else {
            reset();
        }
        if ("error".equalsIgnoreCase(event.type())) {
            error = inWords(withoutDone(event.text()));
            return true;
        } else if (looksLikeTheLast(event)) {
            return true;
        } else if (event.startsWith(DONE) && event.length() == DONE.length()) {
            done = true;
            return true;
        } else if (event.startsWith(DONE) || event.isJoined()) {
            return readLines(event.text());
        }
        try (JsonParser parser = ProviderJson.JSON.getFactory().createParser(event.data(), event.start(), event.length())) {
            read(parser);
            if (failure) {
                error = inWords(event.text());
            }
            remember(event);
            return true;
        } catch (JacksonException | NumberFormatException e) {
            reset();
        }
        // Parse text instead of bytes: then bytes that are not UTF-8 become replacement characters.
        return readText(event.text());
    }

    /** Reads a document that was received instead of a stream. Returns false if it is not JSON. */
    boolean read(String document) throws IOException {
        reset();
        return readText(document);
    }

    /** Reads an event of several lines, which may be one object, several objects, or contain the end mark. */
    private boolean readLines(String lines) throws IOException {
        String rest = withoutDone(lines);
        boolean last = done;
        boolean read = rest.isBlank() || readText(rest);
        done = last;
        return read;
    }

    private String withoutDone(String lines) {
        StringBuilder rest = new StringBuilder();
        for (String line : lines.split("\n")) {
            String said = line.strip();
            if (said.startsWith(DONE)) {
                done = true;
                said = said.substring(DONE.length()).strip();
            }
            rest.append(said).append('\n');
        }
        return rest.toString();
    }

    private boolean readText(String text) throws IOException {
        try (JsonParser parser = ProviderJson.JSON.getFactory().createParser(text)) {
            read(parser);
            while (follows(parser)) {
                readObject(parser);
            }
            if (failure) {
                error = inWords(text);
            }
            return true;
        } catch (JacksonException | NumberFormatException e) {
            reset();
            return false;
        }
    }

    private static boolean follows(JsonParser parser) throws IOException {
        try {
            return parser.currentToken() == JsonToken.END_OBJECT && parser.nextToken() == JsonToken.START_OBJECT;
        } catch (JacksonException | NumberFormatException e) {
            return false;
        }
    }

    private static String inWords(String body) {
        return body.isBlank() ? "an error without a word"
                : ProviderJson.json(body).filter(JsonNode::isObject).map(ChatEvent::said).orElse(OneLine.of(body));
    }

    private void reset() {
        textAlone = false;
        piece = null;
        reasoning.setLength(0);
        refusal.setLength(0);
        toolCalls.clear();
        finishReason = null;
        usage = null;
        error = null;
        message = false;
        failure = false;
        done = false;
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
        textAlone = true;
        return true;
    }

    private void remember(EventStream event) {
        boolean memorable = piece != null && textAt >= 0 && reasoning.isEmpty() && refusal.isEmpty() && toolCalls.isEmpty()
                && finishReason == null && usage == null && error == null && !message;
        if (!memorable) {
            return;
        }
        byte[] data = event.data();
        int end = event.start() + event.length();
        int from = event.start() + textAt + 1;
        if (!isAscii(data, event.start(), from)) {
            // The position of the text is known in characters and not in bytes.
            return;
        }
        int to = from;
        while (to < end && data[to] != '"' && data[to] != '\\') {
            to++;
        }
        if (to < end && data[to] == '"') {
            before = Arrays.copyOfRange(data, event.start(), from);
            after = Arrays.copyOfRange(data, to, end);
        }
    }

    private static boolean isAscii(byte[] data, int from, int to) {
        for (int i = from; i < to; i++) {
            if (data[i] < 0) {
                return false;
            }
        }
        return true;
    }

    private void read(JsonParser parser) throws IOException {
        if (parser.nextToken() == JsonToken.START_OBJECT) {
            readObject(parser);
        }
    }

    private void readObject(JsonParser parser) throws IOException {
        boolean said = false;
        boolean answers = false;
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            JsonToken value = parser.nextToken();
            answers |= field.equals("choices") || field.equals("usage");
            said |= field.equals("object") && value == JsonToken.VALUE_STRING && parser.getText().equals("error")
                    || (field.equals("message") || field.equals("detail")) && (value == JsonToken.VALUE_STRING || value == JsonToken.START_ARRAY);
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
        // {"object": "error", "message": "..."}: the message is a sibling of the field that marks an error.
        failure |= said && !answers && error == null;
    }

    private static String said(JsonNode error) {
        JsonNode body = error.has("error") ? error : ProviderJson.JSON.createObjectNode().set("error", error);
        return ProviderJson.message(body).orElse(OneLine.of(error.toString()));
    }

    private void readChoices(JsonParser parser) throws IOException {
        for (int position = 0; parser.nextToken() != JsonToken.END_ARRAY; position++) {
            if (parser.currentToken() == JsonToken.START_OBJECT) {
                readChoice(parser, position);
            } else {
                parser.skipChildren();
            }
        }
    }

    /** Reads a choice. Only the first choice is the answer; the fields of another one are reset, because its index may come last. */
    private void readChoice(JsonParser parser, int position) throws IOException {
        String pieceBefore = piece;
        int textAtBefore = textAt;
        int reasoningBefore = reasoning.length();
        int refusalBefore = refusal.length();
        int toolCallsBefore = toolCalls.size();
        String finishReasonBefore = finishReason;
        String errorBefore = error;
        boolean messageBefore = message;
        int index = position;
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            JsonToken value = parser.nextToken();
            if (field.equals("index") && value.isScalarValue()) {
                index = parser.getValueAsInt(position);
            } else if (field.equals("delta") && value == JsonToken.START_OBJECT) {
                readDelta(parser);
            } else if (field.equals("message") && value == JsonToken.START_OBJECT) {
                message = true;
                readDelta(parser);
            } else if (field.equals("finish_reason") && value == JsonToken.VALUE_STRING && parser.getTextLength() > 0) {
                finishReason = parser.getText();
            } else if (field.equals("error") && value != JsonToken.VALUE_NULL) {
                error = said(parser.readValueAsTree());
            } else {
                parser.skipChildren();
            }
        }
        if (index != 0) {
            piece = pieceBefore;
            textAt = textAtBefore;
            reasoning.setLength(reasoningBefore);
            refusal.setLength(refusalBefore);
            toolCalls.subList(toolCallsBefore, toolCalls.size()).clear();
            finishReason = finishReasonBefore;
            error = errorBefore;
            message = messageBefore;
        }
    }

    private void readDelta(JsonParser parser) throws IOException {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            JsonToken value = parser.nextToken();
            if (field.equals("content")) {
                readContent(parser, value);
            } else if ((field.equals("reasoning") || field.equals("reasoning_content")) && value == JsonToken.VALUE_STRING) {
                reasoning.append(parser.getText());
            } else if (field.equals("refusal") && value == JsonToken.VALUE_STRING) {
                refusal.append(parser.getText());
            } else if (field.equals("tool_calls") && value == JsonToken.START_ARRAY) {
                parser.<JsonNode>readValueAsTree().forEach(toolCalls::add);
            } else {
                parser.skipChildren();
            }
        }
    }

    private void readContent(JsonParser parser, JsonToken value) throws IOException {
        if (value == JsonToken.VALUE_STRING) {
            if (parser.getTextLength() > 0) {
                textAt = piece == null ? (int) parser.currentTokenLocation().getCharOffset() : -1;
                add(parser.getText());
            }
        } else if (value == JsonToken.START_ARRAY) {
            parser.<JsonNode>readValueAsTree().forEach(this::readPart);
            textAt = -1;
        } else if (value == JsonToken.START_OBJECT) {
            readPart(parser.readValueAsTree());
            textAt = -1;
        }
    }

    private void add(String text) {
        piece = piece == null ? text : piece + text;
    }

    /** Reads one of a list of parts: text, a refusal, or reasoning. */
    private void readPart(JsonNode part) {
        String type = part.path("type").asText("");
        String text = part.isTextual() ? part.textValue() : part.path("text").isTextual() ? part.path("text").textValue()
                : part.path("text").path("value").asText("");
        if (part.path("refusal").isTextual()) {
            refusal.append(part.path("refusal").textValue());
        } else if (type.equals("thinking") || type.equals("reasoning")) {
            reasoning.append(text.isEmpty() ? joined(part.path(type)) : text);
        } else if (!text.isEmpty()) {
            add(text);
        }
    }

    private static String joined(JsonNode thoughts) {
        StringBuilder all = new StringBuilder(thoughts.asText(""));
        thoughts.forEach(thought -> all.append(thought.path("text").asText("")));
        return all.toString();
    }

    /** Whether the event is known to contain only text. */
    boolean isTextAlone() {
        return textAlone;
    }

    /** Returns the text, never empty, or null if there is none. */
    String piece() {
        return piece;
    }

    /** Returns the piece of reasoning, possibly empty. */
    CharSequence reasoning() {
        return reasoning;
    }

    /** Returns the piece of the refusal that the model gives instead of an answer, possibly empty. */
    CharSequence refusal() {
        return refusal;
    }

    /** Returns the pieces of tool calls. */
    List<JsonNode> toolCalls() {
        return toolCalls;
    }

    /** Returns why the answer ends, or null. */
    String finishReason() {
        return finishReason;
    }

    /** Returns the token usage, or null. */
    JsonNode usage() {
        return usage;
    }

    /** Returns the service's error message in one line, or null. */
    String error() {
        return error;
    }

    /** Whether the event contains a whole message and not a piece of one. */
    boolean isMessage() {
        return message;
    }

    /** Whether the event contains the end mark. */
    boolean isDone() {
        return done;
    }
}
