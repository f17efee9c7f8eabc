package dev.bactrian.bench;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Simulator;

/**
 * The simulator in a process of its own, recording the times of polls: {@code Polls POLLS}. For each line of input, a number of
 * predictions to skip, prints figures of the polls of all later predictions.
 */
public final class Polls {

    private static final double ASKED_FOR = 1;

    private Polls() {
    }

    /** Runs until its input ends or the process is killed. */
    public static void main(String[] args) throws Exception {
        try (Simulator simulator = Simulator.builder().polls(Integer.parseInt(args[0])).start();
                var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            System.out.println(TestBed.READY + simulator.url());
            String line = input.readLine();
            while (line != null) {
                System.out.println(figures(simulator.requests(Call.POLL), Integer.parseInt(line)));
                line = input.readLine();
            }
        }
    }

    /** The delay of a poll is the time since the previous poll minus the configured second. */
    private static String figures(List<RecordedRequest> polls, int leftOut) {
        Map<String, List<Instant>> byPrediction = new LinkedHashMap<>();
        polls.forEach(poll -> byPrediction.computeIfAbsent(poll.path(), path -> new ArrayList<>()).add(poll.at()));
        Collection<List<Instant>> counted = byPrediction.values().stream().skip(leftOut).toList();
        double[] late = counted.stream().flatMapToDouble(Polls::late).toArray();
        double[] times = counted.stream().flatMap(List::stream)
                .mapToDouble(at -> seconds(polls.get(0).at(), at)).sorted().toArray();
        return String.format(Locale.ROOT, "%s polls=%d peak=%d mean=%.4f late50=%.4f late99=%.4f latest=%.4f", Measure.MARK, times.length,
                mostInOneSecond(times), times.length / (times[times.length - 1] - times[0]),
                Readings.percentile(50, late), Readings.percentile(99, late), Readings.percentile(100, late));
    }

    private static DoubleStream late(List<Instant> polls) {
        return IntStream.range(1, polls.size())
                .mapToDouble(i -> seconds(polls.get(i - 1), polls.get(i)) - ASKED_FOR);
    }

    private static int mostInOneSecond(double[] times) {
        int most = 0;
        int from = 0;
        for (int to = 0; to < times.length; to++) {
            while (times[to] - times[from] >= 1) {
                from++;
            }
            most = Math.max(most, to - from + 1);
        }
        return most;
    }

    private static double seconds(Instant from, Instant to) {
        return Duration.between(from, to).toNanos() / 1e9;
    }
}
