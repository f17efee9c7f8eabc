package dev.bactrian.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

import jdk.jfr.Configuration;
import jdk.jfr.Event;
import jdk.jfr.Name;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedFrame;
import jdk.jfr.consumer.RecordedStackTrace;
import jdk.jfr.consumer.RecordingFile;

/** Records where the processor time of Bactrian's processes goes, with Java Flight Recorder, and prints it as flat lists. */
final class Profile {

    /** The line that a process prints when its recording is on the disk. */
    static final String RECORDED = Rounds.MARK + " recorded";
    /** The file of a process that is to record itself once it is warm. */
    private static final String FILE = "bench.recording";
    private static final Path FOLDER = Path.of("target/bench/profiles");
    /** The processor time to record. */
    private static final int SECONDS = 15;
    private static final int LONGEST_SECONDS = 60;
    private static final int WARM_UP_SECONDS = 120;
    private static final int LONGEST_LIST = 40;
    private static final AtomicInteger RECORDINGS = new AtomicInteger();
    private static final String JDK = "JDK";
    private static final String BACTRIAN = "Bactrian";
    /** The group of a class is that of the first prefix that its name begins with. */
    private static final Map<String, String> GROUPS = groups();

    private static String section = "";

    private Profile() {
    }

    private static Map<String, String> groups() {
        Map<String, String> groups = new LinkedHashMap<>();
        groups.put("dev.bactrian.bench.", "benchmark");
        groups.put("dev.bactrian.", BACTRIAN);
        groups.put("org.apache.camel.", "Camel");
        groups.put("org.apache.hc.", "HTTP client");
        groups.put("com.fasterxml.jackson.", "Jackson");
        groups.put("org.apache.activemq.", "Artemis");
        groups.put("io.netty.", "Netty");
        groups.put("io.vertx.", "Vert.x");
        groups.put("org.springframework.", "Spring");
        groups.put("org.snakeyaml.", "YAML");
        groups.put("io.micrometer.", "Micrometer");
        groups.put("org.slf4j.", "logging");
        groups.put("java", JDK);
        groups.put("jdk.", JDK);
        groups.put("sun.", JDK);
        groups.put("com.sun.", JDK);
        return groups;
    }

    /** Has Bactrian's processes recorded in the next section, and forgets earlier recordings of it. */
    static void begin(String name) throws IOException {
        section = name;
        RECORDINGS.set(0);
        Files.createDirectories(FOLDER);
        for (Path old : recordings()) {
            Files.delete(old);
        }
    }

    /** Whether profiles are wanted from this run of the benchmark. */
    static boolean isOn() {
        return !section.isEmpty();
    }

    private static Path next() {
        return FOLDER.resolve(section + "-" + RECORDINGS.incrementAndGet() + ".jfr").toAbsolutePath();
    }

    /** Returns the options of a process that records itself once it is warm, for which it gets more time than in a comparison. */
    static List<String> whenWarm() {
        return isOn() ? List.of("-D" + FILE + "=" + next(), "-Dbench.seconds=" + WARM_UP_SECONDS) : List.of();
    }

    /** Returns the options of a process that is recorded from its start to its end. */
    static List<String> fromStart() {
        return isOn() ? List.of("-XX:StartFlightRecording:settings=profile,filename=" + next()) : List.of();
    }

    /** Whether this process is to record itself. */
    static boolean isWanted() {
        return System.getProperty(FILE) != null;
    }

    /** Starts recording this process. */
    static Recorder record() throws Exception {
        return new Recorder(new Recording(Configuration.getConfiguration("profile")));
    }

    /** The processor time while this process was recorded, in seconds. Recordings know neither the compilers' nor the collector's. */
    @Name("dev.bactrian.bench.Processor")
    static final class Processor extends Event {
        double all;
        double kernel;
        double compilers;
        double collector;

        private Processor add(int sign) throws IOException {
            all += sign * Readings.processorSeconds();
            kernel += sign * Readings.systemSeconds();
            compilers += sign * Readings.compilerSeconds();
            collector += sign * Readings.collectorSeconds();
            return this;
        }
    }

    /** A recording of this process in progress. Written when closed. */
    static final class Recorder implements AutoCloseable {
        private final Recording recording;
        private final long start = System.nanoTime();
        private final Processor processor = new Processor();

        private Recorder(Recording recording) throws IOException {
            this.recording = recording;
            recording.start();
            processor.add(-1);
        }

        /** Whether there may be too few samples as yet: they are few while others use the machine, or while the compilers do. */
        boolean isNotLongEnough() throws IOException {
            double used = processor.all + Readings.processorSeconds() - processor.compilers - Readings.compilerSeconds();
            return used < SECONDS && System.nanoTime() - start < LONGEST_SECONDS * 1_000_000_000L;
        }

