package dev.bactrian.generate;

import java.util.List;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.config.Settings;
import dev.bactrian.emit.StreamBridge;
import dev.bactrian.observe.Observer;
import dev.bactrian.replicate.PollState;
import dev.bactrian.replicate.PredictionOutput;
import dev.bactrian.text.LongText;
import dev.bactrian.text.OutgoingJson;
import dev.bactrian.upstage.ChatStream;
import org.apache.camel.Exchange;

/** Makes the result document of a request that succeeded. */
public final class Results {

    /** The variable that holds the document's line for the log. */
    public static final String SUMMARY = "summary";

    /** Leaves the result document as the body, its headers, and nothing else. */
    public void document(Exchange exchange) {
        Generation generation = exchange.getVariable("generation", Generation.class);
        ChatStream stream = exchange.getVariable("stream", ChatStream.class);
        ObjectNode answer = stream != null ? stream.answer() : exchange.getVariable("output", PredictionOutput.class).answer();
        if (stream == null) {
            answer.set("prediction", exchange.getVariable("poll", PollState.class).document());
        }
        if (!StreamBridge.isTextKept(exchange)) {
            answer.remove("text");
        }
        Settings settings = Settings.of(exchange.getContext()).account(generation.account());
        ObjectNode document = (ObjectNode) OutgoingJson.of(Documents.result(generation, answer), settings::masked);
        LongText written = Documents.written(document);
        // A long text is there once at a time, and not beside the document that is made of it.
        List.of(answer, document).forEach(node -> node.remove("text"));
        if (stream != null) {
            stream.forget();
        }
        exchange.getMessage().setBody(written.toString());
        Observer.of(exchange.getContext()).ended(exchange, generation, document, document.path("chunks").asInt());
        exchange.setVariable(SUMMARY, Documents.summary(document));
        exchange.getMessage().removeHeaders("*");
        exchange.getMessage().getHeaders().putAll(Documents.headers(generation, answer.path("kind").asText(), "succeeded"));
    }
}
