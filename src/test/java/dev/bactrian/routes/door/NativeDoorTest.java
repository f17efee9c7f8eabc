package dev.bactrian.routes.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Requests in Bactrian's own form over HTTP. */
@Timeout(60)
class NativeDoorTest extends DoorTestSupport {

    private static final String REQUESTS = "/requests";
    private static final String PICTURE = "{\"model\":\"flux-schnell\",\"prompt\":\"a cat\"}";

    @Test
    void answersWithTheResultDocument() throws Exception {
        open();
        simulator.on(Call.CHAT, Reply.stream("Two", " humps."));

        HttpResponse<String> response = http.send(request(REQUESTS, "Content-Type", "text/plain").POST(BodyPublishers.ofString("hi")).build(), BodyHandlers.ofString());

        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(json(response).path("status").asText()).isEqualTo("succeeded");
        assertThat(json(response).path("text").asText()).isEqualTo("Two humps.");
        assertThat(json(get(REQUESTS + "/" + json(response).path("id").asText()))).isEqualTo(json(response));
    }

    @Test
    void answersWithTheErrorDocumentAndItsStatus() throws Exception {
        open();

        HttpResponse<String> response = post(REQUESTS, "{\"id\":\"r1\",\"model\":\"nope\",\"prompt\":\"hi\"}");

        assertThat(response.statusCode()).isEqualTo(404);
        assertThat(json(response).path("status").asText()).isEqualTo("failed");
        assertThat(json(response).at("/error/type").asText()).isEqualTo("unsupported-model");
        assertThat(json(response).path("id").asText()).isEqualTo("r1");
    }

    @Test
    void streamsEvents() throws Exception {
        open();
        simulator.on(Call.CHAT, Reply.stream("a", "b"));

        List<String> lines = post(REQUESTS, "{\"prompt\":\"hi\"}", "Accept", "text/event-stream").body().lines().filter(line -> !line.isEmpty()).toList();

        assertThat(lines.subList(0, 5)).containsExactly("event: chunk", "data: {\"index\":0,\"text\":\"a\"}", "event: chunk", "data: {\"index\":1,\"text\":\"b\"}",
                "event: result");
        assertThat(events(lines.stream())).last().satisfies(document -> assertThat(document.path("text").asText()).isEqualTo("ab"));
    }

    @Test
    void answersAtOnceIfAskedAndKeepsTheOutcome() throws Exception {
        open();

        HttpResponse<String> response = post(REQUESTS, PICTURE, "Prefer", "respond-async");

        assertThat(response.statusCode()).isEqualTo(202);
        String location = response.headers().firstValue("Location").orElseThrow();
        assertThat(location).isEqualTo("/requests/" + json(response).path("id").asText());
        await().until(() -> json(get(location)).path("status").asText().equals("succeeded"));
        assertThat(json(get(location)).path("images")).hasSize(1);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
        await("nothing is left").until(() -> records().isEmpty());
    }

    @Test
    void saysWhereARequestStandsAndCancelsIt() throws Exception {
        open("bactrian.replicate.poll-delay", "100ms");
        simulator.always(Call.POLL, Reply.prediction("processing", "null"));

        String location = post(REQUESTS, PICTURE, "Prefer", "respond-async").headers().firstValue("Location").orElseThrow();
        await().until(() -> simulator.count(Call.POLL) > 0);
        JsonNode stand = json(get(location));
        HttpResponse<String> canceled = http.send(request(location).DELETE().build(), BodyHandlers.ofString());

        assertThat(stand.path("status").asText()).isEqualTo("processing");
        assertThat(json(canceled).path("canceled").asBoolean()).isTrue();
        await().until(() -> json(get(location)).at("/error/type").asText().equals("prediction-canceled"));
        await().until(() -> simulator.count(Call.CANCEL) == 1);
        assertThat(json(http.send(request(location).DELETE().build(), BodyHandlers.ofString())).path("canceled").asBoolean()).isFalse();
        assertThat(get("/requests/nothing").statusCode()).isEqualTo(404);
        assertThat(get("/requests/..%2Fx").statusCode()).isEqualTo(404);
    }

    @Test
    void paysOnceForAnIdempotencyKey() throws Exception {
        open();

        List<CompletableFuture<HttpResponse<String>>> calls = IntStream.range(0, 5).mapToObj(i -> http.sendAsync(request(REQUESTS, "Content-Type", "application/json",
                "Idempotency-Key", "k1").POST(BodyPublishers.ofString(PICTURE)).build(), BodyHandlers.ofString())).toList();
        List<HttpResponse<String>> answers = calls.stream().map(CompletableFuture::join).toList();
        HttpResponse<String> later = post(REQUESTS, PICTURE, "Idempotency-Key", "k1");
        HttpResponse<String> other = post(REQUESTS, PICTURE.replace("cat", "dog"), "Idempotency-Key", "k1");

        assertThat(answers).extracting(HttpResponse::statusCode).containsOnly(200, 409);
        assertThat(answers).filteredOn(answer -> answer.statusCode() == 200).isNotEmpty().allSatisfy(answer -> assertThat(answer.body()).isEqualTo(later.body()));
        assertThat(later.statusCode()).isEqualTo(200);
        assertThat(later.headers().firstValue("Idempotent-Replayed")).hasValue("true");
        assertThat(other.statusCode()).isEqualTo(422);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
    }

