package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The archive of classes that the start script makes and uses. */
@Timeout(900)
class ClassArchiveIT extends EndToEnd {

    private static final Duration LONGEST_TRAINING = Duration.ofMinutes(5);

    private Path home;
    private Path archive;
    private Path madeFor;

    @BeforeEach
    void unpack() throws Exception {
        home = ArchiveIT.unpack(Files.createDirectory(folder.resolve("opt")));
        archive = home.resolve("bactrian.jsa");
        madeFor = home.resolve("bactrian.jsa.txt");
    }

    private ServiceProcess.Builder script() {
        return service().script(home.resolve("bin/bactrian"));
    }

    private void awaitArchive(FileTime after) {
        await("the archive").atMost(LONGEST_TRAINING).pollInterval(Duration.ofMillis(100)).until(() -> Files.exists(madeFor)
                && Files.getLastModifiedTime(madeFor).compareTo(after) > 0 && leftovers().isEmpty());
    }

    /** The folders of training runs. */
    private List<Path> leftovers() throws IOException {
        try (Stream<Path> files = Files.list(home)) {
            return files.filter(file -> file.getFileName().toString().startsWith(".")).toList();
        }
    }

    /** Stops it as its operator does: nothing to notice. */
    private static void stop(ServiceProcess service) {
        assertThat(service.sigterm().awaitExit(SOON)).isEqualTo(143);
        assertThat(service.err()).isEmpty();
        assertThat(service.out()).as("log lines alone").allMatch(line -> line.matches("\\d{4}-.*"));
    }

    private static boolean trains(ServiceProcess service) {
        return service.handle().children().findAny().isPresent();
    }

    @Test
    void isMadeByTwoUsedByTheNextAndRenewedForAnotherJar() throws IOException {
        FileTime before = FileTime.from(Instant.now().minusSeconds(2));
        ServiceProcess first = start(script());
        ServiceProcess second = start(script());
        awaitArchive(before);
        await().atMost(LONGEST_TRAINING).until(() -> !trains(first) && !trains(second));
        stop(first);
        stop(second);

        Path classes = folder.resolve("classes.log");
        ServiceProcess third = run(script().jvm("-Xlog:class+load:file=" + classes));
        drop("chat.json", CHAT);
        result("chat");
        assertThat(Files.readAllLines(classes)).anyMatch(line -> line.contains("dev.bactrian.standalone.Service source: shared objects file"));
        assertThat(trains(third)).as("made again").isFalse();
        stop(third);

        FileTime made = Files.getLastModifiedTime(madeFor);
        Files.setLastModifiedTime(home.resolve("bactrian.jar"), FileTime.from(Instant.now().minusSeconds(60)));
        ServiceProcess fourth = run(script());
        awaitArchive(made);
        stop(fourth);
    }

    @Test
    void isNotMadeInAFolderThatCannotBeWritten() {
        assertThat(home.toFile().setWritable(false)).isTrue();
        Assumptions.assumeFalse(Files.isWritable(home), "root may write it");
        try {
            ServiceProcess service = run(script());
            drop("chat.json", CHAT);
            result("chat");
            assertThat(trains(service)).isFalse();
            stop(service);
        } finally {
            home.toFile().setWritable(true);
        }
    }

    @Test
    void isNotMadeOnAFullDisk() throws IOException {
        ServiceProcess service = run(script().limitFileSize(4096));
        drop("chat.json", CHAT);
        result("chat");
        await().atMost(LONGEST_TRAINING).until(() -> !trains(service) && leftovers().isEmpty());
        assertThat(archive).doesNotExist();
        stop(service);
    }

    @Test
    void isLeftOutIfItIsOffOrItsOperatorHasAnother() throws IOException {
        for (String name : List.of("BACTRIAN_ARCHIVE=off", "JAVA_OPTS=-Xshare:auto")) {
            String[] variable = name.split("=");
            ServiceProcess service = run(script().env(variable[0], variable[1]));
            assertThat(trains(service)).as(name).isFalse();
            assertThat(leftovers()).as(name).isEmpty();
            stop(service);
        }
    }

    @Test
    void isGivenUpByAStop() throws IOException {
        ServiceProcess service = run(script());
        await().atMost(SOON).until(() -> trains(service));
        ProcessHandle training = service.handle().children().findAny().orElseThrow();
        stop(service);
        await().atMost(SOON).until(() -> !training.isAlive());
        assertThat(archive).doesNotExist();
        assertThat(leftovers()).isEmpty();
    }
}
