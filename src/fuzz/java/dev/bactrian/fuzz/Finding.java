package dev.bactrian.fuzz;

import java.util.Objects;

/** A case that shows something which must not be. */
final class Finding extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final String property;

    /**
     * @param property what must be true, in a few words; two findings of one property are taken for one
     * @param detail   what was there instead
     */
    Finding(String property, String detail) {
        super(detail);
        this.property = property;
    }

    String property() {
        return property;
    }

    /** Throws one unless that is true. */
    static void unless(boolean holds, String property, Object detail) {
        if (!holds) {
            throw new Finding(property, String.valueOf(detail));
        }
    }

    /** Throws one unless both are the same. */
    static void unlessEqual(Object expected, Object actual, String property) {
        if (!Objects.equals(expected, actual)) {
            throw new Finding(property, "expected " + shown(expected) + " and not " + shown(actual));
        }
    }

    private static String shown(Object value) {
        return value instanceof String text ? Fuzz.shown(text) : String.valueOf(value);
    }
}
