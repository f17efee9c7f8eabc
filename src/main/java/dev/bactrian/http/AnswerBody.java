package dev.bactrian.http;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;

import org.apache.hc.client5.http.classic.ExecRuntime;
import org.apache.hc.core5.http.io.HttpClientConnection;
import org.apache.hc.core5.util.Timeout;

/**
 * The body of an answer: what is held of it counted against the limit, and closed at once where it is left before its end.
 *
 * <p>HttpClient closes an entity by reading it to its end, which an endless stream never reaches. Here the connection
 * is given back where the end turns up within {@link #GRACE}, as it does after {@code [DONE]}, and cut otherwise.
 *
 * <p>An answer that must come {@link #whole} has a deadline that grows with what has come; who reads a stream says
 * {@link #within} what time the next part of it must be there.
 */
public final class AnswerBody extends FilterInputStream {

    private static final Timeout GRACE = Timeout.ofMilliseconds(25);
    private static final int MOST_LEFT = 4096;
    /** What a slow line brings in a second, in bytes. */
    private static final int SLOW = 8 * 1024;

    private final ExecRuntime runtime;
    private final HttpClientConnection connection;
    private final long length;
    private final long limit;
    private Deadline deadline = Deadline.none();
    private boolean whole;
    private AnswerRoom.Place place;
    private long count;
    private long held;
    private long needless;
    private boolean ended;
    private boolean closed;

    AnswerBody(InputStream body, ExecRuntime runtime, HttpClientConnection connection, long length, long limit) {
        super(body);
        this.runtime = runtime;
        this.connection = connection;
        this.length = length;
        this.limit = limit;
    }

    /** Has that deadline cut it where it is late. */
    AnswerBody timed(Deadline cutting) {
        deadline = cutting;
        return this;
    }

    /** All of it is to be there within that time, and a second more for each {@value #SLOW} bytes that have come. */
    void whole(Duration time) {
        whole = true;
        deadline.within(time, "timed out: the answer was not there whole within " + time.toMillis() + " ms");
    }

    /**
     * What the reader waits for is to be there within that time from now, whatever else comes meanwhile: else reading fails
     * with a {@link java.net.SocketTimeoutException}. Counts until it is called again; zero is no limit.
     */
    public void within(Duration time) {
        whole = false;
        deadline.within(time, "timed out: nothing that counts came within " + time.toMillis() + " ms");
    }

    /** Has what is held of it counted there. */
    AnswerBody in(AnswerRoom.Place counted) {
        place = counted;
        return this;
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
        int n = timely(buffer, offset, most);
        if (n < 0) {
            ended = true;
            return n;
        }
        count += n;
        held += n;
        if (held > limit) {
            throw new ResponseTooLargeException(limit);
        }
        if (place != null) {
            deadline.pause();
            try {
                place.hold(held - needless);
            } finally {
                deadline.goOn();
            }
        }
        ended = count == length;
        return n;
    }

    private int timely(byte[] buffer, int offset, int most) throws IOException {
        try {
            int n = super.read(buffer, offset, most);
            if (n < 0) {
                deadline.demand();
                deadline.stop();
            } else if (whole) {
                deadline.extend(n * (1_000_000_000L / SLOW));
            }
            return n;
        } catch (IOException e) {
            throw deadline.meaning(e);
        }
    }

    /** What was read so far takes up that many bytes in all: it may be far less than came, as a piece of a text in its event. */
    public void kept(long bytes) {
        needless = held - bytes;
    }

    /** Of what was read no more than that many bytes are still in use: the rest does not count against the limit. */
    public void hold(long bytes) {
        held = bytes;
        needless = 0;
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
            deadline.stop();
            if (place != null) {
                place.close();
            }
        }
    }

    private boolean endsSoon() {
        if (connection == null || held > limit) {
            return false;
        }
        Timeout before = connection.getSocketTimeout();
        try {
            // A byte now and then must not hold it up either.
            deadline.within(GRACE.toDuration().multipliedBy(4), "");
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
