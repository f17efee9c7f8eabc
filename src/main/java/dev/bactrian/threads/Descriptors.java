package dev.bactrian.threads;

import java.lang.management.ManagementFactory;
import java.util.Optional;

import com.sun.management.UnixOperatingSystemMXBean;

/** The file descriptors of this process ({@code ulimit -n}). Each open file and connection takes one. */
public final class Descriptors {

    private static final String EXHAUSTED = "Too many open files";

    private Descriptors() {
    }

    /**
     * The number of descriptors.
     *
     * @param most the limit
     * @param open those in use
     */
    public record Count(long most, long open) {
    }

    /** Returns the current count; empty if the platform or JVM does not provide it. */
    public static Optional<Count> count() {
        try {
            return ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix
                    ? Optional.of(new Count(unix.getMaxFileDescriptorCount(), unix.getOpenFileDescriptorCount()))
                    : Optional.empty();
        } catch (LinkageError | RuntimeException e) {
            return Optional.empty();
        }
    }

    /** Whether the failure was caused by a lack of descriptors, which is local and temporary. */
    public static boolean areExhausted(Throwable failure) {
        int depth = 0;
        for (Throwable cause = failure; cause != null && depth < 20; cause = cause.getCause()) {
            if (cause.getMessage() != null && cause.getMessage().contains(EXHAUSTED)) {
                return true;
            }
            depth++;
        }
        return false;
    }
}
