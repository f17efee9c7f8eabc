package dev.bactrian.http;

import java.io.IOException;

import dev.bactrian.config.Property;

/** There was no room in memory for an answer beside the others within the time limit. */
public final class NoRoomException extends IOException {

    private static final long serialVersionUID = 1L;

    NoRoomException(long room) {
        super("there was no room for the answer beside those in work: " + Property.MAX_ANSWERS_BYTES.key() + " (" + room + " bytes)");
    }
}
