package dev.bactrian.simulator;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * A response to one request, before faults are applied.
 *
 * @param status   the HTTP status
 * @param headers  names and values
 * @param frames   the body
 * @param streamed whether it is sent in chunks, without a length
 */
record PreparedResponse(int status, Map<String, String> headers, List<Frame> frames, boolean streamed) {

    static PreparedResponse of(int status, String contentType, byte[] body) {
        return new PreparedResponse(status, Map.of("Content-Type", contentType), List.of(Frame.of(body)), false);
    }

    static PreparedResponse json(int status, JsonNode body) {
        return of(status, "application/json", Json.bytes(body));
    }

    static PreparedResponse stream(List<Frame> frames) {
        return new PreparedResponse(200, Map.of("Content-Type", "text/event-stream", "Cache-Control", "no-cache"), frames, true);
    }

    static PreparedResponse notFound() {
        return problem(404, null, "no such resource");
    }

    /** Returns an error in Replicate's form. */
    static PreparedResponse problem(int status, String title, String detail) {
        var body = Json.object();
        if (title != null) {
            body.put("title", title);
        }
        body.put("detail", detail).put("status", status);
        return of(status, "application/problem+json", Json.bytes(body));
    }

    PreparedResponse with(String name, String value) {
        return with(Map.of(name, value));
    }

    PreparedResponse with(Map<String, String> added) {
        Map<String, String> more = new LinkedHashMap<>(headers);
        more.putAll(added);
        return new PreparedResponse(status, more, frames, streamed);
    }
}
