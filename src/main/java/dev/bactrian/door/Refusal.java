package dev.bactrian.door;

/** Says why a call is refused before its request is processed. Becomes an error answer. */
final class Refusal extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final int status;
    private final String type;
    private final int retryAfter;

    /**
     * Creates a refusal.
     *
     * @param status  the HTTP status
     * @param type    the {@code type} and {@code code} of the error
     * @param message one line for the caller
     */
    Refusal(int status, String type, String message) {
        this(status, type, message, 0);
    }

    /** Creates a refusal that says after how many seconds to try again. */
    Refusal(int status, String type, String message, int retryAfter) {
        super(message, null, false, false);
        this.status = status;
        this.type = type;
        this.retryAfter = retryAfter;
    }

    int status() {
        return status;
    }

    String type() {
        return type;
    }

    /** Returns the seconds until another try makes sense, or 0 if none does. */
    int retryAfter() {
        return retryAfter;
    }
}
