package dev.bactrian.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What prices, a budget, a fallback and the circuit breaker add to a chat that needs none of them: rounds without and with them in turn. */
final class GuardedChats implements Section {

    private static final int CHUNKS = 5;
    private static final int TURNS = 3;
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
        Table table = new Table("2,000 chats of five chunks in a row, without and with prices, a budget, a fallback and the circuit breaker",
                "", "p50 ms, each process", "p50 ms, median", "CPU \u00b5s a chat, median", "aim", "met");
        List<Rounds> without = new ArrayList<>();
        List<Rounds> with = new ArrayList<>();
        List<String> plain = List.of("-Dbactrian.models=file:" + models("plain", MODELS), "-Dbactrian.circuit-breaker.failure-rate=0");
        List<String> guarded = List.of("-Dbactrian.models=file:" + models("guarded", MODELS + GUARDED), "-Dbactrian.budget.day=1000000 USD");
        try (TestBed bed = new TestBed("--pieces=" + CHUNKS, "--pause=0")) {
            for (int turn = 0; turn < TURNS; turn++) {
                without.add(bed.measure(plain, "chats", Candidate.BACTRIAN, CHUNKS));
                with.add(bed.measure(guarded, "chats", Candidate.BACTRIAN, CHUNKS));
            }
        }
        row(table, "without", without, Goal.NONE);
        row(table, "with", with, Goal.of("5 % of CPU", median(with, "each") <= 1.05 * median(without, "each")));
        return table;
    }

    private static void row(Table table, String name, List<Rounds> processes, Goal goal) {
        table.row(name, String.join(", ", processes.stream().map(rounds -> Goal.number(rounds.warm("p50"), 3)).toList()),
                Goal.number(median(processes, "p50"), 3), Goal.number(median(processes, "each"), 0), goal.text(), goal.met());
    }

    private static double median(List<Rounds> processes, String figure) {
        return Readings.median(processes.stream().mapToDouble(rounds -> rounds.warm(figure)).toArray());
    }

    private static Path models(String name, String text) throws IOException {
        Path file = TestBed.HERE.resolve("target/bench/models-" + name + ".yaml");
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }
}
