package dev.bactrian.console;

/** The end of a text that grows, and its beginning. Of a longer text, what is in between is left out. */
final class Tail {

    /** The characters of the beginning that are kept. */
    static final int HEAD = 4_000;

    private final StringBuilder text = new StringBuilder();
    private String head;
    private long before;

    /** Adds a piece and returns by how many characters what is kept has grown. About that many are kept at most. */
    int add(String piece, int most) {
        int kept = text.length();
        text.append(piece);
        if (text.length() > most + most / 4) {
            if (head == null) {
                head = head();
            }
            int out = end(text.length() - most);
            text.delete(0, out);
            before += out;
        }
        return text.length() - kept;
    }

    /** Returns where to cut so that a surrogate pair is not torn. */
    private int end(int cut) {
        return cut < text.length() && Character.isLowSurrogate(text.charAt(cut)) ? cut - 1 : cut;
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

    /** Returns the text from that character on, as far as it is kept. */
    String from(long start) {
        return text.substring((int) Math.max(0, start - before));
    }

    /** Returns the beginning of the text. */
    String head() {
        return head != null ? head : text.substring(0, end(Math.min(HEAD, text.length())));
    }
}
