package dev.bactrian.replicate;

import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * How long the predictions of a model usually take from their create to their end: the median of the last ones. Kept in memory, for the
 * models that were used last. Thread-safe.
 */
final class UsualTimes {

    private static final int MODELS = 500;
    private static final int LAST = 31;
    private static final double LONGEST_SECONDS = Duration.ofDays(1).toSeconds();

    private final Map<String, Last> models = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Last> eldest) {
            return size() > MODELS;
        }
    };

    /** The last times of a model, in seconds. */
    private static final class Last {
        private final double[] seconds = new double[LAST];
        private int count;
        private double median;

        void add(double more) {
            seconds[count++ % LAST] = more;
            double[] sorted = Arrays.copyOf(seconds, Math.min(count, LAST));
            Arrays.sort(sorted);
            median = sorted[sorted.length / 2];
        }
    }

    /** Learns from a prediction that has succeeded: from the service's times, or else by this process's clock. */
    synchronized void learn(String model, PollState ended) {
        JsonNode metrics = ended.prediction().metrics();
        PollTimings times = ended.times();
        double seconds = metrics.path("total_time").asDouble(-1);
        if (seconds < 0 && metrics.path("predict_time").isNumber()) {
            seconds = metrics.path("predict_time").asDouble() + (times == null || times.waited() == null ? 0 : times.waited().toMillis() / 1000.0);
        }
        if (seconds < 0 && times != null) {
            seconds = times.elapsed().toMillis() / 1000.0;
        }
        if (ended.isSucceeded() && seconds >= 0 && seconds <= LONGEST_SECONDS) {
            models.computeIfAbsent(model, none -> new Last()).add(seconds);
        }
    }

    /** Returns how long the prediction is likely to take from now, negative if it should have ended by now; null if that is unknown. */
    synchronized Duration left(String model, PollState state) {
        Last last = models.get(model);
        return last == null || state.times() == null ? null : Duration.ofMillis((long) (last.median * 1000)).minus(state.times().elapsed());
    }
}
