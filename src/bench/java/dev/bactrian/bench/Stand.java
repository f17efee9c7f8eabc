package dev.bactrian.bench;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** The simulator in a process of its own, and what is measured against it. */
final class Stand implements AutoCloseable {

    static final Path HERE = Path.of("").toAbsolutePath();
    private static final File ERRORS = HERE.resolve("target/bench/errors.log").toFile();
    private static final String READY = "Simulator listening on ";
    private static final int LONGEST = 180;

    private final Child simulator;
    private final String url;

    /** Starts a simulator: how it answers is said by its own options. */
    Stand(String... options) throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(List.of("-cp", Contender.bactrian(), "dev.bactrian.simulator.Simulator", "0"));
        arguments.addAll(List.of(options));
        Files.createDirectories(ERRORS.toPath().getParent());
        simulator = new Child(HERE, ERRORS, arguments);
        url = simulator.await(line -> line.startsWith(READY), 30).text().substring(READY.length()).strip();
    }

    String url() {
        return url;
    }

    /** Measures a contender in a process of its own; empty where that failed, which is said on the error output. */
    Map<String, Double> measure(String what, Contender contender, int... numbers) throws InterruptedException {
        return measure(List.of(), what, contender, numbers);
    }

    /** The same, with options for its virtual machine. */
    Map<String, Double> measure(List<String> options, String what, Contender contender, int... numbers) throws InterruptedException {
        List<String> arguments = new ArrayList<>(options);
        arguments.addAll(List.of("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", contender.classPath(),
                Measure.class.getName(), what, contender.name(), url));
        IntStream.of(numbers).mapToObj(String::valueOf).forEach(arguments::add);
        Map<String, Double> figures = new HashMap<>();
        try (Child child = new Child(HERE, ERRORS, arguments)) {
            String line = child.await(text -> text.startsWith(Measure.MARK), LONGEST).text();
            for (String figure : line.substring(Measure.MARK.length()).strip().split(" ")) {
                String[] parts = figure.split("=");
                figures.put(parts[0], Double.valueOf(parts[1]));
            }
        } catch (IOException e) {
            System.err.println(contender + ", " + what + ": " + e.getMessage() + ", see " + HERE.relativize(ERRORS.toPath()));
        }
        return figures;
    }

    /** The service from its jar, in a folder of its own, its requests answered by this simulator. */
    Child service(Path folder, String... options) throws IOException {
        List<String> arguments = new ArrayList<>(List.of(options));
        arguments.addAll(List.of("-Dbactrian.upstage.api-endpoint=" + url + "/v1/chat/completions",
                "-Dbactrian.replicate.api-endpoint=" + url + "/v1/predictions",
                "-Dbactrian.replicate.poll-endpoint=" + url + "/v1/predictions/{id}",
                "-jar", HERE.resolve("target/bactrian.jar").toString()));
        return new Child(folder, ERRORS, arguments);
    }

    @Override
    public void close() {
        simulator.close();
    }
}
