package dev.bactrian.emit;

import java.nio.file.Path;
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
 * A document that is being emitted: its messages, and which of them were sent or failed. It is sent in rounds until all messages are
 * delivered or the rest is kept in the folder for undelivered documents. Shared by the exchange that sends it and the code that keeps it
 * when the application stops.
 */
final class OutgoingDocument {

    private final String id;
    private final Path batch;
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

    /** Creates a document whose messages are not determined yet. */
    OutgoingDocument(String id, String document) {
        this(id, document, null);
    }

    /** Creates a document about a batch, whose file with the outcomes is sent. */
    OutgoingDocument(String id, String document, Path batch) {
        this.id = id;
        this.document = document;
        this.batch = batch;
    }

    /** Returns the file with the outcomes of a batch, or null. */
    Path batch() {
        return batch;
    }

    /** Returns the id of the request. */
    String id() {
        return id;
    }

    /** Sets the messages, and the images whose files belong to the document. */
    synchronized void open(String wholeDocument, ResultImages itsImages, List<Delivery> all) {
        document = wholeDocument;
        images = itsImages;
        messages = List.copyOf(all);
        opened = true;
    }

    /** Whether the messages are determined. */
    synchronized boolean isOpened() {
        return opened;
    }

    /** Begins a round. Keeps the problems of the last one if nothing more is sent, because the unsent messages are still to be kept. */
    synchronized void begin() {
        rounds++;
        if (isClosed) {
            return;
        }
        problems.clear();
        downDestinations.clear();
        kept.clear();
    }

    /** Whether this is at least the second round: in an earlier one the document could be neither sent nor kept. */
    synchronized boolean isTriedAgain() {
        return rounds > 1;
    }

    /** Returns the messages that are still to be sent, in order. */
    synchronized List<Delivery> pending() {
        return isClosed ? List.of() : messages.stream().filter(message -> !sent.contains(message)).toList();
    }

    /** Whether a message may be sent: a document is not sent to a destination that has refused one of its images. */
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

    /** Records a failure that is not one of a delivery. */
    synchronized void broken(String problem) {
        problems.add(problem);
        kept.addAll(images.all());
    }

    /** Ends the sending. Messages that are not sent by now fail, because the application stops. */
    synchronized void close(Function<Delivery, String> problem) {
        isClosed = true;
        List<Delivery> unsent = messages.stream().filter(message -> !sent.contains(message)).toList();
        if (!opened) {
            problems.add(problem.apply(null));
        }
        unsent.stream().filter(delivery -> !downDestinations.contains(delivery.destination()))
                .forEach(delivery -> failed(delivery, problem.apply(delivery), Math.max(attempts, 1)));
    }

    /** Whether the sending was ended. */
    synchronized boolean isClosed() {
        return isClosed;
    }

    /** Whether a message could not be sent and is not kept. */
    synchronized boolean isIncomplete() {
        return !problems.isEmpty() && !isKept;
    }

    /** Records that the document is in the folder for undelivered documents. */
    synchronized void kept() {
        isKept = true;
        isClosed = true;
    }

    synchronized boolean isKept() {
        return isKept;
    }

    /** Returns the images to keep with the undelivered document. */
    synchronized List<ResultImage> images() {
        return kept.stream().filter(image -> !image.isMissing()).toList();
    }

    /** Returns the file to keep for an undelivered document: the error {@code delivery-failed} with the document in it. */
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
