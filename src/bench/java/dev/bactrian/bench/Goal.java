package dev.bactrian.bench;

import java.util.Locale;

/**
 * The goal of a figure, as a table shows it.
 *
 * @param text the goal in words
 * @param met  {@code yes} or {@code no}; empty if there is no goal
 */
record Goal(String text, String met) {

    static final Goal NONE = new Goal("", "");

    static Goal of(String text, boolean met) {
        return new Goal(text, met ? "yes" : "no");
    }

    /** Formats a number with that many decimals; a dash for NaN. */
    static String number(double value, int decimals) {
        return Double.isNaN(value) ? "–" : String.format(Locale.ROOT, "%,." + decimals + "f", value);
    }
}
