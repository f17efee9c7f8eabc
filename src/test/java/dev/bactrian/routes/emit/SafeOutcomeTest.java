package dev.bactrian.routes.emit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.SettingException;
import dev.bactrian.routes.support.InboxTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.support.CapturedLog;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A request leaves the inbox, and frees its place, only when its outcome lies safely somewhere. */
class SafeOutcomeTest extends InboxTestSupport {

    private static final String CHAT = "{\"prompt\": \"hi\"}";
    private static final String PREDICTION = "{\"model\": \"gemma-2b\", \"prompt\": \"p\"}";

    private final AtomicBoolean archiveIsUp = new AtomicBoolean();
    private final AtomicInteger tries = new AtomicInteger();
    private CapturedLog log;
    private Path kept;

    @BeforeEach
    void readTheLog() {
        kept = folder.resolve("kept");
        log = new CapturedLog();
    }

    @AfterEach
    void readTheLogNoMore() {
        log.close();
    }

    @Override
    protected void configure(Main main) {
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:archive").errorHandler(noErrorHandler()).process(exchange -> {
                    tries.incrementAndGet();
                    if (!archiveIsUp.get()) {
                        throw new IOException("the archive is full");
                    }
                }).bean("captured", "result");
            }
        });
    }

    /** With a destination that fails, and one request at a time. */
    private void startWith(String... properties) throws Exception {
        startWatching(Stream.concat(Stream.of("bactrian.emit.result", "direct:archive", "bactrian.emit.error", "direct:archive",
                "bactrian.undelivered", kept.toString(), "bactrian.retry.max-attempts", "0", "bactrian.max-in-flight", "1"),
                Stream.of(properties)).toArray(String[]::new));
    }

    /** A file where the folder was: nothing can be written there. */
    private void blockTheFolder() throws IOException {
        Files.delete(kept);
        Files.createFile(kept);
    }

    private JsonNode kept(String id) throws IOException {
        return ProviderJson.json(Files.readString(kept.resolve(id + ".json"))).orElseThrow();
    }

    private List<String> log(String text) {
        return log.lines(text);
    }

    /** Two requests of which the first can go nowhere, for several rounds. */
    private void firstIsStuck(String first) throws Exception {
        startWith();
        blockTheFolder();
        Files.writeString(inbox.resolve("a.json"), first);
        await().until(() -> tries.get() > 0);
        Files.writeString(inbox.resolve("b.json"), CHAT);
        await().until(() -> tries.get() > 4);

        assertThat(names("")).contains("a.json", "b.json");
        assertThat(names(".failed")).isEmpty();
        assertThat(simulator.count(Call.CHAT) + simulator.count(Call.CREATE)).as("the second has no place yet").isEqualTo(1);
        assertThat(log("a: neither emitted nor kept in " + kept)).as("%s", log).hasSize(1);
        assertThat(log("a: could not be emitted")).as("%s", log).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {CHAT, PREDICTION})
    void aResultIsDeliveredOnceItsDestinationIsBack(String request) throws Exception {
        firstIsStuck(request);

        archiveIsUp.set(true);

        await().until(() -> names(".done").size() == 2);
        assertThat(captured.results).extracting(result -> result.json().path("id").asText()).containsExactly("a", "b");
        assertThat(log("a: is emitted now")).hasSize(1);
        assertThat(kept).isRegularFile();
        captured.results.clear();
    }

    @Test
    void aResultIsKeptOnceThereIsSpace() throws Exception {
        firstIsStuck(CHAT);

        Files.delete(kept);

        await().until(() -> names(".failed").size() == 2);
        for (String id : List.of("a", "b")) {
            assertThat(kept(id).path("error").path("type").asText()).isEqualTo("delivery-failed");
            assertThat(kept(id).path("error").path("message").asText()).contains("the archive is full");
            assertThat(kept(id).path("undelivered").path("status").asText()).isEqualTo("succeeded");
        }
        assertThat(kept.toFile().list()).containsExactlyInAnyOrder("a.json", "b.json");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(2);
    }

    @Test
    void twoOfOneIdAreBothKept() throws Exception {
        startWith();
        for (String id : List.of("same", "same")) {
            int before = names(".failed").size();
            Files.writeString(inbox.resolve("r.json"), "{\"id\": \"" + id + "\", \"prompt\": \"hi\"}");
            await().until(() -> names(".failed").size() == before + 1);
        }

        assertThat(kept.toFile().list()).hasSize(2).contains("same.json").anyMatch(name -> name.matches("\\d{17}-same\\.json"));
    }

    @Test
    void anErrorIsDeliveredOnceItsDestinationIsBack() throws Exception {
        startWith();
        blockTheFolder();
        Files.writeString(inbox.resolve("bad.json"), "{\"prompt\": 7}");
        await().until(() -> tries.get() > 2);
        assertThat(names("")).contains("bad.json");

        Files.delete(kept);

        await().until(() -> names(".failed").size() == 1);
        assertThat(kept("bad").path("undelivered").path("error").path("type").asText()).isEqualTo("invalid-request");
    }

    @Test
    void aDestinationThatHasItGetsItOnce() throws Exception {
        startWith("bactrian.emit.result", "bean:captured?method=result | direct:archive");
        blockTheFolder();
        Files.writeString(inbox.resolve("a.json"), CHAT);
        await().until(() -> tries.get() > 3);
        assertThat(captured.results).hasSize(1);

        archiveIsUp.set(true);

        await().until(() -> names(".done").size() == 1);
        assertThat(captured.results).hasSize(2);
        captured.results.clear();
    }

    @Test
    void atAStopItStaysInTheInboxAndItsPredictionIsPaidForOnce() throws Exception {
        startWith("camel.main.shutdown-timeout", "2");
        blockTheFolder();
        Files.writeString(inbox.resolve("a.json"), PREDICTION);
        await().until(() -> tries.get() > 1);
        stop();
        assertThat(names("")).contains("a.json");
        assertThat(names(".failed")).isEmpty();
        assertThat(log("a: neither delivered nor kept in " + kept + "/ before the stop")).hasSize(1);

        Files.delete(kept);
        archiveIsUp.set(true);
        startWith();

        await().until(() -> names(".done").size() == 1);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
        assertThat(captured.results).hasSize(1);
        captured.results.clear();
    }

    @ParameterizedTest
    @ValueSource(strings = {CHAT, PREDICTION})
    void atAStopItIsKeptWhereItsDestinationHangs(String request) throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            startWith("camel.main.shutdown-timeout", "2", "bactrian.emit.result",
                    "bean:captured?method=result | http://127.0.0.1:" + silent.getLocalPort() + "/hook?token=hunter2");
            Files.writeString(inbox.resolve("a.json"), request);
            await().until(() -> !captured.results.isEmpty());

            stop();
        }

        assertThat(names(".failed")).containsExactly("a.json");
        JsonNode document = kept("a");
        assertThat(document.path("undelivered")).isEqualTo(captured.results.remove().json());
        assertThat(document.path("error").path("type").asText()).isEqualTo("delivery-failed");
        assertThat(document.path("error").path("message").asText()).contains("/hook").contains("not delivered before the stop")
                .doesNotContain("captured").doesNotContain("hunter2");
        assertThat(folder.resolve("data/predictions").toFile().list()).as("nothing is remembered that is done").isNullOrEmpty();
    }

    @Test
    void atAStopItIsKeptThoughItIsToBeTriedAgainLater() throws Exception {
        startWith("camel.main.shutdown-timeout", "2", "bactrian.retry.max-attempts", "5", "bactrian.retry.delay", "40s", "bactrian.retry.max-delay", "40s");
        Files.writeString(inbox.resolve("a.json"), CHAT);
        await().until(() -> tries.get() > 0);

        stop();

        assertThat(names(".failed")).containsExactly("a.json");
        assertThat(kept("a").path("undelivered").path("status").asText()).isEqualTo("succeeded");
    }

    @Test
    void theResultOfACallerThatDoesNotWaitIsKeptToo() throws Exception {
        startWith();
        blockTheFolder();
        template().sendBody("direct:generate-and-emit", "{\"id\": \"apart\", \"prompt\": \"hi\"}");
        await().until(() -> tries.get() > 2);

        Files.delete(kept);

        await().until(() -> Files.exists(kept.resolve("apart.json")));
        assertThat(kept("apart").path("undelivered").path("status").asText()).isEqualTo("succeeded");
    }

    @Test
    void aFileThatCanNotBeWrittenLeavesNoPartOfItBehind() throws Exception {
        Path out = folder.resolve("out");
        // In the way of the result, so that it can be written and not renamed.
        Files.createDirectories(out.resolve("of/a.json/not-empty"));
        startWith("bactrian.emit.result", "file:" + out + "?fileName=of/${header.BactrianRequestId}.json");
        Files.writeString(inbox.resolve("a.json"), CHAT);

        await().until(() -> names(".failed").size() == 1);
        assertThat(kept("a").path("error").path("type").asText()).isEqualTo("delivery-failed");
        assertThat(out.resolve("of").toFile().list()).containsExactly("a.json");
    }

    @Test
    void theFolderIsMadeAndTriedAtTheStart() throws Exception {
        startWith("bactrian.undelivered", folder.resolve("not/there/yet").toString());
        assertThat(folder.resolve("not/there/yet")).isEmptyDirectory();
        stop();

        Path file = Files.createFile(folder.resolve("file"));
        assertThatThrownBy(() -> startWith("bactrian.undelivered", file.resolve("kept").toString())).isInstanceOf(SettingException.class)
                .hasMessageContaining("bactrian.undelivered").hasMessageContaining(file.toString());
    }

    @Test
    void whereNoFilesAreTakenItIsNotMadeBeforeItIsNeeded() throws Exception {
        simulator.always(Call.CHAT, Reply.stream("a"));
        startWith("bactrian.file.enabled", "false", "bactrian.undelivered", Files.createFile(folder.resolve("file")).resolve("kept").toString());
        assertThat(generate("hi").path("status").asText()).isEqualTo("succeeded");
        stop();

        startWith("bactrian.file.enabled", "false");
        assertThat(generate("hi").path("status").asText()).isEqualTo("succeeded");
        assertThat(kept).doesNotExist();
    }
}
