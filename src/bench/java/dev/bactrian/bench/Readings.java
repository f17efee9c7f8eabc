package dev.bactrian.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Reads figures of a process from {@code /proc}, and computes statistics. */
final class Readings {

    private static final Path SELF = Path.of("/proc/self");
    /** Linux counts processor time of other processes in hundredths of a second. */
    private static final double TICKS_PER_SECOND = 100;

    private Readings() {
    }

    /** Returns the peak memory of this process in MB (resident set size). */
    static double peakMegabytes() throws IOException {
        return megabytes(SELF, "VmHWM:");
    }

    /** Returns the memory of a process in MB (resident set size). */
    static double megabytes(long pid) throws IOException {
        return megabytes(of(pid), "VmRSS:");
    }

    /** Returns the processor time of a process in seconds. */
    static double processorSeconds(long pid) throws IOException {
        return ticks(of(pid), 11) + ticks(of(pid), 12);
    }

    private static Path of(long pid) {
        return Path.of("/proc", String.valueOf(pid));
    }

    private static double megabytes(Path process, String field) throws IOException {
        return Files.readAllLines(process.resolve("status")).stream().filter(line -> line.startsWith(field))
                .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D+", "")) / 1024).findFirst().orElse(Double.NaN);
    }

    /** Reads a field of {@code stat}, counted from the first one after the command's name. */
    private static double ticks(Path process, int field) throws IOException {
        String stat = Files.readString(process.resolve("stat"));
        return Long.parseLong(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[field]) / TICKS_PER_SECOND;
    }

    /** Returns the peak number of live threads, as the JVM counts them. */
    static int peakThreads() {
        return ManagementFactory.getThreadMXBean().getPeakThreadCount();
    }

    /** Returns the processor time of all threads of this process, in seconds. */
    static double processorSeconds() {
        return ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class).getProcessCpuTime() / 1e9;
    }

    /** Returns the processor time that this process spent in the kernel, in seconds. */
    static double systemSeconds() throws IOException {
        return ticks(SELF, 12);
    }

    /** Returns the processor time of the JIT compilers of this process, in seconds. The JVM's counters only know their wall time. */
    static double compilerSeconds() throws IOException {
        return threadSeconds(name -> name.startsWith("C1 Compiler") || name.startsWith("C2 Compiler"));
    }

    /** Returns the processor time of the garbage collector's threads of this process, in seconds. */
    static double collectorSeconds() throws IOException {
        return threadSeconds(name -> name.startsWith("GC Thread") || name.startsWith("G1 ") || name.startsWith("VM Thread"));
    }

    private static double threadSeconds(Predicate<String> names) throws IOException {
        List<Path> threads;
        try (Stream<Path> all = Files.list(SELF.resolve("task"))) {
            threads = all.toList();
        }
        double seconds = 0;
        for (Path thread : threads) {
            try {
                if (names.test(Files.readString(thread.resolve("comm")).strip())) {
                    seconds += Long.parseLong(Files.readString(thread.resolve("schedstat")).split(" ")[0]) / 1e9;
                }
            } catch (IOException e) {
                // the thread has ended
            }
        }
        return seconds;
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
