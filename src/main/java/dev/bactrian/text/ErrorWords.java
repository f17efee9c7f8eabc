package dev.bactrian.text;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.JsonNode;

/** Finds the message in an error answer of any common form. */
final class ErrorWords {

    private static final String[] WITHIN = {"message", "msg", "detail", "error", "description", "reason", "title", "errors", "text"};
    private static final String[] BESIDE = {"detail", "message", "msg", "title", "description", "reason", "error_description", "error_message", "Message"};
    private static final int DEEPEST = 6;
    private static final int MOST_IN_A_LIST = 10;
    private static final int MOST_OF_A_PAGE = 100_000;
    private static final Pattern TITLE = Pattern.compile("(?is)<title[^>]{0,200}>(.*?)</title");
    private static final Pattern INVISIBLE = Pattern.compile("(?is)<(script|style|head)\\b.*?(</\\1\\s*>|\\z)|<!--.*?(-->|\\z)");
    private static final Pattern TAG = Pattern.compile("<[^>]*(>|\\z)");

    private ErrorWords() {
    }

    /**
     * Returns the message of a JSON body: in an object, the fields {@code error}, {@code detail}, {@code message} or {@code title},
     * and {@code errors}; each may be text, an object that holds text, or a list of either.
     */
    static Optional<String> of(JsonNode body) {
        if (!body.isObject()) {
            return within(body, 0);
        }
        List<String> words = new ArrayList<>();
        Optional<String> error = within(body.path("error"), 1);
        error.ifPresent(words::add);
        if (error.isEmpty() || body.path("error").isTextual()) {
            // "Bad Request" says little if another field gives the details.
            String[] beside = error.isEmpty() ? BESIDE : new String[] {"detail", "message"};
            for (int i = 0, found = words.size(); i < beside.length && words.size() == found; i++) {
                within(body.path(beside[i]), 1).filter(text -> !words.contains(text)).ifPresent(words::add);
            }
        }
        within(body.path("errors"), 1).filter(text -> !words.contains(text)).ifPresent(words::add);
        return words.isEmpty() ? Optional.empty() : Optional.of(String.join(": ", words));
    }

    private static Optional<String> within(JsonNode node, int depth) {
        if (node.isTextual()) {
            return Optional.of(node.textValue()).filter(text -> !text.isBlank());
        } else if (!node.isContainerNode() || depth > DEEPEST) {
            return Optional.empty();
        }
        List<String> words = new ArrayList<>();
        if (node.isArray()) {
            for (int i = 0; i < node.size() && i < MOST_IN_A_LIST; i++) {
                within(node.get(i), depth + 1).ifPresent(words::add);
            }
            return words.isEmpty() ? Optional.empty() : Optional.of(String.join("; ", words));
        }
        for (String field : WITHIN) {
            Optional<String> found = within(node.path(field), depth + 1);
            if (found.isPresent()) {
                return found.map(text -> place(node.path("loc")) + text);
            }
        }
        // {"errors": {"temperature": ["is too high"]}}
        node.properties().stream().limit(MOST_IN_A_LIST).filter(field -> field.getValue().isArray())
                .forEach(field -> within(field.getValue(), depth + 1).ifPresent(text -> words.add(field.getKey() + ": " + text)));
        return words.isEmpty() ? Optional.empty() : Optional.of(String.join("; ", words));
    }

    /** Returns the path to the faulty field, which FastAPI adds to its messages. */
    private static String place(JsonNode path) {
        List<String> steps = new ArrayList<>();
        path.forEach(step -> steps.add(step.asText()));
        return steps.isEmpty() ? "" : String.join(".", steps) + ": ";
    }

    /** Returns plain text; empty for truncated JSON, markup and binary content. */
    static Optional<String> ofText(String body) {
        String text = body.substring(0, Math.min(body.length(), MOST_OF_A_PAGE)).strip();
        boolean prose = !text.isEmpty() && "<{[\"".indexOf(text.charAt(0)) < 0 && text.chars().anyMatch(Character::isLetter)
                && text.indexOf(Unicode.REPLACEMENT) < 0 && text.indexOf(0) < 0;
        return prose ? Optional.of(text) : Optional.empty();
    }

    /** Returns the title of an HTML page, or else its text. */
    static Optional<String> ofPage(String page) {
        String start = page.substring(0, Math.min(page.length(), MOST_OF_A_PAGE));
        return TITLE.matcher(start).results().map(title -> title.group(1)).findFirst().filter(title -> !title.isBlank())
                .or(() -> Optional.of(TAG.matcher(INVISIBLE.matcher(start).replaceAll(" ")).replaceAll(" ").replaceAll("\\s+", " ")))
                .map(String::strip).filter(text -> !text.isEmpty());
    }
}
