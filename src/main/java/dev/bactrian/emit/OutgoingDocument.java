package dev.bactrian.emit;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.error.ErrorType;
import dev.bactrian.generate.Documents;
import dev.bactrian.text.ProviderJson;

/**
 * A document on its way out: its messages, and which of them could not be sent. It is sent in rounds until all of it is
 * delivered, or what is not is kept. Shared by the exchange that sends it and whoever keeps it when the application stops.
 */
final class OutgoingDocument {

    private final String id;
    private final List<String> problems = new ArrayList<>();
    private final Set<Delivery> sent = Collections.newSetFromMap(new IdentityHashMap<>());
    private final Set<String> downDestinations = new HashSet<>();
    private final Set<ResultImage> kept = new LinkedHashSet<>();
    private String document;
    private ResultImages images = ResultImages.none();
    private List<Delivery> messages = List.of();
    private boolean opened;
    private int rounds;
    private int attempts;
    private boolean isKept;
    private boolean isClosed;

    /** A document whose messages are not known yet. */
    OutgoingDocument(String id, String document) {
        this.id = id;
        this.document = document;
    }

    /** The request's id. */
    String id() {
        return id;
    }

    /** Its messages are known. {@code itsImages}: the images whose files belong to the document, or none. */
    synchronized void open(String wholeDocument, ResultImages itsImages, List<Delivery> all) {
        document = wholeDocument;
        images = itsImages;
        messages = List.copyOf(all);
        opened = true;
    }

    /** Whether its messages are known. */
    synchronized boolean isOpened() {
        return opened;
    }

    /** Begins to send what is not sent yet. Where nothing more is sent, what could not be stays known: it is still to be kept. */
    synchronized void begin() {
        rounds++;
        if (isClosed) {
            return;
        }
        problems.clear();
        downDestinations.clear();
        kept.clear();
    }

    /** Whether it was tried before to send or to keep it, and neither could be done. */
    synchronized boolean isTriedAgain() {
        return rounds > 1;
    }

    /** What is still to be sent, in order; one per destination, or several where there are images to send. */
    synchronized List<Delivery> pending() {
        return isClosed ? List.of() : messages.stream().filter(message -> !sent.contains(message)).toList();
    }

    /** Whether nothing is amiss that the message would pass over: a document whose files are not there stays here, too. */
    synchronized boolean isDue(Delivery delivery) {
        return !isClosed && (!delivery.json() || !downDestinations.contains(delivery.destination()));
    }

    synchronized void sent(Delivery delivery) {
        sent.add(delivery);
    }

    synchronized void failed(Delivery delivery, String problem, int tries) {
        problems.add(problem);
        downDestinations.add(delivery.destination());
        kept.addAll(images.all());
        if (delivery.image() != null) {
            kept.add(delivery.image());
        }
        attempts = Math.max(attempts, tries);
    }

    /** Something other than a delivery went wrong. */
    synchronized void broken(String problem) {
        problems.add(problem);
        kept.addAll(images.all());
    }

    /** Nothing more is sent: what is not sent by now has the problem that the application stops. */
    synchronized void close(Function<Delivery, String> problem) {
        isClosed = true;
        List<Delivery> unsent = messages.stream().filter(message -> !sent.contains(message)).toList();
        if (!opened) {
            problems.add(problem.apply(null));
        }
        unsent.stream().filter(delivery -> !downDestinations.contains(delivery.destination()))
                .forEach(delivery -> failed(delivery, problem.apply(delivery), Math.max(attempts, 1)));
    }

    /** Whether nothing more is sent. */
    synchronized boolean isClosed() {
        return isClosed;
    }

    /** Whether something could not be sent, and is not kept. */
    synchronized boolean isIncomplete() {
        return !problems.isEmpty() && !isKept;
    }

    /** It lies in the folder for what could not be delivered. */
    synchronized void kept() {
        isKept = true;
        isClosed = true;
    }

    synchronized boolean isKept() {
        return isKept;
    }

    /** The images that are kept beside the document that could not be delivered. */
    synchronized List<ResultImage> images() {
        return kept.stream().filter(image -> !image.isMissing()).toList();
    }

    /** What is kept of a document that could not be delivered: the error {@code delivery-failed}, and the document. */
    synchronized String undelivered() {
        JsonNode whole = ProviderJson.json(document).orElse(JsonNodeFactory.instance.textNode(document));
        ObjectNode left = JsonNodeFactory.instance.objectNode().put("id", whole.path("id").asText()).put("status", "failed");
        left.set("provider", whole.path("provider"));
        left.set("model", whole.path("model"));
        left.putObject("error").put("type", ErrorType.DELIVERY_FAILED.toString()).put("message", String.join("; ", problems))
                .putNull("httpStatus").put("attempts", attempts).put("retryable", false);
        left.put("partialText", whole.path("text").asText(whole.path("partialText").asText("")));
        left.set("startedAt", whole.path("startedAt"));
        left.set("durationMs", whole.path("durationMs"));
        left.set("undelivered", whole);
        return Documents.text(left);
    }
}
