package dev.bactrian.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Controls a {@link Worker} in a process of its own. */
final class Instance implements AutoCloseable {

    private static final int LONGEST = 300;

    private final ChildProcess process;
    private int ended;

    /** Starts a worker; an empty URL means the embedded broker. */
    Instance(TestBed stand, Worker.Trigger trigger, String request, String broker, String... options) throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(List.of(options));
        arguments.addAll(List.of("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", Candidate.BACTRIAN.classPath(),
                Worker.class.getName(), trigger.name(), stand.url(), request, broker));
        process = new ChildProcess(TestBed.HERE, TestBed.ERRORS, arguments);
        process.await(line -> line.startsWith(Measure.MARK), 60);
    }

    /** Adds that many requests to the worker's queue, inbox or list. */
    void fill(int requests) throws IOException, InterruptedException {
        tell("fill " + requests);
    }

    /** Starts taking requests. */
    void open() throws IOException, InterruptedException {
        tell("open");
    }

    /** Stops taking requests. */
    void shut() throws IOException, InterruptedException {
        tell("close");
    }

    /** Returns the worker's figures so far. */
    Map<String, Double> figures() throws IOException, InterruptedException {
        return tell("figures");
    }

    private Map<String, Double> tell(String command) throws IOException, InterruptedException {
        process.tell(command);
        return TestBed.figures(process.await(this::isAnswer, LONGEST).text());
    }

    private boolean isAnswer(String line) {
        if (line.startsWith(Worker.ENDED)) {
            ended = Integer.parseInt(line.substring(Worker.ENDED.length()));
        }
        return line.startsWith(Measure.MARK);
    }

    /** Warms the instances up, fills their queue while they are stopped, and returns the seconds in which they empty it. */
    static double measure(int warmUp, int requests, Instance... instances) throws IOException, InterruptedException {
        instances[0].fill(warmUp);
        for (Instance instance : instances) {
            instance.open();
        }
        await(warmUp, instances);
        for (Instance instance : instances) {
            instance.shut();
        }
        instances[0].fill(requests);
        long start = System.nanoTime();
        for (Instance instance : instances) {
            instance.open();
        }
        await(warmUp + requests, instances);
        return (System.nanoTime() - start) / 1e9;
    }

    private static void await(int all, Instance... instances) throws IOException, InterruptedException {
        long until = System.nanoTime() + LONGEST * 1_000_000_000L;
        while (Stream.of(instances).mapToInt(instance -> instance.ended).sum() < all) {
            for (Instance instance : instances) {
                instance.readWhatEnded();
            }
            if (System.nanoTime() > until) {
                throw new IOException("not all have ended after " + LONGEST + " s");
            }
            Thread.sleep(2);
        }
    }

    private void readWhatEnded() throws IOException, InterruptedException {
        process.ready().forEach(this::isAnswer);
    }

    @Override
    public void close() {
        process.close();
    }
}
