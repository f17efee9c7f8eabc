package dev.bactrian.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs the benchmark: {@code Bench [section ...]}. Runs all sections or the named ones, and prints a table for each. */
public final class Bench {

    private Bench() {
    }

    /** Runs in the project's folder, after the project and the benchmark have been built. */
    public static void main(String[] args) throws Exception {
        Map<String, Section> sections = new LinkedHashMap<>();
        sections.put("stream", new OneStream());
        sections.put("stream-value", new StreamValue());
        sections.put("streams", new ManyStreams());
        sections.put("predictions", new ManyPredictions());
        sections.put("chats", new ShortChats());
        sections.put("chats-guarded", new GuardedChats());
        sections.put("door", new Door());
        sections.put("start", new Start());
        sections.put("memory", new Memory());
        sections.put("queue", new QueuedPredictions());
        sections.put("queue-chats", new QueuedChats());
        sections.put("queue-two", new TwoInstances());
        if (!sections.keySet().containsAll(List.of(args))) {
            System.err.println("usage: Bench [" + String.join("|", sections.keySet()) + " ...]");
            System.exit(2);
        }
        System.out.println(machine() + "\n");
        for (Map.Entry<String, Section> section : sections.entrySet()) {
            if (args.length == 0 || List.of(args).contains(section.getKey())) {
                System.out.println(section.getValue().run());
            }
        }
    }

    private static String machine() throws IOException {
        Path cpu = Path.of("/proc/cpuinfo");
        String model = !Files.exists(cpu) ? System.getProperty("os.arch") : Files.readAllLines(cpu).stream()
                .filter(line -> line.startsWith("model name")).findFirst().map(line -> line.replaceFirst(".*?:\\s*", "")).orElse("");
        return "%s, %d cores, %s, JDK %s".formatted(LocalDate.now(), Runtime.getRuntime().availableProcessors(), model,
                System.getProperty("java.version"));
    }
}
