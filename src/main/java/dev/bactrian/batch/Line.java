package dev.bactrian.batch;

import dev.bactrian.error.GenerationFailure;

/**
 * A line of a batch that is a request or should be one.
 *
 * @param index   the position among the lines that are not blank, from 0: that of its outcome
 * @param number  the number of the line in the file or message, from 1
 * @param bytes   the line without its end; cut after {@code bactrian.max-request-bytes} and one byte, which shows that it is too long
 * @param failure why the line, and all after it, cannot be read, or null
 */
record Line(int index, int number, byte[] bytes, GenerationFailure failure) {

    /** In place of a line that is not processed, because the application stops. */
    static final Line NONE = new Line(-1, 0, new byte[0], null);
}
