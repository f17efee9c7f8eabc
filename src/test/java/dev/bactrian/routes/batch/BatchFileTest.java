package dev.bactrian.routes.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.routes.support.BatchTestSupport;
import dev.bactrian.routes.support.ReplicateReplies;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.support.CapturedLog;
import org.junit.jupiter.api.Test;

/** A file of JSON lines in the inbox: each line is a request, and all outcomes are in one file. */
class BatchFileTest extends BatchTestSupport {

    private static final String PREDICTION = "{\"model\": \"gemma-2b\", \"prompt\": \"%s\"}";

    private static List<String> ids(List<JsonNode> outcomes) {
        return outcomes.stream().map(outcome -> outcome.path("id").asText()).toList();
    }

    private static List<String> texts(List<JsonNode> outcomes) {
        return outcomes.stream().map(outcome -> outcome.has("text") ? outcome.path("text").asText() : outcome.at("/error/type").asText()).toList();
    }

    private Path part(String id) {
        return outbox().resolve(id + ".results.jsonl.part");
    }

    private static String lines(int count, String line) {
        return IntStream.range(0, count).mapToObj(i -> String.format(line, "p" + i)).collect(Collectors.joining("\n"));
    }

    @Test
    void eachLineHasItsOutcomeInTheOrderOfTheLines() throws Exception {
        simulator.on(Call.CHAT, Reply.stream("slow").after(Duration.ofMillis(300))).always(Call.CHAT, Reply.stream("quick"));
        drop("requests.jsonl", """
                {"prompt": "first"}
                no request
                {"id": "own", "prompt": "third"}
                """);
        startWatching("bactrian.emit.chunk", "bean:captured?method=chunk");

        await().until(() -> names(".done").contains("requests.jsonl"));

        List<JsonNode> outcomes = outcomes("requests");
        assertThat(ids(outcomes)).containsExactly("requests-1", "requests-2", "own");
        assertThat(texts(outcomes)).element(1).isEqualTo("invalid-request");
        assertThat(texts(outcomes)).contains("slow", "quick");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(2);
        assertThat(captured.chunks).extracting(chunk -> chunk.headers().get("BactrianRequestId")).containsExactlyInAnyOrder("requests-1", "own");
        captured.chunks.clear();
        assertNothingIsLeft();
    }

    @Test
    void aLineIsReadHoweverItIsWritten() throws Exception {
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        file.write("\uFEFF{\"prompt\": \"mark\"}\r\n\r\n \t\n".getBytes(StandardCharsets.UTF_8));
        file.write("{\"prompt\": \"caf\u00e9\"}\n".getBytes(StandardCharsets.ISO_8859_1));
        file.write(("{\"prompt\": \"" + "x".repeat(200_000) + "\"}\r\n").getBytes(StandardCharsets.UTF_8));
        file.write("[1]\n{\"id\": \"../up\", \"prompt\": \"p\"}\n\u0000\n".getBytes(StandardCharsets.UTF_8));
        file.write("{\"prompt\": \"낙타\"}".getBytes(StandardCharsets.UTF_8));
        drop("odd.NDJSON", file.toByteArray());
        startWatching("bactrian.max-request-bytes", "1KB");

        await().until(() -> names(".done").contains("odd.NDJSON"));

        List<JsonNode> outcomes = outcomes("odd");
        assertThat(ids(outcomes)).containsExactly("odd-1", "odd-4", "odd-5", "odd-6", "odd-7", "odd-8", "odd-9");
        assertThat(outcomes).extracting(outcome -> outcome.at("/error/message").asText("")).element(1).asString().contains("not UTF-8");
        assertThat(outcomes).extracting(outcome -> outcome.at("/error/message").asText("")).element(2).asString().contains("max-request-bytes");
        assertThat(texts(outcomes).subList(1, 6)).containsOnly("invalid-request");
        assertThat(simulator.requests(Call.CHAT)).extracting(request -> request.json().at("/messages/0/content").asText())
                .containsExactlyInAnyOrder("mark", "낙타");
    }

    @Test
    void aFileWithoutALineIsAnError() throws Exception {
        drop("blank.jsonl", "\n  \r\n\n");
        drop("empty.jsonl", "");
        startWatching();

        await().until(() -> names(".failed").size() == 2);

        assertThat(captured.errors).extracting(error -> error.json().at("/error/type").asText()).containsExactly("invalid-request", "invalid-request");
        assertThat(list(outbox())).isEmpty();
        captured.errors.clear();
        assertNothingIsLeft();
    }

    @Test
    void twoBatchesAtOnceKeepToTheLimitTogether() throws Exception {
        simulator.always(Call.CHAT, Reply.stream("a").after(Duration.ofMillis(10)));
        drop("one.jsonl", lines(40, "{\"prompt\": \"%s\"}"));
        drop("two.jsonl", lines(40, "{\"prompt\": \"%s\"}"));
        drop("one.ndjson", "{\"prompt\": \"the id is in work, or it replaces the results of the first\"}");
        startWatching("bactrian.max-in-flight", "4");

        await().until(() -> names(".done").size() + names(".failed").size() == 3);

        assertThat(outcomes("two")).hasSize(40);
        assertThat(simulator.maxConcurrent(Call.CHAT)).isLessThanOrEqualTo(4);
        captured.errors.clear();
        assertNothingIsLeft();
    }