    @Test
    void triesAgainWithTheSameIdempotencyKeyIfTheErrorSaysSo() throws Exception {
        open("bactrian.retry.max-attempts", "0");
        simulator.on(Call.CHAT, Reply.status(503), Reply.stream("a"));

        HttpResponse<String> failed = post(REQUESTS, "{\"prompt\":\"hi\"}", "Idempotency-Key", "k");
        HttpResponse<String> again = post(REQUESTS, "{\"prompt\":\"hi\"}", "Idempotency-Key", "k");

        assertThat(failed.statusCode()).isEqualTo(503);
        assertThat(failed.headers().firstValue("X-Should-Retry")).hasValue("true");
        assertThat(again.statusCode()).isEqualTo(200);
        assertThat(json(again).path("text").asText()).isEqualTo("a");
    }

    @Test
    void replaysAChatForItsIdempotencyKey() throws Exception {
        open();
        simulator.on(Call.CHAT, Reply.stream("a", "b"));
        String chat = "{\"model\":\"solar-pro4\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";

        List<JsonNode> first = events(post("/v1/chat/completions", chat, "Idempotency-Key", "k").body().lines());
        List<JsonNode> again = events(post("/v1/chat/completions", chat, "Idempotency-Key", "k").body().lines());

        assertThat(text(first)).isEqualTo("ab").isEqualTo(text(again));
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
    }

    private static String text(List<JsonNode> chunks) {
        StringBuilder text = new StringBuilder();
        chunks.forEach(chunk -> text.append(chunk.at("/choices/0/delta/content").asText()));
        return text.toString();
    }

    @Test
    void goesOnWithARequestWhoseIdWasUsedBefore() throws Exception {
        open("bactrian.replicate.poll-delay", "50ms");
        post(REQUESTS, "{\"id\":\"report\",\"model\":\"solar-pro4\",\"prompt\":\"hi\"}");
        simulator.always(Call.POLL, Reply.prediction("processing", "null"));
        String location = post(REQUESTS, PICTURE.replace("{", "{\"id\":\"report\","), "Prefer", "respond-async").headers().firstValue("Location").orElseThrow();
        await().until(() -> simulator.count(Call.POLL) > 0);

        stop();
        simulator.always(Call.POLL, Reply.normally());
        open("bactrian.replicate.poll-delay", "50ms");

        await().until(() -> json(get(location)).path("status").asText().equals("succeeded"));
        assertThat(json(get(location)).path("images")).hasSize(1);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
    }

    @Test
    void knowsRequestsWhoseTurnHasNotComeAfterARestart() throws Exception {
        open("bactrian.replicate.poll-delay", "50ms");
        simulator.always(Call.POLL, Reply.prediction("processing", "null"));
        List<String> locations = List.of(later("a"), later("b"), later("c"));
        await().until(() -> simulator.count(Call.CREATE) == 3 && simulator.count(Call.POLL) > 3);

        stop();
        open("bactrian.replicate.poll-delay", "50ms", "bactrian.max-in-flight", "1");
        await().until(() -> locations.stream().allMatch(this::isInWork));
        for (String location : locations) {
            assertThat(json(http.send(request(location).DELETE().build(), BodyHandlers.ofString())).path("canceled").asBoolean()).isTrue();
        }

        await().until(() -> locations.stream().noneMatch(this::isInWork));
        assertThat(locations).allSatisfy(location -> assertThat(json(get(location)).at("/error/type").asText()).isEqualTo("prediction-canceled"));
    }

    private String later(String id) throws Exception {
        return post(REQUESTS, PICTURE.replace("{", "{\"id\":\"" + id + "\","), "Prefer", "respond-async").headers().firstValue("Location").orElseThrow();
    }

    private boolean isInWork(String location) {
        try {
            return json(get(location)).path("status").asText().equals("processing");
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void showsARequestToItsCallerAndTheAdministratorsAlone() throws Exception {
        open("bactrian.http.api-keys", "a=ka,b=kb", "bactrian.http.admin-keys", "boss=kc");

        String location = post(REQUESTS, "{\"prompt\":\"hi\",\"id\":\"r\"}", "Authorization", "Bearer ka", "Prefer", "respond-async").headers().firstValue("Location").orElseThrow();
        await().until(() -> json(get(location, "Authorization", "Bearer ka")).path("status").asText().equals("succeeded"));

        assertThat(get(location, "Authorization", "Bearer kb").statusCode()).isEqualTo(404);
        assertThat(get(location, "Authorization", "Bearer kc").statusCode()).isEqualTo(200);
        assertThat(get(location).statusCode()).isEqualTo(401);
        assertThat(post(REQUESTS, "{\"prompt\":\"hi\",\"id\":\"r\"}", "Authorization", "Bearer kb").statusCode()).isEqualTo(409);
    }

    @Test
    void goesOnAfterARestart() throws Exception {
        open("bactrian.replicate.poll-delay", "50ms");
        simulator.always(Call.POLL, Reply.prediction("processing", "null"));
        String location = post(REQUESTS, PICTURE, "Prefer", "respond-async").headers().firstValue("Location").orElseThrow();
        await().until(() -> simulator.count(Call.POLL) > 0);

        stop();
        simulator.always(Call.POLL, Reply.normally());
        open("bactrian.replicate.poll-delay", "50ms");

        await().until(() -> json(get(location)).path("status").asText().equals("succeeded"));
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
        await("nothing is left").until(() -> records().isEmpty());
    }
}
