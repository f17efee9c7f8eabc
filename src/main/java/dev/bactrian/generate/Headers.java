package dev.bactrian.generate;

/** The headers of a request (model and provider) and of every emitted message. */
public final class Headers {

    public static final String REQUEST_ID = "BactrianRequestId";
    public static final String PROVIDER = "BactrianProvider";
    public static final String MODEL = "BactrianModel";
    public static final String KIND = "BactrianKind";
    public static final String STATUS = "BactrianStatus";
    /** From 0, on chunks. */
    public static final String CHUNK_INDEX = "BactrianChunkIndex";

    /** On content emitted without its document: a file name that fits it, such as {@code cat-0.png}. */
    public static final String CONTENT_NAME = "BactrianContentName";

    /** On the chunks of a request that a queue has delivered again: from 2. */
    public static final String ATTEMPT = "BactrianAttempt";

    /** On a dead letter: why it is one. */
    public static final String REASON = "BactrianReason";

    /** On a dead letter: the queue it came from, and goes back to when it is to be tried again. */
    public static final String QUEUE = "BactrianQueue";

    private Headers() {
    }
}
