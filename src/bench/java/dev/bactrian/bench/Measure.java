package dev.bactrian.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** The process that measures one client: {@code Measure WHAT CLIENT URL [N]}. Prints one line of figures. */
public final class Measure {

    /** The prefix of the line of figures. */
    static final String MARK = "bench:";

    private static final int CHATS = 2000;
    private static final int WARM_UP = 2000;
    private static final Runnable NOTHING = () -> { };

    private final StringBuilder line = new StringBuilder(MARK);

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
        Measure measure = new Measure();
        switch (args[0]) {
            case "stream" -> measure.stream((ChatClient) client, Integer.parseInt(args[3]));
            case "stream-value" -> measure.streamValue((Embedded) client, Integer.parseInt(args[3]));
            case "streams" -> measure.streams((ChatClient) client, Integer.parseInt(args[3]), Integer.parseInt(args[4]));
            case "predictions" -> measure.predictions((PredictionClient) client, Integer.parseInt(args[3]));
            case "chats" -> measure.chats((ChatClient) client, Integer.parseInt(args[3]));
            default -> throw new IllegalArgumentException(args[0]);
        }
        measure.say("threads", Readings.peakThreads());
        measure.say("memory", Readings.peakMegabytes());
        System.out.println(measure.line);
        if (client instanceof AutoCloseable closeable) {
            closeable.close();
        }
    }

    private static Object client(String what, Candidate contender, String url) throws Exception {
        if (contender == Candidate.BACTRIAN) {
            return switch (what) {
                case "streams" -> Embedded.noting(url);
                case "predictions", "stream-value" -> Embedded.withoutChunks(url);
                default -> new Embedded(url);
            };
        }
        return what.equals("predictions") ? new FloorPredictions(url) : contender.client(url);
    }

    private void say(String name, double value) {
        line.append(' ').append(name).append('=').append(String.format(Locale.ROOT, "%.4f", value));
    }

    private static void expect(int pieces, int expected) {
        if (pieces != expected) {
            throw new IllegalStateException(pieces + " pieces came, not " + expected);
        }
    }

    /** Measures the rate of one stream after the other, after a warm-up. */
    private void stream(ChatClient client, int pieces) throws Exception {
        int measured = Integer.getInteger("bench.streams", 11);
        long warm = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
        for (int i = 0; i < 30 && System.nanoTime() < warm; i++) {
            expect(client.chat(NOTHING), pieces);
        }
        double[] rates = new double[measured];
        double before = Readings.processorSeconds();
        for (int i = 0; i < measured; i++) {
            long start = System.nanoTime();
            expect(client.chat(NOTHING), pieces);
            rates[i] = pieces / seconds(start);
        }
        say("rate", Readings.median(rates));
        say("cpu", (Readings.processorSeconds() - before) / measured / pieces * 1e6);
    }

    /** Measures one stream without a warm-up; a route of the host counts its chunks. */
    private void streamValue(Embedded client, int pieces) {
        double before = Readings.processorSeconds();
        long start = System.nanoTime();
        int chunks = client.split();
        say("wall", seconds(start));
        say("cpu", Readings.processorSeconds() - before);
        say("chunks", chunks);
        expect(chunks, pieces);
    }

    /** Measures concurrent streams, after a warm-up with a tenth as many. */
    private void streams(ChatClient client, int streams, int pieces) {
        atOnce(client, streams / 10, pieces);
        double[] figures = atOnce(client, streams, pieces);
        say("wall", figures[0]);
        say("p50", figures[1]);
        say("p99", figures[2]);
    }

    private static double[] atOnce(ChatClient client, int streams, int pieces) {
        double[] firsts = new double[streams];
        List<CompletableFuture<Void>> all = new ArrayList<>();
        long start = System.nanoTime();
        for (int i = 0; i < streams; i++) {
            int stream = i;
            long asked = System.nanoTime();
            all.add(client.chatAsync(() -> firsts[stream] = seconds(asked) * 1000).thenAccept(n -> expect(n, pieces)));
        }
        CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).join();
        return new double[] {seconds(start), Readings.percentile(50, firsts), Readings.percentile(99, firsts)};
    }

    /** Measures concurrent predictions, after a warm-up with 2,000. */
    private void predictions(PredictionClient client, int predictions) {
        predict(client, WARM_UP);
        double before = Readings.processorSeconds();
        say("wall", predict(client, predictions));
        say("cpu", Readings.processorSeconds() - before);
    }

    private static double predict(PredictionClient client, int predictions) {
        long start = System.nanoTime();
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int i = 0; i < predictions; i++) {
            all.add(client.predict());
        }
        CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).join();
        return seconds(start);
    }

    /** Measures short chats one after the other, after a warm-up with as many. */
    private void chats(ChatClient client, int pieces) throws Exception {
        double[] times = new double[CHATS];
        double before = 0;
        for (int i = -CHATS; i < CHATS; i++) {
            if (i == 0) {
                before = Readings.processorSeconds();
            }
            long start = System.nanoTime();
            expect(client.chat(NOTHING), pieces);
            if (i >= 0) {
                times[i] = seconds(start) * 1000;
            }
        }
        say("p50", Readings.percentile(50, times));
        say("p99", Readings.percentile(99, times));
        say("cpu", (Readings.processorSeconds() - before) / CHATS * 1e6);
    }

    private static double seconds(long since) {
        return (System.nanoTime() - since) / 1e9;
    }
}
