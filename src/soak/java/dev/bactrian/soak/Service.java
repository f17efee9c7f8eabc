package dev.bactrian.soak;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** The jar as a process, in a folder of its own; its log is in {@code service.log} there. */
final class Service implements AutoCloseable {

    private static final Path JAVA = Path.of(System.getProperty("java.home"), "bin");

    private final Process process;
    private final CountDownLatch ready = new CountDownLatch(1);
    private final AtomicInteger warnings = new AtomicInteger();
    private final AtomicInteger errors = new AtomicInteger();
    private final AtomicInteger frames = new AtomicInteger();

    /** What a process holds. A figure that this system does not tell is -1. */
    record Reading(double heapMegabytes, double residentMegabytes, long threads, long descriptors) {
    }

    Service(Path folder, List<String> options) throws IOException {
        List<String> command = new ArrayList<>(List.of(JAVA.resolve("java").toString()));
        command.addAll(options);
        command.addAll(List.of("-jar", Path.of("target/bactrian.jar").toAbsolutePath().toString()));
        process = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        Thread reader = new Thread(() -> read(folder.resolve("service.log")), "log");
        reader.setDaemon(true);
        reader.start();
    }

    private void read(Path log) {
        try (var in = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
                BufferedWriter out = Files.newBufferedWriter(log)) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                out.write(line);
                out.newLine();
                if (line.contains(" ready ")) {
                    ready.countDown();
                }
                (line.contains(" WARN ") ? warnings : line.contains(" ERROR ") ? errors : line.startsWith("\tat ") ? frames : new AtomicInteger())
                        .incrementAndGet();
            }
        } catch (IOException e) {
            // ended
        }
    }

    void awaitReady() throws IOException, InterruptedException {
        if (!ready.await(60, TimeUnit.SECONDS)) {
            throw new IOException("the service is not ready after 60 s");
        }
    }

    boolean isAlive() {
        return process.isAlive();
    }

    int warnings() {
        return warnings.get();
    }

    int errors() {
        return errors.get();
    }

    /** How many lines of stack traces it has logged. */
    int frames() {
        return frames.get();
    }

    /** What it holds now; of the heap what is left after a full collection. */
    Reading reading() throws IOException, InterruptedException {
        double heap = liveMegabytes();
        Path proc = Path.of("/proc", String.valueOf(process.pid()));
        return new Reading(heap, status(proc, "VmRSS:") / 1024.0, status(proc, "Threads:"), descriptors(proc));
    }

    private static long status(Path proc, String field) throws IOException {
        Path status = proc.resolve("status");
        return !Files.exists(status) ? -1 : Files.readAllLines(status).stream().filter(line -> line.startsWith(field))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D+", ""))).findFirst().orElse(-1);
    }

    private static long descriptors(Path proc) throws IOException {
        Path folder = proc.resolve("fd");
        if (!Files.isDirectory(folder)) {
            return -1;
        }
        try (Stream<Path> all = Files.list(folder)) {
            return all.count();
        }
    }

    /** The histogram of a heap counts what a full collection has left; its last line is the sum. */
    private double liveMegabytes() throws IOException, InterruptedException {
        Path jcmd = JAVA.resolve("jcmd");
        if (!Files.exists(jcmd)) {
            return -1;
        }
        Process asked = new ProcessBuilder(jcmd.toString(), String.valueOf(process.pid()), "GC.class_histogram").redirectErrorStream(true).start();
        String said = new String(asked.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        asked.waitFor();
        return said.lines().filter(line -> line.startsWith("Total")).map(line -> line.trim().split("\\s+"))
                .mapToDouble(sum -> Double.parseDouble(sum[2]) / 1024 / 1024).findFirst().orElse(-1);
    }

    /** Asks it to end; whether it did within a minute. */
    boolean stop() throws InterruptedException {
        process.toHandle().destroy();
        return process.waitFor(60, TimeUnit.SECONDS);
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
