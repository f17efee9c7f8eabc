package dev.bactrian.console;

/** The end of a text that grows, and its beginning. Of a longer text, what is in between is left out. */
final class Tail {

    /** The characters of the beginning that are kept. */
    static final int HEAD = 4_000;

    private final StringBuilder text = new StringBuilder();
    private String head;
    private long before;

    /** Adds a piece and returns by how many characters what is kept has grown. */
    int add(String piece) {
        text.append(piece);
        return piece.length();
    }

    /** Whether so much is kept that {@link #trim} is due. */
    boolean isFull(int most) {
        return text.length() > most + most / 4;
    }

    /** Leaves out the beginning of what is kept, so that about that many characters remain; returns by how many it has grown. */
    int trim(int most) {
        int out = end(Math.max(0, text.length() - most));
        if (head == null && out > 0) {
            head = head();
        }
        text.delete(0, out);
        before += out;
        return -out;
    }

    /** Returns where to cut so that a surrogate pair is not torn. */
    private int end(int cut) {
        return cut > 0 && cut < text.length() && Character.isLowSurrogate(text.charAt(cut)) ? cut - 1 : cut;
    }

    /** Returns the number of characters that are left out before the end. */
    long before() {
        return before;
    }

    /** Returns the length of the whole text. */
    long length() {
        return before + text.length();
    }

    /** Returns the number of characters that are kept. */
    int kept() {
        return text.length();
    }

    /** Returns the text between those characters, as far as it is kept. */
    String between(long start, long end) {
        return text.substring((int) Math.max(0, start - before), (int) Math.max(0, end - before));
    }

    /** Replaces the text from that character on, and returns by how many characters it has grown. */
    int replace(long start, String end) {
        int kept = text.length();
        text.replace((int) (start - before), kept, end);
        return text.length() - kept;
    }

    /** Returns the characters that are kept. */
    CharSequence characters() {
        return text;
    }

    /** Returns the beginning of the text. */
    String head() {
        return head != null ? head : text.substring(0, end(Math.min(HEAD, text.length())));
    }
}
