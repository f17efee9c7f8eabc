package dev.bactrian.batch;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

import dev.bactrian.error.Cause;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.text.OneLine;

/**
 * Reads the lines of a batch, each up to a limit. A line ends with a line feed, with or without a carriage return before it; the last one
 * may end without. A byte order mark at the beginning is dropped, and blank lines are skipped. Not thread-safe.
 */
final class LineReader implements Closeable {

    private static final int BUFFER = 64 * 1024;
    private static final byte[] MARK = {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF};

    private final InputStream in;
    private final int most;
    private final byte[] buffer = new byte[BUFFER];
    private int from;
    private int to;
    private int index;
    private int number;
    private boolean ended;

    /**
     * Creates a reader.
     *
     * @param maxBytes the maximum length of a line; of a longer one, one byte more is read and the rest is skipped
     */
    LineReader(InputStream in, long maxBytes) {
        this.in = in;
        most = (int) Math.min(maxBytes + 1, Integer.MAX_VALUE - 8);
    }

    /**
     * Returns the next line that is not blank, or null at the end. If the input cannot be read, the line holds the failure and is the last
     * one.
     */
    Line next() {
        try {
            while (!ended) {
                byte[] line = trimmed(line());
                if (!isBlank(line)) {
                    return new Line(index++, number, line, null);
                }
            }
            return null;
        } catch (IOException | RuntimeException e) {
            ended = true;
            return new Line(index++, number, new byte[0], new GenerationFailure(ErrorType.INVALID_REQUEST,
                    "line " + number + " and what follows cannot be read: " + OneLine.of(Cause.words(e))));
        }
    }

    /** Whether the end was reached. */
    boolean isEnded() {
        return ended;
    }

    /** Returns the number of lines that are not blank so far. */
    int count() {
        return index;
    }

    private byte[] line() throws IOException {
        number++;
        ByteArrayOutputStream line = null;
        while (true) {
            if (from == to && !fill()) {
                ended = true;
                return line == null ? new byte[0] : line.toByteArray();
            }
            int end = from;
            while (end < to && buffer[end] != '\n') {
                end++;
            }
            boolean whole = end < to;
            if (line == null && whole && end - from <= most) {
                byte[] found = Arrays.copyOfRange(buffer, from, end);
                from = end + 1;
                return found;
            }
            line = line == null ? new ByteArrayOutputStream() : line;
            line.write(buffer, from, Math.min(end - from, most - line.size()));
            from = whole ? end + 1 : end;
            if (whole) {
                return line.toByteArray();
            }
        }
    }

    private boolean fill() throws IOException {
        from = 0;
        to = Math.max(0, in.read(buffer));
        return to > 0;
    }

    private byte[] trimmed(byte[] line) {
        int begin = number == 1 && line.length >= MARK.length && Arrays.equals(line, 0, MARK.length, MARK, 0, MARK.length) ? MARK.length : 0;
        int end = line.length > begin && line[line.length - 1] == '\r' ? line.length - 1 : line.length;
        return begin == 0 && end == line.length ? line : Arrays.copyOfRange(line, begin, end);
    }

    private static boolean isBlank(byte[] line) {
        for (byte b : line) {
            if (b != ' ' && b != '\t' && b != '\r') {
                return false;
            }
        }
        return true;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
