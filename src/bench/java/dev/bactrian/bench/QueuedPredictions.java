package dev.bactrian.bench;

import java.io.IOException;

/** Predictions from a queue in which all of them wait at first, each polled five times, once a second. */
final class QueuedPredictions implements Section {

    static final String REQUEST = "{\"model\": \"gemma-2b\", \"prompt\": \"" + ChatClient.QUESTION + "\"}";

    private static final int PREDICTIONS = 10_000;
    /** The messages that a prediction takes: its request and five polls. */
    private static final int HOPS = 6;
    private static final String HEAP = "-Xmx512m";

    @Override
    public Table run() throws Exception {
        Table table = new Table("10,000 predictions from a full queue, five polls a second apart (ideal 4 s), under " + HEAP,
                "broker", "round", "wall s", "CPU s", "CPU ms a hop", "JIT % of CPU", "threads", "peak MB", "aim", "met");
        measure(table, "in its own process", true);
        measure(table, "embedded, its CPU and threads included", false);
        return table;
    }

    private static void measure(Table table, String broker, boolean apart) throws InterruptedException {
        try (TestBed bed = new TestBed("--polls=5");
                Instance instance = new Instance(bed, Worker.Trigger.QUEUE, REQUEST, apart ? bed.broker() : "",
                        HEAP, "-Dbactrian.max-in-flight=20000", "-Dbactrian.emit.chunk=")) {
            Rounds rounds = Instance.measure(PREDICTIONS, 3, 80, instance);
            boolean fast = rounds.warm("wall") <= 20;
            rounds.first().ifPresent(cold -> row(table, broker, "1, cold", cold, Goal.NONE));
            row(table, broker, rounds.last(), rounds, apart ? Goal.of("20 s, 0.5 ms a hop", fast && hop(rounds) <= 0.5) : Goal.of("20 s", fast));
        } catch (IOException e) {
            TestBed.failed("queue, broker " + broker, e);
        }
    }

    private static double hop(Rounds rounds) {
        return rounds.warm("cpu") / PREDICTIONS / HOPS * 1000;
    }

    private static void row(Table table, String broker, String round, Rounds rounds, Goal goal) {
        table.row(broker, round, Goal.number(rounds.warm("wall"), 2), Goal.number(rounds.warm("cpu"), 1), Goal.number(hop(rounds), 2),
                Goal.number(rounds.warm("jit") * 100, 0), Goal.number(rounds.warm("threads"), 0), Goal.number(rounds.warm("memory"), 0),
                goal.text(), goal.met());
    }
}
