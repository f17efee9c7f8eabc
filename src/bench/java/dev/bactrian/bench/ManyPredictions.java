package dev.bactrian.bench;

import java.util.List;
import java.util.Map;

/** Many predictions in flight, each polled five times: immediately, then once a second. */
final class ManyPredictions implements Section {

    private static final int POLLS = 5;
    private static final double IDEAL = POLLS - 1;
    private static final int MOST = 10_000;
    private static final String HEAP = "-Xmx320m";

    @Override
    public Table run() throws Exception {
        Table table = new Table("Predictions in flight, five polls a second apart (ideal 4 s), under " + HEAP,
                "client", "predictions", "wall s", "x ideal", "CPU s", "threads", "peak MB", "aim", "met");
        for (int predictions : new int[] {100, 2000, MOST}) {
            for (Candidate contender : new Candidate[] {Candidate.FLOOR, Candidate.BACTRIAN}) {
                try (TestBed stand = new TestBed("--polls=" + POLLS)) {
                    Map<String, Double> figures = stand.measure(List.of(HEAP), "predictions", contender, predictions);
                    double wall = figures.getOrDefault("wall", Double.NaN);
                    double threads = figures.getOrDefault("threads", Double.NaN);
                    double memory = figures.getOrDefault("memory", Double.NaN);
                    boolean met = wall <= 1.5 * IDEAL && threads <= 64 && memory <= 512;
                    Goal aim = contender == Candidate.BACTRIAN && predictions == MOST ? Goal.of("1.5 x, 64 threads, 512 MB", met) : Goal.NONE;
                    table.row(contender.title(), Goal.number(predictions, 0), Goal.number(wall, 2), Goal.number(wall / IDEAL, 2),
                            Goal.number(figures.getOrDefault("cpu", Double.NaN), 1), Goal.number(threads, 0), Goal.number(memory, 0),
                            aim.text(), aim.met());
                }
            }
        }
        return table;
    }
}
