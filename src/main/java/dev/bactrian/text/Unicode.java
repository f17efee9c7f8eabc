package dev.bactrian.text;

/**
 * Makes text valid Unicode. A Java string may hold half of a surrogate pair, for which UTF-8 has no form: JSON that cuts
 * an emoji in two ({@code "hi \ud83d"}) brings one in, and no document, file or message with it could be written.
 */
public final class Unicode {

    /** What takes the place of a half whose other half is missing. */
    public static final char REPLACEMENT = '\uFFFD';

    private Unicode() {
    }

    /** The text with U+FFFD in place of each lone half of a surrogate pair; the same object where it has none. */
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

    /** The index of the first lone half at or after an index that is not inside a pair, or -1. */
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
     * Makes a text that arrives in pieces valid: a pair that is cut between two pieces is joined in the second. Used by
     * one thread.
     */
    public static final class Joiner {

        private static final char NONE = 0;

        private char held = NONE;

        /** The next piece, valid: with the half that the piece before ended in, without one that it ends in itself. May be empty. */
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

        /** What is left after the last piece: U+FFFD where that ended in half of a pair, else the empty string. */
        public String end() {
            String rest = held == NONE ? "" : String.valueOf(REPLACEMENT);
            held = NONE;
            return rest;
        }
    }
}
