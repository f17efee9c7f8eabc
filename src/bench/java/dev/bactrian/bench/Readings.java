package dev.bactrian.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Figures that a process can tell of itself, and what is made of many figures. */
final class Readings {

    private Readings() {
    }

    /** The most memory that this process has held so far, in MB (the resident set's peak). */
    static double peakMegabytes() throws IOException {
        return megabytes(Path.of("/proc/self/status"), "VmHWM:");
    }

    /** The most memory that a process has held so far, in MB. */
    static double peakMegabytes(long pid) throws IOException {
        return megabytes(Path.of("/proc", String.valueOf(pid), "status"), "VmHWM:");
    }

    private static double megabytes(Path status, String field) throws IOException {
        return Files.readAllLines(status).stream().filter(line -> line.startsWith(field))
                .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D+", "")) / 1024).findFirst().orElse(Double.NaN);
    }

    /** The most threads at once, by the virtual machine's own count. */
    static int peakThreads() {
        return ManagementFactory.getThreadMXBean().getPeakThreadCount();
    }

    /** The processor time that this process has used so far, of all its threads. */
    static double processorSeconds() {
        return ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class).getProcessCpuTime() / 1e9;
    }

    static double median(double... values) {
        return percentile(50, values);
    }

    /** The value that so many percent do not exceed. */
    static double percentile(double percent, double... values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int rank = (int) Math.ceil(percent / 100 * sorted.length) - 1;
        return sorted[Math.max(0, Math.min(sorted.length - 1, rank))];
    }
}
