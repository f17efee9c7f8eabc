package dev.bactrian.upstage;

import java.util.ArrayList;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * Assembles the tool calls that an answer contains in pieces. A piece belongs to the call with its id, else to the last call with its
 * index, else to the last call. Calls with different ids stay separate, even if they have the same index.
 */
final class ToolCalls {

    private static final int MOST = 128;
    private static final int NO_INDEX = Integer.MIN_VALUE;

    private final List<Call> calls = new ArrayList<>();

    /** A call, as far as it was received. */
    private static final class Call {

        final int index;
        final ObjectNode fields = JsonNodeFactory.instance.objectNode();
        final StringBuilder arguments = new StringBuilder();
        int event;

        Call(int index) {
            this.index = index;
        }

        String id() {
            return fields.path("id").asText("");
        }

        String name() {
            return fields.path("function").path("name").asText("");
        }
    }

    private int events;
    private Call last;

    /**
     * Adds the pieces of one event.
     *
     * @param pieces   the pieces
     * @param areWhole whether each piece is a whole call
     * @return false if the answer has more calls than are kept
     */
    boolean add(List<JsonNode> pieces, boolean areWhole) {
        events++;
        boolean kept = true;
        for (JsonNode piece : pieces) {
            if (piece instanceof ObjectNode fields) {
                Call call = areWhole ? null : callOf(fields);
                if (call == null && calls.size() == MOST) {
                    kept = false;
                    continue;
                }
                last = call == null ? begin(fields) : call;
                last.event = events;
                merge(last, fields);
            }
        }
        return kept;
    }

    /** Returns the call that the piece continues, or null if it begins a new one. */
    private Call callOf(ObjectNode piece) {
        String id = piece.path("id").asText("");
        Call call = null;
        for (Call known : calls) {
            if (!id.isEmpty() && id.equals(known.id())) {
                return known;
            } else if (known.index == index(piece)) {
                call = known;
            }
        }
        if (!hasIndex(piece)) {
            call = last;
        }
        return call == null || isAnother(piece, id, call) ? null : call;
    }

    private boolean isAnother(ObjectNode piece, String id, Call call) {
        if (!id.isEmpty() && !call.id().isEmpty()) {
            return true;
        }
        // Some services send no ids. Then a name after arguments begins a new call, and so does a second name in one event.
        String name = piece.path("function").path("name").asText("");
        return id.isEmpty() && !name.isEmpty() && !call.name().isEmpty()
                && (!hasIndex(piece) && call.event == events || !name.equals(call.name()) && !call.arguments.isEmpty());
    }

    private static boolean hasIndex(JsonNode piece) {
        return index(piece) != NO_INDEX;
    }

    /** Returns the index, which may be a number or a numeric string. */
    private static int index(JsonNode piece) {
        JsonNode index = piece.path("index");
        return index.isInt() || index.isTextual() ? index.asInt(NO_INDEX) : NO_INDEX;
    }

    /** Begins a call. Calls are sorted by index; those with the same index stay in their order of arrival. */
    private Call begin(ObjectNode piece) {
        Call call = new Call(hasIndex(piece) ? index(piece) : calls.isEmpty() ? 0 : calls.get(calls.size() - 1).index);
        int at = calls.size();
        while (at > 0 && calls.get(at - 1).index > call.index) {
            at--;
        }
        calls.add(at, call);
        return call;
    }

    private static void merge(Call call, ObjectNode piece) {
        piece.properties().forEach(field -> {
            if (isSaid(field.getValue()) && !field.getKey().equals("function") && !field.getKey().equals("index")) {
                call.fields.set(field.getKey(), field.getValue());
            }
        });
        piece.path("function").properties().forEach(field -> {
            JsonNode value = field.getValue();
            if (value.isNull()) {
                return;
            }
            ObjectNode function = call.fields.withObjectProperty("function");
            if (field.getKey().equals("arguments") && value.isTextual()) {
                call.arguments.append(value.textValue());
                // Reserves the position of the field; {@link #toJson} sets its text.
                function.put("arguments", "");
            } else if (isSaid(value) || !function.has(field.getKey())) {
                function.set(field.getKey(), value);
            }
        });
    }

    private static boolean isSaid(JsonNode value) {
        return !value.isNull() && !(value.isTextual() && value.textValue().isEmpty());
    }

    /** Whether there are no calls. */
    boolean isEmpty() {
        return calls.isEmpty();
    }

    /** Returns the calls as they appear in the result document. */
    ArrayNode toJson() {
        ArrayNode all = JsonNodeFactory.instance.arrayNode();
        for (Call call : calls) {
            ObjectNode fields = call.fields.deepCopy();
            if (fields.path("function").path("arguments").isTextual()) {
                fields.withObjectProperty("function").put("arguments", call.arguments.toString());
            }
            all.add(fields);
        }
        return all;
    }
}
