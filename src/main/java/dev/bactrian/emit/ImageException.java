package dev.bactrian.emit;

import java.io.IOException;

/** Reports why an image cannot be downloaded. */
final class ImageException extends IOException {

    private static final long serialVersionUID = 1L;

    private final boolean passing;

    ImageException(String reason) {
        this(reason, false);
    }

    /** {@code passing}: a repeated download may succeed. */
    ImageException(String reason, boolean passing) {
        super(reason);
        this.passing = passing;
    }

    boolean isPassing() {
        return passing;
    }
}
