package dev.bactrian.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** What the service's HTTP door adds: the same client straight at the provider, and through the door. */
final class Door implements Section {

    private static final String SAYS = " HTTP ";
    private static final int PIECES = 100_000;
    private static final int STREAMS = 500;
    private static final int CHUNKS = 100;
    /** The service is cold in the first and warm in the last; the client is a new process each time. */
    private static final int ROUNDS = 4;

    @Override
    public Table run() throws Exception {
        Table table = new Table("Through the HTTP door: the same JDK client, straight and through the service", "", "straight", "door, cold", "door, warm", "", "aim", "met");
        compare(List.of("--pieces=5", "--pause=0"), "chats", new int[] {5}, (straight, cold, door) -> {
            double added = door.get("p50") - straight.get("p50");
            Goal aim = Goal.of("at most 1 ms more", added <= 1);
            table.row("chats in a row, p50 ms", Goal.number(straight.get("p50"), 2), Goal.number(cold.get("p50"), 2), Goal.number(door.get("p50"), 2), "+" + Goal.number(added, 2), aim.text(), aim.met());
            table.row("the same, p99 ms", Goal.number(straight.get("p99"), 2), Goal.number(cold.get("p99"), 2), Goal.number(door.get("p99"), 2), "+" + Goal.number(door.get("p99") - straight.get("p99"), 2), "", "");
        });
        compare(List.of("--pieces=" + PIECES, "--pause=0"), "stream", new int[] {PIECES}, (straight, cold, door) -> {
            double share = door.get("rate") / straight.get("rate");
            Goal aim = Goal.of("0.6 of straight", share >= 0.6);
            table.row("one stream, chunks/s", Goal.number(straight.get("rate"), 0), Goal.number(cold.get("rate"), 0), Goal.number(door.get("rate"), 0), Goal.number(share, 2), aim.text(), aim.met());
        });
        compare(List.of("--pieces=" + CHUNKS, "--pause=20"), "streams", new int[] {STREAMS, CHUNKS}, (straight, cold, door) -> {
            double share = door.get("wall") / straight.get("wall");
            Goal aim = Goal.of("within 1.3 of straight", share <= 1.3);
            table.row(STREAMS + " streams at once, wall s", Goal.number(straight.get("wall"), 2), Goal.number(cold.get("wall"), 2), Goal.number(door.get("wall"), 2), Goal.number(share, 2), aim.text(), aim.met());
            table.row("the same, first chunk p99 ms", Goal.number(straight.get("p99"), 0), Goal.number(cold.get("p99"), 0), Goal.number(door.get("p99"), 0), "", "", "");
        });
        return table;
    }

    private interface Rows {
        void add(Map<String, Double> straight, Map<String, Double> cold, Map<String, Double> warm);
    }

    private static void compare(List<String> simulator, String what, int[] numbers, Rows rows) throws IOException, InterruptedException {
        try (TestBed stand = new TestBed(simulator.toArray(String[]::new))) {
            Path folder = Files.createTempDirectory(Path.of("target/bench"), "work-");
            try (ChildProcess service = stand.service(folder, "-Dbactrian.http.port=0", "-Dbactrian.management.port=0",
                    "-Dorg.slf4j.simpleLogger.log.dev.bactrian.requests=warn", "-Dbactrian.max-in-flight=" + 2 * STREAMS)) {
                String said = service.await(line -> line.contains(SAYS), 60).text();
                String url = said.substring(said.indexOf("http://")).replaceFirst("/v1$", "");
                Map<String, Double> straight = stand.measure(what, Candidate.FLOOR, numbers);
                Map<String, Double> cold = stand.measureAt(url, what, Candidate.FLOOR, numbers);
                Map<String, Double> warm = cold;
                for (int i = 1; i < ROUNDS; i++) {
                    warm = stand.measureAt(url, what, Candidate.FLOOR, numbers);
                }
                if (straight.isEmpty() || cold.isEmpty() || warm.isEmpty()) {
                    throw new IOException("nothing was measured of " + what);
                }
                rows.add(straight, cold, warm);
            }
        }
    }
}
