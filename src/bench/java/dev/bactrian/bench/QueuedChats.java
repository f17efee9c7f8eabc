package dev.bactrian.bench;

import java.io.IOException;

/** Short chats that all wait in a queue or inbox at first, compared with {@code direct:}. */
final class QueuedChats implements Section {

    private static final int CHATS = 5000;
    private static final double AIM = 0.6;

    @Override
    public Table run() throws Exception {
        Table table = new Table("5,000 chats of five chunks, all waiting", "trigger", "round", "wall s", "chats/s", "of direct:", "ms a chat",
                "CPU \u00b5s a chat", "JIT % of CPU", "aim", "met");
        Rounds direct = measure(table, "direct:, 8 threads", Worker.Trigger.DIRECT, false, null);
        measure(table, "files", Worker.Trigger.FILE, false, direct);
        measure(table, "queue, broker embedded", Worker.Trigger.QUEUE, false, direct);
        measure(table, "queue, broker in its own process", Worker.Trigger.QUEUE, true, direct);
        return table;
    }

    private static Rounds measure(Table table, String title, Worker.Trigger trigger, boolean apart, Rounds direct) throws InterruptedException {
        Rounds rounds = Rounds.none();
        try (TestBed bed = new TestBed("--pieces=5", "--pause=0");
                Instance instance = new Instance(bed, trigger, ChatClient.QUESTION, apart ? bed.broker() : "")) {
            rounds = Instance.measure(CHATS, 25, instance);
        } catch (IOException e) {
            TestBed.failed("queue-chats, " + title, e);
            return rounds;
        }
        Rounds standard = direct == null ? rounds : direct;
        double share = standard.warm("wall") / rounds.warm("wall");
        rounds.first().ifPresent(cold -> row(table, title, "1, cold", cold, standard.cold("wall"), Goal.NONE));
        row(table, title, rounds.last(), rounds, standard.warm("wall"), switch (trigger) {
            case DIRECT -> Goal.NONE;
            case FILE -> Goal.of("2 ms a chat", rounds.warm("wall") / CHATS * 1000 <= 2);
            case QUEUE -> Goal.of(AIM + " of direct:", share >= AIM);
        });
        return rounds;
    }

    private static void row(Table table, String title, String round, Rounds rounds, double direct, Goal goal) {
        double wall = rounds.warm("wall");
        table.row(title, round, Goal.number(wall, 2), Goal.number(CHATS / wall, 0), Goal.number(direct / wall, 2),
                Goal.number(wall / CHATS * 1000, 2), Goal.number(rounds.warm("cpu") / CHATS * 1e6, 0), Goal.number(rounds.warm("jit") * 100, 0),
                goal.text(), goal.met());
    }
}
