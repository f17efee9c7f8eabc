package dev.bactrian.bench;

import java.util.Map;

/** 2,000 short chats one after the other. */
final class ShortChats implements Section {

    private static final int CHUNKS = 5;

    @Override
    public Table run() throws Exception {
        Table table = new Table("2,000 chats of five chunks, one after the other", "client", "p50 ms", "p99 ms", "x floor", "aim", "met");
        double floor = Double.NaN;
        for (Candidate contender : Candidate.values()) {
            if (contender.isThere()) {
                try (TestBed stand = new TestBed("--pieces=" + CHUNKS, "--pause=0")) {
                    Map<String, Double> figures = stand.measure("chats", contender, CHUNKS);
                    double p50 = figures.getOrDefault("p50", Double.NaN);
                    floor = contender == Candidate.FLOOR ? p50 : floor;
                    Goal aim = contender == Candidate.BACTRIAN
                            ? Goal.of("p50 of 0.35 ms or 1.75 x the floor", p50 <= 0.35 || p50 <= 1.75 * floor) : Goal.NONE;
                    table.row(contender.title(), Goal.number(p50, 3), Goal.number(figures.getOrDefault("p99", Double.NaN), 3),
                            Goal.number(p50 / floor, 2), aim.text(), aim.met());
                }
            }
        }
        return table;
    }
}
