package dev.bactrian.bench;

import java.io.IOException;
import java.util.Map;

/** Predictions in flight by the queue, all of them waiting in it at first: each looked at five times, a second apart. */
final class QueuedPredictions implements Section {

    private static final int LOOKS = 5;
    private static final int PREDICTIONS = 10_000;
    private static final int WARM_UP = 2000;
    private static final String HEAP = "-Xmx512m";
    private static final String REQUEST = "{\"model\": \"gemma-2b\", \"prompt\": \"" + ChatClient.QUESTION + "\"}";

    @Override
    public Table run() throws Exception {
        Table table = new Table("10,000 predictions in flight by the queue, five polls a second apart (ideal 4 s), under " + HEAP,
                "broker", "figure", "measured", "aim", "met");
        measure(table, "embedded");
        measure(table, "own process");
        return table;
    }

    private static void measure(Table table, String broker) throws InterruptedException {
        try (Stand stand = Stand.noting(LOOKS);
                Instance instance = new Instance(stand, Worker.Trigger.QUEUE, REQUEST, broker.equals("embedded") ? "" : stand.broker(),
                        HEAP, "-Dbactrian.max-in-flight=20000", "-Dbactrian.emit.chunk=")) {
            double wall = Instance.measure(WARM_UP, PREDICTIONS, instance);
            Map<String, Double> figures = instance.figures();
            Map<String, Double> looks = stand.looks(WARM_UP);
            double peak = looks.get("peak");
            double median = looks.get("late50");
            double latest = looks.get("latest");
            double threads = figures.get("threads");
            row(table, broker, "wall s", wall, 2, Aim.of("20", wall <= 20));
            row(table, broker, "polls/s, the best second", peak, 0, Aim.of("4,000", peak >= 4000));
            row(table, broker, "polls/s, from the first to the last", looks.get("mean"), 0, Aim.NONE);
            row(table, broker, "a poll is late, median s", median, 3, Aim.NONE);
            row(table, broker, "99th percentile s", looks.get("late99"), 3, Aim.NONE);
            row(table, broker, "the latest s", latest, 3, Aim.of("3 x the median", latest <= 3 * median));
            row(table, broker, "threads", threads, 0, Aim.of("80", threads <= 80));
            row(table, broker, "threads of the broker", figures.get("broker"), 0, Aim.NONE);
            row(table, broker, "peak MB", figures.get("memory"), 0, Aim.NONE);
            row(table, broker, "CPU s, the warm-up too", figures.get("cpu"), 1, Aim.NONE);
        } catch (IOException e) {
            Stand.failed("queue, " + broker, e);
        }
    }

    private static void row(Table table, String broker, String figure, double value, int decimals, Aim aim) {
        table.row(broker, figure, Aim.number(value, decimals), aim.text(), aim.met());
    }
}
