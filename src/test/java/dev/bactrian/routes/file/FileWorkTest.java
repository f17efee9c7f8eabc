package dev.bactrian.routes.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.IntStream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.routes.support.InboxTestSupport;
import dev.bactrian.routes.support.ReplicateReplies;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Reply;
import org.junit.jupiter.api.Test;

/** The inbox: how many of its files are in work at once, in which order, and what a stop does to them. */
class FileWorkTest extends InboxTestSupport {

    @Test
    void twoHundredFilesAtOnceAreInWorkTenAtATime() throws Exception {
        for (int i = 0; i < 200; i++) {
            Files.writeString(inbox.resolve("request-" + i + ".txt"), "prompt " + i);
        }
        simulator.always(Call.CHAT, Reply.stream("a").after(Duration.ofMillis(50)));
        startWatching("bactrian.max-in-flight", "10");

        await().until(() -> names(".done").size() == 200);

        assertThat(simulator.count(Call.CHAT)).isEqualTo(200);
        assertThat(simulator.maxConcurrent(Call.CHAT)).isEqualTo(10);
        assertThat(captured.results).hasSize(200).extracting(result -> result.json().path("id").asText()).doesNotHaveDuplicates();
        captured.results.clear();
    }

    @Test
    void oneAtATimeKeepsTheOrder() throws Exception {
        List<String> prompts = IntStream.range(0, 12).mapToObj(i -> String.format("%02d", i)).toList();
        for (String prompt : prompts) {
            Files.writeString(inbox.resolve(prompt + ".txt"), prompt);
        }
        simulator.always(Call.CHAT, Reply.stream("a").after(Duration.ofMillis(20)));
        startWatching("bactrian.max-in-flight", "1");

        await().until(() -> names(".done").size() == 12);

        assertThat(simulator.maxConcurrent(Call.CHAT)).isEqualTo(1);
        assertThat(prompts(simulator.requests(Call.CHAT))).containsExactlyElementsOf(prompts);
        captured.results.clear();
    }

    @Test
    void theOldestFilesOfAFullInboxAreFirst() throws Exception {
        int files = 2500;
        Instant before = Instant.now().minusSeconds(3600);
        for (int i = 0; i < files; i++) {
            // Neither the names nor the order in which they are written tell the age.
            int age = i * 7919 % files;
            Path file = Files.writeString(inbox.resolve(i + ".txt"), String.valueOf(age));
            Files.setLastModifiedTime(file, FileTime.from(before.minusSeconds(age)));
        }
        simulator.always(Call.CHAT, Reply.stream("a"));
        startWatching("bactrian.max-in-flight", "1");

        await().until(() -> simulator.count(Call.CHAT) >= 10);
        stop();

        assertThat(prompts(simulator.requests(Call.CHAT)).subList(0, 10))
                .containsExactlyElementsOf(IntStream.range(0, 10).mapToObj(i -> String.valueOf(files - 1 - i)).toList());
        captured.results.clear();
    }

    @Test
    void aSecondRequestOfAnIdInWorkIsRefused() throws Exception {
        Files.writeString(inbox.resolve("a.json"), "{\"id\": \"same\", \"prompt\": \"first\"}");
        Files.writeString(inbox.resolve("b.json"), "{\"id\": \"same\", \"prompt\": \"second\"}");
        simulator.always(Call.CHAT, Reply.stream("a").after(Duration.ofSeconds(3)));
        startWatching();

        await().until(() -> names(".failed").size() == 1 && names(".done").size() == 1);

        JsonNode error = captured.errors.remove().json();
        assertThat(error.path("error").path("type").asText()).isEqualTo("invalid-request");
        assertThat(error.path("error").path("message").asText()).contains("same", "in work");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
        captured.results.remove();
    }

    @Test
    void aFileInWorkAtTheStopIsDoneAfterTheStartAndPaidOnce() throws Exception {
        Files.writeString(inbox.resolve("stopped.json"), "{\"model\": \"gemma-2b\", \"prompt\": \"p\"}");
        simulator.on(Call.CREATE, ReplicateReplies.created()).always(Call.POLL, ReplicateReplies.poll("processing"));
        startWatching("camel.main.shutdown-timeout", "1", "bactrian.replicate.poll-max-attempts", "100000");
        await().until(() -> simulator.count(Call.POLL) > 0);
        stop();
        assertThat(names("")).contains("stopped.json");
        simulator.always(Call.POLL, ReplicateReplies.succeeded("\"a\""));

        startWatching();
        await().until(() -> names(".done").size() == 1);

        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
        assertThat(captured.results.remove().json().path("text").asText()).isEqualTo("a");
    }

    private static List<String> prompts(List<RecordedRequest> requests) {
        return requests.stream().map(request -> request.json().path("messages").path(0).path("content").asText()).toList();
    }
}
