package dev.bactrian.text;

import java.io.Writer;
import java.util.ArrayList;
import java.util.List;

/**
 * Collects a long text in pieces without copying them as it grows, and joins them only once. A {@link StringBuilder} takes up to
 * five times the size of the text for that.
 */
public final class LongText extends Writer {

    private static final int PART = 32 * 1024;

    private final List<String> parts = new ArrayList<>();
    private final StringBuilder part = new StringBuilder();
    private long length;
    private boolean wide;

    @Override
    public LongText append(CharSequence piece) {
        write(piece.toString());
        return this;
    }

    @Override
    public void write(String piece) {
        length += piece.length();
        wide = wide || isWide(piece);
        if (piece.length() >= PART) {
            endPart();
            parts.add(piece);
            return;
        }
        part.append(piece);
        if (part.length() >= PART) {
            endPart();
        }
    }

    @Override
    public void write(char[] characters, int from, int count) {
        length += count;
        part.append(characters, from, count);
        if (part.length() >= PART) {
            endPart();
        }
    }

    @Override
    public void write(String text, int from, int count) {
        write(text.substring(from, from + count));
    }

    @Override
    public void write(int character) {
        write(String.valueOf((char) character));
    }

    private void endPart() {
        if (!part.isEmpty()) {
            parts.add(part.toString());
            part.setLength(0);
        }
    }

    /** Whether the text is empty. */
    public boolean isEmpty() {
        return length == 0;
    }

    /** Removes all text. */
    public void clear() {
        parts.clear();
        part.setLength(0);
        length = 0;
        wide = false;
    }

    /** Returns the approximate size in memory, in bytes. */
    public long bytes() {
        return wide ? 2 * length : length;
    }

    /** Whether a character does not fit into one byte of a compact string. */
    private static boolean isWide(CharSequence piece) {
        for (int i = 0; i < piece.length(); i++) {
            if (piece.charAt(i) > 0xFF) {
                return true;
            }
        }
        return false;
    }

    /** Returns the whole text, and keeps it in place of its pieces. */
    @Override
    public String toString() {
        endPart();
        if (parts.size() > 1) {
            String whole = String.join("", parts);
            parts.clear();
            parts.add(whole);
        }
        return parts.isEmpty() ? "" : parts.get(0);
    }

    @Override
    public void flush() {
        // nothing is buffered
    }

    @Override
    public void close() {
        // nothing to release
    }
}
