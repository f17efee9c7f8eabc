package dev.bactrian.error;

import java.util.Locale;

/** The {@code error.type} of an error document. The table in docs/reference/documents.md says when each is used. */
public enum ErrorType {
    INVALID_REQUEST, UNSUPPORTED_MODEL, AUTHENTICATION, BUDGET_EXCEEDED, RATE_LIMITED, PROVIDER_REJECTED, PROVIDER_UNAVAILABLE,
    PREDICTION_FAILED, PREDICTION_CANCELED, TIMEOUT, STREAM_INTERRUPTED, EMPTY_OUTPUT, DELIVERY_FAILED;

    /** Returns the type as documents write it, such as {@code rate-limited}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
