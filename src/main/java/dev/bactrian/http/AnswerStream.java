package dev.bactrian.http;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

import org.apache.hc.client5.http.classic.ExecRuntime;
import org.apache.hc.core5.http.io.HttpClientConnection;
import org.apache.hc.core5.util.Timeout;

/**
 * The body of an answer: what is held of it counted against the limit, and closed at once where it is left before its end.
 *
 * <p>HttpClient closes an entity by reading it to its end, which an endless stream never reaches. Here the connection
 * is given back where the end turns up within {@link #GRACE}, as it does after {@code [DONE]}, and cut otherwise.
 */
public final class AnswerStream extends FilterInputStream {

    private static final Timeout GRACE = Timeout.ofMilliseconds(25);
    private static final int MOST_LEFT = 4096;

    private final ExecRuntime runtime;
    private final HttpClientConnection connection;
    private final long length;
    private final long limit;
    private long count;
    private long held;
    private boolean ended;
    private boolean closed;

    AnswerStream(InputStream body, ExecRuntime runtime, HttpClientConnection connection, long length, long limit) {
        super(body);
        this.runtime = runtime;
        this.connection = connection;
        this.length = length;
        this.limit = limit;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] buffer, int offset, int most) throws IOException {
        if (closed) {
            throw new IOException("the answer is closed");
        }
        int n = super.read(buffer, offset, most);
        if (n < 0) {
            ended = true;
            return n;
        }
        count += n;
        held += n;
        if (held > limit) {
            throw new ResponseTooLargeException(limit);
        }
        ended = count == length;
        return n;
    }

    /** Of what was read no more than that many bytes are still in use: the rest does not count against the limit. */
    public void hold(long bytes) {
        held = bytes;
    }

    @Override
    public void close() throws IOException {
        if (closed) {
            return;
        }
        try {
            if (ended || endsSoon()) {
                super.close();
            } else {
                runtime.discardEndpoint();
            }
        } finally {
            closed = true;
        }
    }

    private boolean endsSoon() {
        if (connection == null || held > limit) {
            return false;
        }
        Timeout before = connection.getSocketTimeout();
        try {
            connection.setSocketTimeout(GRACE);
            byte[] rest = new byte[MOST_LEFT];
            int left = 0;
            int n = 0;
            long until = System.nanoTime() + GRACE.toNanoseconds();
            while (n >= 0 && left < MOST_LEFT && System.nanoTime() < until) {
                n = in.read(rest, 0, MOST_LEFT - left);
                left += Math.max(n, 0);
            }
            connection.setSocketTimeout(before);
            return n < 0;
        } catch (IOException e) {
            return false;
        }
    }
}
