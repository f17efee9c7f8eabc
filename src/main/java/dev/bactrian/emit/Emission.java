package dev.bactrian.emit;

import java.util.ArrayList;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.error.ErrorType;
import dev.bactrian.generate.Documents;
import dev.bactrian.http.Answers;

/** A document on its way out: its deliveries, and those that could not be made. Used by one exchange. */
public final class Emission {

    private final String document;
    private final List<Delivery> deliveries;
    private final List<String> problems = new ArrayList<>();
    private int attempts;

    Emission(String document, List<Delivery> deliveries) {
        this.document = document;
        this.deliveries = List.copyOf(deliveries);
    }

    /** For the routes: one message per destination, or several where a document holds several images. */
    public List<Delivery> getDeliveries() {
        return deliveries;
    }

    synchronized void failed(String problem, int tries) {
        problems.add(problem);
        attempts = Math.max(attempts, tries);
    }

    /** For the routes: whether a delivery could not be made. */
    public synchronized boolean isIncomplete() {
        return !problems.isEmpty();
    }

    /** What is kept of a document that could not be delivered: the error {@code delivery-failed}, and the document. */
    public synchronized String undelivered() {
        JsonNode whole = Answers.json(document).orElse(JsonNodeFactory.instance.textNode(document));
        ObjectNode kept = JsonNodeFactory.instance.objectNode().put("id", whole.path("id").asText()).put("status", "failed");
        kept.set("provider", whole.path("provider"));
        kept.set("model", whole.path("model"));
        kept.putObject("error").put("type", ErrorType.DELIVERY_FAILED.toString()).put("message", String.join("; ", problems))
                .putNull("httpStatus").put("attempts", attempts).put("retryable", false);
        kept.put("partialText", whole.path("text").asText(whole.path("partialText").asText("")));
        kept.set("startedAt", whole.path("startedAt"));
        kept.set("durationMs", whole.path("durationMs"));
        kept.set("undelivered", whole);
        return Documents.text(kept);
    }
}
