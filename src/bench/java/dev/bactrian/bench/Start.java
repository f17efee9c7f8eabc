package dev.bactrian.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;

/** How long {@code java -jar} takes until the service is ready, and until a request that waited for it has its result. */
final class Start implements Section {

    private static final int RUNS = 5;
    private static final double AIM = 1.5;

    @Override
    public Table run() throws Exception {
        double[] ready = new double[RUNS];
        double[] result = new double[RUNS];
        try (Stand stand = new Stand("--pieces=5", "--pause=0")) {
            for (int i = -1; i < RUNS; i++) {
                Path folder = Files.createTempDirectory(Path.of("target/bench"), "work-");
                Path request = Files.createDirectory(folder.resolve("inbox")).resolve("first.txt");
                Files.writeString(request, ChatClient.QUESTION);
                Files.setLastModifiedTime(request, FileTime.from(Instant.now().minusSeconds(60)));
                try (Child service = stand.service(folder)) {
                    double started = service.await(line -> line.matches(".*Bactrian \\S+ ready .*"), 60).seconds();
                    while (!Files.exists(folder.resolve("outbox/first.json"))) {
                        Thread.sleep(1);
                        if (service.seconds() > 60) {
                            throw new IllegalStateException("no result");
                        }
                    }
                    if (i >= 0) {
                        ready[i] = started;
                        result[i] = service.seconds();
                    }
                }
            }
        }
        Aim aim = Aim.of("under " + AIM + " s to ready", Readings.median(ready) < AIM);
        return new Table("Start: java -jar, median of five", "until", "s", "aim", "met")
                .row("ready", Aim.number(Readings.median(ready), 2), aim.text(), aim.met())
                .row("the first result", Aim.number(Readings.median(result), 2), "", "");
    }
}
