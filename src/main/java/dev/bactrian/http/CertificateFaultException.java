package dev.bactrian.http;

import javax.net.ssl.SSLException;

/** A certificate, of either side, is not accepted. This is a configuration error that no retry can fix. */
public final class CertificateFaultException extends SSLException {

    private static final long serialVersionUID = 1L;

    CertificateFaultException(String message, Throwable cause) {
        super(message, cause);
    }
}
