package dev.bactrian.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * The process that measures one client: {@code Measure WHAT CLIENT URL [N]}. Repeats the work in rounds until it is warm, and prints a line of
 * figures after each. {@code -Dbench.least} and {@code -Dbench.most} limit the rounds, {@code -Dbench.seconds} the time after which none begins.
 */
public final class Measure {

    /** The line after the last round. */
    static final String END = Rounds.MARK + " end";

    private static final int CHATS = 2000;
    private static final int STREAMS_A_ROUND = 5;
    private static final int WARM_UP = 2000;
    /** A prediction is created, then polled five times. */
    private static final int CALLS = 6;
    private static final Runnable NOTHING = () -> { };

    /** The work of a round: puts its figures and the number of {@code calls} to the provider. */
    private interface Work {
        void run(Map<String, Double> figures) throws Exception;
    }

    private Measure() {
    }

    /** Measures and ends the process, even if the client leaves threads behind. */
    public static void main(String[] args) {
        try {
            measure(args);
            System.exit(0);
        } catch (Exception e) {
            e.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    private static void measure(String[] args) throws Exception {
        Object client = client(args[0], Candidate.valueOf(args[1]), args[2]);
        int number = Integer.parseInt(args[3]);
        int pieces = args.length > 4 ? Integer.parseInt(args[4]) : number;
        repeat(switch (args[0]) {
            case "stream" -> figures -> stream((ChatClient) client, pieces, figures);
            case "stream-value" -> figures -> streamValue((Embedded) client, pieces, figures);
            case "streams" -> figures -> streams((ChatClient) client, number, pieces, figures);
            case "polls" -> figures -> predictions((PredictionClient) client, number, figures);
            case "predictions" -> {
                predictions((PredictionClient) client, WARM_UP, new LinkedHashMap<>());
                yield figures -> predictions((PredictionClient) client, number, figures);
            }
            case "chats" -> figures -> chats((ChatClient) client, pieces, figures);
            default -> throw new IllegalArgumentException(args[0]);
        });
        if (client instanceof AutoCloseable closeable) {
            closeable.close();
        }
    }

    private static Object client(String what, Candidate candidate, String url) throws Exception {
        boolean predicts = what.equals("polls") || what.equals("predictions");
        if (candidate == Candidate.BACTRIAN) {
            return what.equals("streams") ? Embedded.noting(url)
                    : predicts || what.equals("stream-value") ? Embedded.withoutChunks(url) : new Embedded(url);
        }
        return predicts ? new BaselinePredictions(url) : candidate.client(url);
    }

    private static void repeat(Work work) throws Exception {
        int least = Integer.getInteger("bench.least", 2);
        int most = Integer.getInteger("bench.most", 10);
        long start = System.nanoTime();
        int rounds = 0;
        double jit;
        do {
            Map<String, Double> figures = round(work);
            System.out.println(Rounds.line(figures));
            jit = figures.get("jit");
            rounds++;
        } while (Rounds.isAnotherNeeded(rounds, jit, Math.min(least, most), most, start, Long.getLong("bench.seconds", 60)));
        System.out.println(END);
        if (Profile.isWanted()) {
            try (Profile.Recorder recorder = Profile.record()) {
                while (recorder.isNotLongEnough()) {
                    work.run(new LinkedHashMap<>());
                }
            }
            System.out.println(Profile.RECORDED);
        }
    }

    private static Map<String, Double> round(Work work) throws Exception {
        Map<String, Double> figures = new LinkedHashMap<>();
        double processor = Readings.processorSeconds();
        double compiler = Readings.compilerSeconds();
        work.run(figures);
        double cpu = Readings.processorSeconds() - processor;
        figures.put("cpu", cpu);
        figures.put("each", cpu / figures.get("calls") * 1e6);
        figures.put("jit", (Readings.compilerSeconds() - compiler) / cpu);
        figures.put("threads", (double) Readings.peakThreads());
        figures.put("memory", Readings.peakMegabytes());
        return figures;
    }

    private static void expect(int pieces, int expected) {
        if (pieces != expected) {
            throw new IllegalStateException(pieces + " pieces came, not " + expected);
        }
    }

    /** Some long streams, one after the other. */
    private static void stream(ChatClient client, int pieces, Map<String, Double> figures) throws Exception {
        double[] rates = new double[STREAMS_A_ROUND];
        for (int i = 0; i < rates.length; i++) {
            long start = System.nanoTime();
            expect(client.chat(NOTHING), pieces);
            rates[i] = pieces / seconds(start);
        }
        figures.put("rate", Readings.median(rates));
        figures.put("calls", (double) pieces * rates.length);
    }

    /** One stream, whose chunks a route of the host counts. */
    private static void streamValue(Embedded client, int pieces, Map<String, Double> figures) {
        long start = System.nanoTime();
        int chunks = client.split();
        figures.put("wall", seconds(start));
        figures.put("calls", (double) chunks);
        expect(chunks, pieces);
    }

    /** Streams at once. The delay of a first chunk counts from the moment its stream was asked for. */
    private static void streams(ChatClient client, int streams, int pieces, Map<String, Double> figures) {
        double[] firsts = new double[streams];
        List<CompletableFuture<Void>> all = new ArrayList<>();
        long start = System.nanoTime();
        for (int i = 0; i < streams; i++) {
            int stream = i;
            long asked = System.nanoTime();
            all.add(client.chatAsync(() -> firsts[stream] = seconds(asked) * 1000).thenAccept(n -> expect(n, pieces)));
        }
        CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).join();
        figures.put("wall", seconds(start));
        figures.put("p50", Readings.percentile(50, firsts));
        figures.put("p99", Readings.percentile(99, firsts));
        figures.put("calls", (double) streams);
    }

    /** Predictions at once. */
    private static void predictions(PredictionClient client, int predictions, Map<String, Double> figures) {
        long start = System.nanoTime();
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int i = 0; i < predictions; i++) {
            all.add(client.predict());
        }
        CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).join();
        figures.put("wall", seconds(start));
        figures.put("calls", (double) predictions * CALLS);
    }

    /** Short chats, one after the other. */
    private static void chats(ChatClient client, int pieces, Map<String, Double> figures) throws Exception {
        double[] times = new double[CHATS];
        for (int i = 0; i < CHATS; i++) {
            long start = System.nanoTime();
            expect(client.chat(NOTHING), pieces);
            times[i] = seconds(start) * 1000;
        }
        figures.put("p50", Readings.percentile(50, times));
        figures.put("p99", Readings.percentile(99, times));
        figures.put("calls", (double) CHATS);
    }

    private static double seconds(long since) {
        return (System.nanoTime() - since) / 1e9;
    }
}
