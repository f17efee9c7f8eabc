package dev.bactrian.emit;

/**
 * One image of a result: where it is, and its bytes once they are here. The exchange variable {@code picture} of
 * {@code routes/images.camel.yaml}; shared by the copies of an exchange.
 */
public final class ResultImage {

    private final String requestId;
    private final int index;
    private final String url;
    private volatile Image image;
    private volatile String problem;

    ResultImage(String requestId, int index, String url) {
        this.requestId = requestId;
        this.index = index;
        this.url = url;
    }

    int index() {
        return index;
    }

    String url() {
        return url;
    }

    Image image() {
        return image;
    }

    String problem() {
        return problem;
    }

    void found(Image bytes) {
        image = bytes;
        problem = null;
    }

    void lost(String why) {
        problem = why;
    }

    /** For the routes: whether its bytes are not here. */
    public boolean isMissing() {
        return image == null;
    }

    /** The name of its file, which can't be told before its bytes are here: {@code cat-0.png}. */
    String name() {
        return requestId + "-" + index + "." + image.extension();
    }
}
