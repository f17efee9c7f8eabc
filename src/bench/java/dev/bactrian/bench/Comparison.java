package dev.bactrian.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;

/**
 * The same work done by the baseline, by Bactrian and by the peers, each in a process of its own, and by the baseline again: its two runs show
 * how much the machine varies. The table has the first and the last round of each.
 */
final class Comparison implements Section {

    /** Five polls, the first at once and the others a second apart. */
    private static final double IDEAL = 4;
    private static final String HEAP = "-Xmx320m";

    private static final Column WALL = new Column("wall s", 2, "wall", 1);
    private static final Column TIMES_IDEAL = new Column("x ideal", 2, "wall", 1 / IDEAL);
    private static final Column JIT = new Column("JIT % of CPU", 0, "jit", 100);
    private static final Column THREADS = new Column("threads", 0, "threads", 1);
    private static final Column MEMORY = new Column("peak MB", 0, "memory", 1);

    private final String what;
    private final String title;
    private final List<String> simulator;
    private final List<String> options;
    private final int[] numbers;
    private final boolean withPeers;
    private final List<Column> columns;
    private final String compared;
    private final Judge judge;

    /** A figure in the table, multiplied by a factor. */
    private record Column(String title, int decimals, String figure, double factor) {

        String cell(ToDoubleFunction<String> figures) {
            return Goal.number(figures.applyAsDouble(figure) * factor, decimals);
        }
    }

    /** Compares Bactrian's last round with the goal. {@code ratio} is the compared figure, divided by that of the baseline. */
    private interface Judge {
        Goal judge(Rounds bactrian, double ratio, DoubleStream peers);
    }

    private Comparison(String what, String title, List<String> simulator, List<String> options, int[] numbers, boolean withPeers,
            List<Column> columns, String compared, Judge judge) {
        this.what = what;
        this.title = title;
        this.simulator = simulator;
        this.options = options;
        this.numbers = numbers;
        this.withPeers = withPeers;
        this.columns = columns;
        this.compared = compared;
        this.judge = judge;
    }

    static Comparison stream() {
        int chunks = 100_000;
        return new Comparison("stream", "One stream of 100,000 chunks", List.of("--pieces=" + chunks, "--pause=0"), List.of("-Dbench.seconds=20"),
                new int[] {chunks}, true, List.of(new Column("chunks/s", 0, "rate", 1), new Column("CPU \u00b5s a chunk", 2, "each", 1), JIT), "rate",
                (bactrian, ratio, peers) -> Goal.of("0.85 of the baseline, ahead of every peer",
                        ratio >= 0.85 && peers.allMatch(peer -> bactrian.warm("rate") > peer)));
    }

    static Comparison chats() {
        return new Comparison("chats", "2,000 chats of five chunks, one after the other", List.of("--pieces=5", "--pause=0"), List.of(),
                new int[] {5}, true,
                List.of(new Column("p50 ms", 3, "p50", 1), new Column("p99 ms", 3, "p99", 1), new Column("CPU \u00b5s a chat", 0, "each", 1), JIT),
                "p50", (bactrian, ratio, peers) -> Goal.of("1.15 x the baseline, ahead of every peer",
                        ratio <= 1.15 && peers.allMatch(peer -> bactrian.warm("p50") < peer)));
    }

    static Comparison streams() {
        return new Comparison("streams", "1000 streams at once, 100 chunks each, one every 20 ms (ideal 2 s)", List.of("--pieces=100", "--pause=20"),
                List.of("-Dbench.seconds=20"), new int[] {1000, 100}, true,
                List.of(WALL, new Column("first chunk p50 ms", 0, "p50", 1), new Column("p99 ms", 0, "p99", 1), new Column("CPU s", 1, "cpu", 1), JIT,
                        THREADS, MEMORY),
                "wall", Runtime.version().feature() < 21
                        ? (bactrian, ratio, peers) -> Goal.of("ahead of LangChain4j", peers.findFirst().orElse(Double.NaN) > bactrian.warm("wall"))
                        : (bactrian, ratio, peers) -> Goal.of("1.25 x the baseline, p99 700 ms, 64 threads",
                                ratio <= 1.25 && bactrian.warm("p99") <= 700 && bactrian.warm("threads") <= 64));
    }

