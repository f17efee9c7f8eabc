package dev.bactrian.standalone;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.lang.management.ManagementFactory;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.OperatingSystemMXBean;
import dev.bactrian.text.OneLineLogger;
import org.slf4j.Logger;

/**
 * The archive of the service's classes, from which Java starts it sooner: a file beside {@code bactrian.jar}, which the start
 * script gives to Java. If it is missing, or was made for other jars or another Java, a {@link TrainingRun} in a process of
 * its own makes it while the service runs. A failure is only logged, at debug: the service does not need the archive. After a
 * training run that failed, the next one is for other jars or another Java.
 */
public final class ClassArchive {

    /** The system property with the path of the archive. The start script sets it; without it, there is no archive. */
    private static final String PATH = "dev.bactrian.archive";
    /** From this version on, an archive holds linked classes and profiles too (JEP 514 and 515). */
    private static final int AOT = 25;
    /** As in the start script: Java ignores an archive that was made with other modules. */
    private static final String NATIVE = "--enable-native-access=ALL-UNNAMED";
    private static final String HEAP = "-Xmx128m";
    /** The memory that the machine or container must have, so that there is some left for the training run. */
    private static final long NEEDED_BYTES = 2_000_000_000L;
    /** Java ignores an archive that was made with the other value of this option, which depends on the heap. */
    private static final String OOPS = "UseCompressedOops";
    /** The exit codes after Ctrl-C and SIGTERM, which a terminal or supervisor may send to the training run too. */
    private static final Set<Integer> STOPPED = Set.of(130, 143);
    private static final Duration LONGEST_KILL = Duration.ofSeconds(1);
    /** What a training run that was killed has left is deleted after this time. */
    private static final Duration ABANDONED = Duration.ofHours(1);
    /** What the training run gets of the environment: no settings, keys or options of Java. */
    private static final Set<String> ENVIRONMENT = Set.of("PATH", "LC_ALL", "LANG", "TMPDIR");
    private static final Logger LOG = OneLineLogger.of(ClassArchive.class.getName());

    private final Path file;
    /** Says whether the archive was made or the training run failed, and for which Java and jars. */
    private final Path madeFor;
    private String key;
    private volatile Path work;
    private volatile Process training;
    private volatile boolean closed;

    private ClassArchive(Path file) {
        this.file = file.toAbsolutePath();
        madeFor = this.file.resolveSibling(this.file.getFileName() + ".txt");
    }

    /** Returns the archive that the start script names. */
    static Optional<ClassArchive> named() {
        return Optional.ofNullable(System.getProperty(PATH)).map(path -> new ClassArchive(Path.of(path)));
    }

    /**
     * The main class of {@code bin/bactrian archive}: makes the archive, and ends. Exits with code 1 and a one-line error if
     * that fails.
     */
    public static void main(String[] args) throws InterruptedException {
        Bactrian.quietLogs();
        ClassArchive archive = named().orElseThrow();
        Runtime.getRuntime().addShutdownHook(new Thread(archive::close, "bactrian-stop"));
        try {
            archive.key = key();
            archive.keep(archive.train(Redirect.INHERIT).waitFor());
        } catch (IOException | RuntimeException e) {
            // The message of a file's exception is only its path.
            System.err.println("bactrian: cannot make " + archive.file + ": " + (e.getClass() == IOException.class ? e.getMessage() : e));
            System.exit(1);
        }
    }

    /** Starts to make the archive if it is missing or was made for other jars or another Java. */
    synchronized void renew() {
        try {
            deleteAbandoned();
            key = key();
            if (!closed && !isCurrent() && memoryBytes() >= NEEDED_BYTES) {
                train(Redirect.DISCARD).onExit().thenAccept(ended -> {
                    try {
                        keep(ended.exitValue());
                    } catch (IOException | RuntimeException e) {
                        LOG.debug("No archive of classes was made", e);
                    }
                });
            }
        } catch (IOException | RuntimeException e) {
            LOG.debug("No archive of classes was made", e);
        }
    }

    /** Returns whether the training run for this key made the archive, or failed: the next one would fail too. */
    private boolean isCurrent() throws IOException {
        if (!Files.exists(madeFor)) {
            return false;
        }
        String outcome = Files.readString(madeFor);
        return outcome.equals(made()) && Files.exists(file) || outcome.equals(failed());
    }

    private String made() {
        return "made\n" + key;
    }

    private String failed() {
        return "failed\n" + key;
    }

