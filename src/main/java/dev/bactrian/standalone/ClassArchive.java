package dev.bactrian.standalone;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

import com.sun.management.OperatingSystemMXBean;
import dev.bactrian.text.OneLineLogger;
import org.slf4j.Logger;

/**
 * The archive of the service's classes, from which Java starts it sooner: a file beside {@code bactrian.jar}, which the start
 * script gives to Java. If it is missing, or was made for other jars or another Java, a {@link TrainingRun} in a process of
 * its own makes it while the service runs. A failure is only logged, at debug: the service does not need the archive.
 */
public final class ClassArchive {

    /** The system property with the path of the archive. The start script sets it; without it, there is no archive. */
    private static final String PATH = "dev.bactrian.archive";
    /** From this version on, an archive holds linked classes and profiles too (JEP 514 and 515). */
    private static final int AOT = 25;
    /** As in the start script: Java ignores an archive that was made with other modules. */
    private static final String NATIVE = "--enable-native-access=ALL-UNNAMED";
    /** The heap of the training run, and the memory that must be free for it. */
    private static final String HEAP = "-Xmx128m";
    private static final long NEEDED_BYTES = 512L * 1024 * 1024;
    /** What a training run that was killed has left is deleted after this time. */
    private static final Duration ABANDONED = Duration.ofHours(1);
    /** What the training run gets of the environment: no settings, keys or options of Java. */
    private static final Set<String> ENVIRONMENT = Set.of("PATH", "LC_ALL", "LANG", "TMPDIR");
    private static final Logger LOG = OneLineLogger.of(ClassArchive.class.getName());

    private final Path file;
    /** Says for which Java and jars the archive was made. */
    private final Path madeFor;
    private Path work;
    private Process training;
    private boolean closed;

    private ClassArchive(Path file) {
        this.file = file.toAbsolutePath();
        madeFor = sibling(".txt");
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
            archive.keep(archive.train().waitFor());
        } catch (IOException e) {
            System.err.println("bactrian: cannot make " + archive.file + ": " + e.getMessage());
            System.exit(1);
        }
    }

    /** Starts to make the archive if it is missing or was made for other jars or another Java. */
    synchronized void renew() {
        try {
            deleteAbandoned();
            if (!closed && !isCurrent() && freeBytes() > NEEDED_BYTES) {
                train().onExit().thenAccept(ended -> {
                    try {
                        keep(ended.exitValue());
                    } catch (IOException e) {
                        LOG.debug("No archive of classes was made", e);
                    }
                });
            }
        } catch (IOException e) {
            LOG.debug("No archive of classes was made", e);
        }
    }

    private boolean isCurrent() throws IOException {
        return Files.exists(file) && Files.exists(madeFor) && Files.readString(madeFor).equals(key());
    }

    private static long freeBytes() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getFreeMemorySize();
    }

    /** Returns what an archive depends on: this Java, and the names, sizes and times of the jars. */
    private static String key() throws IOException {
        StringBuilder key = new StringBuilder();
        key.append(System.getProperty("java.home")).append(' ').append(System.getProperty("java.vm.version")).append('\n');
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

    private synchronized Process train() throws IOException {
        work = Files.createTempDirectory(file.getParent(), "." + file.getFileName() + "-");
        String part = work.resolve("part").toString();
        List<String> command = new ArrayList<>(List.of("nice", "-n", "5", Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                (Runtime.version().feature() < AOT ? "-XX:ArchiveClassesAtExit=" : "-XX:AOTCacheOutput=") + part, NATIVE, HEAP,
                "-cp", System.getProperty("java.class.path"), TrainingRun.class.getName()));
        ProcessBuilder builder = new ProcessBuilder(command).directory(work.toFile()).redirectErrorStream(true).redirectOutput(Redirect.DISCARD);
        builder.environment().keySet().retainAll(ENVIRONMENT);
        training = builder.start();
        return training;
    }

    /** Puts the archive that was made in its place; an instance that uses the former one keeps that. */
    private synchronized void keep(int exitCode) throws IOException {
        try {
            Path part = work.resolve("part");
            if (exitCode != 0 || !Files.exists(part)) {
                throw new IOException("the training run ended with code " + exitCode);
            }
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            Files.move(Files.writeString(work.resolve("key"), key()), madeFor, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            delete(work);
        }
    }

    /** Ends the training run, if there is one. */
    synchronized void close() {
        closed = true;
        if (training != null && training.isAlive()) {
            Stream.concat(training.descendants(), Stream.of(training.toHandle())).forEach(ProcessHandle::destroyForcibly);
            delete(work);
        }
    }

    private Path sibling(String ending) {
        return file.resolveSibling(file.getFileName() + ending);
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
        } catch (IOException e) {
            LOG.debug("{} remains", folder, e);
        }
    }
}
