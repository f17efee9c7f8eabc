package dev.bactrian.http;

import java.io.IOException;

/** Bytes come, but for longer than is waited none that count: comments, or events that say nothing. */
public final class NothingHeardException extends IOException {

    private static final long serialVersionUID = 1L;

    NothingHeardException() {
        super("nothing but comments came");
    }
}
