package dev.bactrian.routes.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.door.DoorTimes;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many requests in one call over HTTP. */
@Timeout(90)
class BatchDoorTest extends DoorTestSupport {

    private static final String REQUESTS = "/requests";
    private static final String LINES = "{\"id\":\"one\",\"model\":\"flux-schnell\",\"prompt\":\"a cat\"}\n\n{\"prompt\":\"hi\"}\r\nnot JSON\n";
    private static final String PICTURES = IntStream.range(0, 5).mapToObj(i -> "{\"id\":\"p" + i + "\",\"model\":\"flux-schnell\",\"prompt\":\"cat " + i + "\"}\n")
            .reduce("", String::concat);

    private HttpResponse<String> batch(String lines, String... headers) throws Exception {
        return http.send(request(REQUESTS, headers).header("Content-Type", "application/x-ndjson").POST(BodyPublishers.ofString(lines)).build(), BodyHandlers.ofString());
    }

    private static List<JsonNode> outcomes(HttpResponse<String> response) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(response.headers().firstValue("Content-Type")).hasValue("application/x-ndjson");
        return response.body().lines().map(line -> ProviderJson.json(line).orElseThrow()).toList();
    }

    private List<String> left(String folderName) throws IOException {
        Path there = folder.resolve("data").resolve(folderName);
        if (!Files.exists(there)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(there)) {
            return files.map(file -> file.getFileName().toString()).filter(name -> !name.endsWith(".json") && !name.endsWith(".jsonl")).toList();
        }
    }

    private void assertNothingIsLeft() {
        await("nothing is left but the outcomes").until(() -> left("batches").isEmpty() && left("http").isEmpty());
        assertThat(folder.resolve("outbox")).as("what is emitted").doesNotExist();
    }

    @Test
    void answersWithTheOutcomesInTheOrderOfTheLines() throws Exception {
        open();
        simulator.on(Call.CHAT, Reply.stream("Two", " humps."));

        HttpResponse<String> response = batch(LINES);
        List<JsonNode> outcomes = outcomes(response);

        String id = response.headers().firstValue("X-Request-Id").orElseThrow();
        assertThat(outcomes).extracting(outcome -> outcome.path("id").asText()).containsExactly("one", id + "-3", id + "-4");
        assertThat(outcomes).extracting(outcome -> outcome.path("status").asText()).containsExactly("succeeded", "succeeded", "failed");
        assertThat(outcomes.get(0).path("images")).hasSize(1);
        assertThat(outcomes.get(1).path("text").asText()).isEqualTo("Two humps.");
        assertThat(outcomes.get(2).at("/error/type").asText()).isEqualTo("invalid-request");
        assertThat(get(REQUESTS + "/" + id).body()).isEqualTo(response.body());
        assertNothingIsLeft();
    }

    @Test
    void refusesABatchWithoutALine() throws Exception {
        open();

        for (String lines : List.of("", "\n \r\n", "\uFEFF\n")) {
            HttpResponse<String> response = batch(lines);
            assertThat(response.statusCode()).isEqualTo(400);
            assertThat(json(response).at("/error/message").asText()).isEqualTo("no request: every line is blank");
        }
        assertNothingIsLeft();
    }

    @Test
    void answersAtOnceIfAskedAndCountsTheLines() throws Exception {
        open("bactrian.replicate.poll-delay", "100ms");
        simulator.always(Call.POLL, Reply.prediction("processing", "null"));

        HttpResponse<String> response = batch(LINES, "Prefer", "respond-async");
        String location = response.headers().firstValue("Location").orElseThrow();
        await().until(() -> json(get(location)).path("batch").toString().equals("{\"lines\":3,\"succeeded\":1,\"failed\":1}"));
        JsonNode stand = json(get(location));
        simulator.always(Call.POLL, Reply.normally());

        assertThat(response.statusCode()).isEqualTo(202);
        assertThat(stand.path("status").asText()).isEqualTo("processing");
        await().until(() -> get(location).headers().firstValue("Content-Type").orElseThrow().equals("application/x-ndjson"));
        assertThat(outcomes(get(location))).hasSize(3);
        assertNothingIsLeft();
    }

    @Test
    void cancelsTheLinesThatHaveNoResult() throws Exception {
        open("bactrian.replicate.poll-delay", "100ms");
        simulator.always(Call.POLL, Reply.prediction("processing", "null"));

        String location = batch("{\"prompt\":\"hi\"}\n" + PICTURES, "Prefer", "respond-async").headers().firstValue("Location").orElseThrow();
        await().until(() -> simulator.count(Call.POLL) > 5 && json(get(location)).at("/batch/succeeded").asInt() == 1);
        HttpResponse<String> canceled = http.send(request(location).DELETE().build(), BodyHandlers.ofString());

        assertThat(json(canceled).path("canceled").asBoolean()).isTrue();
        await().until(() -> get(location).headers().firstValue("Content-Type").orElseThrow().equals("application/x-ndjson"));
        assertThat(outcomes(get(location))).extracting(outcome -> outcome.at("/error/type").asText("none")).containsExactly("none",
                "prediction-canceled", "prediction-canceled", "prediction-canceled", "prediction-canceled", "prediction-canceled");
        await().until(() -> simulator.count(Call.CANCEL) == 5);
        assertNothingIsLeft();
    }

    @Test
    void aClientThatGoesAwayCancelsItsBatch() throws Exception {
        open("bactrian.replicate.poll-delay", "100ms");
        simulator.always(Call.POLL, Reply.prediction("processing", "null"));

        CompletableFuture<HttpResponse<String>> call = http.sendAsync(request(REQUESTS, "Content-Type", "application/x-ndjson").POST(BodyPublishers.ofString(PICTURES)).build(),
                BodyHandlers.ofString());
        await().until(() -> simulator.count(Call.POLL) > 5);
        call.cancel(true);

        await().until(() -> simulator.count(Call.CANCEL) == 5);
        assertNothingIsLeft();
    }

    @Test
    void aClientThatGoesAwayAmidTheOutcomesHoldsNoPlace() throws Exception {
        open();
        simulator.always(Call.CHAT, Reply.stream("x".repeat(1_000_000)));

        try (Wire wire = Wire.to(door.port(), 4096)) {
            wire.request("POST " + REQUESTS, "{\"prompt\":\"hi\"}\n".repeat(8), "Content-Type: application/x-ndjson");
            assertThat(wire.head().status()).isEqualTo(200);
            assertThat(DoorTimes.inWork(context())).isEqualTo(1);
        }

        await().until(() -> DoorTimes.inWork(context()) == 0);
        assertNothingIsLeft();
    }

    @Test
    void paysOnceForAnIdempotencyKey() throws Exception {
        open();

        List<CompletableFuture<HttpResponse<String>>> calls = IntStream.range(0, 4).mapToObj(i -> http.sendAsync(request(REQUESTS, "Content-Type", "application/x-ndjson",
                "Idempotency-Key", "k").POST(BodyPublishers.ofString(PICTURES)).build(), BodyHandlers.ofString())).toList();
        List<HttpResponse<String>> answers = calls.stream().map(CompletableFuture::join).toList();
        HttpResponse<String> later = batch(PICTURES, "Idempotency-Key", "k");

        assertThat(answers).extracting(HttpResponse::statusCode).containsOnly(200, 409);
        assertThat(answers).filteredOn(answer -> answer.statusCode() == 200).isNotEmpty().allSatisfy(answer -> assertThat(answer.body()).isEqualTo(later.body()));
        assertThat(outcomes(later)).hasSize(5);
        assertThat(later.headers().firstValue("Idempotent-Replayed")).hasValue("true");
        assertThat(batch(PICTURES + PICTURES, "Idempotency-Key", "k").statusCode()).isEqualTo(422);
        assertThat(batch(PICTURES, "Idempotency-Key", "k", "Prefer", "respond-async").statusCode()).isEqualTo(202);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(5);
        assertNothingIsLeft();
    }

    @Test
    void goesOnAfterARestartAndPaysForNothingTwice() throws Exception {
        open("bactrian.replicate.poll-delay", "50ms");
        simulator.always(Call.POLL, Reply.prediction("processing", "null"));
        String location = batch("{\"prompt\":\"hi\"}\n" + PICTURES, "Prefer", "respond-async").headers().firstValue("Location").orElseThrow();
        await().until(() -> simulator.count(Call.POLL) > 5 && json(get(location)).at("/batch/succeeded").asInt() == 1);

        stop();
        simulator.always(Call.POLL, Reply.normally());
        open("bactrian.replicate.poll-delay", "50ms");

        await().until(() -> get(location).headers().firstValue("Content-Type").orElseThrow().equals("application/x-ndjson"));
        assertThat(outcomes(get(location))).hasSize(6).allSatisfy(outcome -> assertThat(outcome.path("status").asText()).isEqualTo("succeeded"));
        assertThat(simulator.count(Call.CREATE)).isEqualTo(5);
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
        assertNothingIsLeft();
    }

    @Test
    void isCancelledByAStopIfItsCallerWaitsAndCannotAskAgain() throws Exception {
        open("bactrian.replicate.poll-delay", "50ms", "camel.main.shutdown-timeout", "1");
        simulator.always(Call.POLL, Reply.prediction("processing", "null"));
        http.sendAsync(request(REQUESTS, "Content-Type", "application/x-ndjson").POST(BodyPublishers.ofString(PICTURES)).build(), BodyHandlers.ofString());
        await().until(() -> simulator.count(Call.POLL) > 5);
        assertThat(left("http")).singleElement().asString().endsWith(".request");

        stop();
        open("bactrian.replicate.poll-delay", "50ms");

        assertNothingIsLeft();
        assertThat(simulator.count(Call.CREATE)).isEqualTo(5);
    }
}