        @Override
        public void close() throws IOException {
            processor.add(1).commit();
            recording.dump(Path.of(System.getProperty(FILE)));
            recording.close();
        }
    }

    private static List<Path> recordings() throws IOException {
        try (Stream<Path> files = Files.list(FOLDER)) {
            return files.filter(file -> file.getFileName().toString().matches(section + "-\\d+\\.jfr")).sorted().toList();
        }
    }

    /** Prints the recordings of the section. */
    static void print() throws IOException {
        for (Path recording : recordings()) {
            if (Files.size(recording) > 0) {
                print(recording);
            }
        }
    }

    /** The number of samples by group, method and thread. */
    private static void print(Path recording) throws IOException {
        Map<String, Integer> groups = new HashMap<>();
        Map<String, Integer> callers = new HashMap<>();
        Map<String, Integer> methods = new HashMap<>();
        Map<String, Integer> callingMethods = new HashMap<>();
        Map<String, Integer> packages = new HashMap<>();
        Map<String, Integer> bactrians = new HashMap<>();
        Map<String, Integer> threads = new HashMap<>();
        RecordedEvent processor = null;
        int samples = 0;
        try (RecordingFile file = new RecordingFile(recording)) {
            while (file.hasMoreEvents()) {
                RecordedEvent event = file.readEvent();
                RecordedStackTrace stack = event.getStackTrace();
                if (event.getEventType().getName().equals("dev.bactrian.bench.Processor")) {
                    processor = event;
                } else if (event.getEventType().getName().equals("jdk.ExecutionSample") && stack != null) {
                    samples++;
                    RecordedFrame top = stack.getFrames().get(0);
                    RecordedFrame caller = stack.getFrames().stream().filter(frame -> !group(frame).equals(JDK)).findFirst().orElse(top);
                    groups.merge(group(top), 1, Integer::sum);
                    callers.merge(group(caller), 1, Integer::sum);
                    methods.merge(method(top), 1, Integer::sum);
                    packages.merge(type(caller).replaceFirst("\\.[^.]*$", ""), 1, Integer::sum);
                    callingMethods.merge(method(caller), 1, Integer::sum);
                    stack.getFrames().stream().filter(frame -> group(frame).equals(BACTRIAN)).findFirst()
                            .ifPresent(frame -> bactrians.merge(method(frame), 1, Integer::sum));
                    if (event.getThread("sampledThread") != null && event.getThread("sampledThread").getJavaName() != null) {
                        threads.merge(event.getThread("sampledThread").getJavaName().replaceAll("\\d+", "n"), 1, Integer::sum);
                    }
                }
            }
        }
        System.out.printf("## %s: %,d samples of Java code, one every 10 ms of a running thread%n%n", recording, samples);
        if (processor != null) {
            double all = processor.getDouble("all");
            System.out.printf(Locale.ROOT, "CPU %.1f s: %.0f %% in the kernel, %.0f %% JIT, %.0f %% garbage collector%n%n", all,
                    processor.getDouble("kernel") / all * 100, processor.getDouble("compilers") / all * 100,
                    processor.getDouble("collector") / all * 100);
        }
        list("its own code", groups, samples);
        list("with the JDK's code that it calls", callers, samples);
        list("method", methods, samples);
        list("package outside of the JDK, with the JDK's code that it calls", packages, samples);
        list("method outside of the JDK, with the JDK's code that it calls", callingMethods, samples);
        list("method of Bactrian, with all code below it", bactrians, samples);
        list("thread", threads, samples);
    }

    private static void list(String title, Map<String, Integer> counts, int samples) {
        Table table = new Table(title, "%", title);
        counts.entrySet().stream()
                .sorted(Map.Entry.<String, Integer>comparingByValue(Comparator.reverseOrder()).thenComparing(Map.Entry.comparingByKey()))
                .limit(LONGEST_LIST).forEach(entry -> table.row(Goal.number(100.0 * entry.getValue() / samples, 1), entry.getKey()));
        System.out.println(table);
    }

    private static String group(RecordedFrame frame) {
        String type = type(frame);
        return GROUPS.entrySet().stream().filter(group -> type.startsWith(group.getKey())).findFirst().map(Map.Entry::getValue).orElse("other");
    }

    private static String type(RecordedFrame frame) {
        return frame.getMethod().getType().getName();
    }

    private static String method(RecordedFrame frame) {
        return type(frame) + "." + frame.getMethod().getName();
    }
}
