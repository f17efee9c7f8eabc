package dev.bactrian.routes.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import dev.bactrian.routes.support.InboxTestSupport;
import dev.bactrian.simulator.Call;
import org.apache.camel.builder.RouteBuilder;
import org.junit.jupiter.api.Test;

/** The inbox: what is taken from it and when it is whole, and where each file ends. */
class FileTest extends InboxTestSupport {

    @Test
    void eachFileIsARequestOfItsNameAndEndsInDone() throws Exception {
        Files.writeString(inbox.resolve("greeting.txt"), "Say hello");
        Files.writeString(inbox.resolve("brace.txt"), "{\"not\": \"a request but text");
        Files.writeString(inbox.resolve("json.JSON"), "{\"prompt\": \"json\", \"temperature\": 0.5}");
        Files.writeString(inbox.resolve("no-extension"), "{\"prompt\": \"looks like json\"}");
        Files.writeString(inbox.resolve("own-id.json"), "{\"id\": \"mine\", \"prompt\": \"p\"}");
        Files.writeString(inbox.resolve("a.b.txt"), "two dots");
        Files.writeString(inbox.resolve("with blank.txt"), "blank");
        Files.write(inbox.resolve("bom.json"), "\uFEFF{\"prompt\": \"bom\"}".getBytes(StandardCharsets.UTF_8));
        startWatching();

        await().until(() -> names(".done").size() == 8);

        assertThat(names("")).isEmpty();
        assertThat(simulator.requests(Call.CHAT)).extracting(request -> request.json().path("messages").path(0).path("content").asText())
                .containsExactlyInAnyOrder("Say hello", "{\"not\": \"a request but text", "json", "looks like json", "p", "two dots", "blank", "bom");
        assertThat(captured.results).extracting(result -> result.json().path("id").asText())
                .contains("greeting", "brace", "json", "no-extension", "mine", "a.b", "bom").anyMatch(id -> id.matches("with_blank-[0-9a-f]{24}"));
        captured.results.clear();
    }

    @Test
    void aFileThatIsNoRequestEndsInFailedWithAnErrorUnderItsName() throws Exception {
        Files.createFile(inbox.resolve("empty.txt"));
        Files.write(inbox.resolve("latin.txt"), "café".getBytes(StandardCharsets.ISO_8859_1));
        Files.writeString(inbox.resolve("large.txt"), "x".repeat(2000));
        Files.writeString(inbox.resolve("broken.json"), "{\"prompt\": ");
        Files.writeString(inbox.resolve("bad-id.json"), "{\"id\": \"../up\", \"prompt\": \"p\"}");
        startWatching("bactrian.max-request-bytes", "1KB");

        await().until(() -> names(".failed").size() == 5);

        assertThat(names(".failed")).containsExactlyInAnyOrder("empty.txt", "latin.txt", "large.txt", "broken.json", "bad-id.json");
        assertThat(captured.errors).extracting(error -> error.json().path("error").path("type").asText()).containsOnly("invalid-request");
        assertThat(captured.errors).extracting(error -> error.json().path("id").asText())
                .containsExactlyInAnyOrder("empty", "latin", "large", "broken", "bad-id");
        assertThat(simulator.requests()).isEmpty();
        captured.errors.clear();
    }

    @Test
    void twoFilesOfOneNameInTurnAreBothKept() throws Exception {
        startWatching();
        Files.writeString(inbox.resolve("cat.txt"), "first");
        await().until(() -> names(".done").size() == 1);

        Files.writeString(inbox.resolve("cat.txt"), "second");
        await().until(() -> names(".done").size() == 2);

        assertThat(contents(".done")).containsExactlyInAnyOrder("first", "second");
        assertThat(captured.results).hasSize(2).extracting(result -> result.json().path("id").asText()).containsOnly("cat");
        captured.results.clear();
    }

