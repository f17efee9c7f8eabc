package dev.bactrian.http;

import java.net.ConnectException;

/** A TLS connection that could not be made: nothing was sent over it, and the next one may well be made. */
final class HandshakeException extends ConnectException {

    private static final long serialVersionUID = 1L;

    HandshakeException(String message, Throwable cause) {
        super(message);
        initCause(cause);
    }
}
