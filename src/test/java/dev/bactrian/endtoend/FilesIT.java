package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

import dev.bactrian.config.Property;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Files that come slowly, files that cannot be written, and readers that are quick. */
class FilesIT extends EndToEnd {

    private final ScheduledExecutorService writers = Executors.newScheduledThreadPool(4);

    @AfterEach
    void stopWriters() {
        writers.shutdownNow();
    }

    /** Writes a file in parts, one each 300 ms; returns the count of those written. */
    private AtomicInteger writeSlowly(String name, List<String> parts) {
        AtomicInteger written = new AtomicInteger();
        writers.scheduleAtFixedRate(() -> {
            if (written.get() < parts.size()) {
                append(inbox(name), parts.get(written.get()));
                written.incrementAndGet();
            }
        }, 0, 300, TimeUnit.MILLISECONDS);
        return written;
    }

    private static void append(Path file, String text) {
        try {
            Files.writeString(file, text, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aFileThatIsWrittenSlowlyIsTakenWholeAndHoldsNoOtherUp() {
        run(service());
        List<String> parts = Collections.nCopies(20, "낙타 ");

        AtomicInteger written = writeSlowly("a-slow.txt", parts);
        await().atMost(SOON).until(() -> written.get() == 2);
        drop("b-quick.txt", "hello");
        result("b-quick");
        assertThat(written.get()).as("parts of the slow file when the quick one was answered").isLessThan(parts.size());
        assertThat(simulator.count(Call.CHAT)).isOne();

        result("a-slow");
        assertThat(written.get()).isEqualTo(parts.size());
        assertThat(simulator.requests(Call.CHAT).get(1).json().at("/messages/0/content").asText()).isEqualTo("낙타 ".repeat(20));
        assertThat(simulator.count(Call.CHAT)).isEqualTo(2);
    }

    @Test
    void anEmptyFileIsAnErrorAndHoldsNoOtherUp() {
        drop("a-empty.txt", "");
        run(service());
        drop("b-full.txt", "hello");

        result("b-full");
        assertThat(error("a-empty").path("type").asText()).isEqualTo("invalid-request");
        awaitFile(inbox(".failed/a-empty.txt"));
    }

    @Test
    void aFileThatIsRewrittenIsTakenAsItIsInTheEnd() throws IOException {
        run(service());
        Files.writeString(inbox("note.txt"), "first words that are thought better of");
        writers.schedule(() -> Files.writeString(inbox("note.txt"), "second"), 600, TimeUnit.MILLISECONDS);

        result("note");
        assertThat(simulator.requests(Call.CHAT)).hasSize(1);
        assertThat(simulator.requests(Call.CHAT).get(0).json().at("/messages/0/content").asText()).isEqualTo("second");
    }

    @Test
    void aSecondFileOfOneNameReplacesTheResultAndBothAreKept() {
        run(service());
        drop("cat.txt", "one");
        result("cat");
        awaitFile(inbox(".done/cat.txt"));
        drop("cat.txt", "two");

        await().atMost(SOON).until(() -> done().size() == 2);
        assertThat(done()).anyMatch(name -> name.matches("\\d{17}-cat\\.txt"));
        assertThat(result("cat").path("text").asText()).contains("two");
    }

    @Test
    void aFileThatIsTakenAwayMeanwhileHarmsNoOther() throws IOException {
        simulator.on(Call.CHAT, Reply.stream("a", "b").pause(Duration.ofMillis(400)));
        ServiceProcess service = run(service());
        drop("gone.txt", "one");
        await().atMost(SOON).until(() -> simulator.concurrent(Call.CHAT) == 1);
        Files.delete(inbox("gone.txt"));

        result("gone");
        drop("next.txt", "two");
        result("next");
        drop("gone.txt", "three");
        await().atMost(SOON).until(() -> done().equals(List.of("gone.txt", "next.txt")));
        assertThat(service.toString()).doesNotContain("\tat ");
    }

    @Test
    void aReaderNeverSeesHalfAResult() {
        String[] pieces = Collections.nCopies(40, "낙타".repeat(5_000)).toArray(String[]::new);
        simulator.always(Call.CHAT, Reply.stream(pieces).pause(Duration.ZERO));
        run(service());
        AtomicBoolean halves = new AtomicBoolean();
        AtomicInteger reads = new AtomicInteger();
        writers.scheduleWithFixedDelay(() -> {
            for (String name : emitted()) {
                try {
                    String text = Files.readString(outbox(name));
                    reads.incrementAndGet();
                    if (ProviderJson.json(text).map(json -> json.path("text").asText().length() != 400_000).orElse(true)) {
                        halves.set(true);
                    }
                } catch (NoSuchFileException e) {
                    // Just being replaced.
                } catch (IOException e) {
                    halves.set(true);
                }
            }
        }, 0, 1, TimeUnit.MILLISECONDS);

        // One name again and again: replacing a result is the harder case.
        for (int i = 0; i < 3; i++) {
            int soFar = i;
            drop("big.txt", "write a lot");
            for (int other = 0; other < 5; other++) {
                drop("big-" + i + "-" + other + ".txt", "write a lot");
            }
            await().atMost(SOON).until(() -> done().size() == 6 * (soFar + 1));
        }

        await().atMost(SOON).until(() -> reads.get() > 20);
        assertThat(halves).isFalse();
        assertThat(failed()).isEmpty();
    }

    @Test
    void whereNothingCanBeWrittenTheRequestIsKeptAndItsPredictionToo() throws IOException {
        assumeTrue(Files.isExecutable(Path.of("/bin/bash")) && !System.getProperty("os.name").startsWith("Windows"), "needs ulimit");
        String text = "x".repeat(20_000);
        simulator.always(Call.POLL, Reply.prediction("succeeded", "\"" + text + "\""));
        ServiceProcess full = run(service().limitFileSize(8).set(Property.SHUTDOWN_TIMEOUT, "2s"));
        drop("long.json", "{\"model\": \"gemma-2b\", \"prompt\": \"write a lot\"}");

        await().atMost(SOON).until(() -> full.out().stream().anyMatch(line -> line.contains("long: could not be emitted")));
        await().atMost(SOON).until(() -> full.said("long: neither emitted nor kept in undelivered/"));
        assertThat(full.out().stream().filter(line -> line.contains("File too large"))).as("said once, and once of the folder").hasSize(2);
        // The next try may be writing its part at the moment.
        await("parts of files").atMost(SOON).until(() -> parts().isEmpty());
        assertThat(full.sigterm().awaitExit(Duration.ofSeconds(40))).isEqualTo(143);
        assertThat(emitted()).as("half a file").isEmpty();
        assertThat(names(folder.resolve("undelivered"))).as("half a file").isEmpty();
        assertThat(done()).isEmpty();
        assertThat(waiting()).containsExactly("long.json");
        assertThat(parts()).as("parts of files").isEmpty();

        run(service());

        assertThat(result("long").path("text").asText()).isEqualTo(text);
        assertThat(simulator.count(Call.CREATE)).isOne();
        assertThat(new String(Files.readAllBytes(outbox("long.json")), StandardCharsets.UTF_8)).startsWith("{").endsWith("}");
    }

    /** What is left of files that could not be written. */
    private List<String> parts() throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.map(file -> file.getFileName().toString()).filter(name -> name.startsWith(".tmp-")).toList();
        }
    }

    private static int sh(String command) throws Exception {
        return new ProcessBuilder("sh", "-c", command).redirectErrorStream(true).start().waitFor();
    }

    private static List<String> warnings(ServiceProcess service) {
        return service.out().stream().filter(line -> line.contains(" WARN ") || line.contains(" ERROR ") || line.startsWith("\tat ")).toList();
    }

    private static void warnsOnce(ServiceProcess service, String text) {
        await(text).atMost(SOON).until(() -> service.said(text));
        assertThat(warnings(service)).filteredOn(line -> line.contains(text)).hasSize(1);
    }

    @Test
    void whatAnotherUserKeepsFromTheServiceIsSaidOnceAndTheOthersGoOn() throws Exception {
        assumeTrue("root".equals(System.getProperty("user.name"))
                && sh("setpriv --reuid=nobody --clear-groups test -r " + ServiceProcess.jar()) == 0, "needs root, setpriv, and a jar that all may read");
        Path inbox = Files.createDirectories(inbox(""));
        drop("of-another.txt", "can be read and not moved");
        drop("secret.txt", "can't be read");
        drop("own.txt", "hello");
        assertThat(sh("chmod 755 " + folder + " && chown nobody " + folder + " " + inbox("own.txt") + " && chmod 1777 " + inbox
                + " && chmod 600 " + inbox("secret.txt"))).isZero();

        ServiceProcess service = run(service().as("nobody"));
        result("own");
        warnsOnce(service, "of-another.txt: is left in the inbox: it belongs to another user");
        warnsOnce(service, "secret.txt: is left in the inbox: it can't be read");

        assertThat(sh("chmod 755 " + inbox)).isZero();
        warnsOnce(service, "The inbox " + inbox + " can't be written");
        drop("later.txt", "hello");
        assertThat(sh("chown nobody " + inbox("later.txt") + " && chmod 700 " + inbox)).isZero();
        warnsOnce(service, "The inbox " + inbox + " can't be read");
        assertThat(sh("chmod 777 " + inbox)).isZero();
        result("later");
        result("of-another");
        awaitFile(inbox(".done/of-another.txt"));

        assertThat(simulator.count(Call.CHAT)).isEqualTo(3);
        assertThat(waiting()).containsExactly("secret.txt");
        assertThat(warnings(service)).hasSize(4);
        assertThat(service.err()).isEmpty();
    }

    @Test
    void aLinkWhereFilesEndStopsTheStartWithOneLine() throws IOException {
        Files.createDirectories(inbox(""));
        Files.createSymbolicLink(inbox(".done"), Path.of(".."));
        drop("bactrian.properties", "planted");
        ServiceProcess service = start(service());

        assertThat(service.awaitExit(Duration.ofSeconds(60))).isEqualTo(2);
        assertThat(service.err()).hasSize(1).first().asString().startsWith("bactrian: bactrian.file.inbox: ").contains(".done: is a link");
        assertThat(simulator.requests()).isEmpty();
        assertThat(folder.resolve("bactrian.properties")).doesNotExist();
    }

    @Test
    void aDiskThatIsFullIsWaitedFor() throws Exception {
        Path disk = Files.createDirectories(folder.resolve("disk"));
        assumeTrue(new ProcessBuilder("mount", "-t", "tmpfs", "-o", "size=64k", "none", disk.toString()).start().waitFor() == 0, "needs a disk of its own");
        try {
            Path ballast = disk.resolve("ballast");
            ServiceProcess service = run(service().set(Property.MAX_IN_FLIGHT, "2").set(Property.UNDELIVERED, "disk/undelivered")
                    .set(Property.RETRY_MAX_DELAY, "1s")
                    .set(Property.EMIT_RESULT, "file:disk/outbox?fileName=${header.BactrianRequestId}.json"));
            fill(ballast);
            drop("a-chat.json", CHAT);
            drop("b-text.json", "{\"model\": \"gemma-2b\", \"prompt\": \"a camel\"}");
            await().atMost(SOON).until(() -> service.said("a-chat: neither emitted nor kept") && service.said("b-text: neither emitted nor kept"));
            drop("c-later.json", CHAT);

            await("several tries").atMost(SOON).ignoreExceptions().until(() -> simulator.count(Call.CHAT) == 1 && waiting().size() == 3 && parts().isEmpty());
            Files.delete(ballast);

            // Where space returns between a delivery and the keeping of what it could not deliver, that is kept.
            await().atMost(SOON).until(() -> done().size() + failed().size() == 3);
            assertThat(Stream.concat(names(disk.resolve("outbox")).stream(), names(disk.resolve("undelivered")).stream()))
                    .containsExactlyInAnyOrder("a-chat.json", "b-text.json", "c-later.json");
            assertThat(simulator.count(Call.CREATE)).isOne();
            assertThat(simulator.count(Call.CHAT)).isEqualTo(2);
            assertThat(service.out().stream().filter(line -> line.contains("a-chat: "))).as("the log is quiet").hasSizeLessThan(8);
            service.close();
        } finally {
            new ProcessBuilder("umount", "-l", disk.toString()).start().waitFor();
        }
    }

    /** Until nothing more goes onto it. */
    private static void fill(Path file) {
        try (OutputStream out = Files.newOutputStream(file)) {
            while (true) {
                out.write(new byte[1024]);
            }
        } catch (IOException e) {
            // It is full.
        }
    }
}
