package dev.bactrian.http;

import java.io.IOException;

/** Nothing but comments and events without content arrived for longer than the reader waits. */
public final class NothingHeardException extends IOException {

    private static final long serialVersionUID = 1L;

    NothingHeardException() {
        super("nothing but comments came");
    }
}
