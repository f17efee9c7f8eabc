package dev.bactrian.bench;

import java.util.List;
import java.util.Map;

/** Predictions in flight at once, each looked at five times: at once, then a second apart. */
final class ManyPredictions implements Section {

    private static final int LOOKS = 5;
    private static final double IDEAL = LOOKS - 1;
    private static final int MOST = 10_000;
    private static final String HEAP = "-Xmx320m";

    @Override
    public Table run() throws Exception {
        Table table = new Table("Predictions in flight, five polls a second apart (ideal 4 s), under " + HEAP,
                "client", "predictions", "wall s", "x ideal", "CPU s", "threads", "peak MB", "aim", "met");
        for (int predictions : new int[] {100, 2000, MOST}) {
            for (Contender contender : new Contender[] {Contender.FLOOR, Contender.BACTRIAN}) {
                try (Stand stand = new Stand("--looks=" + LOOKS)) {
                    Map<String, Double> figures = stand.measure(List.of(HEAP), "predictions", contender, predictions);
                    double wall = figures.getOrDefault("wall", Double.NaN);
                    double threads = figures.getOrDefault("threads", Double.NaN);
                    double memory = figures.getOrDefault("memory", Double.NaN);
                    boolean met = wall <= 1.5 * IDEAL && threads <= 64 && memory <= 512;
                    Aim aim = contender == Contender.BACTRIAN && predictions == MOST ? Aim.of("1.5 x, 64 threads, 512 MB", met) : Aim.NONE;
                    table.row(contender.title(), Aim.number(predictions, 0), Aim.number(wall, 2), Aim.number(wall / IDEAL, 2),
                            Aim.number(figures.getOrDefault("cpu", Double.NaN), 1), Aim.number(threads, 0), Aim.number(memory, 0),
                            aim.text(), aim.met());
                }
            }
        }
        return table;
    }
}
