package dev.bactrian.replicate;

import java.util.Locale;

/** The status of a prediction (Replicate HTTP API reference, predictions.get). */
public enum PredictionStatus {
    STARTING, PROCESSING, SUCCEEDED, FAILED, CANCELED, ABORTED,
    /** An undocumented status. Treated as still running. */
    UNKNOWN;

    static PredictionStatus of(String text) {
        for (PredictionStatus status : values()) {
            if (status.name().toLowerCase(Locale.ROOT).equals(text.toLowerCase(Locale.ROOT))) {
                return status;
            }
        }
        return UNKNOWN;
    }

    /** Whether the prediction has ended. */
    public boolean terminal() {
        return this == SUCCEEDED || this == FAILED || this == CANCELED || this == ABORTED;
    }
}
