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
 * Reads server-sent events from bytes by the rules of WHATWG HTML 9.2.5 and 9.2.6, save one: an event left without its
 * blank line at the end of the stream still counts. The current event's data is a range of bytes, so that nothing is
 * decoded that nobody reads. Not thread-safe.
 *
 * <p>A body that is no event stream but one document (JSON, HTML) is kept whole: {@link #holdsDocument()}. Of other lines that
 * are no field of an event the first are kept: {@link #strayText()}.
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

    /** Reads events from a body of {@code text/event-stream}. */
    public EventStream(InputStream in) {
        this(in, null, null);
    }

    /**
     * The same.
     *
     * @param endsAt   a comment of which that is true ends the stream; null: none does
     * @param patience how long bytes may go on to come of which none is {@link #heard()}; null: for ever
     */
    public EventStream(InputStream in, Predicate<String> endsAt, Duration patience) {
        this.in = in;
        this.endsAt = endsAt;
        this.patience = patience;
    }

    /** The current event brought something: it counts as life, as a comment does not for ever. */
    public void heard() {
        silent = false;
    }

    /** Whatever may still come has that long, from when it is waited for; then reading fails with a {@link SocketTimeoutException}. */
    public void endWithin(Duration time) {
        if (rest == null) {
            rest = time;
        }
    }

    /**
     * Goes to the next event that has data, waiting for it; false at the end of the stream.
     *
     * @throws NothingHeardException  where nothing but comments and the like has come for longer than the patience
     * @throws SocketTimeoutException where nothing at all has come
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

    /** Whether the current event had its blank line; without one, the end of the stream may have cut it short. */
    public boolean isWhole() {
        return whole;
    }

    /** Whether a line, before any event, is the first of a document. */
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
                // to its end
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
     * Whether the body is no event stream but one document, which {@link #data()} then holds, as far as it has come; known once
     * {@link #next()} has been false or has failed.
     */
    public boolean holdsDocument() {
        return document;
    }

    /** Whether any event has come, or a part of one. */
    public boolean hasBegun() {
        return begun;
    }

    /** The beginning of what has come since the last event and is no field of one. */
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

    /** Whether the line is the last, and so short that it may have become a field. */
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

    /** The same as {@link #nextLine()}; of a document on one line that fails to end, what has come is kept. */
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

    /** Finds the next line, without its end; false when there is none. A CR ends a line at once. */
    private boolean nextLine() throws IOException {
        if (!started) {
            started = true;
            while (limit < 3 && fill()) {
                // the mark is three bytes
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

    /** Reads more, moving what is still wanted to the front; false at the end of the stream. */
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

    /** What counts is the time that is waited here, and not that in which an event is in the reader's hands. */
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

    /** The bytes that hold the current event's data; valid until {@link #next()}. */
    public byte[] data() {
        return data;
    }

    /** Where in {@link #data()} the data begins. */
    public int start() {
        return dataStart;
    }

    /** How many bytes it is long. */
    public int length() {
        return dataEnd - dataStart;
    }

    /** The current event's type, or null where it has none. */
    public String type() {
        return type;
    }

    /** Whether the current event's data came in several lines. */
    public boolean isJoined() {
        return joined != null;
    }

    /** The current event's data as text; bytes that are not UTF-8 become U+FFFD. */
    public String text() {
        return text(data, dataStart, dataEnd);
    }

    /** Whether the current event's data begins with that ASCII text. */
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