    static Comparison polls() {
        return new Comparison("polls", "5,000 predictions in flight, five polls a second apart (ideal 4 s), under " + HEAP, List.of("--polls=5"),
                List.of(HEAP, "-Dbench.least=4", "-Dbench.seconds=90"), new int[] {5000}, false,
                List.of(WALL, TIMES_IDEAL, new Column("CPU \u00b5s a call", 0, "each", 1), JIT, THREADS, MEMORY), "each",
                (bactrian, ratio, peers) -> Goal.of("100 \u00b5s a call, 1.2 x ideal",
                        bactrian.warm("each") <= 100 && bactrian.warm("wall") <= 1.2 * IDEAL));
    }

    static Comparison predictions() {
        return new Comparison("predictions",
                "10,000 predictions at once after 2,000 (5 s) of warm-up, five polls a second apart (ideal 4 s), under " + HEAP, List.of("--polls=5"), List.of(HEAP, "-Dbench.most=1"), new int[] {10_000}, false,
                List.of(WALL, TIMES_IDEAL, new Column("CPU \u00b5s a call", 0, "each", 1), JIT, THREADS, MEMORY), "wall",
                (bactrian, ratio, peers) -> Goal.of("2.5 x ideal, 512 MB, 64 threads",
                        bactrian.warm("wall") <= 2.5 * IDEAL && bactrian.warm("memory") <= 512 && bactrian.warm("threads") <= 64));
    }

    @Override
    public Table run() throws Exception {
        Rounds baseline = measure(Candidate.BASELINE);
        Rounds bactrian = measure(Candidate.BACTRIAN);
        List<Candidate> peers = withPeers ? Candidate.peers() : List.of();
        List<Rounds> others = new ArrayList<>();
        for (Candidate peer : peers) {
            others.add(measure(peer));
        }
        Rounds again = measure(Candidate.BASELINE);
        double standard = DoubleStream.of(baseline.warm(compared), again.warm(compared)).filter(figure -> !Double.isNaN(figure)).average()
                .orElse(Double.NaN);

        List<String> head = new ArrayList<>(List.of("client", "round"));
        columns.forEach(column -> head.add(column.title()));
        head.addAll(List.of("of the baseline's " + columnOf(compared), "aim", "met"));
        Table table = new Table(title, head.toArray(String[]::new));
        rows(table, Candidate.BASELINE.title(), baseline, baseline.cold(compared), standard, Goal.NONE);
        rows(table, Candidate.BACTRIAN.title(), bactrian, baseline.cold(compared), standard,
                judge.judge(bactrian, bactrian.warm(compared) / standard, others.stream().mapToDouble(peer -> peer.warm(compared))));
        for (int i = 0; i < peers.size(); i++) {
            rows(table, peers.get(i).title(), others.get(i), baseline.cold(compared), standard, Goal.NONE);
        }
        rows(table, Candidate.BASELINE.title() + ", again", again, baseline.cold(compared), standard, Goal.NONE);
        return table;
    }

    private String columnOf(String figure) {
        return columns.stream().filter(column -> column.figure().equals(figure)).findFirst().map(Column::title).orElseThrow();
    }

    /** Measures a client with a simulator of its own. A profile is only wanted of Bactrian. */
    private Rounds measure(Candidate candidate) throws Exception {
        if (Profile.isOn() && candidate != Candidate.BACTRIAN) {
            return Rounds.none();
        }
        try (TestBed bed = new TestBed(simulator.toArray(String[]::new))) {
            return bed.measure(options, what, candidate, numbers);
        }
    }

    private void rows(Table table, String client, Rounds rounds, double cold, double warm, Goal goal) {
        if (Profile.isOn() && rounds.all().isEmpty()) {
            return;
        }
        boolean one = rounds.all().size() < 2;
        if (!one) {
            row(table, client, "1, cold", rounds::cold, cold, Goal.NONE);
        }
        row(table, client, one ? "1" : rounds.last(), rounds::warm, warm, goal);
    }

    private void row(Table table, String client, String round, ToDoubleFunction<String> figures, double standard, Goal goal) {
        List<String> cells = new ArrayList<>(List.of(client, round));
        columns.forEach(column -> cells.add(column.cell(figures)));
        cells.add(Goal.number(figures.applyAsDouble(compared) / standard, 2));
        cells.add(goal.text());
        cells.add(goal.met());
        table.row(cells.toArray(String[]::new));
    }
}
