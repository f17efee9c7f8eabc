package dev.bactrian.emit;

/**
 * One message for one destination.
 *
 * @param uri         the Camel URI, from configuration
 * @param body        the document or content
 * @param contentType what the body is, for destinations that ask for it
 */
public record Delivery(String uri, Object body, String contentType) {

    /** For the routes: where it goes. */
    public String getUri() {
        return uri;
    }
}