    @Test
    void aFileThatIsStillBeingWrittenIsTakenOnceItIsWhole() throws Exception {
        startWatching();
        Path slow = inbox.resolve("slow.txt");
        Path rewritten = inbox.resolve("rewritten.txt");
        Files.writeString(rewritten, "an old text that is cut off soon");
        for (int part = 0; part < 8; part++) {
            Files.writeString(slow, "part " + part + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            if (part == 2) {
                Files.writeString(rewritten, "", StandardOpenOption.TRUNCATE_EXISTING);
            } else if (part == 4) {
                Files.writeString(rewritten, "new");
            }
            Instant next = Instant.now().plusMillis(300);
            await().pollInterval(Duration.ofMillis(20)).until(() -> Instant.now().isAfter(next));
        }

        await().until(() -> names(".done").size() == 2);

        assertThat(simulator.requests(Call.CHAT)).extracting(request -> request.json().path("messages").path(0).path("content").asText())
                .containsExactlyInAnyOrder("new", "part 0\npart 1\npart 2\npart 3\npart 4\npart 5\npart 6\npart 7\n");
        captured.results.clear();
    }

    @Test
    void aFileWithAnOldTimeAndOneRenamedIntoPlaceAreTaken() throws Exception {
        startWatching();
        Path old = Files.writeString(folder.resolve("old.txt"), "old");
        Files.setLastModifiedTime(old, FileTime.from(Instant.parse("2001-02-03T04:05:06Z")));
        Files.move(old, inbox.resolve("old.txt"));
        Files.move(Files.writeString(folder.resolve("renamed.txt"), "renamed"), inbox.resolve("renamed.txt"));

        await().until(() -> names(".done").size() == 2);

        assertThat(captured.results).hasSize(2);
        captured.results.clear();
    }

    @Test
    void anUndeliveredResultIsKeptAndItsFileEndsInFailed() throws Exception {
        Files.writeString(inbox.resolve("lost.txt"), "hi");
        startWatching("bactrian.emit.result", "direct:nobody-listens?block=false", "bactrian.retry.max-attempts", "0");

        await().until(() -> names(".failed").size() == 1);

        assertThat(Files.readString(undeliveredFile("lost.json"))).contains("delivery-failed", "\"status\":\"succeeded\"");
    }

    @Test
    void aFileThatCannotBeMovedIsNotDoneAgainUntilItChanges() throws Exception {
        startWatching();
        Files.delete(inbox.resolve(".done"));
        Files.createFile(inbox.resolve(".done"));
        Path file = Files.writeString(inbox.resolve("stuck.txt"), "first");
        await().until(() -> captured.results.size() == 1);

        Files.writeString(inbox.resolve("other.txt"), "other");
        await().until(() -> captured.results.size() == 2);
        await().during(Duration.ofSeconds(3)).until(() -> simulator.count(Call.CHAT) == 2);
        Files.writeString(file, "second");
        await().until(() -> captured.results.size() == 3);

        assertThat(simulator.requests(Call.CHAT)).extracting(request -> request.json().path("messages").path(0).path("content").asText())
                .containsExactly("first", "other", "second");
        captured.results.clear();
    }

    @Test
    void anotherRouteThatDidNotStopInTimeIsNoStopOfOurs() throws Exception {
        CountDownLatch inWork = new CountDownLatch(1);
        CountDownLatch held = new CountDownLatch(1);
        startWatching();
        context().addRoutes(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:host").routeId("host").process(exchange -> {
                    inWork.countDown();
                    held.await();
                });
            }
        });
        template().asyncSendBody("direct:host", "");
        inWork.await();
        context().getRouteController().stopRoute("host", 1, TimeUnit.SECONDS);
        held.countDown();

        Files.writeString(inbox.resolve("greeting.txt"), "Say hello");

        await().until(() -> names(".done").size() == 1);
        assertThat(captured.results).hasSize(1);
        captured.results.clear();
    }

    private List<String> contents(String where) {
        return files(where).stream().map(file -> {
            try {
                return Files.readString(file);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }).toList();
    }
}
