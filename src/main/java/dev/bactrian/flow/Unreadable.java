package dev.bactrian.flow;

import dev.bactrian.error.Cause;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.text.OneLine;

/**
 * In place of a body that could not be read while its caller was still there: its request fails for that reason.
 *
 * @param failure {@code invalid-request}
 */
record Unreadable(GenerationFailure failure) {

    /** What a body's own code has thrown while it was read. */
    static GenerationFailure because(Throwable thrown) {
        Throwable cause = Cause.of(thrown);
        String name = cause.getClass().getSimpleName();
        return new GenerationFailure(ErrorType.INVALID_REQUEST, "the body cannot be read: "
                + OneLine.of(cause.getMessage() == null ? name : name + ": " + cause.getMessage()), null, 0, false, thrown);
    }
}
