package dev.bactrian.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Chats from a full queue of one broker, processed by one instance and by two. */
final class TwoInstances implements Section {

    private static final int WARM_UP = 1000;

    @Override
    public Table run() throws Exception {
        Table table = new Table("Two instances on one broker, chats of five chunks from a full queue",
                "a chunk every", "requests", "requests/s of one", "of two", "two over one");
        measure(table, 0, 5000);
        measure(table, 20, 1000);
        return table;
    }

    private static void measure(Table table, int pause, int requests) throws InterruptedException {
        double one = rate(pause, requests, 1);
        double two = rate(pause, requests, 2);
        table.row(pause == 0 ? "as fast as it can" : pause + " ms", Goal.number(requests, 0), Goal.number(one, 0), Goal.number(two, 0),
                Goal.number(two / one, 2));
    }

    private static double rate(int pause, int requests, int number) throws InterruptedException {
        try (TestBed stand = new TestBed("--pieces=5", "--pause=" + pause)) {
            return rate(stand, pause, requests, number);
        } catch (IOException e) {
            TestBed.failed("queue-two, " + number, e);
            return Double.NaN;
        }
    }

    private static double rate(TestBed stand, int pause, int requests, int number) throws IOException, InterruptedException {
        List<Instance> instances = new ArrayList<>();
        try {
            String broker = stand.broker();
            for (int i = 0; i < number; i++) {
                instances.add(new Instance(stand, Worker.Trigger.QUEUE, ChatClient.QUESTION, broker));
            }
            // The same warm-up per instance, whether there are two or not.
            int warmUp = (pause == 0 ? WARM_UP : WARM_UP / 10) * number;
            return requests / Instance.measure(warmUp, requests, instances.toArray(Instance[]::new));
        } finally {
            instances.forEach(Instance::close);
        }
    }
}
