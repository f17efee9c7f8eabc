package dev.bactrian.bench;

import java.io.IOException;
import java.util.List;

/** What the service's HTTP door adds: the same client straight at the provider, and through the door. */
final class Door implements Section {

    private static final String SAYS = " HTTP ";
    private static final int STREAMS = 500;
    /** The client is warm before the service, whose share of the JIT compilers it does not see. */
    private static final List<String> LONG_ENOUGH = List.of("-Dbench.least=6", "-Dbench.seconds=40");

    private final Table table = new Table("Through the HTTP door: the same JDK client, straight and through the service",
            "", "straight, cold", "door, cold", "straight, warm", "door, warm", "", "aim", "met");

    @Override
    public Table run() throws Exception {
        compare("chats", List.of("--pieces=5", "--pause=0"), new int[] {5}, (straight, door) -> {
            double added = door.warm("p50") - straight.warm("p50");
            row("chats in a row, p50 ms", straight, door, "p50", 2, "+" + Goal.number(added, 2), Goal.of("at most 1 ms more", added <= 1));
            row("the same, p99 ms", straight, door, "p99", 2, "", Goal.NONE);
        });
        compare("stream", List.of("--pieces=100000", "--pause=0"), new int[] {100_000}, (straight, door) -> {
            double share = door.warm("rate") / straight.warm("rate");
            row("one stream, chunks/s", straight, door, "rate", 0, Goal.number(share, 2), Goal.of("0.6 of straight", share >= 0.6));
        });
        compare("streams", List.of("--pieces=100", "--pause=20"), new int[] {STREAMS, 100}, (straight, door) -> {
            double share = door.warm("wall") / straight.warm("wall");
            row(STREAMS + " streams at once, wall s", straight, door, "wall", 2, Goal.number(share, 2),
                    Goal.of("within 1.3 of straight", share <= 1.3));
            row("the same, first chunk p99 ms", straight, door, "p99", 0, "", Goal.NONE);
        });
        return table;
    }

    private interface Rows {
        void add(Rounds straight, Rounds door);
    }

    private void row(String title, Rounds straight, Rounds door, String figure, int decimals, String difference, Goal goal) {
        table.row(title, Goal.number(straight.cold(figure), decimals), Goal.number(door.cold(figure), decimals),
                Goal.number(straight.warm(figure), decimals), Goal.number(door.warm(figure), decimals), difference, goal.text(), goal.met());
    }

    private static void compare(String what, List<String> simulator, int[] numbers, Rows rows) throws IOException, InterruptedException {
        try (TestBed bed = new TestBed(simulator.toArray(String[]::new))) {
            try (ChildProcess service = bed.service(TestBed.folder("work"), "-Dbactrian.http.port=0", "-Dbactrian.management.port=0",
                    "-Dorg.slf4j.simpleLogger.log.dev.bactrian.requests=warn", "-Dbactrian.max-in-flight=" + 2 * STREAMS)) {
                String said = service.await(line -> line.contains(SAYS), 60).text();
                String url = said.substring(said.indexOf("http://")).replaceFirst("/v1$", "");
                Rounds straight = Profile.isOn() ? Rounds.none() : bed.measure(LONG_ENOUGH, what, Candidate.BASELINE, numbers);
                rows.add(straight, TestBed.measureAt(url, LONG_ENOUGH, what, Candidate.BASELINE, numbers));
                if (Profile.isOn()) {
                    service.end(60);
                }
            }
        }
    }
}
