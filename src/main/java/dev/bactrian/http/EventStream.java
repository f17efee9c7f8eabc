package dev.bactrian.http;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.function.Predicate;

/**
 * Reads server-sent events from bytes as WHATWG HTML 9.2.5 and 9.2.6 specify, with one exception: an event without its blank line
 * at the end of the stream still counts. The data of the current event is a range of bytes, so that events are only decoded if
 * somebody reads them. Not thread-safe.
 *
 * <p>If the body is one document (JSON, HTML) and not an event stream, it is kept whole: {@link #holdsDocument()}. The beginning of
 * other lines that are not fields of an event is kept, too: {@link #strayText()}.
 */
public final class EventStream {

    private static final int INITIAL_BUFFER = 16 * 1024;
    private static final int MOST_STRAY = 8 * 1024;
    private static final String[] FIELDS = {"data", "event", "id", "retry"};

    private final InputStream in;
    private final Predicate<String> endsAt;
    private final Duration patience;
    private byte[] buffer = new byte[INITIAL_BUFFER];
    private int position;
    private int limit;
    private boolean atEnd;
    private boolean started;
    private boolean afterCarriageReturn;

    private int lineStart;
    private int lineEnd;

    private byte[] data = buffer;
    private int dataStart = -1;
    private int dataEnd;
    private ByteArrayOutputStream joined;
    private String type;
    private boolean whole;

    private boolean begun;
    private boolean document;
    private final StringBuilder stray = new StringBuilder();
    private boolean silent;
    private long silentSince;
    private Duration rest;
    private boolean ending;
    private long endsAtNano;

    /** Reads events from a body of type {@code text/event-stream}. */
    public EventStream(InputStream in) {
        this(in, null, null);
    }

    /**
     * Reads events from a body of type {@code text/event-stream}.
     *
     * @param endsAt   tests whether a comment ends the stream; null if none does
     * @param patience the longest time in which only bytes without a {@link #heard()} event may arrive; null means no limit
     */
    public EventStream(InputStream in, Predicate<String> endsAt, Duration patience) {
        this.in = in;
        this.endsAt = endsAt;
        this.patience = patience;
    }

    /** Reports that the current event brought content, which restarts the patience. Comments do not. */
    public void heard() {
        silent = false;
    }

    /**
     * Limits the time for the rest of the stream, counted from the next wait; after that, reading fails with a
     * {@link SocketTimeoutException}.
     */
    public void endWithin(Duration time) {
        if (rest == null) {
            rest = time;
        }
    }

    /**
     * Waits for the next event that has data and makes it the current one. Returns false at the end of the stream.
     *
     * @throws NothingHeardException if nothing but comments and the like arrived for longer than the patience
     * @throws SocketTimeoutException if nothing at all arrived in time
     */
    public boolean next() throws IOException {
        dataStart = -1;
        joined = null;
        type = null;
        stray.setLength(0);
        while (findLine()) {
            if (lineStart == lineEnd) {
                if (dispatch()) {
                    whole = true;
                    return true;
                }
            } else if (endsAt != null && buffer[lineStart] == ':' && endsAt.test(text(buffer, lineStart + 1, lineEnd))) {
                atEnd = true;
                position = limit;
                return false;
            } else if (!begun && beginsDocument()) {
                readDocument();
                return false;
            } else {
                field();
            }
        }
        whole = false;
        return dispatch();
    }

    /** Whether the current event had its blank line. Without one, the end of the stream may have truncated the event. */
    public boolean isWhole() {
        return whole;
    }

    /** Whether the line, before any event, begins a document. */
    private boolean beginsDocument() {
        int i = lineStart;
        while (i < lineEnd && (buffer[i] == ' ' || buffer[i] == '\t')) {
            i++;
        }
        document = i < lineEnd && (buffer[i] == '{' || buffer[i] == '[' || buffer[i] == '<');
        return document;
    }

    private void readDocument() throws IOException {
        position = lineStart;
        afterCarriageReturn = false;
        try {
            while (fill()) {
                // read to the end
            }
        } finally {
            holdTheRest();
        }
    }

    private void holdTheRest() {
        dataStart = position;
        dataEnd = limit;
        data = buffer;
        position = limit;
    }

    /**
     * Whether the body is one document and not an event stream; {@link #data()} then holds it as far as it has arrived. Valid after
     * {@link #next()} has returned false or failed.
     */
    public boolean holdsDocument() {
        return document;
    }

    /** Whether an event, or a part of one, has arrived. */
    public boolean hasBegun() {
        return begun;
    }

    /** Returns the beginning of the lines since the last event that are not fields of an event. */
    public String strayText() {
        return stray.toString();
    }

    private static String text(byte[] bytes, int start, int end) {
        return new String(bytes, start, end - start, StandardCharsets.UTF_8);
    }

    private boolean dispatch() {
        if (dataStart < 0 && joined == null) {
            type = null;
            return false;
        }
        if (joined == null) {
            data = buffer;
        } else {
            data = joined.toByteArray();
            dataStart = 0;
            dataEnd = data.length;
        }
        return true;
    }

