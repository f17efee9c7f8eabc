package dev.bactrian.emit;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.error.ErrorType;
import dev.bactrian.generate.Documents;
import dev.bactrian.http.Answers;

/** A document on its way out: its messages, and those that could not be made. Used by one exchange. */
public final class Emission {

    private final String document;
    private final Pictures pictures;
    private final List<Delivery> messages;
    private final Set<String> downDestinations = new HashSet<>();
    private final Set<Picture> kept = new LinkedHashSet<>();
    private final List<String> problems = new ArrayList<>();
    private int attempts;

    /** {@code pictures}: the images whose files belong to the document, or none. */
    Emission(String document, Pictures pictures, List<Delivery> messages) {
        this.document = document;
        this.pictures = pictures;
        this.messages = List.copyOf(messages);
    }

    /** For the routes: one per destination, or several where there are images to send. */
    public List<Delivery> getMessages() {
        return messages;
    }

    /** Whether nothing is amiss that the message would pass over: a document whose files are not there stays here, too. */
    synchronized boolean isDue(Delivery delivery) {
        return !delivery.json() || !downDestinations.contains(delivery.destination());
    }

    synchronized void failed(Delivery delivery, String problem, int tries) {
        problems.add(problem);
        downDestinations.add(delivery.destination());
        kept.addAll(pictures.all());
        if (delivery.picture() != null) {
            kept.add(delivery.picture());
        }
        attempts = Math.max(attempts, tries);
    }

    /** For the routes: whether a delivery could not be made. */
    public synchronized boolean isIncomplete() {
        return !problems.isEmpty();
    }

    /** For the routes: the images that are kept beside the document that could not be delivered. */
    public synchronized List<Picture> getKept() {
        return kept.stream().filter(picture -> !picture.isMissing()).toList();
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
