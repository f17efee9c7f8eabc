package dev.bactrian.error;

/** Says that a call was not made because the provider has failed too often; the message says since when and until when. */
public final class NotSentException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception with that message. */
    public NotSentException(String message) {
        super(message);
    }
}
