package dev.bactrian.request;

import java.io.IOException;
import java.io.InputStream;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.model.Catalogue;
import dev.bactrian.model.Kind;
import dev.bactrian.model.ProviderName;
import dev.bactrian.text.JsonMappers;
import dev.bactrian.text.OneLine;

/**
 * Reads requests in the forms that docs/reference/requests.md lists: plain text or JSON as text, bytes or a stream, or a map. Each failure
 * is an {@code invalid-request} whose message names the field and the problem.
 */
public final class RequestReader {

    /** The format of a body, as its sender declared it. */
    public enum Format {
        TEXT, JSON, JSON_LINES, UNKNOWN;

        private static final Set<String> LINES_EXTENSIONS = Set.of(".jsonl", ".ndjson", ".jsonlines", ".ldjson");
        private static final Pattern LINES_TYPES = Pattern.compile("(application|text)/(x-)?(jsonl|ndjson|jsonlines|json-lines|ldjson)");

        /**
         * Returns the format for a file name: JSON for {@code .json}, JSON lines for {@code .jsonl}, text for other extensions,
         * unknown without one.
         */
        public static Format ofFileName(String name) {
            int dot = name.lastIndexOf('.');
            String extension = dot <= 0 ? "" : name.substring(dot).toLowerCase(Locale.ROOT);
            return dot <= 0 ? UNKNOWN : extension.equals(".json") ? JSON : LINES_EXTENSIONS.contains(extension) ? JSON_LINES : TEXT;
        }

        /** Returns the format for a content type: JSON, JSON lines, text for {@code text/*}, or unknown. */
        public static Format ofContentType(String type) {
            String essence = type.split(";", 2)[0].trim().toLowerCase(Locale.ROOT);
            return essence.equals("application/json") || essence.endsWith("+json") || essence.equals("text/json") ? JSON
                    : LINES_TYPES.matcher(essence).matches() ? JSON_LINES : essence.startsWith("text/") ? TEXT : UNKNOWN;
        }
    }

    private static final Set<String> OWN_FIELDS =
            Set.of("id", "model", "provider", "messages", "prompt", "kind", "stream", "fallback", "fallback-after-paid");
    /** More models than this are not tried for one request. */
    private static final int MOST_FALLBACKS = 10;
    private static final Set<String> ROLES = Set.of("system", "developer", "user", "assistant", "tool");
    /** Deeper JSON could not be wrapped into a call, and its recipient could not read it. */
    private static final int DEEPEST = 992;
    /** Strings have no limit of their own: {@code bactrian.max-request-bytes} limits the whole body. */
    private static final ObjectMapper JSON = JsonMappers.mapper(JsonMappers.limits().maxNestingDepth(DEEPEST).build())
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .nodeFactory(new JsonNodeFactory(true))
            .build();

    private final long maxBytes;
    private final Set<ProviderName> providers;

    /** Creates a reader that rejects bodies of more than that many bytes, and providers other than Bactrian's own. */
    public RequestReader(long maxBytes) {
        this(maxBytes, Catalogue.OWN);
    }

    /** Creates a reader that rejects bodies of more than that many bytes, and providers other than those. */
    public RequestReader(long maxBytes, Set<ProviderName> providers) {
        this.maxBytes = maxBytes;
        this.providers = providers;
    }

    /** Reads text. */
    public GenerateRequest read(String text, Format format) {
        if (text.length() > maxBytes || text.length() * 3L > maxBytes
                && text.getBytes(StandardCharsets.UTF_8).length > maxBytes) {
            throw tooLarge();
        }
        String body = text.startsWith("\uFEFF") ? text.substring(1) : text;
        if (format == Format.JSON_LINES) {
            throw invalid("JSON lines are a batch, which only the inbox, the queue, POST /requests and direct:bactrian-generate-and-emit take: here a message is one request");
        }
        boolean json = format == Format.JSON || format == Format.UNKNOWN && body.startsWith("{");
        if (json) {
            return request(parse(body));
        }
        if (body.isBlank()) {
            throw invalid("no prompt: the body is empty");
        }
        return GenerateRequest.ofPrompt(body);
    }

