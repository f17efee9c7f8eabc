package dev.bactrian.error;

import java.util.Map;
import java.util.concurrent.RejectedExecutionException;

/**
 * How a failed request reaches the caller of {@code direct:generate} and the reader of a
 * {@link dev.bactrian.emit.ChunkStream}. Its message is one line: type and reason.
 */
public final class GenerateException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final String type;
    private final boolean retryable;
    private final String document;
    private final transient Map<String, Object> headers;
    private final boolean rejected;
    private int redeliveries;

    /** A failure that no exception is known to have caused. */
    public GenerateException(String type, String message, boolean retryable, String document, Map<String, Object> headers) {
        this(type, message, retryable, document, headers, null);
    }

    /**
     * @param type      the {@code error.type}
     * @param message   the {@code error.message}
     * @param retryable the {@code error.retryable}
     * @param document  the whole error document, JSON
     * @param headers   the headers that go with the document
     * @param reason    what has caused it, or null. It is kept as suppressed and not as the cause: a host's {@code onException} for an
     *                  {@code IOException} of its own is not for ours
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

    /** The {@code error.type}, such as {@code rate-limited}. */
    public String getType() {
        return type;
    }

    /** Whether the same request, sent again later, may succeed without being paid for twice. */
    public boolean isRetryable() {
        return retryable;
    }

    /** Whether it was rejected, as by a forced stop: that is no outcome of the request, which may be done at the next start. */
    public boolean isRejected() {
        return rejected;
    }

    /** How often its caller's error handler had tried again when it failed last: by a higher number a redelivery is known. */
    public int getRedeliveries() {
        return redeliveries;
    }

    /** Sets {@link #getRedeliveries()}. */
    public void setRedeliveries(int redeliveries) {
        this.redeliveries = redeliveries;
    }

    /** The error document, JSON. */
    public String getDocument() {
        return document;
    }

    /** The {@code Bactrian*} headers that go with the document. */
    public Map<String, Object> getHeaders() {
        return headers == null ? Map.of() : headers;
    }
}
