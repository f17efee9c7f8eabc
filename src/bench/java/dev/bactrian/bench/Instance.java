package dev.bactrian.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Controls a {@link Worker} in a process of its own. */
final class Instance implements AutoCloseable {

    private static final int LONGEST = 300;
    private static final int MOST_ROUNDS = 6;

    private final ChildProcess process;
    private final boolean recorded;
    private int ended;
    private long firstEndedNanos;

    /** Starts a worker by that command in front of {@code java}; an empty URL means the embedded broker. */
    Instance(TestBed bed, List<String> by, Worker.Trigger trigger, String request, String broker, String... options)
            throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(List.of(options));
        List<String> recording = Profile.whenWarm();
        recorded = !recording.isEmpty();
        arguments.addAll(recording);
        arguments.addAll(List.of("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", Candidate.BACTRIAN.classPath(),
                Worker.class.getName(), trigger.name(), bed.url(), request, broker));
        process = ChildProcess.java(TestBed.HERE, by, arguments);
        process.await(line -> line.startsWith(Rounds.MARK), 60);
        tell("close");
    }

    /** A worker of its own choice of cores. */
    Instance(TestBed bed, Worker.Trigger trigger, String request, String broker, String... options) throws IOException, InterruptedException {
        this(bed, List.of(), trigger, request, broker, options);
    }

    /**
     * Fills the instances' queue while they are stopped and lets them empty it, in rounds until they are warm. A round's figures are
     * {@code wall}, {@code first} (seconds until the first outcome), {@code ended}, those of {@link Rounds}, and {@code heap}.
     *
     * @param requests the requests of a round
     * @param most     the most rounds
     * @param seconds  no round begins after this time, and a single round ends
     */
    static Rounds measure(int requests, int most, int seconds, Instance... instances) throws IOException, InterruptedException {
        Rounds rounds = Rounds.none();
        long start = System.nanoTime();
        do {
            rounds.all().add(round(requests, most == 1 ? seconds : LONGEST, instances));
        } while (Rounds.isAnotherNeeded(rounds.all().size(), rounds.warm("jit"), 1, most, start, seconds));
        if (instances[0].recorded) {
            instances[0].tell("record");
            round(requests, seconds, instances);
            instances[0].tell("recorded");
        }
        return rounds;
    }

    static Rounds measure(int requests, int seconds, Instance... instances) throws IOException, InterruptedException {
        return measure(requests, MOST_ROUNDS, seconds, instances);
    }

    private static Map<String, Double> round(int requests, int seconds, Instance... instances) throws IOException, InterruptedException {
        int before = ended(instances);
        instances[0].tell("fill " + requests);
        for (Instance instance : instances) {
            instance.firstEndedNanos = 0;
        }
        Map<String, Double> then = sum(instances);
        long start = System.nanoTime();
        for (Instance instance : instances) {
            instance.tell("open");
        }
        while (ended(instances) < before + requests && System.nanoTime() - start < seconds * 1_000_000_000L) {
            Thread.sleep(2);
            for (Instance instance : instances) {
                instance.process.ready().forEach(instance::isAnswer);
            }
        }
        double wall = (System.nanoTime() - start) / 1e9;
        int count = ended(instances) - before;
        if (count < requests && seconds == LONGEST) {
            throw new IOException(count + " of " + requests + " have ended after " + LONGEST + " s");
        }
        Map<String, Double> now = sum(instances);
        Stream.of(instances).mapToLong(instance -> instance.firstEndedNanos).filter(nanos -> nanos != 0).min()
                .ifPresent(first -> now.put("first", (first - start) / 1e9));
        now.put("jit", (now.get("jit") - then.get("jit")) / (now.get("cpu") - then.get("cpu")));
        now.merge("cpu", then.get("cpu"), (a, b) -> a - b);
        now.put("wall", wall);
        now.put("ended", (double) count);
        if (count == requests) {
            for (Instance instance : instances) {
                instance.tell("close");
            }
        }
        return now;
    }

    private static int ended(Instance... instances) {
        return Stream.of(instances).mapToInt(instance -> instance.ended).sum();
    }

    private static Map<String, Double> sum(Instance... instances) throws IOException, InterruptedException {
        Map<String, Double> sum = new HashMap<>();
        for (Instance instance : instances) {
            instance.tell("figures").forEach((name, value) -> sum.merge(name, value, Double::sum));
        }
        return sum;
    }

    private Map<String, Double> tell(String command) throws IOException, InterruptedException {
        process.tell(command);
        return Rounds.parse(process.await(this::isAnswer, LONGEST).text());
    }

    private boolean isAnswer(String line) {
        if (line.startsWith(Worker.ENDED)) {
            ended = Integer.parseInt(line.substring(Worker.ENDED.length()));
            firstEndedNanos = firstEndedNanos == 0 ? System.nanoTime() : firstEndedNanos;
        }
        return line.startsWith(Rounds.MARK);
    }

    @Override
    public void close() {
        process.close();
    }
}
