package dev.bactrian.flow;

import dev.bactrian.error.Cause;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.text.OneLine;

/**
 * Replaces a body that could not be read before its caller continued. The request fails for that reason.
 *
 * @param failure {@code invalid-request}
 */
record Unreadable(GenerationFailure failure) {

    /** Returns the failure for an exception thrown while a body was read. */
    static GenerationFailure because(Throwable thrown) {
        Throwable cause = Cause.of(thrown);
        String name = cause.getClass().getSimpleName();
        return new GenerationFailure(ErrorType.INVALID_REQUEST, "the body cannot be read: "
                + OneLine.of(cause.getMessage() == null ? name : name + ": " + cause.getMessage()), null, 0, false, thrown);
    }
}
