package dev.bactrian.simulator;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;

/**
 * A request that the simulator received.
 *
 * @param call    the kind of call; null for an unknown URL
 * @param method  the HTTP method
 * @param path    path and query as sent, for example {@code /api/poll?id=x}
 * @param headers header names (capitalised as in {@code Content-type}) and their values
 * @param body    the whole body, without transfer encoding; empty if there was none
 * @param at      when the body had been read
 */
public record RecordedRequest(
        Call call, String method, String path, Map<String, List<String>> headers, byte[] body, Instant at) {

    /** Returns the body as UTF-8 text. */
    public String bodyText() {
        return new String(body, StandardCharsets.UTF_8);
    }

    /** Returns the first value of a header, ignoring the case of its name, or null. */
    public String header(String name) {
        for (Map.Entry<String, List<String>> header : headers.entrySet()) {
            if (header.getKey().equalsIgnoreCase(name) && !header.getValue().isEmpty()) {
                return header.getValue().get(0);
            }
        }
        return null;
    }

    /**
     * Returns the body as JSON.
     *
     * @throws IllegalStateException if it is not JSON
     */
    public JsonNode json() {
        try {
            return Json.parse(body);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("The body of " + method + " " + path + " is not JSON: " + bodyText(), e);
        }
    }

    @Override
    public String toString() {
        return method + " " + path + " " + bodyText();
    }
}
