package dev.bactrian.error;

import java.io.IOException;

/** A provider did not answer a call, and it is known that it did not accept it either: the call may be made again. */
public final class NotAcceptedException extends IOException {

    private static final long serialVersionUID = 1L;

    /** Creates an exception for a call that failed that way. */
    public NotAcceptedException(String message, Throwable failure) {
        super(message, failure);
    }
}
