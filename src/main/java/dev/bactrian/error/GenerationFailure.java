package dev.bactrian.error;

import java.util.EnumSet;
import java.util.Set;

import dev.bactrian.text.OneLine;

/**
 * Why a request fails, before it becomes an error document. Thrown by the beans of the routes, turned into the
 * document by {@code routes/errors.camel.yaml}; a caller of {@code direct:generate} sees {@link GenerateException} instead.
 */
public final class GenerationFailure extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private static final Set<ErrorType> BEFORE_ANY_CALL =
            EnumSet.of(ErrorType.INVALID_REQUEST, ErrorType.UNSUPPORTED_MODEL, ErrorType.AUTHENTICATION);

    private final ErrorType type;
    private final Integer httpStatus;
    private final int attempts;
    private final boolean retryable;
    private final String requestId;

    /** A failure that no further try of ours would mend, before any call was answered. */
    public GenerationFailure(ErrorType type, String message) {
        this(type, message, null, BEFORE_ANY_CALL.contains(type) ? 0 : 1, false, null, null);
    }

    /** The same, of a request whose own id is known to be good. */
    public GenerationFailure of(String id) {
        return new GenerationFailure(type, getMessage(), httpStatus, attempts, retryable, id, getCause());
    }

    /**
     * A failure of a call.
     *
     * @param httpStatus the status that the provider answered, or null
     * @param attempts   how often the call was made
     * @param retryable  whether the same request, sent again later, may succeed without being paid for twice
     */
    public GenerationFailure(
            ErrorType type, String message, Integer httpStatus, int attempts, boolean retryable, Throwable cause) {
        this(type, message, httpStatus, attempts, retryable, null, cause);
    }

    private GenerationFailure(ErrorType type, String message, Integer httpStatus, int attempts, boolean retryable,
            String requestId, Throwable cause) {
        super(message == null ? null : OneLine.whole(message), cause);
        this.type = type;
        this.httpStatus = httpStatus;
        this.attempts = attempts;
        this.retryable = retryable;
        this.requestId = requestId;
    }

    /** Its kind. */
    public ErrorType type() {
        return type;
    }

    /** The status that the provider answered, or null. */
    public Integer httpStatus() {
        return httpStatus;
    }

    /** The request's own id where the failure came before the request was taken, or null. */
    public String requestId() {
        return requestId;
    }

    /** How often the call was made. */
    public int attempts() {
        return attempts;
    }

    /** Whether the same request, sent again later, may succeed. */
    public boolean retryable() {
        return retryable;
    }
}
