package dev.bactrian.http;

import java.net.ConnectException;

/** A TLS handshake failed. Nothing was sent, and the next attempt may succeed. */
final class HandshakeException extends ConnectException {

    private static final long serialVersionUID = 1L;

    HandshakeException(String message, Throwable cause) {
        super(message);
        initCause(cause);
    }
}
