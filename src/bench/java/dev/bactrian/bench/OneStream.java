package dev.bactrian.bench;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** The throughput of one long stream, warm, while the simulator sends as fast as it can. */
final class OneStream implements Section {

    private static final int CHUNKS = 100_000;
    private static final int ROUNDS = 2;
    private static final double AIM = 0.65;

    @Override
    public Table run() throws Exception {
        Map<Candidate, List<Double>> rates = new EnumMap<>(Candidate.class);
        try (TestBed stand = new TestBed("--pieces=" + CHUNKS, "--pause=0")) {
            for (int round = 0; round < ROUNDS; round++) {
                for (Candidate contender : Candidate.values()) {
                    if (contender.isThere()) {
                        double rate = stand.measure("stream", contender, CHUNKS).getOrDefault("rate", Double.NaN);
                        rates.computeIfAbsent(contender, c -> new ArrayList<>()).add(rate);
                    }
                }
            }
        }
        double floor = mean(rates.get(Candidate.FLOOR));
        double fastestPeer = rates.entrySet().stream().filter(entry -> entry.getKey().isPeer())
                .mapToDouble(entry -> mean(entry.getValue())).max().orElse(0);
        Table table = new Table("One stream of 100,000 chunks, warm", "client", "chunks/s", "of the floor", "aim", "met");
        rates.forEach((contender, measured) -> {
            double rate = mean(measured);
            Goal aim = contender != Candidate.BACTRIAN ? Goal.NONE
                    : Goal.of(AIM + " of the floor, ahead of every peer", rate >= AIM * floor && rate > fastestPeer);
            table.row(contender.title(), Goal.number(rate, 0), Goal.number(rate / floor, 2), aim.text(), aim.met());
        });
        return table;
    }

    private static double mean(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).average().orElse(Double.NaN);
    }
}
