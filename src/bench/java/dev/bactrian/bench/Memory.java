package dev.bactrian.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** The peak memory of the service with a heap of 128 MB: idle, and with 500 requests in flight. */
final class Memory implements Section {

    private static final int REQUESTS = 500;
    private static final String HEAP = "-Xmx128m";

    @Override
    public Table run() throws Exception {
        Table table = new Table("Memory of the service under " + HEAP, "state", "peak MB", "requests in flight", "results");
        try (TestBed stand = new TestBed("--pieces=100", "--pause=60")) {
            Path folder = Files.createTempDirectory(Path.of("target/bench"), "work-");
            try (ChildProcess service = stand.service(folder, HEAP)) {
                service.await(line -> line.contains(" ready "), 60);
                Thread.sleep(3000);
                table.row("idle", Goal.number(Readings.peakMegabytes(service.pid()), 0), "0", "");
                Path waiting = Files.createDirectories(folder.resolve("waiting"));
                for (int i = 0; i < REQUESTS; i++) {
                    Path request = Files.writeString(waiting.resolve(i + ".txt"), ChatClient.QUESTION);
                    Files.move(request, folder.resolve("inbox").resolve(i + ".txt"));
                }
                AtomicInteger inFlight = new AtomicInteger();
                AtomicInteger most = new AtomicInteger();
                AtomicInteger ended = new AtomicInteger();
                service.await(line -> {
                    if (line.contains(": admitted, ")) {
                        most.accumulateAndGet(inFlight.incrementAndGet(), Math::max);
                    } else if (line.contains(": succeeded, ") || line.contains(": failed, ")) {
                        inFlight.decrementAndGet();
                        ended.incrementAndGet();
                    }
                    return ended.get() == REQUESTS;
                }, 120);
                table.row("busy", Goal.number(Readings.peakMegabytes(service.pid()), 0), String.valueOf(most), results(folder));
            }
        }
        return table;
    }

    private static String results(Path folder) throws IOException, InterruptedException {
        Thread.sleep(500);
        try (Stream<Path> files = Files.list(folder.resolve("outbox"))) {
            return String.valueOf(files.filter(file -> file.toString().endsWith(".json") && !file.toString().endsWith(".error.json")).count());
        }
    }
}
