package dev.bactrian.http;

import java.net.ConnectException;

/** What a proxy answered, or that it did not: nothing has reached the provider. */
public final class ProxyException extends ConnectException {

    private static final long serialVersionUID = 1L;

    private final boolean credentials;

    /** {@code proxy}: its host and port. */
    ProxyException(String proxy, String problem) {
        this(proxy, problem, false);
    }

    /** The same, with what it comes from. */
    ProxyException(String proxy, String problem, Throwable cause) {
        this(proxy, problem, false);
        initCause(cause);
    }

    private ProxyException(String proxy, String problem, boolean credentials) {
        super("the proxy " + proxy + " " + problem);
        this.credentials = credentials;
    }

    /** It has answered with that status. */
    static ProxyException answered(String proxy, int status, boolean toConnect) {
        boolean credentials = status == 407;
        return new ProxyException(proxy, "answered " + status + (toConnect ? " to CONNECT" : "")
                + (credentials ? ": it wants a user and a password, or others" : ""), credentials);
    }

    /** Whether it asks for credentials, or for others. */
    boolean wantsCredentials() {
        return credentials;
    }
}
