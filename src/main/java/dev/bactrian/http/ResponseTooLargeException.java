package dev.bactrian.http;

import java.io.IOException;

/** An answer of more than {@code bactrian.max-response-bytes}. */
public final class ResponseTooLargeException extends IOException {

    private static final long serialVersionUID = 1L;

    ResponseTooLargeException(long limit) {
        super("the answer is larger than bactrian.max-response-bytes (" + limit + " bytes)");
    }
}
