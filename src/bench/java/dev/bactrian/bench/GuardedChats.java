package dev.bactrian.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What prices, a budget, a fallback and the circuit breaker add to a chat that needs none of them: rounds without and with them in turn. */
final class GuardedChats implements Section {

    private static final int CHUNKS = 5;
    private static final int ROUNDS = 5;
    private static final String MODELS = """
            default-model: solar-pro4
            providers:
              upstage:
                default-model: solar-pro4
                models:
                  - id: solar-pro4
            """;
    private static final String GUARDED = """
                    price: {input: 0.3, cached: 0.03, output: 1.2, currency: USD}
                    fallback: [solar-mini4]
                  - id: solar-mini4
                    price: {input: 0.1, output: 0.4, currency: USD}
            """;

    @Override
    public Table run() throws Exception {
        Table table = new Table("2,000 chats of five chunks, one after the other, without and with prices, a budget, a fallback and the circuit breaker",
                "", "p50 ms, each round", "p50 ms, median", "CPU \u00b5s a chat, median", "aim", "met");
        List<Map<String, Double>> without = new ArrayList<>();
        List<Map<String, Double>> with = new ArrayList<>();
        List<String> plain = List.of("-Dbactrian.models=file:" + models("plain", MODELS), "-Dbactrian.circuit-breaker.failure-rate=0");
        List<String> guarded = List.of("-Dbactrian.models=file:" + models("guarded", MODELS + GUARDED), "-Dbactrian.budget.day=1000000 USD");
        try (TestBed stand = new TestBed("--pieces=" + CHUNKS, "--pause=0")) {
            for (int round = 0; round < ROUNDS; round++) {
                without.add(stand.measure(plain, "chats", Candidate.BACTRIAN, CHUNKS));
                with.add(stand.measure(guarded, "chats", Candidate.BACTRIAN, CHUNKS));
            }
        }
        double floor = median(without, "cpu");
        double cpu = median(with, "cpu");
        row(table, "without", without, Goal.NONE);
        row(table, "with", with, Goal.of("5 % of CPU", cpu <= 1.05 * floor));
        return table;
    }

    private static void row(Table table, String name, List<Map<String, Double>> rounds, Goal aim) {
        table.row(name, String.join(", ", rounds.stream().map(figures -> Goal.number(figures.getOrDefault("p50", Double.NaN), 3)).toList()),
                Goal.number(median(rounds, "p50"), 3), Goal.number(median(rounds, "cpu"), 0), aim.text(), aim.met());
    }

    private static double median(List<Map<String, Double>> rounds, String figure) {
        return Readings.median(rounds.stream().mapToDouble(figures -> figures.getOrDefault(figure, Double.NaN)).toArray());
    }

    private static Path models(String name, String text) throws IOException {
        Path file = TestBed.HERE.resolve("target/bench/models-" + name + ".yaml");
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }
}
