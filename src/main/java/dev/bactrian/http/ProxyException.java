package dev.bactrian.http;

import java.net.ConnectException;

/** A proxy refused a call or could not be reached; nothing was sent to the provider. */
public final class ProxyException extends ConnectException {

    private static final long serialVersionUID = 1L;

    private final boolean credentials;

    /** Creates an exception about a proxy, given by host and port. */
    ProxyException(String proxy, String problem) {
        this(proxy, problem, false);
    }

    /** Creates an exception about a proxy, given by host and port. */
    ProxyException(String proxy, String problem, Throwable cause) {
        this(proxy, problem, false);
        initCause(cause);
    }

    private ProxyException(String proxy, String problem, boolean credentials) {
        super("the proxy " + proxy + " " + problem);
        this.credentials = credentials;
    }

    /** Returns the exception for the status with which the proxy answered. */
    static ProxyException answered(String proxy, int status, boolean toConnect) {
        boolean credentials = status == 407;
        return new ProxyException(proxy, "answered " + status + (toConnect ? " to CONNECT" : "")
                + (credentials ? ": it wants a user and a password, or others" : ""), credentials);
    }

    /** Whether the proxy asks for credentials, or for other ones. */
    boolean wantsCredentials() {
        return credentials;
    }
}
