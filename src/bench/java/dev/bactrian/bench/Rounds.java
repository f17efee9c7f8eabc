package dev.bactrian.bench;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The figures of each round of a measured process, from the first to the last. Empty if the process failed.
 *
 * <p>Every round has {@code cpu} (the processor time of the process in seconds), {@code jit} (the share of it that the JIT compilers took)
 * and the peaks since the start of the process: {@code threads} and {@code memory} (MB resident).
 */
record Rounds(List<Map<String, Double>> all) {

    /** A process is warm when the JIT compilers take less than this share of its processor time in a round. */
    static final double WARM = 0.05;
    /** The prefix of a line of figures. */
    static final String MARK = "bench:";

    /** Returns a figure of the first round, NaN if there is none. */
    double cold(String figure) {
        return all.isEmpty() ? Double.NaN : all.get(0).getOrDefault(figure, Double.NaN);
    }

    /** Returns a figure of the last round, NaN if there is none. */
    double warm(String figure) {
        return all.isEmpty() ? Double.NaN : all.get(all.size() - 1).getOrDefault(figure, Double.NaN);
    }

    /** Returns the first round alone if it is not the last one, otherwise nothing. */
    Optional<Rounds> first() {
        return all.size() > 1 ? Optional.of(new Rounds(all.subList(0, 1))) : Optional.empty();
    }

    /** Returns the number of the last round and whether it was warm. */
    String last() {
        return all.size() + (warm("jit") < WARM ? ", warm" : ", not yet warm");
    }

    /** Whether another round is needed. */
    static boolean isAnotherNeeded(int rounds, double jit, int least, int most, long sinceNanos, long seconds) {
        boolean inTime = rounds < most && System.nanoTime() - sinceNanos < seconds * 1_000_000_000L;
        return rounds < least || inTime && jit >= WARM;
    }

    /** Formats a line of figures. */
    static String line(Map<String, Double> figures) {
        StringBuilder line = new StringBuilder(MARK);
        figures.forEach((name, value) -> line.append(' ').append(name).append('=').append(String.format(Locale.ROOT, "%.5f", value)));
        return line.toString();
    }

    /** Parses a line of figures. */
    static Map<String, Double> parse(String line) {
        Map<String, Double> figures = new HashMap<>();
        for (String figure : line.substring(MARK.length()).strip().split(" ")) {
            String[] parts = figure.split("=");
            if (parts.length == 2) {
                figures.put(parts[0], Double.valueOf(parts[1]));
            }
        }
        return figures;
    }

    static Rounds none() {
        return new Rounds(new ArrayList<>());
    }
}
