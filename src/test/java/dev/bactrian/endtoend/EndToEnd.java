package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The built jar as a process in a folder of the test's own, against a simulator in the test's JVM that outlives it: what
 * it counts, it counts across restarts.
 */
@Timeout(180)
abstract class EndToEnd {

    static final String PICTURE = "{\"model\": \"sd-3\", \"prompt\": \"a camel\"}";
    static final String CHAT = "{\"model\": \"solar-pro4\", \"prompt\": \"a camel\"}";

    static final Duration SOON = Duration.ofSeconds(40);

    @TempDir
    Path folder;

    Simulator simulator;
    private final List<ServiceProcess> started = new ArrayList<>();

    Simulator simulator() {
        return Simulator.builder().pause(Duration.ofMillis(5)).start();
    }

    @BeforeEach
    void makeInbox() throws IOException {
        Files.createDirectories(folder.resolve("inbox"));
        simulator = simulator();
    }

    @AfterEach
    void endAll() {
        started.forEach(ServiceProcess::close);
        simulator.close();
    }

    /** The service in this test's folder against its simulator, with quick polls and retries; to be set further. */
    ServiceProcess.Builder service() {
        return ServiceProcess.in(folder)
                .set(Property.REPLICATE_API_ENDPOINT, simulator.predictionsUrl())
                .set(Property.REPLICATE_POLL_ENDPOINT, simulator.pollUrl())
                .set(Property.UPSTAGE_API_ENDPOINT, simulator.chatUrl())
                .set(Property.REPLICATE_POLL_DELAY, "100ms")
                .set(Property.RETRY_DELAY, "50ms")
                .set(Property.RETRY_MAX_DELAY, "200ms");
    }

    /** Starts it; it is killed at the end of the test, whatever comes. */
    ServiceProcess start(ServiceProcess.Builder builder) {
        ServiceProcess process = builder.start();
        started.add(process);
        return process;
    }

    /** Starts it and waits until it is ready. */
    ServiceProcess run(ServiceProcess.Builder builder) {
        return start(builder).ready();
    }

    /** Puts a whole file into the inbox, dated back so that nobody waits for it to be a second old. */
    void drop(String name, String content) {
        drop(folder.resolve("inbox"), name, content);
    }

    static void drop(Path inbox, String name, String content) {
        try {
            Path written = inbox.resolve("." + name + ".part");
            Files.writeString(written, content);
            Files.setLastModifiedTime(written, FileTime.from(Instant.now().minusSeconds(60)));
            Files.move(written, inbox.resolve(name), StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Path inbox(String name) {
        return folder.resolve("inbox").resolve(name);
    }

    Path outbox(String name) {
        return folder.resolve("outbox").resolve(name);
    }

    /** Waits for a file. */
    static Path awaitFile(Path file) {
        await(file.toString()).atMost(SOON).pollInterval(Duration.ofMillis(20)).until(() -> Files.exists(file));
        return file;
    }

    /** The document of a file, once it is there. */
    static JsonNode document(Path file) {
        try {
            String text = Files.readString(awaitFile(file));
            return ProviderJson.json(text).orElseThrow(() -> new AssertionError("not JSON: " + text));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The result of a request, which has succeeded. */
    JsonNode result(String id) {
        JsonNode result = document(outbox(id + ".json"));
        assertThat(result.path("status").asText()).isEqualTo("succeeded");
        assertThat(result.path("id").asText()).isEqualTo(id);
        return result;
    }

    /** The error of a request. */
    JsonNode error(String id) {
        return document(outbox(id + ".error.json")).path("error");
    }

    /** The names of the plain files of a folder, hidden ones left out, in order; none where there is no folder. */
    static List<String> names(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(Files::isRegularFile).map(file -> file.getFileName().toString())
                    .filter(name -> !name.startsWith(".")).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The predictions that the ledger of a working folder remembers, by their keys; what else it holds has {@code =} in its key. */
    static List<String> remembered(Path folder) {
        return names(folder.resolve("data/predictions")).stream().filter(key -> !key.contains("=")).toList();
    }

    List<String> waiting() {
        return names(folder.resolve("inbox")).stream().filter(name -> !name.endsWith(".camelLock")).toList();
    }

    List<String> done() {
        return names(folder.resolve("inbox/.done"));
    }

    List<String> failed() {
        return names(folder.resolve("inbox/.failed"));
    }

    List<String> emitted() {
        return names(folder.resolve("outbox"));
    }
}