    private void field() {
        int colon = lineStart;
        while (colon < lineEnd && buffer[colon] != ':') {
            colon++;
        }
        int value = Math.min(colon + 1, lineEnd);
        if (value < lineEnd && buffer[value] == ' ') {
            value++;
        }
        if (is("data", colon)) {
            begun = true;
            addData(value);
        } else if (is("event", colon)) {
            begun = true;
            type = text(buffer, value, lineEnd);
        } else if (buffer[lineStart] != ':' && stray.length() < MOST_STRAY && !is("id", colon) && !is("retry", colon) && !isCutField()) {
            stray.append(text(buffer, lineStart, Math.min(lineEnd, lineStart + MOST_STRAY))).append('\n');
        }
    }

    /** Whether this is the last line and may be a truncated field. */
    private boolean isCutField() {
        String line = text(buffer, lineStart, lineEnd);
        return atEnd && Arrays.stream(FIELDS).anyMatch(field -> field.startsWith(line));
    }

    private boolean is(String name, int colon) {
        if (colon - lineStart != name.length()) {
            return false;
        }
        for (int i = 0; i < name.length(); i++) {
            if (buffer[lineStart + i] != name.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    private void addData(int value) {
        if (joined == null && dataStart < 0) {
            dataStart = value;
            dataEnd = lineEnd;
            return;
        }
        if (joined == null) {
            joined = new ByteArrayOutputStream();
            joined.write(buffer, dataStart, dataEnd - dataStart);
        }
        joined.write('\n');
        joined.write(buffer, value, lineEnd - value);
    }

    /** Same as {@link #nextLine()}, but if reading a one-line document fails, keeps what has arrived of it. */
    private boolean findLine() throws IOException {
        try {
            return nextLine();
        } catch (IOException e) {
            lineStart = position;
            lineEnd = limit;
            if (!begun && beginsDocument()) {
                holdTheRest();
            }
            throw e;
        }
    }

    /** Finds the next line, without its line end; returns false if there is none. A CR ends a line at once. */
    private boolean nextLine() throws IOException {
        if (!started) {
            started = true;
            while (limit < 3 && fill()) {
                // the byte order mark has three bytes
            }
            if (limit >= 3 && buffer[0] == (byte) 0xEF && buffer[1] == (byte) 0xBB && buffer[2] == (byte) 0xBF) {
                position = 3;
            }
        }
        int scan = position;
        while (true) {
            if (afterCarriageReturn && position < limit) {
                afterCarriageReturn = false;
                if (buffer[position] == '\n') {
                    position++;
                }
                scan = position;
            }
            while (scan < limit && buffer[scan] != '\n' && buffer[scan] != '\r') {
                scan++;
            }
            if (scan < limit) {
                lineStart = position;
                lineEnd = scan;
                afterCarriageReturn = buffer[scan] == '\r';
                position = scan + 1;
                return true;
            }
            int ahead = scan - position;
            if (!fill()) {
                if (position == limit) {
                    return false;
                }
                lineStart = position;
                lineEnd = limit;
                position = limit;
                return true;
            }
            scan = position + ahead;
        }
    }

    /** Reads more bytes, moving those still in use to the front of the buffer; returns false at the end of the stream. */
    private boolean fill() throws IOException {
        if (atEnd) {
            return false;
        }
        if (limit == buffer.length) {
            int keep = dataStart >= 0 && joined == null ? dataStart : position;
            if (keep > buffer.length / 2) {
                System.arraycopy(buffer, keep, buffer, 0, limit - keep);
            } else {
                buffer = Arrays.copyOfRange(buffer, keep, keep + buffer.length * 2);
            }
            position -= keep;
            limit -= keep;
            if (dataStart >= 0 && joined == null) {
                dataStart -= keep;
                dataEnd -= keep;
            }
        }
        checkTime();
        int n = in.read(buffer, limit, buffer.length - limit);
        if (n < 0) {
            atEnd = true;
            return false;
        }
        limit += n;
        if (!silent) {
            silent = true;
            silentSince = System.nanoTime();
        }
        return true;
    }

    /** Checked before each read: only the time spent waiting counts, and not the time in which the reader handles an event. */
    private void checkTime() throws IOException {
        if (rest != null) {
            if (!ending) {
                ending = true;
                endsAtNano = System.nanoTime() + rest.toNanos();
                if (in instanceof AnswerBody answer) {
                    answer.within(rest);
                }
            } else if (System.nanoTime() - endsAtNano > 0) {
                throw new SocketTimeoutException("the stream has not ended within " + rest.toMillis() + " ms");
            }
        } else if (silent && patience != null && System.nanoTime() - silentSince > patience.toNanos()) {
            throw new NothingHeardException();
        }
    }

    /** Returns the array with the data of the current event; valid until {@link #next()}. */
    public byte[] data() {
        return data;
    }

    /** Returns the index in {@link #data()} at which the data begins. */
    public int start() {
        return dataStart;
    }

    /** Returns the length of the data in bytes. */
    public int length() {
        return dataEnd - dataStart;
    }

    /** Returns the type of the current event, or null if it has none. */
    public String type() {
        return type;
    }

    /** Whether the data of the current event came in several lines. */
    public boolean isJoined() {
        return joined != null;
    }

    /** Returns the data of the current event as text; bytes that are not UTF-8 become U+FFFD. */
    public String text() {
        return text(data, dataStart, dataEnd);
    }

    /** Whether the data of the current event begins with that ASCII text. */
    public boolean startsWith(String text) {
        if (length() < text.length()) {
            return false;
        }
        for (int i = 0; i < text.length(); i++) {
            if (data[dataStart + i] != text.charAt(i)) {
                return false;
            }
        }
        return true;
    }
}
