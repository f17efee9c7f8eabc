package dev.bactrian.door;

import java.nio.charset.StandardCharsets;
import java.util.Map;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.generate.Documents;
import dev.bactrian.text.Unicode;

/** Writes an answer as events {@code chunk}, each with its index and text, and then {@code result} or {@code error} with the document. */
final class NativeEvents extends EventWriter {

    private int chunks;

    NativeEvents(Client client, Map<String, String> headers, boolean keyed) {
        super(client, headers, keyed);
    }

    @Override
    public boolean isTextKept() {
        return true;
    }

    @Override
    public boolean put(String chunk) throws InterruptedException {
        String text = new String(JsonStringEncoder.getInstance().quoteAsString(Unicode.valid(chunk)));
        return send(("event: chunk\ndata: {\"index\":" + chunks++ + ",\"text\":\"" + text + "\"}\n\n").getBytes(StandardCharsets.UTF_8));
    }

    @Override
    void result(JsonNode document) throws InterruptedException {
        document("result", document);
    }

    @Override
    void error(JsonNode document) throws InterruptedException {
        document("error", document);
    }

    private void document(String event, JsonNode document) throws InterruptedException {
        send(("event: " + event + "\ndata: " + Documents.text(document) + "\n\n").getBytes(StandardCharsets.UTF_8));
    }
}
