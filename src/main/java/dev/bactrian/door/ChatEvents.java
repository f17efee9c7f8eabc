package dev.bactrian.door;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.core.Job;
import dev.bactrian.generate.Documents;
import dev.bactrian.text.Unicode;

/** Writes an answer as the chunks of a streamed chat completion. */
final class ChatEvents extends EventWriter {

    private static final List<String> COSTS = List.of("provider", "cost", "attempts");
    private static final byte[] DONE = "data: [DONE]\n\n".getBytes(StandardCharsets.US_ASCII);

    /** Without its name, LangChain4j takes an event that is an error for none, and what came for the whole answer. */
    private static final byte[] ERROR = "event: error\ndata: ".getBytes(StandardCharsets.US_ASCII);

    private final boolean usageAsked;
    private final boolean keyed;
    private final String head;
    private final byte[] before;
    private final byte[] after;
    private final Map<String, Integer> calls = new HashMap<>();

    /**
     * Creates a writer.
     *
     * @param completionId the {@code id} of each chunk
     * @param model        the {@code model} of each chunk
     * @param usageAsked   whether a last chunk tells the usage
     * @param keyed        whether the outcome is kept for another call
     */
    ChatEvents(Client client, Map<String, String> headers, String completionId, String model, boolean usageAsked, boolean keyed) {
        super(client, headers, keyed);
        this.keyed = keyed;
        this.usageAsked = usageAsked;
        head = "data: {\"id\":" + quoted(completionId) + ",\"object\":\"chat.completion.chunk\",\"created\":" + System.currentTimeMillis() / 1000
                + ",\"model\":" + quoted(model);
        before = (head + ",\"choices\":[{\"index\":0,\"delta\":{\"content\":").getBytes(StandardCharsets.UTF_8);
        after = ("},\"finish_reason\":null}]" + noUsage() + "}\n\n").getBytes(StandardCharsets.UTF_8);
    }

    private static String quoted(String text) {
        return '"' + new String(JsonStringEncoder.getInstance().quoteAsString(Unicode.valid(text))) + '"';
    }

    private String noUsage() {
        return usageAsked ? ",\"usage\":null" : "";
    }

    @Override
    public boolean isTextKept() {
        return keyed;
    }

    @Override
    byte[] first() {
        return delta("{\"role\":\"assistant\",\"content\":\"\"}", "null");
    }

    private byte[] delta(String delta, String finishReason) {
        return (head + ",\"choices\":[{\"index\":0,\"delta\":" + delta + ",\"finish_reason\":" + finishReason + "}]" + noUsage() + "}\n\n")
                .getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public boolean put(String chunk) throws InterruptedException {
        byte[] text = JsonStringEncoder.getInstance().quoteAsUTF8(Unicode.valid(chunk));
        ByteArrayOutputStream event = new ByteArrayOutputStream(before.length + text.length + after.length + 2);
        event.writeBytes(before);
        event.write('"');
        event.writeBytes(text);
        event.write('"');
        event.writeBytes(after);
        return send(event.toByteArray());
    }

    @Override
    public void put(Job.Delta delta) throws InterruptedException {
        ObjectNode fields = JsonNodeFactory.instance.objectNode();
        if (!delta.reasoning().isEmpty()) {
            fields.put("reasoning_content", delta.reasoning());
        }
        if (!delta.refusal().isEmpty()) {
            fields.put("refusal", delta.refusal());
        }
        ArrayNode pieces = JsonNodeFactory.instance.arrayNode();
        delta.toolCalls().forEach(piece -> pieces.add(withIndex(piece)));
        if (!pieces.isEmpty()) {
            fields.set("tool_calls", pieces);
        }
        send(delta(new String(Answers.bytes(fields), StandardCharsets.UTF_8), "null"));
    }

    /** Clients join the pieces of a call by its index, which some services leave out. */
    private JsonNode withIndex(JsonNode piece) {
        if (piece.path("index").isInt() || !piece.isObject()) {
            return piece;
        }
        String id = piece.path("id").asText("");
        int index = id.isEmpty() ? Math.max(0, calls.size() - 1) : calls.computeIfAbsent(id, first -> calls.size());
        return JsonNodeFactory.instance.objectNode().put("index", index).setAll((ObjectNode) piece);
    }

    @Override
    void result(JsonNode document) throws InterruptedException {
        if (document.has("output")) {
            // Other JSON than text is no chunk.
            put(ChatCompletions.content(document));
        }
        send(delta("{}", quoted(ChatCompletions.finishReason(document))));
        JsonNode usage = document.path("usage");
        if (usageAsked && usage.isObject()) {
            StringBuilder costs = new StringBuilder();
            COSTS.stream().filter(document::has).forEach(field -> costs.append(",\"").append(field).append("\":").append(Documents.text(document.get(field))));
            send((head + ",\"choices\":[],\"usage\":" + usage + costs + "}\n\n").getBytes(StandardCharsets.UTF_8));
        }
        send(DONE);
    }

    @Override
    void error(JsonNode document) throws InterruptedException {
        ByteArrayOutputStream event = new ByteArrayOutputStream();
        event.writeBytes(ERROR);
        event.writeBytes(Answers.bytes(Answers.error(document)));
        event.writeBytes("\n\n".getBytes(StandardCharsets.US_ASCII));
        send(event.toByteArray());
    }
}
