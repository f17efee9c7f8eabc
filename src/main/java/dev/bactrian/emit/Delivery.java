package dev.bactrian.emit;

import java.nio.file.Path;

import dev.bactrian.generate.Generation;

/**
 * A message for one destination.
 *
 * @param destination the Camel URI as configured; null for a reply
 * @param uri         the Camel URI that the message is sent to
 * @param text        the document, or the text alone; null for an image
 * @param json        whether the text is a document
 * @param image       the image whose bytes are the message, or null
 * @param index       the index of the image in the result, from 0
 * @param file        the file of a batch's outcomes, which is the message in place of the document; else null
 */
public record Delivery(String destination, String uri, String text, boolean json, ResultImage image, int index, Path file) {

    /** The {@link #key()} of a reply. */
    public static final String REPLY = "reply";

    /** Returns the reply to a request, whose address comes with the request. */
    public static Delivery answer(String document) {
        return new Delivery(null, null, document, true, null, 0, null);
    }

    static Delivery document(String destination, String document) {
        return new Delivery(destination, destination, document, true, null, 0, null);
    }

    static Delivery text(String destination, String text) {
        return new Delivery(destination, destination, text, false, null, 0, null);
    }

    static Delivery image(String destination, String uri, ResultImage image) {
        return new Delivery(destination, uri, null, false, image, image.index(), null);
    }

    static Delivery batch(String destination, Path outcomes) {
        return new Delivery(destination, destination, null, true, null, 0, outcomes);
    }

    /** Returns a name for the delivery that reveals nothing of the URI and is stable as long as the configuration is. */
    public String key() {
        return isReply() ? REPLY : Generation.fingerprint(destination) + "-" + index;
    }

    /** Whether the delivery is a reply to the request. */
    public boolean isReply() {
        return destination == null;
    }

    /** Whether it is an image that is not downloaded yet. */
    boolean isUnfetched() {
        return image != null && image.isMissing();
    }

    /** Returns the same delivery with another URI to send to. */
    Delivery to(String target) {
        return new Delivery(destination, target, text, json, image, index, file);
    }

    /** Whether it is sent by HTTP, which needs bytes and a content type. */
    boolean byHttp() {
        return DestinationUris.isHttp(uri);
    }
}
