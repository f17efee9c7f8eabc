package dev.bactrian.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Runs the benchmark: {@code Bench [--profile] [section ...]}. Runs all sections or the named ones, and prints a table for each. With
 * {@code --profile}, measures Bactrian alone and prints where its processor time goes.
 */
public final class Bench {

    private static final int HASHES = 300;

    private Bench() {
    }

    /** Runs in the project's folder, after the project and the benchmark have been built. */
    public static void main(String[] args) throws Exception {
        Map<String, Section> sections = new LinkedHashMap<>();
        sections.put("stream", Comparison.stream());
        sections.put("stream-value", new StreamValue());
        sections.put("streams", Comparison.streams());
        sections.put("chats", Comparison.chats());
        sections.put("chats-guarded", new GuardedChats());
        sections.put("polls", Comparison.polls());
        sections.put("predictions", Comparison.predictions());
        sections.put("door", new Door());
        sections.put("files", new FileRequests());
        sections.put("queue", new QueuedPredictions());
        sections.put("queue-chats", new QueuedChats());
        sections.put("queue-two", new TwoInstances());
        sections.put("start", new Start());
        sections.put("idle", new Idle());
        List<String> wanted = new ArrayList<>(List.of(args));
        boolean profile = wanted.remove("--profile");
        if (!sections.keySet().containsAll(wanted)) {
            System.err.println("usage: Bench [--profile] [" + String.join("|", sections.keySet()) + " ...]");
            System.exit(2);
        }
        if (wanted.isEmpty()) {
            wanted.addAll(sections.keySet());
        }
        sections.keySet().retainAll(wanted);
        TestBed.clean();
        System.out.println(machine() + "\n");
        calibrate();
        long start = System.nanoTime();
        for (Map.Entry<String, Section> section : sections.entrySet()) {
            try {
                run(section.getKey(), section.getValue(), profile);
            } catch (Exception e) {
                System.err.println(section.getKey() + ": " + e);
            }
        }
        System.out.printf("All in %.0f min%n", (System.nanoTime() - start) / 60e9);
        TestBed.clean();
        System.exit(0);
    }

    private static void run(String name, Section section, boolean profile) throws Exception {
        if (profile) {
            Profile.begin(name);
        }
        double before = calibrate();
        Table table = section.run();
        table.note("The fixed loop took %.2f s before and %.2f s after.".formatted(before, calibrate()));
        System.out.println(table);
        if (profile) {
            Profile.print();
        }
    }

    /** Returns the seconds of a loop on all cores that is always the same. They show how fast the machine is at the moment. */
    private static double calibrate() {
        long start = System.nanoTime();
        IntStream.range(0, Runtime.getRuntime().availableProcessors()).parallel().forEach(core -> hash());
        return (System.nanoTime() - start) / 1e9;
    }

    private static void hash() {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-512");
            byte[] block = new byte[1 << 20];
            for (int i = 0; i < HASHES; i++) {
                digest.update(block);
            }
            digest.digest();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String machine() throws IOException {
        Path cpu = Path.of("/proc/cpuinfo");
        String model = !Files.exists(cpu) ? System.getProperty("os.arch") : Files.readAllLines(cpu).stream()
                .filter(line -> line.startsWith("model name")).findFirst().map(line -> line.replaceFirst(".*?:\\s*", "")).orElse("");
        return "%s, %d cores, %s, Java %s".formatted(LocalDate.now(), Runtime.getRuntime().availableProcessors(), model,
                System.getProperty("java.version"));
    }
}
