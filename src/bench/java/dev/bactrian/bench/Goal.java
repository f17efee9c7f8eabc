package dev.bactrian.bench;

import java.util.Locale;

/**
 * What a figure should be, as it is shown, and whether it is.
 *
 * @param text the aim in words
 * @param met  {@code yes} or {@code no}; empty where nothing is aimed at
 */
record Goal(String text, String met) {

    static final Goal NONE = new Goal("", "");

    static Goal of(String text, boolean met) {
        return new Goal(text, met ? "yes" : "no");
    }

    /** A number with so many decimals; a dash where there is none. */
    static String number(double value, int decimals) {
        return Double.isNaN(value) ? "–" : String.format(Locale.ROOT, "%,." + decimals + "f", value);
    }
}