    @Test
    void aBatchOfTheSameNameReplacesTheResultsOfTheFirst() throws Exception {
        try (CapturedLog log = new CapturedLog()) {
            simulator.on(Call.CHAT, Reply.stream("first")).always(Call.CHAT, Reply.stream("second"));
            startWatching();
            drop("same.jsonl", "{\"prompt\": \"p\"}\n");
            await().until(() -> names(".done").size() == 1);

            drop("same.jsonl", "{\"prompt\": \"p\"}\n");
            await().until(() -> names(".done").size() == 2);

            assertThat(texts(outcomes("same"))).containsExactly("second");
            assertThat(log.lines("is there already")).hasSize(1);
            assertNothingIsLeft();
        }
    }

    @Test
    void outcomesAreWrittenAsTheyAreDoneAndTheRestGoesOnAfterAStop() throws Exception {
        // Ten predictions and a chat: the second prediction runs until after the start, the others wait in the journal.
        simulator.always(Call.POLL, ReplicateReplies.poll("processing"));
        drop("long.jsonl", "{\"prompt\": \"chat\"}\n" + lines(1, PREDICTION) + "\n{\"prompt\": \"chat\"}\nbad\n" + lines(3, PREDICTION));
        startWatching("bactrian.replicate.poll-max-attempts", "100000", "camel.main.shutdown-timeout", "1");
        await().until(() -> Files.exists(part("long")) && Files.readAllLines(part("long")).size() == 1 && simulator.count(Call.CREATE) == 4);
        await().until(() -> Files.readAllLines(journal("long")).size() == 2);
        stop();
        assertThat(names("")).contains("long.jsonl");
        assertThat(list(outbox())).containsExactly("long.results.jsonl.part");
        // As after a crash in the middle of a write.
        Files.writeString(part("long"), Files.readString(part("long")) + "{\"id\":\"long-2\",\"sta");
        Files.writeString(journal("long"), Files.readString(journal("long")) + "5 {\"id\"");
        simulator.always(Call.POLL, ReplicateReplies.succeeded("\"done\""));

        startWatching();
        await().until(() -> names(".done").contains("long.jsonl"));

        assertThat(ids(outcomes("long"))).containsExactly("long-1", "long-2", "long-3", "long-4", "long-5", "long-6", "long-7");
        assertThat(texts(outcomes("long"))).element(3).isEqualTo("invalid-request");
        assertThat(texts(outcomes("long"))).filteredOn("done"::equals).hasSize(4);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(4);
        assertThat(simulator.count(Call.CHAT)).isEqualTo(2);
        assertNothingIsLeft();
    }

    @Test
    void aCancelledBatchCallsNoProviderForTheRest() throws Exception {
        simulator.on(Call.CHAT, Reply.stream("paid")).always(Call.POLL, ReplicateReplies.poll("processing"));
        drop("many.jsonl", "{\"prompt\": \"chat\"}\n" + lines(200, PREDICTION) + "\n{\"id\": \"last\", \"prompt\": \"p\"}");
        startWatching("bactrian.replicate.poll-max-attempts", "100000", "bactrian.max-in-flight", "3");
        await().until(() -> simulator.count(Call.CREATE) >= 3 && Files.readString(part("many")).contains("paid"));

        String said = template().requestBody("direct:bactrian-cancel", "many", String.class);

        assertThat(said).isEqualTo("{\"id\":\"many\",\"canceled\":true}");
        await().until(() -> names(".failed").contains("many.jsonl"));
        assertThat(texts(outcomes("many"))).hasSize(202).startsWith("paid").last().isEqualTo("prediction-canceled");
        assertThat(new HashSet<>(texts(outcomes("many")))).containsExactlyInAnyOrder("paid", "prediction-canceled");
        assertThat(ids(outcomes("many"))).last().isEqualTo("last");
        assertThat(simulator.count(Call.CREATE)).isEqualTo(3);
        await().until(() -> simulator.count(Call.CANCEL) == 3);
        assertThat(template().requestBody("direct:bactrian-cancel", "many", String.class)).contains("false");
        assertNothingIsLeft();
    }

    @Test
    void eachDestinationGetsTheWholeFileAndOneThatIsDownKeepsIt() throws Exception {
        drop("down.jsonl", "{\"prompt\": \"p\"}\n{\"prompt\": \"p\"}\n");
        startWatching("bactrian.emit.batch", "bean:captured?method=result | direct:nobody-listens?block=false", "bactrian.retry.max-attempts", "0");

        await().until(() -> names(".failed").contains("down.jsonl"));

        assertThat(captured.results.remove().headers()).containsEntry("BactrianRequestId", "down").containsEntry("BactrianStatus", "succeeded");
        assertThat(Files.readAllLines(undeliveredFile("down.results.jsonl"))).hasSize(2);
        assertThat(Files.readString(undeliveredFile("down.json"))).contains("delivery-failed", "\"lines\":2");
        assertNothingIsLeft();
    }
}
