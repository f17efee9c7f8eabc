package dev.bactrian.bench;

import java.util.Map;

/** 1,000 concurrent streams, with a chunk every 20 ms each. */
final class ManyStreams implements Section {

    private static final int STREAMS = 1000;
    private static final int CHUNKS = 100;
    private static final int PAUSE = 20;

    @Override
    public Table run() throws Exception {
        Table table = new Table("1000 streams at once, 100 chunks each, one every 20 ms (ideal 2 s)",
                "client", "wall s", "first chunk p50 ms", "p99 ms", "threads", "peak MB", "aim", "met");
        for (Candidate contender : Candidate.values()) {
            if (contender.isThere()) {
                try (TestBed stand = new TestBed("--pieces=" + CHUNKS, "--pause=" + PAUSE)) {
                    Map<String, Double> figures = stand.measure("streams", contender, STREAMS, CHUNKS);
                    double wall = figures.getOrDefault("wall", Double.NaN);
                    double p99 = figures.getOrDefault("p99", Double.NaN);
                    Goal aim = contender != Candidate.BACTRIAN ? Goal.NONE : Goal.of("2.8 s, p99 500 ms", wall <= 2.8 && p99 <= 500);
                    table.row(contender.title(), Goal.number(wall, 2), Goal.number(figures.getOrDefault("p50", Double.NaN), 0),
                            Goal.number(p99, 0), Goal.number(figures.getOrDefault("threads", Double.NaN), 0),
                            Goal.number(figures.getOrDefault("memory", Double.NaN), 0), aim.text(), aim.met());
                }
            }
        }
        return table;
    }
}
