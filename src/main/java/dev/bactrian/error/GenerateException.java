package dev.bactrian.error;

import java.util.Map;
import java.util.concurrent.RejectedExecutionException;

/**
 * Reports a failed request to the caller of {@code direct:generate} and to the reader of a {@link dev.bactrian.emit.ChunkStream}.
 * Its message is one line: type and reason.
 */
public final class GenerateException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final String type;
    private final boolean retryable;
    private final String document;
    private final transient Map<String, Object> headers;
    private final boolean rejected;
    private int redeliveries;

    /** Creates a failure without a known cause. */
    public GenerateException(String type, String message, boolean retryable, String document, Map<String, Object> headers) {
        this(type, message, retryable, document, headers, null);
    }

    /**
     * Creates a failure.
     *
     * @param type      the {@code error.type}
     * @param message   the {@code error.message}
     * @param retryable the {@code error.retryable}
     * @param document  the whole error document, JSON
     * @param headers   the headers that go with the document
     * @param reason    the exception that caused it, or null. It becomes a suppressed exception and not the cause, so that a host's
     *         {@code onException} for its own {@code IOException} does not handle ours
     */
    public GenerateException(String type, String message, boolean retryable, String document, Map<String, Object> headers, Throwable reason) {
        super(type + ": " + message);
        rejected = reason instanceof RejectedExecutionException;
        if (reason != null) {
            addSuppressed(reason);
        }
        this.type = type;
        this.retryable = retryable;
        this.document = document;
        this.headers = Map.copyOf(headers);
    }

    /** Returns the {@code error.type}, such as {@code rate-limited}. */
    public String getType() {
        return type;
    }

    /** Whether the same request, sent again later, may succeed without being paid for twice. */
    public boolean isRetryable() {
        return retryable;
    }

    /**
     * Whether the request was rejected, for example by a forced stop. Such a request has no outcome yet and may be processed at the
     * next start.
     */
    public boolean isRejected() {
        return rejected;
    }

    /** Returns the redelivery count of the caller's error handler at the last failure. A higher count means that this is a redelivery. */
    public int getRedeliveries() {
        return redeliveries;
    }

    /** Sets the redelivery count of the caller's error handler. */
    public void setRedeliveries(int redeliveries) {
        this.redeliveries = redeliveries;
    }

    /** Returns the error document, JSON. */
    public String getDocument() {
        return document;
    }

    /** Returns the {@code Bactrian*} headers that go with the document. */
    public Map<String, Object> getHeaders() {
        return headers == null ? Map.of() : headers;
    }
}
