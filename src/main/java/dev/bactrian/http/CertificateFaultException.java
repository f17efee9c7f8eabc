package dev.bactrian.http;

import javax.net.ssl.SSLException;

/** A certificate, theirs or ours, that is not taken: a fault of configuration, which no repetition mends. */
public final class CertificateFaultException extends SSLException {

    private static final long serialVersionUID = 1L;

    CertificateFaultException(String message, Throwable cause) {
        super(message, cause);
    }
}
