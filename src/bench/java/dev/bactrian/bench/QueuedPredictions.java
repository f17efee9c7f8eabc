package dev.bactrian.bench;

import java.io.IOException;
import java.util.Map;

/** Predictions from a queue in which all of them wait at first, each polled five times, once a second. */
final class QueuedPredictions implements Section {

    private static final int POLLS = 5;
    private static final int PREDICTIONS = 10_000;
    private static final int WARM_UP = 2000;
    private static final String HEAP = "-Xmx512m";
    private static final String REQUEST = "{\"model\": \"gemma-2b\", \"prompt\": \"" + ChatClient.QUESTION + "\"}";

    @Override
    public Table run() throws Exception {
        Table table = new Table("10,000 predictions in flight on the queue, five polls a second apart (ideal 4 s), under " + HEAP,
                "broker", "figure", "measured", "aim", "met");
        measure(table, "embedded");
        measure(table, "own process");
        return table;
    }

    private static void measure(Table table, String broker) throws InterruptedException {
        try (TestBed stand = TestBed.noting(POLLS);
                Instance instance = new Instance(stand, Worker.Trigger.QUEUE, REQUEST, broker.equals("embedded") ? "" : stand.broker(),
                        HEAP, "-Dbactrian.max-in-flight=20000", "-Dbactrian.emit.chunk=")) {
            double wall = Instance.measure(WARM_UP, PREDICTIONS, instance);
            Map<String, Double> figures = instance.figures();
            Map<String, Double> polls = stand.polls(WARM_UP);
            double peak = polls.get("peak");
            double median = polls.get("late50");
            double latest = polls.get("latest");
            double threads = figures.get("threads");
            row(table, broker, "wall s", wall, 2, Goal.of("20", wall <= 20));
            row(table, broker, "polls/s, the best second", peak, 0, Goal.of("4,000", peak >= 4000));
            row(table, broker, "polls/s, from the first to the last", polls.get("mean"), 0, Goal.NONE);
            row(table, broker, "delay of a poll, median s", median, 3, Goal.NONE);
            row(table, broker, "99th percentile s", polls.get("late99"), 3, Goal.NONE);
            row(table, broker, "the latest s", latest, 3, Goal.of("3 x the median", latest <= 3 * median));
            row(table, broker, "threads", threads, 0, Goal.of("80", threads <= 80));
            row(table, broker, "threads of the broker", figures.get("broker"), 0, Goal.NONE);
            row(table, broker, "peak MB", figures.get("memory"), 0, Goal.NONE);
            row(table, broker, "CPU s, the warm-up too", figures.get("cpu"), 1, Goal.NONE);
        } catch (IOException e) {
            TestBed.failed("queue, " + broker, e);
        }
    }

    private static void row(Table table, String broker, String figure, double value, int decimals, Goal aim) {
        table.row(broker, figure, Goal.number(value, decimals), aim.text(), aim.met());
    }
}
