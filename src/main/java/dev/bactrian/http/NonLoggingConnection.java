package dev.bactrian.http;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.concurrent.TimeUnit;

import dev.bactrian.config.Url;
import org.apache.hc.client5.http.io.ManagedHttpClientConnection;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.HttpStatus;
import org.apache.hc.core5.http.MessageConstraintException;
import org.apache.hc.core5.http.config.Http1Config;
import org.apache.hc.core5.http.impl.io.DefaultBHttpClientConnection;
import org.apache.hc.core5.http.impl.io.DefaultHttpResponseParserFactory;
import org.apache.hc.core5.http.impl.io.SocketHolder;
import org.apache.hc.core5.http.io.SessionInputBuffer;
import org.apache.hc.core5.http.message.BasicHttpRequest;
import org.apache.hc.core5.util.TextUtils;
import org.apache.hc.core5.util.Timeout;

import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;

/**
 * A connection that logs nothing. HttpClient's default connection writes the {@code Authorization} header to its header and wire
 * logs at debug level, and a token must not appear in a log at any level.
 *
 * <p>Limits the head of an answer, its trailers and the number of interim answers. Unexpected bytes make the connection stale: a
 * byte beyond the length of an answer would be read as the answer to the next request.
 */
final class NonLoggingConnection extends DefaultBHttpClientConnection implements ManagedHttpClientConnection {

    /** The maximum number of header lines of an answer, and of trailers of a chunked body. */
    static final int MOST_HEADERS = 256;
    /** The maximum length of a line of a head, and of a chunk's size with its extensions, in bytes. */
    static final int LONGEST_LINE = 16 * 1024;
    /** The maximum number of interim answers (1xx) before the answer. */
    static final int MOST_INTERIM = 32;

    private static final Timeout GLANCE = Timeout.ofMilliseconds(1);
    private static final Http1Config LIMITS = Http1Config.custom().setMaxHeaderCount(MOST_HEADERS).setMaxLineLength(LONGEST_LINE).build();
    // A factory of its own, because the limits given to the connection do not reach the parser of heads.
    private static final DefaultHttpResponseParserFactory PARSERS = new DefaultHttpResponseParserFactory(LIMITS);

    /** A connection used this recently counts as open; checking it would take {@link #GLANCE}. */
    private static final long JUST_USED = TimeUnit.MILLISECONDS.toNanos(5);

    private int interim;
    private Runnable sent = () -> { };
    private SessionInputBuffer input;
    private long leftAt;

    NonLoggingConnection() {
        super(LIMITS, null, null, null, null, null, PARSERS);
    }

    @Override
    public void sendRequestHeader(ClassicHttpRequest request) throws HttpException, IOException {
        interim = 0;
        if (request instanceof BasicHttpRequest plain && !TextUtils.isAllASCII(plain.getRequestUri())) {
            // If the call goes through a proxy, HttpClient converts the host name back to non-ASCII letters.
            String url = Url.of(plain.getRequestUri()).toString();
            plain.setAbsoluteRequestUri(false);
            plain.setPath(url);
        }
        super.sendRequestHeader(request);
    }

    /** Sets what runs when the whole request has been sent. */
    void onSent(Runnable sent) {
        this.sent = sent;
    }

    @Override
    public void flush() throws IOException {
        super.flush();
        sent.run();
    }

    @Override
    public ClassicHttpResponse receiveResponseHeader() throws HttpException, IOException {
        ClassicHttpResponse response = super.receiveResponseHeader();
        if (response.getCode() < HttpStatus.SC_SUCCESS && ++interim > MOST_INTERIM) {
            throw new MessageConstraintException("more than " + MOST_INTERIM + " interim answers");
        }
        return response;
    }

    @Override
    protected InputStream createContentInputStream(long length, SessionInputBuffer buffer, InputStream in) {
        input = buffer;
        return super.createContentInputStream(length, buffer, in);
    }

    /** {@inheritDoc} Also returns true if there is anything to read before a request was sent. */
    @Override
    public boolean isStale() {
        Socket socket = getSocket();
        if (socket == null) {
            return true;
        }
        try {
            if (input != null && input.length() > 0 || socket.getInputStream().available() > 0) {
                return true;
            } else if (System.nanoTime() - leftAt < JUST_USED) {
                return false;
            }
            // Either there are bytes that no request has asked for, or the server has closed the connection.
            awaitInput(GLANCE);
            return true;
        } catch (SocketTimeoutException e) {
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    /** Returns the number of bytes received so far. */
    long received() {
        return getEndpointDetails() == null ? 0 : getEndpointDetails().getReceivedBytesCount();
    }

    @Override
    public void bind(Socket socket) throws IOException {
        super.bind(socket);
    }

    @Override
    public void bind(SSLSocket sslSocket, Socket socket) throws IOException {
        super.bind(new SocketHolder(sslSocket, socket));
    }

    @Override
    public Socket getSocket() {
        SocketHolder holder = getSocketHolder();
        return holder == null ? null : holder.getSocket();
    }

    @Override
    public SSLSession getSSLSession() {
        SocketHolder holder = getSocketHolder();
        return holder != null && holder.getSSLSocket() != null ? holder.getSSLSocket().getSession() : null;
    }

    @Override
    public void passivate() {
        leftAt = System.nanoTime();
    }

    @Override
    public void activate() {
        // each request sets the timeout itself
    }
}
