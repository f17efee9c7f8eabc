package dev.bactrian.bench;

import java.io.IOException;

/** 5,000 short chats that all wait in a queue or inbox at first, compared with {@code direct:}. */
final class QueuedChats implements Section {

    private static final int CHATS = 5000;
    private static final int WARM_UP = 1000;
    private static final String CHUNKS = "5";

    @Override
    public Table run() throws Exception {
        Table table = new Table("5,000 chats of five chunks, all waiting", "trigger", "wall s", "requests/s", "of direct:");
        double direct = measure(table, "direct:, 8 threads", Worker.Trigger.DIRECT, false, Double.NaN);
        measure(table, "files", Worker.Trigger.FILE, false, direct);
        measure(table, "queue, broker embedded", Worker.Trigger.QUEUE, false, direct);
        measure(table, "queue, broker in its own process", Worker.Trigger.QUEUE, true, direct);
        return table;
    }

    private static double measure(Table table, String title, Worker.Trigger trigger, boolean apart, double direct) throws InterruptedException {
        double wall = Double.NaN;
        try (TestBed stand = new TestBed("--pieces=" + CHUNKS, "--pause=0");
                Instance instance = new Instance(stand, trigger, ChatClient.QUESTION, apart ? stand.broker() : "")) {
            wall = Instance.measure(WARM_UP, CHATS, instance);
        } catch (IOException e) {
            TestBed.failed("queue-chats, " + title, e);
        }
        double rate = CHATS / wall;
        table.row(title, Goal.number(wall, 2), Goal.number(rate, 0), Goal.number(Double.isNaN(direct) ? 1 : rate / direct, 2));
        return rate;
    }
}
