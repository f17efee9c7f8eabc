package dev.bactrian.emit;

import dev.bactrian.generate.Generation;

/**
 * One message for one destination.
 *
 * @param destination the Camel URI as configured; null for a reply
 * @param uri         the Camel URI that the message is sent to
 * @param text        the document, or the text alone; null for an image
 * @param json        whether the text is a document
 * @param image     the image whose bytes are the message, or null
 * @param index       which of the result's images, from 0
 */
public record Delivery(String destination, String uri, String text, boolean json, ResultImage image, int index) {

    /** The {@link #key()} of a reply. */
    public static final String REPLY = "reply";

    /** A document for whoever has asked, at an address that came with the request. */
    public static Delivery answer(String document) {
        return new Delivery(null, null, document, true, null, 0);
    }

    static Delivery document(String destination, String document) {
        return new Delivery(destination, destination, document, true, null, 0);
    }

    static Delivery text(String destination, String text) {
        return new Delivery(destination, destination, text, false, null, 0);
    }

    static Delivery image(String destination, String uri, ResultImage image) {
        return new Delivery(destination, uri, null, false, image, image.index());
    }

    /** A name for it that shows nothing of the URI, and is the same as long as the configuration is. */
    public String key() {
        return isReply() ? REPLY : Generation.fingerprint(destination) + "-" + index;
    }

    /** For the routes: whether it goes to whoever has asked. */
    public boolean isReply() {
        return destination == null;
    }

    /** Whether it is an image whose bytes are not here yet. */
    boolean isUnfetched() {
        return image != null && image.isMissing();
    }

    /** The same, sent to that URI. */
    Delivery to(String target) {
        return new Delivery(destination, target, text, json, image, index);
    }

    /** Whether it goes by HTTP, which wants bytes and their type. */
    boolean byHttp() {
        return DestinationUris.isHttp(uri);
    }
}
