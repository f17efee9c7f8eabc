package dev.bactrian.error;

import java.util.EnumSet;
import java.util.Set;

import dev.bactrian.text.OneLine;

/**
 * Says why a request fails. The beans of the routes throw it; {@code routes/errors.camel.yaml} turns it into an error document. A
 * caller of {@code direct:generate} sees a {@link GenerateException} instead.
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

    /**
     * Creates a failure that is not retryable, without a status or a cause. Counts no attempt if the type implies that no call was made.
     */
    public GenerationFailure(ErrorType type, String message) {
        this(type, message, null, BEFORE_ANY_CALL.contains(type) ? 0 : 1, false, null, null);
    }

    /** Returns the same failure with the id of the request, which is known to be valid. */
    public GenerationFailure of(String id) {
        return new GenerationFailure(type, getMessage(), httpStatus, attempts, retryable, id, getCause());
    }

    /**
     * Creates a failure of a call.
     *
     * @param httpStatus the status of the provider's answer, or null
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

    public ErrorType type() {
        return type;
    }

    /** Returns the status of the provider's answer, or null. */
    public Integer httpStatus() {
        return httpStatus;
    }

    /** Returns the request's own id if the request failed before it was admitted, or null. */
    public String requestId() {
        return requestId;
    }

    /** Returns how often the call was made. */
    public int attempts() {
        return attempts;
    }

    /** Whether the same request, sent again later, may succeed. */
    public boolean retryable() {
        return retryable;
    }
}
