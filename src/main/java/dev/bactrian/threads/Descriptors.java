package dev.bactrian.threads;

import java.lang.management.ManagementFactory;
import java.util.Optional;

import com.sun.management.UnixOperatingSystemMXBean;

/** What this process may open: files and connections, each of which takes a descriptor ({@code ulimit -n}). */
public final class Descriptors {

    private static final String EXHAUSTED = "Too many open files";

    private Descriptors() {
    }

    /**
     * How many there may be, and are.
     *
     * @param most the limit
     * @param open those in use
     */
    public record Count(long most, long open) {
    }

    /** The count now; empty where the platform or the JVM does not say. */
    public static Optional<Count> count() {
        try {
            return ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix
                    ? Optional.of(new Count(unix.getMaxFileDescriptorCount(), unix.getOpenFileDescriptorCount()))
                    : Optional.empty();
        } catch (LinkageError | RuntimeException e) {
            return Optional.empty();
        }
    }

    /** Whether something has failed because there is none left: that is our trouble, and passes. */
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
