package dev.bactrian.bench;

import java.util.List;

/** A stream far longer than the heap, which a route of the host splits after {@code direct:generate-stream}. */
final class StreamValue implements Section {

    private static final int CHUNKS = 1_000_000;
    private static final int BYTES = 1000;
    private static final String HEAP = "-Xmx64m";

    @Override
    public Table run() throws Exception {
        Table table = new Table("A stream in your own route: 1,000,000 chunks of 1 kB under " + HEAP, "client", "chunks", "wall s", "chunks/s",
                "MB/s", "CPU s", "threads", "peak MB", "aim", "met");
        try (TestBed bed = TestBed.of(LongAnswer.class, CHUNKS, BYTES)) {
            Rounds figures = bed.measure(List.of(HEAP, "-Dbench.most=1"), "stream-value", Candidate.BACTRIAN, CHUNKS);
            double wall = figures.warm("wall");
            double chunks = figures.warm("calls");
            Goal aim = Goal.of("all chunks under " + HEAP, chunks == CHUNKS);
            table.row(Candidate.BACTRIAN.title(), Goal.number(chunks, 0), Goal.number(wall, 2), Goal.number(chunks / wall, 0),
                    Goal.number(chunks * BYTES / 1e6 / wall, 0), Goal.number(figures.warm("cpu"), 1),
                    Goal.number(figures.warm("threads"), 0),
                    Goal.number(figures.warm("memory"), 0), aim.text(), aim.met());
        }
        return table;
    }
}
