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
import java.util.stream.Stream;

/** The simulator in a process of its own, and the processes measured against it. */
final class TestBed implements AutoCloseable {

    static final Path HERE = Path.of("").toAbsolutePath();
    static final File ERRORS = HERE.resolve("target/bench/errors.log").toFile();
    static final String READY = "Simulator listening on ";
    private static final int LONGEST = 180;

    private final ChildProcess simulator;
    private final String url;
    private ChildProcess broker;

    /** Starts a simulator with those options. */
    TestBed(String... options) throws IOException, InterruptedException {
        this(Candidate.bactrian(), Stream.concat(Stream.of("dev.bactrian.simulator.Simulator", "0"), Stream.of(options)).toList());
    }

    private TestBed(String classPath, List<String> main) throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(List.of("-cp", classPath));
        arguments.addAll(main);
        Files.createDirectories(ERRORS.toPath().getParent());
        simulator = new ChildProcess(HERE, ERRORS, arguments);
        url = simulator.await(line -> line.startsWith(READY), 30).text().substring(READY.length()).strip();
    }

    /** Starts a simulator that records the times of polls; poll number {@code polls} finds a prediction ended. */
    static TestBed noting(int polls) throws IOException, InterruptedException {
        return of(Polls.class, polls);
    }

    /** Starts another server in place of the simulator. */
    static TestBed of(Class<?> server, int... numbers) throws IOException, InterruptedException {
        List<String> main = new ArrayList<>(List.of(server.getName()));
        IntStream.of(numbers).mapToObj(String::valueOf).forEach(main::add);
        return new TestBed(Candidate.BACTRIAN.classPath(), main);
    }

    /** Returns the figures of the polls of all predictions but the first {@code leftOut}. */
    Map<String, Double> polls(int leftOut) throws IOException, InterruptedException {
        simulator.tell(String.valueOf(leftOut));
        return figures(simulator.await(line -> line.startsWith(Measure.MARK), LONGEST).text());
    }

    /** Starts a broker in a process of its own, with an empty journal, and returns its URL. */
    String broker() throws IOException, InterruptedException {
        broker = new ChildProcess(HERE, ERRORS, List.of("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", Candidate.BACTRIAN.classPath(),
                Broker.class.getName(), Files.createTempDirectory(Path.of("target/bench"), "broker-").toString()));
        return broker.await(line -> line.startsWith(Broker.READY), 30).text().substring(Broker.READY.length()).strip();
    }

    String url() {
        return url;
    }

    /** Measures a client in a process of its own. If that fails, prints an error and returns an empty map. */
    Map<String, Double> measure(String what, Candidate contender, int... numbers) throws InterruptedException {
        return measure(List.of(), what, contender, numbers);
    }

    /** Measures a client that calls another URL than that of the simulator. */
    Map<String, Double> measureAt(String other, String what, Candidate contender, int... numbers) throws InterruptedException {
        return measureAt(other, List.of(), what, contender, numbers);
    }

    /** Measures a client in a process of its own with these JVM options. If that fails, prints an error and returns an empty map. */
    Map<String, Double> measure(List<String> options, String what, Candidate contender, int... numbers) throws InterruptedException {
        return measureAt(url, options, what, contender, numbers);
    }

    private static Map<String, Double> measureAt(String url, List<String> options, String what, Candidate contender, int... numbers)
            throws InterruptedException {
        List<String> arguments = new ArrayList<>(options);
        arguments.addAll(List.of("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", contender.classPath(),
                Measure.class.getName(), what, contender.name(), url));
        IntStream.of(numbers).mapToObj(String::valueOf).forEach(arguments::add);
        Map<String, Double> figures = new HashMap<>();
        try (ChildProcess child = new ChildProcess(HERE, ERRORS, arguments)) {
            figures.putAll(figures(child.await(text -> text.startsWith(Measure.MARK), LONGEST).text()));
        } catch (IOException e) {
            failed(contender + ", " + what, e);
        }
        return figures;
    }

    /** Prints what could not be measured, and why. */
    static void failed(String what, IOException reason) {
        System.err.println(what + ": " + reason.getMessage() + ", see " + HERE.relativize(ERRORS.toPath()));
    }

    /** Parses a line of figures. */
    static Map<String, Double> figures(String line) {
        Map<String, Double> figures = new HashMap<>();
        for (String figure : line.substring(Measure.MARK.length()).split(" ")) {
            String[] parts = figure.split("=");
            if (parts.length == 2) {
                figures.put(parts[0], Double.valueOf(parts[1]));
            }
        }
        return figures;
    }

    /** Starts the service from its jar in that folder, with this simulator as provider. */
    ChildProcess service(Path folder, String... options) throws IOException {
        List<String> arguments = new ArrayList<>(List.of(options));
        arguments.addAll(List.of("-Dbactrian.upstage.api-endpoint=" + url + "/v1/chat/completions",
                "-Dbactrian.replicate.api-endpoint=" + url + "/v1/predictions",
                "-Dbactrian.replicate.poll-endpoint=" + url + "/v1/predictions/{id}",
                "-jar", HERE.resolve("target/bactrian.jar").toString()));
        return new ChildProcess(folder, ERRORS, arguments);
    }

    @Override
    public void close() {
        simulator.close();
        if (broker != null) {
            broker.close();
        }
    }
}
