package dev.bactrian.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;

/**
 * The time from {@code java -jar} until the service is ready, and until the first result of a request that was already in the
 * inbox. Both are measured without and with a class data archive.
 */
final class Start implements Section {

    private static final int RUNS = 5;
    private static final double AIM = 1.5;

    /** The times in seconds at which each start was ready and had its first result. */
    private record Starts(double[] ready, double[] result) {
    }

    @Override
    public Table run() throws Exception {
        try (TestBed stand = new TestBed("--pieces=5", "--pause=0")) {
            Path archive = archive(stand);
            Starts plain = starts(stand);
            Starts archived = starts(stand, "-XX:SharedArchiveFile=" + archive);
            Table table = new Table("Start: java -jar, median of five", "", "s to ready", "s to the first result", "aim", "met");
            row(table, "as it comes", plain);
            row(table, "with an archive of its classes", archived);
            return table;
        }
    }

    private static void row(Table table, String how, Starts starts) {
        double ready = Readings.median(starts.ready());
        Goal aim = Goal.of("under " + AIM + " s to ready", ready < AIM);
        table.row(how, Goal.number(ready, 2), Goal.number(Readings.median(starts.result()), 2), aim.text(), aim.met());
    }

    /** Creates the class data archive, which Java writes when the service ends. */
    private static Path archive(TestBed stand) throws IOException, InterruptedException {
        Path folder = folder();
        Path archive = folder.resolve("bactrian.jsa").toAbsolutePath();
        try (ChildProcess service = stand.service(folder, "-XX:ArchiveClassesAtExit=" + archive)) {
            first(service, folder);
            service.end(60);
        }
        return archive;
    }

    private static Starts starts(TestBed stand, String... options) throws IOException, InterruptedException {
        Starts starts = new Starts(new double[RUNS], new double[RUNS]);
        for (int i = -1; i < RUNS; i++) {
            Path folder = folder();
            try (ChildProcess service = stand.service(folder, options)) {
                double ready = first(service, folder);
                if (i >= 0) {
                    starts.ready()[i] = ready;
                    starts.result()[i] = service.seconds();
                }
            }
        }
        return starts;
    }

    /** Returns a working folder with a request in its inbox. */
    private static Path folder() throws IOException {
        Path folder = Files.createTempDirectory(Path.of("target/bench"), "work-");
        Path request = Files.createDirectory(folder.resolve("inbox")).resolve("first.txt");
        Files.writeString(request, ChatClient.QUESTION);
        Files.setLastModifiedTime(request, FileTime.from(Instant.now().minusSeconds(60)));
        return folder;
    }

    /** Waits for the first result, and returns the time at which the service was ready. */
    private static double first(ChildProcess service, Path folder) throws IOException, InterruptedException {
        double ready = service.await(line -> line.matches(".*Bactrian \\S+ ready .*"), 60).seconds();
        while (!Files.exists(folder.resolve("outbox/first.json"))) {
            Thread.sleep(1);
            if (service.seconds() > 60) {
                throw new IllegalStateException("no result");
            }
        }
        return ready;
    }
}