    /** Reads UTF-8 bytes. */
    public GenerateRequest read(byte[] bytes, Format format) {
        if (bytes.length > maxBytes) {
            throw tooLarge();
        }
        try {
            return read(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString(), format);
        } catch (CharacterCodingException e) {
            throw invalid("not UTF-8 text");
        }
    }

    /**
     * Reads a stream of UTF-8 bytes, up to the size limit, and closes it.
     *
     * @throws IOException if reading the stream fails
     */
    public GenerateRequest read(InputStream stream, Format format) throws IOException {
        byte[] bytes;
        try (stream) {
            bytes = stream.readNBytes((int) Math.min(maxBytes + 1, Integer.MAX_VALUE - 8));
        }
        return read(bytes, format);
    }

    /**
     * Reads UTF-8 bytes of a JSON object, and leaves it as it is.
     *
     * @throws GenerationFailure {@code invalid-request} if they are too many or are not a JSON object
     */
    public ObjectNode object(byte[] bytes) {
        if (bytes == null || bytes.length == 0) {
            throw invalid("the body is empty");
        } else if (bytes.length > maxBytes) {
            throw tooLarge();
        }
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
            if (parse(text.startsWith("\uFEFF") ? text.substring(1) : text) instanceof ObjectNode fields) {
                return fields;
            }
        } catch (CharacterCodingException e) {
            throw invalid("not UTF-8 text");
        }
        throw invalid("not a JSON object");
    }

    /** Reads a map with the fields of a JSON request. */
    public GenerateRequest read(Map<?, ?> map) {
        return read(written(map, "the map"), Format.JSON);
    }

    /** Reads a JSON object with the fields of a request. */
    public GenerateRequest read(JsonNode json) {
        return read(written(json, "the JSON"), Format.JSON);
    }

    /** Validates a request object: its id, its prompt, its provider, and that it can be written as JSON. */
    public GenerateRequest read(GenerateRequest request) {
        String id = request.id();
        if (id != null && !RequestId.isValid(id)) {
            throw badId();
        }
        try {
            if (request.prompt() == null && request.messages().isEmpty()) {
                throw invalid("no prompt: one of messages and prompt is required");
            }
            if (request.provider() != null && !providers.contains(request.provider())) {
                throw badProvider();
            }
            if (request.fallback() != null) {
                requireNames(request.fallback());
            }
            parse(written(request, "the request"));
            return request;
        } catch (GenerationFailure e) {
            throw e.of(id);
        }
    }

    /**
     * Writes an object of the application as JSON. The object may contain itself, be too deep or too large, and its own code may
     * throw anything.
     */
    private String written(Object given, String what) {
        try {
            Limited json = new Limited();
            JSON.writeValue(json, given);
            return json.toString();
        } catch (IOException | RuntimeException | StackOverflowError e) {
            for (Throwable cause = e; cause != null; cause = cause.getCause()) {
                if (cause instanceof TooLarge) {
                    throw tooLarge();
                } else if (cause instanceof StreamConstraintsException || cause instanceof StackOverflowError) {
                    throw invalid(what + " is not JSON: it holds itself, or is nested deeper than " + DEEPEST + " levels");
                }
            }
            throw invalid(what + " is not JSON: " + OneLine.of(e instanceof JacksonException json ? json.getOriginalMessage()
                    : e.getClass().getSimpleName() + ": " + e.getMessage()));
        }
    }

    /** A writer that stops at the size limit: an object that is referenced many times is larger as JSON than it seems. */
    private final class Limited extends StringWriter {

        @Override
        public void write(int c) {
            room(1);
            super.write(c);
        }

        @Override
        public void write(char[] buffer, int offset, int length) {
            room(length);
            super.write(buffer, offset, length);
        }

        @Override
        public void write(String text) {
            room(text.length());
            super.write(text);
        }

        @Override
        public void write(String text, int offset, int length) {
            room(length);
            super.write(text, offset, length);
        }

        private void room(int more) {
            if (getBuffer().length() + (long) more > maxBytes) {
                throw new TooLarge();
            }
        }
    }

    private static final class TooLarge extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private static JsonNode parse(String text) {
        try {
            return JSON.readTree(text);
        } catch (JacksonException e) {
            String where = e.getLocation() == null ? ""
                    : " (line " + e.getLocation().getLineNr() + ", column " + e.getLocation().getColumnNr() + ")";
            String said = String.valueOf(e.getOriginalMessage());
            if (e instanceof StreamConstraintsException && said.contains("nesting depth")) {
                throw invalid("nested deeper than " + DEEPEST + " levels" + where);
            }
            // Jackson's message may quote the prompt, which must not appear in a log.
            String problem = said.startsWith("Duplicate field") ? ": " + OneLine.of(said)
                    : e instanceof StreamConstraintsException ? ": a number is too long" : "";
            throw invalid("not JSON" + where + problem);
        } catch (NumberFormatException e) {
            throw invalid("not JSON: a number has too large an exponent");
        }
    }

    private GenerateRequest request(JsonNode root) {
        if (!(root instanceof ObjectNode fields)) {
            throw invalid("not a JSON object");
        }
        String id = text(fields, "id");
        if (id != null && !RequestId.isValid(id)) {
            throw badId();
        }
        try {
            return read(id, fields);
        } catch (GenerationFailure e) {
            throw e.of(id);
        }
    }

    private GenerateRequest read(String id, ObjectNode fields) {
        String prompt = text(fields, "prompt");
        List<ChatMessage> messages = fields.path("messages").isNull() || !fields.has("messages") ? List.of()
                : messages(fields.get("messages"));
        if (!fields.path("stream").isMissingNode() && !fields.path("stream").isBoolean() && !fields.path("stream").isNull()) {
            throw invalid("stream: not true or false");
        }
        JsonNode answers = fields.path("n");
        if (!answers.isMissingNode() && !answers.isNull() && !(answers.isNumber() && answers.doubleValue() == 1)) {
            throw invalid("n: not 1: a request has one answer");
        }
        if (prompt == null && messages.isEmpty()) {
            throw invalid("no prompt: one of messages and prompt is required");
        }
        if (prompt != null && prompt.isBlank()) {
            throw invalid("no prompt: prompt is blank");
        }
        if (prompt == null && messages.stream().allMatch(m -> m.text().isBlank() && !m.fields().has("tool_calls"))) {
            throw invalid("no prompt: every message is blank");
        }
        ObjectNode options = fields.deepCopy().without(OWN_FIELDS);
        return new GenerateRequest(id, text(fields, "model"), provider(text(fields, "provider")), kind(text(fields, "kind")),
                prompt == null ? messages : List.of(), prompt, options, fallback(fields.path("fallback")),
                flag(fields.path("fallback-after-paid"), "fallback-after-paid"));
    }

    private static List<String> fallback(JsonNode value) {
        if (value.isNull() || value.isMissingNode()) {
            return null;
        }
        if (!value.isArray()) {
            throw badFallback();
        }
        List<String> names = new ArrayList<>();
        for (JsonNode name : value) {
            names.add(name.isTextual() ? name.textValue() : "");
        }
        return requireNames(names);
    }

    private static Boolean flag(JsonNode value, String name) {
        if (value.isNull() || value.isMissingNode()) {
            return null;
        }
        if (!value.isBoolean()) {
            throw invalid(name + ": not true or false");
        }
        return value.booleanValue();
    }

    /**
     * Returns the request with the models to try that two headers name, as far as it does not name them itself.
     *
     * @param models    names, separated by commas; or null
     * @param afterPaid {@code true} or {@code false}; or null
     * @throws GenerationFailure {@code invalid-request} if a value is malformed
     */
    public static GenerateRequest withFallback(GenerateRequest request, String models, String afterPaid) {
        List<String> names = request.fallback();
        if (names == null && models != null) {
            names = models.isBlank() ? List.of() : requireNames(Stream.of(models.split(",", -1)).map(String::strip).toList());
        }
        Boolean paid = request.fallbackAfterPaid();
        if (paid == null && afterPaid != null) {
            if (!afterPaid.equals("true") && !afterPaid.equals("false")) {
                throw invalid("fallback-after-paid: not true or false");
            }
            paid = Boolean.valueOf(afterPaid);
        }
        return request.withFallback(names, paid);
    }

    private static List<String> requireNames(List<String> names) {
        if (names.stream().anyMatch(String::isBlank)) {
            throw badFallback();
        } else if (names.size() > MOST_FALLBACKS) {
            throw invalid("fallback: more than " + MOST_FALLBACKS + " models");
        }
        return names;
    }

    private static GenerationFailure badFallback() {
        return invalid("fallback: not a list of names of models");
    }

    /**
     * Returns the provider of that name, or null if the name is null.
     *
     * @throws GenerationFailure {@code invalid-request} if there is no such provider
     */
    public ProviderName provider(String name) {
        return name == null ? null : ProviderName.of(name).filter(providers::contains).orElseThrow(this::badProvider);
    }

    private GenerationFailure badProvider() {
        List<String> names = providers.stream().map(ProviderName::toString).toList();
        int last = names.size() - 1;
        return invalid("provider: not " + String.join(", ", names.subList(0, last)) + " or " + names.get(last));
    }

    private static Kind kind(String name) {
        return name == null ? null : Kind.of(name).orElseThrow(() -> invalid("kind: not text or image"));
    }

    private static String text(ObjectNode fields, String name) {
        JsonNode value = fields.path(name);
        if (value.isNull() || value.isMissingNode()) {
            return null;
        }
        if (!value.isTextual()) {
            throw invalid(name + ": not a string");
        }
        return value.textValue();
    }

    private static List<ChatMessage> messages(JsonNode value) {
        if (!value.isArray() || value.isEmpty()) {
            throw invalid("messages: not a non-empty list");
        }
        List<ChatMessage> messages = new ArrayList<>();
        for (JsonNode item : value) {
            String where = "messages[" + messages.size() + "]";
            if (!(item instanceof ObjectNode fields)) {
                throw invalid(where + ": not an object");
            }
            String role = fields.path("role").asText("");
            if (!ROLES.contains(role)) {
                throw invalid(where + ".role: not one of system, developer, user, assistant, tool");
            }
            if (!fields.has("content") && !fields.has("tool_calls")) {
                throw invalid(where + ".content: missing");
            }
            messages.add(new ChatMessage(role, content(fields.path("content"), where + ".content"), fields));
        }
        return messages;
    }

    private static String content(JsonNode content, String where) {
        if (content.isTextual()) {
            return content.textValue();
        }
        if (content.isNull() || content.isMissingNode()) {
            return "";
        }
        if (!content.isArray()) {
            throw invalid(where + ": not text and not a list of parts");
        }
        StringBuilder text = new StringBuilder();
        for (JsonNode part : content) {
            if (!part.isObject()) {
                throw invalid(where + ": a part is not an object");
            }
            if ("text".equals(part.path("type").asText())) {
                text.append(part.path("text").asText());
            }
        }
        return text.toString();
    }

    private static GenerationFailure badId() {
        return invalid("id: " + RequestId.FAULT);
    }

    private GenerationFailure tooLarge() {
        return invalid("larger than bactrian.max-request-bytes (" + maxBytes + " bytes)");
    }

    private static GenerationFailure invalid(String problem) {
        return new GenerationFailure(ErrorType.INVALID_REQUEST, problem);
    }
}
