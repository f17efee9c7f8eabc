package dev.bactrian.generate;

/** The message headers of requests and of emitted messages. */
public final class Headers {

    public static final String REQUEST_ID = "BactrianRequestId";
    public static final String PROVIDER = "BactrianProvider";
    public static final String MODEL = "BactrianModel";
    /** On a request: the models to try if its model does not answer, separated by commas. */
    public static final String FALLBACK = "BactrianFallback";
    /** On a request: {@code true} to try them even if a prediction may have been paid for. */
    public static final String FALLBACK_AFTER_PAID = "BactrianFallbackAfterPaid";
    public static final String KIND = "BactrianKind";
    public static final String STATUS = "BactrianStatus";
    /** On chunks: their index, from 0. */
    public static final String CHUNK_INDEX = "BactrianChunkIndex";

    /** On content that is emitted without its document: a suitable file name, such as {@code cat-0.png}. */
    public static final String CONTENT_NAME = "BactrianContentName";

    /** On the chunks of a redelivered request: the number of the delivery, from 2. */
    public static final String ATTEMPT = "BactrianAttempt";

    /** On a dead letter: the reason. */
    public static final String REASON = "BactrianReason";

    /** On a dead letter: the queue that it came from, and to which it must be moved to be retried. */
    public static final String QUEUE = "BactrianQueue";

    private Headers() {
    }
}
