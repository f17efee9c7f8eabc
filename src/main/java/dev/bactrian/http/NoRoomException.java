package dev.bactrian.http;

import java.io.IOException;

import dev.bactrian.config.Property;

/** An answer for which there was no room beside the others within reasonable time. */
public final class NoRoomException extends IOException {

    private static final long serialVersionUID = 1L;

    NoRoomException(long room) {
        super("there was no room for the answer beside those in work: " + Property.MAX_ANSWERS_BYTES.key() + " (" + room + " bytes)");
    }
}
