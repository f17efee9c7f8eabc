package dev.bactrian.replicate;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.core.Answer;
import dev.bactrian.core.ChunkSource;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.model.Kind;
import dev.bactrian.text.Unicode;

/**
 * The output of a prediction, distinguished by its structure (Replicate HTTP API reference, predictions.get): pieces of text, URLs of
 * images, or another JSON value, which may contain such URLs.
 *
 * @param kind   the kind of the output
 * @param chunks the chunks of text that are still to be emitted; none is empty
 * @param before the number of chunks that were emitted before
 * @param answer the fields that it adds to the result document
 */
public record PredictionOutput(Kind kind, List<String> chunks, int before, ObjectNode answer) implements Answer {

    /** URLs that are nested deeper are ignored. */
    private static final int MOST_LEVELS = 100;

    /**
     * Reads an output.
     *
     * @param output the output, or null if there is none
     * @param known  the model's kind, or null if it is unknown
     * @param prompt the prompt, for the answer of an image model
     * @throws GenerationFailure {@code empty-output} if an image model returned no image
     */
    static PredictionOutput read(JsonNode output, Kind known, String prompt) {
        List<String> strings = strings(output);
        List<String> present = strings(withoutNulls(output));
        if (known != Kind.TEXT && areUrls(present)) {
            return images(present, prompt);
        }
        // Search for nested URLs unless the output may be text, which may quote a URL.
        List<String> urls = known == Kind.IMAGE || known == null && strings == null ? urls(output) : List.of();
        if (!urls.isEmpty()) {
            PredictionOutput images = images(urls, prompt);
            images.answer.set("output", output);
            return images;
        } else if (known == Kind.IMAGE && present != null && present.isEmpty()) {
            throw new GenerationFailure(ErrorType.EMPTY_OUTPUT, "the prediction succeeded without an image");
        } else if (strings == null) {
            Kind kind = known == null ? Kind.TEXT : known;
            ObjectNode answer = head(kind, prompt);
            answer.set("output", output);
            return new PredictionOutput(kind, List.of(), 0, answer);
        }
        List<String> pieces = whole(strings);
        ObjectNode answer = head(Kind.TEXT, prompt).put("text", String.join("", pieces)).put("chunks", pieces.size());
        return new PredictionOutput(Kind.TEXT, pieces, 0, answer);
    }

    private static PredictionOutput images(List<String> urls, String prompt) {
        ObjectNode answer = head(Kind.IMAGE, prompt);
        ArrayNode images = answer.putArray("images");
        urls.forEach(url -> images.addObject().put("url", url));
        return new PredictionOutput(Kind.IMAGE, List.of(), 0, answer);
    }

    /** Returns the pieces as valid Unicode. A surrogate pair that is split over two pieces is moved to the second. */
    private static List<String> whole(List<String> pieces) {
        Unicode.Joiner joiner = new Unicode.Joiner();
        List<String> whole = new ArrayList<>();
        for (int i = 0; i < pieces.size(); i++) {
            String piece = joiner.next(pieces.get(i)) + (i + 1 == pieces.size() ? joiner.end() : "");
            if (!piece.isEmpty()) {
                whole.add(piece);
            }
        }
        return List.copyOf(whole);
    }

    /**
     * Returns the output after a stream has delivered the beginning of its text: the rest remains to be emitted. Nothing remains if the
     * streamed text is not the beginning.
     */
    PredictionOutput after(String streamed, int pieces) {
        int done = streamed.isEmpty() ? 0 : lengthOf(streamed, text());
        List<String> rest = new ArrayList<>();
        for (String piece : done < 0 ? List.<String>of() : chunks) {
            if (done < piece.length()) {
                rest.add(Unicode.valid(piece.substring(done)));
            }
            done = Math.max(0, done - piece.length());
        }
        if (kind == Kind.TEXT && answer.has("chunks")) {
            answer.put("chunks", pieces + rest.size());
        }
        return new PredictionOutput(kind, List.copyOf(rest), pieces, answer);
    }

    /** Whether its text begins with the streamed text. */
    boolean beginsWith(String streamed) {
        return lengthOf(streamed, text()) >= 0;
    }

