package dev.bactrian.emit;

/** An image of a result: its URL, and its bytes once they are downloaded. Shared by the copies of an exchange. */
final class ResultImage {

    private final String requestId;
    private final int index;
    private final String url;
    private volatile ImageContent content;
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

    ImageContent content() {
        return content;
    }

    String problem() {
        return problem;
    }

    void found(ImageContent bytes) {
        content = bytes;
        problem = null;
    }

    void lost(String why) {
        problem = why;
    }

    /** Whether it is not downloaded. */
    boolean isMissing() {
        return content == null;
    }

    /** Returns the name of its file, such as {@code cat-0.png}. Only known after the download. */
    String name() {
        return requestId + "-" + index + "." + content.extension();
    }
}
