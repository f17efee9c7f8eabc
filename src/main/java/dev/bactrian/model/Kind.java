package dev.bactrian.model;

import java.util.Locale;
import java.util.Optional;

/** What a model makes. */
public enum Kind {
    TEXT, IMAGE;

    /** The kind of that name as documents and requests write it. */
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
