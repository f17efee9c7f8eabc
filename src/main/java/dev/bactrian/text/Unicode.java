package dev.bactrian.text;

/**
 * Makes text valid Unicode. A Java string may contain a lone surrogate, which UTF-8 cannot represent: JSON that cuts an emoji in
 * two ({@code "hi \ud83d"}) brings one in, and no document, file or message with it could be written.
 */
public final class Unicode {

    /** Replaces a lone surrogate. */
    public static final char REPLACEMENT = '\uFFFD';

    private Unicode() {
    }

    /** Returns the text with each lone surrogate replaced by U+FFFD; the same object if it has none. */
    public static String valid(String text) {
        int lone = nextLone(text, 0);
        if (lone < 0) {
            return text;
        }
        StringBuilder valid = new StringBuilder(text);
        for (; lone >= 0; lone = nextLone(text, lone + 1)) {
            valid.setCharAt(lone, REPLACEMENT);
        }
        return valid.toString();
    }

    /** Returns the index of the first lone surrogate at or after {@code from}, or -1. {@code from} must not be inside a pair. */
    private static int nextLone(String text, int from) {
        for (int i = from; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!Character.isSurrogate(c)) {
                continue;
            }
            if (!Character.isHighSurrogate(c) || i + 1 == text.length() || !Character.isLowSurrogate(text.charAt(i + 1))) {
                return i;
            }
            i++;
        }
        return -1;
    }

    /**
     * Makes a text that arrives in pieces valid: a surrogate pair that is split between two pieces is joined in the second. Not
     * thread-safe.
     */
    public static final class Joiner {

        private static final char NONE = 0;

        private char held = NONE;

        /**
         * Returns the next piece as valid text: with a high surrogate held back from the previous piece, and without one at its own
         * end. May be empty.
         */
        public String next(String piece) {
            if (piece.isEmpty()) {
                return piece;
            }
            String whole = held == NONE ? piece : held + piece;
            held = NONE;
            int last = whole.length() - 1;
            if (Character.isHighSurrogate(whole.charAt(last))) {
                held = whole.charAt(last);
                whole = whole.substring(0, last);
            }
            return valid(whole);
        }

        /** Returns U+FFFD if the last piece ended in half of a surrogate pair, or else the empty string. */
        public String end() {
            String rest = held == NONE ? "" : String.valueOf(REPLACEMENT);
            held = NONE;
            return rest;
        }
    }
}
