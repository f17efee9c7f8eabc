package dev.bactrian.emit;

/**
 * One message for one destination.
 *
 * @param uri      the Camel URI, from configuration
 * @param text     the document, or the text alone; null for an image
 * @param json     whether the text is a document
 * @param imageUrl the URL of the image whose bytes are the message, or null
 * @param index    which of the result's images, from 0
 */
public record Delivery(String uri, String text, boolean json, String imageUrl, int index) {

    static Delivery document(String uri, String document) {
        return new Delivery(uri, document, true, null, 0);
    }

    static Delivery text(String uri, String text) {
        return new Delivery(uri, text, false, null, 0);
    }

    static Delivery image(String uri, String imageUrl, int index) {
        return new Delivery(uri, null, false, imageUrl, index);
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
