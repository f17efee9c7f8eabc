package dev.bactrian.console;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.request.ChatMessage;
import dev.bactrian.request.GenerateRequest;

/** Requests that are kept so that they can be sent again. */
final class Requests {

    private static final int MOST = 64 * 1024;

    private Requests() {
    }

    /** Whether a request is small enough to be kept. */
    static boolean isKept(GenerateRequest request) {
        return size(request) <= MOST;
    }

    /** Returns about how many characters a request has. Stops counting once it is too large. */
    static long size(GenerateRequest request) {
        long size = request.prompt() == null ? 0 : request.prompt().length();
        for (ChatMessage message : request.messages()) {
            if (size > MOST) {
                return size;
            }
            size += size(message.fields(), MOST - size);
        }
        return size + size(request.options(), MOST - size);
    }

    private static long size(JsonNode json, long most) {
        if (!json.isContainerNode()) {
            return json.isTextual() ? json.textValue().length() : 8;
        }
        long size = 8;
        if (json.isObject()) {
            for (var field : json.properties()) {
                size += field.getKey().length() + size(field.getValue(), most - size);
                if (size > most) {
                    return size;
                }
            }
            return size;
        }
        for (JsonNode item : json) {
            size += size(item, most - size);
            if (size > most) {
                return size;
            }
        }
        return size;
    }

    /** Returns the JSON of a request without its id. */
    static ObjectNode json(GenerateRequest request) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        if (request.model() != null) {
            json.put("model", request.model());
        }
        if (request.provider() != null) {
            json.put("provider", request.provider().toString());
        }
        if (request.kind() != null) {
            json.put("kind", request.kind().toString());
        }
        if (request.prompt() != null) {
            json.put("prompt", request.prompt());
        } else {
            request.messages().forEach(message -> json.withArray("messages").add(message.fields()));
        }
        if (request.fallback() != null) {
            json.putArray("fallback");
            request.fallback().forEach(json.withArray("fallback")::add);
        }
        if (request.fallbackAfterPaid() != null) {
            json.put("fallback-after-paid", request.fallbackAfterPaid());
        }
        json.setAll(request.options());
        return json;
    }
}
