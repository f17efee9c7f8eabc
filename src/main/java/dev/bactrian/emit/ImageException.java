package dev.bactrian.emit;

import java.io.IOException;

/** Why the bytes of an image can't be had. */
final class ImageException extends IOException {

    private static final long serialVersionUID = 1L;

    private final boolean passing;

    ImageException(String reason) {
        this(reason, false);
    }

    /** {@code passing}: it may be there when it is asked for again. */
    ImageException(String reason, boolean passing) {
        super(reason);
        this.passing = passing;
    }

    boolean isPassing() {
        return passing;
    }
}
