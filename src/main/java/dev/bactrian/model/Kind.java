package dev.bactrian.model;

import java.util.Locale;
import java.util.Optional;

/** The kind of output of a model. */
public enum Kind {
    TEXT, IMAGE;

    /** Returns the kind of that name as documents and requests write it, or empty. */
    public static Optional<Kind> of(String name) {
        for (Kind kind : values()) {
            if (kind.toString().equals(name)) {
                return Optional.of(kind);
            }
        }
        return Optional.empty();
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
