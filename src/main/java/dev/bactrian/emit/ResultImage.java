package dev.bactrian.emit;

/**
 * One image of a result: its URL, and its bytes once they are here. Shared by the copies of an exchange.
 */
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

    /** Whether its bytes are not here. */
    boolean isMissing() {
        return content == null;
    }

    /** The name of its file, which can't be told before its bytes are here: {@code cat-0.png}. */
    String name() {
        return requestId + "-" + index + "." + content.extension();
    }
}