    private static long memoryBytes() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
    }

    /** Returns the options of this JVM that the training run needs too; none if this Java has no such options. */
    private static List<String> options() {
        try {
            boolean on = Boolean.parseBoolean(ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class).getVMOption(OOPS).getValue());
            return List.of("-XX:" + (on ? "+" : "-") + OOPS);
        } catch (RuntimeException e) {
            return List.of();
        }
    }

    /** Returns what an archive depends on: this Java and its options, and the names, sizes and times of the jars. */
    private static String key() throws IOException {
        StringBuilder key = new StringBuilder();
        key.append(System.getProperty("java.home")).append(' ').append(System.getProperty("java.vm.version"))
                .append(' ').append(options()).append('\n');
        for (String jar : System.getProperty("java.class.path").split(System.getProperty("path.separator"))) {
            Path path = Path.of(jar);
            key.append(jar);
            if (Files.exists(path)) {
                key.append(' ').append(Files.size(path)).append(' ').append(Files.getLastModifiedTime(path));
            }
            key.append('\n');
        }
        return key.toString();
    }

    private synchronized Process train(Redirect output) throws IOException {
        work = Files.createTempDirectory(file.getParent(), "." + file.getFileName() + "-");
        String part = work.resolve("part").toString();
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                (Runtime.version().feature() < AOT ? "-XX:ArchiveClassesAtExit=" : "-XX:AOTCacheOutput=") + part, NATIVE, HEAP,
                "-cp", System.getProperty("java.class.path"), TrainingRun.class.getName()));
        command.addAll(1, options());
        ProcessBuilder builder = new ProcessBuilder(command).directory(work.toFile()).redirectErrorStream(true).redirectOutput(output);
        builder.environment().keySet().retainAll(ENVIRONMENT);
        try {
            training = start(builder);
        } catch (IOException | RuntimeException e) {
            delete(work);
            throw e;
        }
        if (closed) {
            kill();
        }
        return training;
    }

    /** Starts that command with a low priority if there is {@code nice}. */
    private static Process start(ProcessBuilder builder) throws IOException {
        List<String> command = builder.command();
        try {
            return builder.command(Stream.concat(Stream.of("nice", "-n", "5"), command.stream()).toList()).start();
        } catch (IOException e) {
            LOG.debug("There is no nice", e);
            return builder.command(command).start();
        }
    }

    /** Puts the archive that was made in its place; an instance that uses the former one keeps that. */
    private synchronized void keep(int exitCode) throws IOException {
        try {
            Path part = work.resolve("part");
            if (closed || STOPPED.contains(exitCode)) {
                throw new IOException("the training run was stopped");
            }
            if (exitCode != 0 || !Files.exists(part)) {
                write(failed());
                throw new IOException("the training run ended with code " + exitCode + (exitCode == 0 ? ", but made no archive" : ""));
            }
            try (FileChannel channel = FileChannel.open(part, StandardOpenOption.WRITE)) {
                channel.force(true);
            }
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            write(made());
        } finally {
            delete(work);
        }
    }

    private void write(String outcome) throws IOException {
        Files.move(Files.writeString(work.resolve("outcome"), outcome), madeFor, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Ends the training run, if there is one, within a second or so. Does not fail, and does not wait for {@link #renew()}. */
    void close() {
        closed = true;
        try {
            kill();
        } catch (RuntimeException e) {
            LOG.debug("The training run goes on", e);
        }
    }

    private void kill() {
        Process process = training;
        if (process != null && process.isAlive()) {
            Stream.concat(process.descendants(), Stream.of(process.toHandle())).forEach(ProcessHandle::destroyForcibly);
            try {
                process.waitFor(LONGEST_KILL.toMillis(), TimeUnit.MILLISECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            delete(work);
        }
    }

    private void deleteAbandoned() throws IOException {
        Instant before = Instant.now().minus(ABANDONED);
        try (Stream<Path> beside = Files.list(file.getParent())) {
            beside.filter(path -> path.getFileName().toString().startsWith("." + file.getFileName() + "-"))
                    .filter(path -> path.toFile().lastModified() < before.toEpochMilli()).forEach(ClassArchive::delete);
        }
    }

    private static void delete(Path folder) {
        try (Stream<Path> all = Files.walk(folder)) {
            all.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
        } catch (IOException | RuntimeException e) {
            LOG.debug("{} remains", folder, e);
        }
    }
}
