package dev.bactrian.http;

import java.io.IOException;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.concurrent.ScheduledExecutorService;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import org.apache.camel.CamelContext;
import org.apache.camel.support.jsse.SSLContextParameters;
import org.apache.hc.client5.http.ssl.DefaultClientTlsStrategy;
import org.apache.hc.client5.http.ssl.HostnameVerificationPolicy;
import org.apache.hc.client5.http.ssl.HttpsSupport;
import org.apache.hc.client5.http.ssl.TlsSocketStrategy;
import org.apache.hc.core5.http.protocol.HttpContext;
import org.apache.hc.core5.io.Closer;
import org.apache.hc.core5.ssl.SSLContexts;

import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSocket;

/**
 * Makes TLS connections with the truststore and keys of {@code camel.ssl.*}, or else with Java's defaults.
 * {@code bactrian.connect-timeout} limits the whole handshake.
 */
public final class Tls implements TlsSocketStrategy {

    private static final Pattern CERTIFICATE_ALERT = Pattern.compile("fatal alert: (\\w*certificate\\w*|unknown_ca|access_denied)");

    private final TlsSocketStrategy strategy;
    private final Duration handshake;
    private final DeadlineClock clock;

    private Tls(SSLContext context, Duration handshake, ScheduledExecutorService clock) {
        // HttpClient verifies the host name, because Java rejects every name with an underscore.
        strategy = new DefaultClientTlsStrategy(context, HostnameVerificationPolicy.CLIENT, HttpsSupport.getDefaultHostnameVerifier());
        this.handshake = handshake;
        this.clock = new DeadlineClock(clock);
    }

    /**
     * Returns the strategy for the configuration of that context.
     *
     * @param clock runs the deadlines
     * @throws IllegalStateException if a store that {@code camel.ssl.*} names cannot be read
     */
    public static Tls of(CamelContext context, Settings settings, ScheduledExecutorService clock) {
        SSLContextParameters parameters = context == null ? null : context.getSSLContextParameters();
        try {
            return new Tls(parameters == null ? SSLContexts.createDefault() : parameters.createSSLContext(context),
                    settings.duration(Property.CONNECT_TIMEOUT), clock);
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException("what camel.ssl.* names can't be used: " + HttpFailures.detail(e), e);
        }
    }

    @Override
    public SSLSocket upgrade(Socket socket, String host, int port, Object attachment, HttpContext context) throws IOException {
        Deadline deadline = new Deadline(clock, () -> Closer.closeQuietly(socket));
        deadline.within(handshake, "timed out: not done within " + handshake.toMillis() + " ms");
        try {
            SSLSocket tls = strategy.upgrade(socket, host, port, attachment, context);
            if (tls.getSession().getPeerCertificates()[0] instanceof X509Certificate certificate) {
                // Java accepts an expired certificate if the truststore contains it.
                certificate.checkValidity();
            }
            if (!deadline.stop()) {
                deadline.demand();
            }
            return tls;
        } catch (CertificateException e) {
            Closer.closeQuietly(socket);
            throw fault(e, host);
        } catch (IOException e) {
            IOException fault = fault(e, host);
            if (fault != null) {
                throw fault;
            }
            String proxy = Proxied.name(context);
            throw new HandshakeException("the TLS handshake with " + host + ":" + port + (proxy == null ? "" : " through the proxy " + proxy)
                    + " broke off: " + HttpFailures.detail(deadline.meaning(e)), e);
        } finally {
            deadline.stop();
        }
    }

    /** Returns the exception to throw for a failed call: the server may reject our certificate after the handshake. */
    static IOException meaning(IOException failure) {
        IOException refused = failure instanceof SSLException ? refused(failure, failure) : null;
        return refused == null ? failure : refused;
    }

    private static CertificateFaultException refused(Throwable alert, Throwable failure) {
        Matcher name = CERTIFICATE_ALERT.matcher(String.valueOf(alert.getMessage()));
        return name.find() ? new CertificateFaultException("our client certificate is missing or not taken: " + name.group(1), failure) : null;
    }

    /** Returns what is wrong with the host's certificate if that caused the failure, or null. */
    public static String certificateFault(Throwable failure, String host) {
        CertificateFaultException fault = fault(failure, host);
        return fault == null ? null : fault.getMessage();
    }

    /** Returns the certificate fault that caused the failure, or null. */
    private static CertificateFaultException fault(Throwable failure, String host) {
        CertificateFaultException fault = null;
        for (Throwable cause = failure; cause != null && fault == null; cause = cause.getCause()) {
            if (cause instanceof SSLPeerUnverifiedException) {
                fault = theirs(host, "is for another host", cause, failure);
            } else if (cause instanceof SSLException) {
                fault = refused(cause, failure);
            } else if (cause instanceof CertificateExpiredException) {
                fault = theirs(host, "has expired", cause, failure);
            } else if (cause instanceof CertificateNotYetValidException) {
                fault = theirs(host, "is not valid yet", cause, failure);
            } else if (cause instanceof GeneralSecurityException && cause.getCause() == null) {
                fault = theirs(host, "is not trusted", cause, failure);
            }
        }
        return fault;
    }

    private static CertificateFaultException theirs(String host, String what, Throwable cause, Throwable failure) {
        return new CertificateFaultException("the certificate of " + host + " " + what + ": " + HttpFailures.detail(cause), failure);
    }
}
