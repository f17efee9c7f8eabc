package dev.bactrian.replicate;

import java.util.Locale;

/** Where a prediction stands (PROVIDERS.md 1.6). */
public enum PredictionStatus {
    STARTING, PROCESSING, SUCCEEDED, FAILED, CANCELED, ABORTED,
    /** A status that nobody has documented; counts as still running. */
    UNKNOWN;

    static PredictionStatus of(String text) {
        for (PredictionStatus status : values()) {
            if (status.name().toLowerCase(Locale.ROOT).equals(text.toLowerCase(Locale.ROOT))) {
                return status;
            }
        }
        return UNKNOWN;
    }

    /** Whether it has ended. */
    public boolean terminal() {
        return this == SUCCEEDED || this == FAILED || this == CANCELED || this == ABORTED;
    }
}