    /**
     * Returns the length of the part of {@code text} that {@code beginning} matches, or -1. An event stream turns every line end into a
     * LF, and each half of a surrogate pair that is split over two events into U+FFFD.
     */
    private static int lengthOf(String beginning, String text) {
        int at = 0;
        for (int i = 0; i < beginning.length(); i++) {
            char wanted = beginning.charAt(i);
            if (wanted == '\n' && text.startsWith("\r\n", at)) {
                at++;
            } else if (at >= text.length() || text.charAt(at) != wanted && !(wanted == '\n' && text.charAt(at) == '\r')
                    && !(wanted == Unicode.REPLACEMENT && Character.isSurrogate(text.charAt(at)))) {
                return -1;
            }
            at++;
        }
        return at;
    }

    @Override
    public String text() {
        return answer.path("text").asText("");
    }

    /**
     * Whether the output consists of file URLs only. Then it is complete even if the prediction may still be running; a text may be
     * incomplete.
     */
    static boolean isFiles(JsonNode output) {
        return areUrls(strings(output));
    }

    private static boolean areUrls(List<String> strings) {
        return strings != null && !strings.isEmpty() && strings.stream().allMatch(PredictionOutput::isUrl);
    }

    /** Returns the URLs that a value contains, at any depth, without duplicates. */
    private static List<String> urls(JsonNode output) {
        Set<String> urls = new LinkedHashSet<>();
        addUrls(output, MOST_LEVELS, urls);
        return List.copyOf(urls);
    }

    private static void addUrls(JsonNode value, int levels, Set<String> urls) {
        if (value == null) {
            return;
        } else if (value.isTextual() && isUrl(value.textValue())) {
            urls.add(value.textValue());
        } else if (levels > 0) {
            value.forEach(item -> addUrls(item, levels - 1, urls));
        }
    }

    @Override
    public int count() {
        return before + chunks.size();
    }

    /** Returns the chunks, for the splitter. */
    ChunkSource source() {
        Iterator<String> pieces = chunks.iterator();
        return new ChunkSource() {
            private GenerationFailure failure;

            @Override
            public boolean hasNext() {
                return pieces.hasNext() || failure != null;
            }

            @Override
            public String next() {
                if (failure != null) {
                    GenerationFailure reason = failure;
                    failure = null;
                    pieces.forEachRemaining(left -> { });
                    throw reason;
                }
                return pieces.next();
            }

            @Override
            public void fail(GenerationFailure reason) {
                failure = reason;
            }

            @Override
            public int before() {
                return before;
            }
        };
    }

    private static ObjectNode head(Kind kind, String prompt) {
        ObjectNode answer = JsonNodeFactory.instance.objectNode().put("kind", kind.toString());
        return kind == Kind.IMAGE ? answer.put("prompt", prompt) : answer;
    }

    /** Returns the non-empty strings of a string or a list of strings, or null if it is neither. */
    private static List<String> strings(JsonNode output) {
        List<String> strings = new ArrayList<>();
        if (output == null) {
            return strings;
        }
        if (!output.isTextual() && !output.isArray()) {
            return null;
        }
        for (JsonNode item : output.isArray() ? output : JsonNodeFactory.instance.arrayNode().add(output)) {
            if (!item.isTextual()) {
                return null;
            }
            if (!item.textValue().isEmpty()) {
                strings.add(item.textValue());
            }
        }
        return strings;
    }

    /** Removes nulls, which stand in a list of files for missing ones, such as images that were filtered out. */
    private static JsonNode withoutNulls(JsonNode output) {
        if (output == null || !output.isArray()) {
            return output;
        }
        ArrayNode present = JsonNodeFactory.instance.arrayNode(output.size());
        output.forEach(item -> {
            if (!item.isNull()) {
                present.add(item);
            }
        });
        return present;
    }

    static boolean isUrl(String text) {
        String start = text.substring(0, Math.min(8, text.length())).toLowerCase(Locale.ROOT);
        return (start.startsWith("https://") || start.startsWith("http://") || start.startsWith("data:"))
                && text.chars().noneMatch(Character::isWhitespace);
    }
}
