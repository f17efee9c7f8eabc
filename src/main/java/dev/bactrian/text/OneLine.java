package dev.bactrian.text;

import java.util.HexFormat;
import java.util.StringJoiner;
import java.util.regex.Pattern;

/** Makes text from outside safe for a message, a log or a console: one line, without characters that move the cursor of a terminal. */
public final class OneLine {

    private static final int LONGEST = 2000;
    /** Replaces the rest of a truncated text. */
    public static final char CUT = '…';

    private static final Pattern LINE_END = Pattern.compile("\\R");

    private OneLine() {
    }

    /**
     * Returns the text for a message: valid Unicode, its lines joined by blanks, its control characters escaped as in JSON, truncated
     * to {@value #LONGEST} characters. Secrets must be masked before, because a truncated secret is not recognized any more.
     */
    public static String of(String text) {
        return cut(joined(text, LONGEST), LONGEST);
    }

    /** Same as {@link #of}, but not truncated, for text that is truncated later. */
    public static String whole(String text) {
        return joined(text, Integer.MAX_VALUE);
    }

    private static String joined(String text, int enough) {
        // Line by line: one pattern with blanks on both sides of the line end takes quadratic time on blanks.
        StringJoiner line = new StringJoiner(" ");
        for (String part : LINE_END.split(Unicode.valid(text))) {
            if (!part.isBlank() && line.length() <= enough) {
                line.add(escaped(part.strip().replace('\t', ' ')));
            }
        }
        return line.toString();
    }

    /** Returns the text, truncated to that many characters and followed by {@link #CUT} if it is longer. */
    public static String cut(String text, int longest) {
        if (text.length() <= longest) {
            return text;
        }
        return text.substring(0, Character.isHighSurrogate(text.charAt(longest - 1)) ? longest - 1 : longest) + CUT;
    }

    /** Returns the text with its line ends and control characters escaped as in JSON; the same object if it has none. */
    public static String escaped(String text) {
        int first = 0;
        while (first < text.length() && !isControl(text.charAt(first))) {
            first++;
        }
        if (first == text.length()) {
            return text;
        }
        StringBuilder escaped = new StringBuilder(text.length() + 16).append(text, 0, first);
        for (int i = first; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!isControl(c)) {
                escaped.append(c);
            } else if (c == '\n' || c == '\r') {
                escaped.append(c == '\n' ? "\\n" : "\\r");
            } else {
                escaped.append("\\u").append(HexFormat.of().toHexDigits(c));
            }
        }
        return escaped.toString();
    }

    /** Returns the text with a blank in place of each line end and control character, for names. */
    public static String blanked(String text) {
        StringBuilder blanked = new StringBuilder(text);
        for (int i = 0; i < blanked.length(); i++) {
            if (isControl(blanked.charAt(i))) {
                blanked.setCharAt(i, ' ');
            }
        }
        return blanked.toString();
    }

    /** Whether the text contains a line end, a tab or a control character. */
    public static boolean hasControls(String text) {
        return text.chars().anyMatch(c -> c == '\t' || isControl((char) c));
    }

    /** C0 except the tab, DEL, C1, and the line and paragraph separators. */
    private static boolean isControl(char c) {
        return c < ' ' && c != '\t' || c >= 0x7F && c <= 0x9F || c == '\u2028' || c == '\u2029';
    }
}
