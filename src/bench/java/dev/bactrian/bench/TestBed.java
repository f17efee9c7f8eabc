package dev.bactrian.bench;

import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** The simulator in a process of its own, and the processes measured against it. */
final class TestBed implements AutoCloseable {

    static final Path HERE = Path.of("").toAbsolutePath();
    static final File ERRORS = HERE.resolve("target/bench/errors.log").toFile();
    static final String READY = "Simulator listening on ";
    private static final int LONGEST = 240;

    private static final Path FOLDERS = HERE.resolve("target/bench/folders");

    private final List<String> by;
    private final ChildProcess simulator;
    private final String url;
    private ChildProcess broker;

    /** Starts a simulator with those options. */
    TestBed(String... options) throws IOException, InterruptedException {
        this(List.of(), options);
    }

    /** Starts a simulator, and later the broker, by that command in front of {@code java}. */
    TestBed(List<String> by, String... options) throws IOException, InterruptedException {
        this(by, Candidate.bactrian(), Stream.concat(Stream.of("dev.bactrian.simulator.Simulator", "0"), Stream.of(options)).toList());
    }

    private TestBed(List<String> by, String classPath, List<String> main) throws IOException, InterruptedException {
        this.by = by;
        Files.createDirectories(ERRORS.toPath().getParent());
        simulator = java(classPath, main);
        url = simulator.await(line -> line.startsWith(READY), 30).text().substring(READY.length()).strip();
    }

    /** Starts another server in place of the simulator. */
    static TestBed of(Class<?> server, int... numbers) throws IOException, InterruptedException {
        List<String> main = new ArrayList<>(List.of(server.getName()));
        IntStream.of(numbers).mapToObj(String::valueOf).forEach(main::add);
        return new TestBed(List.of(), Candidate.BACTRIAN.classPath(), main);
    }

    private ChildProcess java(String classPath, List<String> main) throws IOException {
        List<String> arguments = new ArrayList<>(List.of("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", classPath));
        arguments.addAll(main);
        return ChildProcess.java(HERE, by, arguments);
    }

    /** Starts a broker in a process of its own, with an empty journal, and returns its URL. */
    String broker() throws IOException, InterruptedException {
        broker = java(Candidate.BACTRIAN.classPath(), List.of(Broker.class.getName(), folder("broker").toString()));
        return broker.await(line -> line.startsWith(Broker.READY), 30).text().substring(Broker.READY.length()).strip();
    }

    /** Creates a folder for one process. The next run of the benchmark deletes it. */
    static Path folder(String kind) throws IOException {
        return Files.createTempDirectory(Files.createDirectories(FOLDERS), kind + "-").toAbsolutePath();
    }

    /** Deletes the folders of earlier runs. */
    static void clean() throws IOException {
        if (Files.exists(FOLDERS)) {
            try (Stream<Path> all = Files.walk(FOLDERS)) {
                all.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
            }
        }
    }

    String url() {
        return url;
    }

    /** Measures a client with these JVM options in a process of its own. If that fails, prints an error and returns no rounds. */
    Rounds measure(List<String> options, String what, Candidate candidate, int... numbers) throws InterruptedException {
        return measureAt(url, options, what, candidate, numbers);
    }

    /** Measures a client that calls another URL than that of the simulator. */
    static Rounds measureAt(String url, List<String> options, String what, Candidate candidate, int... numbers) throws InterruptedException {
        List<String> recording = candidate == Candidate.BACTRIAN ? Profile.whenWarm() : List.of();
        List<String> arguments = new ArrayList<>(options);
        arguments.addAll(recording);
        arguments.addAll(List.of("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", candidate.classPath(),
                Measure.class.getName(), what, candidate.name(), url));
        IntStream.of(numbers).mapToObj(String::valueOf).forEach(arguments::add);
        Rounds rounds = Rounds.none();
        try (ChildProcess child = ChildProcess.java(HERE, List.of(), arguments)) {
            String line = child.await(text -> text.startsWith(Rounds.MARK), LONGEST).text();
            while (!line.equals(Measure.END)) {
                rounds.all().add(Rounds.parse(line));
                line = child.await(text -> text.startsWith(Rounds.MARK), LONGEST).text();
            }
            if (!recording.isEmpty()) {
                child.await(Profile.RECORDED::equals, LONGEST);
            }
        } catch (IOException e) {
            failed(candidate + ", " + what, e);
            return Rounds.none();
        }
        return rounds;
    }

    /** Prints what could not be measured, and why. */
    static void failed(String what, IOException reason) {
        System.err.println(what + ": " + reason.getMessage() + ", see " + HERE.relativize(ERRORS.toPath()));
    }

    /** Starts the service from its jar in that folder, with this simulator as provider. */
    ChildProcess service(Path folder, String... options) throws IOException {
        List<String> arguments = new ArrayList<>(List.of(options));
        arguments.addAll(Profile.fromStart());
        arguments.addAll(endpoints());
        arguments.addAll(List.of("-jar", HERE.resolve("target/bactrian.jar").toString()));
        return ChildProcess.java(folder, List.of(), arguments);
    }

    /** Unpacks the service's archive, and returns its {@code bin/bactrian}. */
    static Path script() throws IOException, InterruptedException {
        Path home = folder("home");
        try (DirectoryStream<Path> archives = Files.newDirectoryStream(HERE.resolve("target"), "bactrian-*-bin.tar.gz")) {
            for (Path archive : archives) {
                new ProcessBuilder("tar", "xzf", archive.toString(), "--strip-components=1", "-C", home.toString()).inheritIO().start().waitFor();
                Path script = home.resolve("bin/bactrian");
                new ProcessBuilder(script.toString(), "archive").redirectErrorStream(true).redirectOutput(Redirect.appendTo(ERRORS)).start().waitFor();
                if (!Files.exists(home.resolve("bactrian.jsa"))) {
                    throw new IOException("bin/bactrian archive made no archive of classes");
                }
                return script;
            }
        }
        throw new IOException("there is no archive of the service in target");
    }

    /** Starts the service by its script in that folder, with this simulator as provider. */
    ChildProcess service(Path script, Path folder, String... options) throws IOException {
        List<String> command = new ArrayList<>(List.of(script.toString()));
        command.addAll(List.of(options));
        command.addAll(endpoints());
        return new ChildProcess(folder, command);
    }

    private List<String> endpoints() {
        return List.of("-Dbactrian.upstage.api-endpoint=" + url + "/v1/chat/completions",
                "-Dbactrian.replicate.api-endpoint=" + url + "/v1/predictions",
                "-Dbactrian.replicate.poll-endpoint=" + url + "/v1/predictions/{id}");
    }

    @Override
    public void close() {
        simulator.close();
        if (broker != null) {
            broker.close();
        }
    }
}
