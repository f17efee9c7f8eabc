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
 * What a prediction put out, told apart by its shape (PROVIDERS.md 1.7): pieces of text, URLs of images, or another
 * JSON value, which may hold such URLs.
 *
 * @param kind   what it turned out to be
 * @param chunks the pieces of text that are still to be emitted, none of them empty
 * @param before how many pieces were emitted before these
 * @param answer the parts of the result document that it makes up
 */
public record PredictionOutput(Kind kind, List<String> chunks, int before, ObjectNode answer) implements Answer {

    /** Files that lie deeper are not looked for. */
    private static final int MOST_LEVELS = 100;

    /**
     * Reads an output.
     *
     * @param output null where there is none
     * @param known  the model's kind, or null where nobody knows
     * @param prompt what an image was made from
     * @throws GenerationFailure {@code empty-output} for an image model without an image
     */
    static PredictionOutput read(JsonNode output, Kind known, String prompt) {
        List<String> strings = strings(output);
        List<String> present = strings(withoutNulls(output));
        if (known != Kind.TEXT && areUrls(present)) {
            return images(present, prompt);
        }
        // A text may quote a URL; an image model has no text, and an object or the like holds its files somewhere inside.
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

    /** The pieces as valid Unicode: a pair that is cut between two of them is in the second. */
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
     * The same after a stream has brought that many pieces of it: what of its text they lack is left to be emitted, the
     * rest of a piece that came in part included. Nothing is, where the text does not begin with them.
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

    /** Whether its text begins with what a stream has brought. */
    boolean beginsWith(String streamed) {
        return lengthOf(streamed, text()) >= 0;
    }

    /**
     * How much of the text a beginning makes up, or -1. An event stream turns every line end into a LF, and each half of a
     * pair that is cut between two events into U+FFFD.
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
     * Whether it is files and nothing else. Where a prediction is not known to have ended, such an output is whole; one
     * of text may be the beginning of it.
     */
    static boolean isFiles(JsonNode output) {
        return areUrls(strings(output));
    }

    private static boolean areUrls(List<String> strings) {
        return strings != null && !strings.isEmpty() && strings.stream().allMatch(PredictionOutput::isUrl);
    }

    /** The URLs that a value holds, wherever in it, each once. */
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

    /** Its chunks, to be split over. */
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

    /** The strings of a string or of a list of strings, without the empty ones; null where it is neither. */
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

    /** A list of files has null where there is none, such as for an image that was filtered out. */
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
