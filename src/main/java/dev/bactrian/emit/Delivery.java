package dev.bactrian.emit;

import dev.bactrian.generate.Generation;

/**
 * One message for one destination.
 *
 * @param uri      the Camel URI, from configuration; null for a reply
 * @param text     the document, or the text alone; null for an image
 * @param json     whether the text is a document
 * @param imageUrl the URL of the image whose bytes are the message, or null
 * @param index    which of the result's images, from 0
 */
public record Delivery(String uri, String text, boolean json, String imageUrl, int index) {

    /** The {@link #key()} of a reply. */
    public static final String REPLY = "reply";

    /** A document for whoever has asked, at an address that came with the request. */
    public static Delivery answer(String document) {
        return new Delivery(null, document, true, null, 0);
    }

    static Delivery document(String uri, String document) {
        return new Delivery(uri, document, true, null, 0);
    }

    static Delivery text(String uri, String text) {
        return new Delivery(uri, text, false, null, 0);
    }

    static Delivery image(String uri, String imageUrl, int index) {
        return new Delivery(uri, null, false, imageUrl, index);
    }

    /** A name for it that shows nothing of the URI, and is the same as long as the configuration is. */
    public String key() {
        return isReply() ? REPLY : Generation.fingerprint(uri) + "-" + index;
    }

    /** For the routes: whether it goes to whoever has asked. */
    public boolean isReply() {
        return uri == null;
    }

    /** For the routes: where it goes. */
    public String getUri() {
        return uri;
    }

    /** Whether it goes by HTTP, which wants bytes and their type. */
    boolean byHttp() {
        return uri.startsWith("http:") || uri.startsWith("https:");
    }
}
