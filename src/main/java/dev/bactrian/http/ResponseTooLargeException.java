package dev.bactrian.http;

import java.io.IOException;

import dev.bactrian.config.Property;

/** An answer exceeds {@code bactrian.max-response-bytes}, or the limit for all answers together. */
public final class ResponseTooLargeException extends IOException {

    private static final long serialVersionUID = 1L;

    ResponseTooLargeException(long limit) {
        this(Property.MAX_RESPONSE_BYTES, limit);
    }

    ResponseTooLargeException(Property property, long limit) {
        super("the answer is larger than " + property.key() + " (" + limit + " bytes)");
    }
}
