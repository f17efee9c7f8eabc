package dev.bactrian.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Reads figures of a process and computes statistics. */
final class Readings {

    private Readings() {
    }

    /** Returns the peak memory of this process in MB (resident set size). */
    static double peakMegabytes() throws IOException {
        return megabytes(Path.of("/proc/self/status"), "VmHWM:");
    }

    /** Returns the peak memory of a process in MB (resident set size). */
    static double peakMegabytes(long pid) throws IOException {
        return megabytes(Path.of("/proc", String.valueOf(pid), "status"), "VmHWM:");
    }

    private static double megabytes(Path status, String field) throws IOException {
        return Files.readAllLines(status).stream().filter(line -> line.startsWith(field))
                .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D+", "")) / 1024).findFirst().orElse(Double.NaN);
    }

    /** Returns the peak number of live threads, as the JVM counts them. */
    static int peakThreads() {
        return ManagementFactory.getThreadMXBean().getPeakThreadCount();
    }

    /** Returns the processor time of all threads of this process, in seconds. */
    static double processorSeconds() {
        return ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class).getProcessCpuTime() / 1e9;
    }

    static double median(double... values) {
        return percentile(50, values);
    }

    /** Returns the value that the given percentage of the values does not exceed. */
    static double percentile(double percent, double... values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int rank = (int) Math.ceil(percent / 100 * sorted.length) - 1;
        return sorted[Math.max(0, Math.min(sorted.length - 1, rank))];
    }
}
