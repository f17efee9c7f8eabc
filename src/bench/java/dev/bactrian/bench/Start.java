package dev.bactrian.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;

/** The time from the start of the process until the service is ready, and until the first result of a request that was already in the inbox. */
final class Start implements Section {

    private static final int RUNS = 5;

    /** A way to start the service in a folder. */
    private interface Way {
        ChildProcess start(Path folder) throws IOException;
    }

    @Override
    public Table run() throws Exception {
        Table table = new Table("Start, median of " + RUNS + " after one that does not count", "", "s to ready", "s to the first result",
                "CPU s to the first result", "aim", "met");
        try (TestBed bed = new TestBed("--pieces=5", "--pause=0")) {
            row(table, "java -jar", 1.2, bed::service);
            Path script = TestBed.script();
            row(table, "bin/bactrian", 0.7, folder -> bed.service(script, folder));
        }
        return table;
    }

    private static void row(Table table, String how, double aim, Way way) throws IOException, InterruptedException {
        double[] readies = new double[RUNS];
        double[] results = new double[RUNS];
        double[] processor = new double[RUNS];
        for (int i = -1; i < RUNS; i++) {
            Path folder = folder();
            try (ChildProcess service = way.start(folder)) {
                double ready = service.await(Start::isReady, 60).seconds();
                awaitResult(service, folder);
                if (i >= 0) {
                    readies[i] = ready;
                    results[i] = service.seconds();
                    processor[i] = Readings.processorSeconds(service.pid());
                }
                service.end(60);
            }
        }
        double ready = Readings.median(readies);
        double result = Readings.median(results);
        Goal goal = Goal.of(aim + " s to ready, the result 0.3 s later", ready <= aim && result - ready <= 0.3);
        table.row(how, Goal.number(ready, 2), Goal.number(result, 2), Goal.number(Readings.median(processor), 2), goal.text(), goal.met());
    }

    static boolean isReady(String line) {
        return line.matches(".*Bactrian \\S+ ready .*");
    }

    /** Returns a working folder with a request in its inbox. */
    private static Path folder() throws IOException {
        Path folder = TestBed.folder("work");
        Path request = Files.createDirectory(folder.resolve("inbox")).resolve("first.txt");
        Files.writeString(request, ChatClient.QUESTION);
        Files.setLastModifiedTime(request, FileTime.from(Instant.now().minusSeconds(60)));
        return folder;
    }

    private static void awaitResult(ChildProcess service, Path folder) throws IOException, InterruptedException {
        while (!Files.exists(folder.resolve("outbox/first.json"))) {
            Thread.sleep(1);
            if (service.seconds() > 60) {
                throw new IOException("no result after 60 s");
            }
        }
    }
}
