package dev.bactrian.console;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** The documents of the feed of events, as a test puts them together. */
final class Played {

    static final ObjectMapper JSON = new ObjectMapper();
    static final Instant NOW = Instant.now().truncatedTo(ChronoUnit.MILLIS);

    private Played() {
    }

    static ObjectNode json(String text) {
        try {
            return (ObjectNode) JSON.readTree(text.replace('\'', '"'));
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    static String ago(Duration time) {
        return NOW.minus(time).toString();
    }

    /** A snapshot without requests, of a service that calls a simulator. */
    static ObjectNode snapshot() {
        ObjectNode snapshot = json("{'version': '0.1.0', 'mode': 'full', 'requests': [], 'inWork': 0, 'done': [], 'figures': {'inFlight': 0, 'minutes': []}}");
        snapshot.put("now", NOW.toString()).put("startedAt", ago(Duration.ofHours(2)));
        snapshot.set("health", health());
        return snapshot;
    }

    static ObjectNode health() {
        return json("""
                {'simulator': true, 'providers': [
                  {'name': 'upstage', 'endpoint': 'http://127.0.0.1:40123/v1/chat/completions', 'simulator': true, 'up': true,
                   'message': 'upstage is reachable', 'keys': [{'shown': '…3f9a', 'up': true}]},
                  {'name': 'replicate', 'endpoint': 'http://127.0.0.1:40123/v1/predictions', 'simulator': true, 'up': true,
                   'message': 'replicate is reachable'}]}""");
    }

    /** A request in work. */
    static ObjectNode working(int no, String id, String model, String state) {
        ObjectNode request = JSON.createObjectNode().put("no", no).put("id", id).put("from", "http")
                .put("provider", model.contains("/") ? "replicate" : "upstage").put("model", model)
                .put("kind", model.startsWith("stability") ? "image" : "text").put("state", state).put("startedAt", ago(Duration.ofSeconds(4)))
                .put("since", ago(Duration.ofSeconds(2))).put("polls", model.contains("/") ? 2 : 0).put("chunks", 0)
                .put("prompt", "Why does a camel have humps?").put("again", true);
        return request;
    }

    /** A chat that has succeeded, so many seconds ago. */
    static ObjectNode answered(int no, String id, String text, long secondsAgo) {
        ObjectNode request = working(no, id, "solar-pro4", "done").put("outcome", "succeeded").put("text", text).put("chunks", 12)
                .put("startedAt", ago(Duration.ofSeconds(secondsAgo + 1))).put("endedAt", ago(Duration.ofSeconds(secondsAgo)))
                .put("durationMs", 700 + no % 400).put("firstChunkMs", 210);
        request.putObject("tokens").put("prompt", 12 + no % 30).put("completion", 34 + no % 300);
        request.putObject("cost").put("amount", 0.00012).put("currency", "USD").put("basis", "tokens");
        return request;
    }

    static ObjectNode pictured(int no, String id, String url, long secondsAgo) {
        ObjectNode request = working(no, id, "stability-ai/stable-diffusion-3", "done").put("outcome", "succeeded").put("prompt", "a camel with two humps")
                .put("endedAt", ago(Duration.ofSeconds(secondsAgo))).put("durationMs", 2209).put("queuedMs", 1092).put("predictMs", 1010);
        request.putArray("images").addObject().put("url", url);
        return request;
    }

    static ObjectNode failed(int no, String id, String type, String reason, String message, long secondsAgo) {
        ObjectNode request = working(no, id, "solar-pro4", "done").put("outcome", "failed").put("endedAt", ago(Duration.ofSeconds(secondsAgo)))
                .put("durationMs", 1403);
        request.putObject("error").put("type", type).put("reason", reason).put("message", message).put("httpStatus", 429).put("retryable", true);
        return request;
    }

    /** The figures of an hour with some work. */
    static ObjectNode figures() {
        ObjectNode figures = JSON.createObjectNode().put("inFlight", 3);
        var minutes = figures.putArray("minutes");
        Instant last = NOW.truncatedTo(ChronoUnit.MINUTES);
        for (int i = 59; i >= 0; i--) {
            int requests = (int) (24 + 14 * Math.sin(i / 7.0) + (i * 37) % 9);
            ObjectNode minute = minutes.addObject().put("at", last.minus(Duration.ofMinutes(i)).toString()).put("requests", requests)
                    .put("errors", i % 11 == 0 ? 3 : i % 5 == 0 ? 1 : 0).put("inFlight", requests / 4 + i % 3);
            minute.putObject("firstChunk").put("count", requests).put("p50Ms", 340 + (i * 53) % 120).put("p95Ms", 900 + (i * 131) % 500);
        }
        return figures;
    }

    static String quoted(String text) {
        return JSON.valueToTree(text).toString();
    }

    static String text(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values);
    }
}
