package dev.bactrian.http;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;

import org.apache.hc.client5.http.classic.ExecRuntime;
import org.apache.hc.core5.http.io.HttpClientConnection;
import org.apache.hc.core5.util.Timeout;

/**
 * The body of an answer. Counts the bytes in use against the size limit, and cuts the connection if the body is closed before its end.
 *
 * <p>HttpClient closes an entity by reading it to its end, which an endless stream never reaches. This class returns the connection
 * to the pool if the end comes within {@link #GRACE}, as it does after {@code [DONE]}, and closes the connection otherwise.
 *
 * <p>An answer that is read {@link #whole} has a deadline that is extended with each byte. The reader of a stream sets the deadline
 * for the next part itself with {@link #within}.
 */
public final class AnswerBody extends FilterInputStream {

    private static final Timeout GRACE = Timeout.ofMilliseconds(25);
    private static final int MOST_LEFT = 4096;
    /** The assumed rate of a slow connection, in bytes per second. */
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
    private long surplus;
    private boolean ended;
    private boolean closed;

    AnswerBody(InputStream body, ExecRuntime runtime, HttpClientConnection connection, long length, long limit) {
        super(body);
        this.runtime = runtime;
        this.connection = connection;
        this.length = length;
        this.limit = limit;
    }

    /** Sets the deadline that cuts the connection. */
    AnswerBody timed(Deadline cutting) {
        deadline = cutting;
        return this;
    }

    /** Requires the whole body within that time, extended by one second for each {@value #SLOW} bytes received. */
    void whole(Duration time) {
        whole = true;
        deadline.within(time, "timed out: the answer was not there whole within " + time.toMillis() + " ms");
    }

    /**
     * Restarts the deadline: if the reader does not call this method again, or reach the end, within that time, reading fails with a
     * {@link java.net.SocketTimeoutException}, no matter what else arrives. Zero means no limit.
     */
    public void within(Duration time) {
        whole = false;
        deadline.within(time, "timed out: nothing that counts came within " + time.toMillis() + " ms");
    }

    /** Counts the bytes in use against that place. */
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
                place.hold(held - surplus);
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

    /**
     * Sets how many bytes of memory the reader keeps of all that was read so far: often far less than arrived, for example a piece
     * of text without its event.
     */
    public void kept(long bytes) {
        surplus = held - bytes;
    }

    /** Sets how many of the bytes read so far are still in use. The rest no longer counts against the limit. */
    public void hold(long bytes) {
        held = bytes;
        surplus = 0;
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
            // Also bounds an answer that arrives byte by byte.
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
