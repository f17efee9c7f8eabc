package dev.bactrian.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Chats from a full queue of one broker, taken by one instance and by two. The provider and the broker have a core that is theirs in both cases. An
 * instance has a core of its own if there are three or more; otherwise both share one, and the chats are slow, so that it does not limit them.
 */
final class TwoInstances implements Section {

    private static final int CORES = Runtime.getRuntime().availableProcessors();
    private static final Path TASKSET = Path.of("/usr/bin/taskset");

    @Override
    public Table run() throws Exception {
        Table table = new Table("Two instances on one broker, chats of five chunks from a full queue",
                "a chunk every", "chats a round", "chats/s of one", "of two", "two over one", "CPU \u00b5s a chat of one", "of two", "aim", "met");
        measure(table, 20, 1000);
        if (CORES > 2) {
            measure(table, 0, 5000);
        }
        table.note(!Files.exists(TASKSET) ? "No process had cores of its own: there is no taskset."
                : CORES > 2 ? "Provider and broker on core 0, the instances on cores 1 and 2."
                : "Provider and broker on core 0, both instances on core 1. More cores are needed to compare instances that use all of one.");
        return table;
    }

    private static void measure(Table table, int pause, int chats) throws InterruptedException {
        Rounds one = rounds(pause, chats, 1);
        Rounds two = rounds(pause, chats, 2);
        double ratio = one.warm("wall") / two.warm("wall");
        Goal goal = Goal.of("1.8", ratio >= 1.8);
        table.row(pause == 0 ? "as fast as it can" : pause + " ms", Goal.number(chats, 0), Goal.number(chats / one.warm("wall"), 0),
                Goal.number(chats / two.warm("wall"), 0), Goal.number(ratio, 2), Goal.number(one.warm("cpu") / chats * 1e6, 0),
                Goal.number(two.warm("cpu") / chats * 1e6, 0), goal.text(), goal.met());
    }

    private static Rounds rounds(int pause, int chats, int number) throws InterruptedException {
        List<Instance> instances = new ArrayList<>();
        try (TestBed bed = new TestBed(pinned(0), "--pieces=5", "--pause=" + pause)) {
            String broker = bed.broker();
            for (int i = 0; i < number; i++) {
                instances.add(new Instance(bed, pinned(Math.min(1 + i, CORES - 1)), Worker.Trigger.QUEUE, ChatClient.QUESTION, broker));
            }
            return Instance.measure(chats, 35, instances.toArray(Instance[]::new));
        } catch (IOException e) {
            TestBed.failed("queue-two, " + number, e);
            return Rounds.none();
        } finally {
            instances.forEach(Instance::close);
        }
    }

    private static List<String> pinned(int core) {
        return Files.exists(TASKSET) ? List.of(TASKSET.toString(), "-c", String.valueOf(core)) : List.of();
    }
}
