package dev.bactrian.bench;

import java.io.IOException;

/** Requests that lie in the inbox: predictions at once, and far more chats than the heap could hold. */
final class FileRequests implements Section {

    private static final int PREDICTIONS = 500;
    private static final int FILES = 100_000;
    private static final String HEAP = "-Xmx256m";
    private static final int SECONDS = 40;

    @Override
    public Table run() throws Exception {
        Table table = new Table("Requests from files: " + PREDICTIONS + " predictions with five polls a second apart (ideal 4 s), and "
                + "100,000 chats of five chunks under " + HEAP + ", stopped after " + SECONDS + " s",
                "", "round", "outcomes", "wall s", "s to the first", "outcomes/s", "CPU s", "threads", "peak heap MB", "peak MB", "aim", "met");
        try (TestBed bed = new TestBed("--polls=5");
                Instance instance = new Instance(bed, Worker.Trigger.FILE, QueuedPredictions.REQUEST, "", "-Dbactrian.emit.chunk=")) {
            Rounds rounds = Instance.measure(PREDICTIONS, 40, instance);
            rounds.first().ifPresent(cold -> row(table, "predictions", "1, cold", cold, Goal.NONE));
            row(table, "predictions", rounds.last(), rounds, Goal.of("5 s, 64 threads", rounds.warm("wall") <= 5 && rounds.warm("threads") <= 64));
        } catch (IOException e) {
            TestBed.failed("files, predictions", e);
        }
        try (TestBed bed = new TestBed("--pieces=5", "--pause=0");
                Instance instance = new Instance(bed, Worker.Trigger.FILE, ChatClient.QUESTION, "", HEAP)) {
            Rounds rounds = Instance.measure(FILES, 1, SECONDS, instance);
            row(table, "chats", "1, cold", rounds, Goal.of("first after 3 s, 500/s, 256 MB of heap", rounds.warm("first") <= 3
                    && rounds.warm("ended") / rounds.warm("wall") >= 500 && rounds.warm("heap") <= 256 * 1.048576));
        } catch (IOException e) {
            TestBed.failed("files, chats", e);
        }
        return table;
    }

    private static void row(Table table, String what, String round, Rounds rounds, Goal goal) {
        double wall = rounds.warm("wall");
        double ended = rounds.warm("ended");
        table.row(what, round, Goal.number(ended, 0), Goal.number(wall, 2), Goal.number(rounds.warm("first"), 2), Goal.number(ended / wall, 0),
                Goal.number(rounds.warm("cpu"), 1), Goal.number(rounds.warm("threads"), 0), Goal.number(rounds.warm("heap"), 0),
                Goal.number(rounds.warm("memory"), 0), goal.text(), goal.met());
    }
}
