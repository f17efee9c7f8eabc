package dev.bactrian.text;

import java.util.HexFormat;
import java.util.StringJoiner;
import java.util.regex.Pattern;

/**
 * Text of others as a message, a line of a log or a console may show it: on one line, and without what moves a terminal's
 * cursor.
 */
public final class OneLine {

    private static final int LONGEST = 2000;
    /** What takes the place of the rest of a text that is cut. */
    public static final char CUT = '…';

    private static final Pattern LINE_END = Pattern.compile("\\R");

    private OneLine() {
    }

    /**
     * For a message: valid Unicode, its lines joined by blanks, its control characters escaped as in JSON, and no longer
     * than {@value #LONGEST} characters. A secret in it is masked before (what is cut through is not found any more).
     */
    public static String of(String text) {
        return cut(joined(text, LONGEST), LONGEST);
    }

    /** The same, however long it gets: it is cut later. */
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

    /** The text up to that many characters, and {@link #CUT} where it had more. */
    public static String cut(String text, int longest) {
        if (text.length() <= longest) {
            return text;
        }
        return text.substring(0, Character.isHighSurrogate(text.charAt(longest - 1)) ? longest - 1 : longest) + CUT;
    }

    /** All of the text, with its line ends and control characters escaped as in JSON; the same object where it has none. */
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

    /** The text with a blank in place of each line end and control character: a name, of which nobody wants to know more. */
    public static String blanked(String text) {
        StringBuilder blanked = new StringBuilder(text);
        for (int i = 0; i < blanked.length(); i++) {
            if (isControl(blanked.charAt(i))) {
                blanked.setCharAt(i, ' ');
            }
        }
        return blanked.toString();
    }

    /** Whether the text holds a line end or a control character. */
    public static boolean hasControls(String text) {
        return text.chars().anyMatch(c -> c == '\t' || isControl((char) c));
    }

    /** C0 (but for the tab), DEL, C1, and the line and paragraph separator. */
    private static boolean isControl(char c) {
        return c < ' ' && c != '\t' || c >= 0x7F && c <= 0x9F || c == '\u2028' || c == '\u2029';
    }
}
