package dev.bactrian.bench;

import java.util.List;
import java.util.Map;

/** A stream far longer than the heap, which a route of the host splits after {@code direct:generate-stream}. */
final class StreamValue implements Section {

    private static final int CHUNKS = 1_000_000;
    private static final int BYTES = 1000;
    private static final String HEAP = "-Xmx64m";

    @Override
    public Table run() throws Exception {
        Table table = new Table("A stream in your own route: 1,000,000 chunks of 1 kB under " + HEAP, "client", "chunks", "wall s", "chunks/s",
                "MB/s", "CPU s", "threads", "peak MB", "aim", "met");
        try (TestBed stand = TestBed.of(LongAnswer.class, CHUNKS, BYTES)) {
            Map<String, Double> figures = stand.measure(List.of(HEAP), "stream-value", Candidate.BACTRIAN, CHUNKS);
            double wall = figures.getOrDefault("wall", Double.NaN);
            double chunks = figures.getOrDefault("chunks", Double.NaN);
            Goal aim = Goal.of("all chunks under " + HEAP, chunks == CHUNKS);
            table.row(Candidate.BACTRIAN.title(), Goal.number(chunks, 0), Goal.number(wall, 2), Goal.number(chunks / wall, 0),
                    Goal.number(chunks * BYTES / 1e6 / wall, 0), Goal.number(figures.getOrDefault("cpu", Double.NaN), 1),
                    Goal.number(figures.getOrDefault("threads", Double.NaN), 0),
                    Goal.number(figures.getOrDefault("memory", Double.NaN), 0), aim.text(), aim.met());
        }
        return table;
    }
}
