package dev.bactrian.batch;

import java.util.function.BooleanSupplier;

/**
 * Limits the lines that are processed at once, of all batches together: their number, and the memory that they take up. A line that is
 * larger than the memory is processed alone. Thread-safe.
 */
final class Window {

    private static final long CHECK_MILLIS = 100;

    private final int most;
    private final long mostBytes;
    private int lines;
    private long bytes;

    /**
     * Creates a window.
     *
     * @param most      the number of lines
     * @param mostBytes the bytes of these lines together
     */
    Window(int most, long mostBytes) {
        this.most = most;
        this.mostBytes = mostBytes;
    }

    /**
     * Waits until another line of that many bytes may be processed and {@code full} is false. Returns false if {@code stopping} becomes true
     * first.
     */
    synchronized boolean enter(long size, BooleanSupplier stopping, BooleanSupplier full) {
        try {
            while (full.getAsBoolean() || lines >= most || lines > 0 && bytes + size > mostBytes) {
                if (stopping.getAsBoolean()) {
                    return false;
                }
                wait(CHECK_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
        if (stopping.getAsBoolean()) {
            return false;
        }
        lines++;
        bytes += size;
        return true;
    }

    /** Reports that a line is done. */
    synchronized void leave(long size) {
        lines--;
        bytes -= size;
        notifyAll();
    }
}
