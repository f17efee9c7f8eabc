package dev.bactrian.routes.replicate;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.poll;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Reply;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How often and how long apart a prediction is polled, and what a poll that is not answered does to it. */
class ReplicatePollsTest extends RouteTestSupport {

    private static final String REQUEST = "{\"model\": \"gemma-2b\", \"prompt\": \"p\"}";

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 30})
    void thereAreExactlyAsManyPollsAsConfigured(int polls) throws Exception {
        start("bactrian.replicate.poll-max-attempts", String.valueOf(polls));
        simulator.on(Call.CREATE, created()).always(Call.POLL, poll("processing"));

        JsonNode document = generateFails(REQUEST);

        assertThat(document.path("error").path("type").asText()).isEqualTo("timeout");
        assertThat(document.path("prediction").path("polls").asInt()).isEqualTo(polls);
        assertThat(simulator.count(Call.POLL)).isEqualTo(polls);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 30})
    void aPredictionThatEndsAtTheLastPollIsAResult(int polls) throws Exception {
        start("bactrian.replicate.poll-max-attempts", String.valueOf(polls));
        simulator.on(Call.CREATE, created());
        for (int i = 1; i < polls; i++) {
            simulator.on(Call.POLL, poll("starting"));
        }
        simulator.on(Call.POLL, succeeded("\"at last\""));

        JsonNode result = generate(REQUEST);

        assertThat(result.path("text").asText()).isEqualTo("at last");
        assertThat(result.path("prediction").path("polls").asInt()).isEqualTo(polls);
        assertThat(simulator.count(Call.CANCEL)).isZero();
        assertThat(takeChunks()).isEqualTo("at last");
    }

    @Test
    void theFirstPollIsAtOnceAndTheNextOnesTheDelayApart() throws Exception {
        start("bactrian.replicate.poll-delay", "1500ms");
        simulator.on(Call.CREATE, Reply.status(429), created(), created()).on(Call.POLL, succeeded("\"warm\""));
        generate(REQUEST);
        simulator.on(Call.POLL, poll("starting"), poll("processing"), succeeded("\"done\""));

        generate(REQUEST);

        List<Instant> calls = new ArrayList<>();
        calls.add(simulator.requests(Call.CREATE).get(2).at());
        simulator.requests(Call.POLL).stream().skip(1).map(RecordedRequest::at).forEach(calls::add);
        assertThat(Duration.between(calls.get(0), calls.get(1))).isLessThan(Duration.ofMillis(1400));
        assertThat(Duration.between(calls.get(1), calls.get(2))).isBetween(Duration.ofMillis(1490), Duration.ofMillis(2900));
        assertThat(Duration.between(calls.get(2), calls.get(3))).isBetween(Duration.ofMillis(1490), Duration.ofMillis(2900));
        assertThat(takeChunks()).isEqualTo("warm|done");
    }

    @Test
    void theTimeoutSaysHowManyPollsFoundItWaitingAndHowManyRunning() throws Exception {
        start("bactrian.replicate.poll-max-attempts", "5");
        simulator.on(Call.CREATE, created())
                .on(Call.POLL, poll("starting"), poll("starting"), poll("starting"), poll("processing"), poll("processing"));

        JsonNode error = generateFails(REQUEST).path("error");

        assertThat(error.path("message").asText()).contains("p1", "5 polls", "3 queued", "2 running");
        assertThat(error.path("retryable").asBoolean()).isFalse();
    }

    /** A poll that is not answered as it should be. */
    private enum Miss {
        TOO_MANY_REQUESTS(Reply.json(429, "{\"detail\": \"throttled\", \"retry_after\": 1}")),
        NOT_FOUND(Reply.json(404, "{\"detail\": \"No prediction matches the given query\"}")),
        REQUEST_TIMEOUT(Reply.status(408)),
        INTERNAL_ERROR(Reply.status(500)),
        BAD_GATEWAY(Reply.body(502, "text/html", "<html>502</html>".getBytes())),
        HTML(Reply.body(200, "text/html", "<html>Just a moment…</html>".getBytes())),
        EMPTY(Reply.status(200)),
        NO_PREDICTION(Reply.json(200, "[]")),
        ANOTHER_PREDICTION(Reply.json(200, "{\"id\": \"p2\", \"status\": \"succeeded\", \"output\": \"not ours\"}")),
        HALF_A_JSON(Reply.json(200, "{\"id\": \"p1\", \"status\": \"succ")),
        LOST(Reply.lost()),
        CUT(succeeded("\"done\"").cutAt(20)),
        CUT_IN_GZIP(succeeded("\"done\"").gzip().cutAt(20)),
        NOT_GZIP(succeeded("\"done\"").header("Content-Encoding", "gzip")),
        SILENT(succeeded("\"done\"").after(Duration.ofSeconds(30))),
        STALLED(succeeded("\"done\"").cutAt(20).thenHang());

        private final Reply reply;

        Miss(Reply reply) {
            this.reply = reply;
        }
    }

    @TestFactory
    Stream<DynamicTest> aPollThatIsNotAnsweredIsMadeAgainAndDoesNotCount() throws Exception {
        start("bactrian.replicate.poll-max-attempts", "2", "bactrian.response-timeout", "300ms", "bactrian.stall-timeout", "300ms");
        return Arrays.stream(Miss.values()).map(miss -> dynamicTest(miss.name(), () -> {
            simulator.reset();
            simulator.on(Call.CREATE, created())
                    .on(Call.POLL, miss.reply, miss.reply, poll("processing"), miss.reply, succeeded("\"done\""));

            JsonNode result = generate(REQUEST);

            assertThat(result.path("text").asText()).isEqualTo("done");
            assertThat(result.path("prediction").path("polls").asInt()).isEqualTo(2);
            assertThat(simulator.count(Call.POLL)).isEqualTo(5);
            assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
            assertThat(simulator.count(Call.CANCEL)).isZero();
            assertThat(takeChunks()).isEqualTo("done");
        }));
    }

    @Test
    void aPollWaitsAsLongAsTheServiceAsks() throws Exception {
        start("bactrian.retry.max-delay", "5s");
        simulator.on(Call.CREATE, created())
                .on(Call.POLL, Reply.status(429).header("Retry-After", "1"), succeeded("\"done\""));

        generate(REQUEST);

        List<RecordedRequest> polls = simulator.requests(Call.POLL);
        assertThat(Duration.between(polls.get(0).at(), polls.get(1).at())).isBetween(Duration.ofMillis(990), Duration.ofSeconds(4));
        assertThat(takeChunks()).isEqualTo("done");
    }

    /** What polls meet until no more are made, and the error it makes. */
    private enum NoMore {
        INTERNAL_ERROR(Reply.status(500), "provider-unavailable", 500),
        LOST(Reply.lost(), "provider-unavailable", 0),
        ANOTHER_PREDICTION(Reply.json(200, "{\"id\": \"p2\", \"status\": \"failed\", \"error\": \"not ours\"}"), "provider-unavailable", 200),
        HTML(Reply.body(200, "text/html", "<html>Just a moment…</html>".getBytes()), "provider-unavailable", 200);

        private final Reply reply;
        private final String type;
        private final int status;

        NoMore(Reply reply, String type, int status) {
            this.reply = reply;
            this.type = type;
            this.status = status;
        }
    }

    @TestFactory
    Stream<DynamicTest> pollsThatAreNeverAnsweredAreAnError() throws Exception {
        start("bactrian.retry.max-attempts", "2");
        return Arrays.stream(NoMore.values()).map(miss -> dynamicTest(miss.name(), () -> {
            simulator.reset();
            simulator.on(Call.CREATE, created()).always(Call.POLL, miss.reply);

            JsonNode document = generateFails(REQUEST);

            assertThat(document.path("error").path("type").asText()).isEqualTo(miss.type);
            assertThat(document.path("error").path("httpStatus").asInt()).isEqualTo(miss.status);
            assertThat(document.path("error").path("attempts").asInt()).isEqualTo(3);
            assertThat(document.path("prediction").path("id").asText()).isEqualTo("p1");
            assertThat(simulator.count(Call.POLL)).isEqualTo(3);
            assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
        }));
    }

    @Test
    void pollsThatAreAlwaysRefusedEndAtLast() throws Exception {
        start("bactrian.retry.max-delay", "50ms", "bactrian.retry.max-attempts", "1");
        simulator.on(Call.CREATE, created()).always(Call.POLL, Reply.status(429));

        JsonNode document = generateFails(REQUEST);

        assertThat(document.path("error").path("type").asText()).isEqualTo("rate-limited");
        assertThat(document.path("prediction").path("id").asText()).isEqualTo("p1");
        assertThat(simulator.count(Call.POLL)).isBetween(10, 100);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
        await().until(() -> simulator.count(Call.CANCEL) == 1);
    }

    @Test
    void aPollThatIsRefusedIsNeitherAMissNorOneOfTheBudget() throws Exception {
        start("bactrian.replicate.poll-max-attempts", "3", "bactrian.retry.max-attempts", "1");
        Reply refused = Reply.json(429, "{\"detail\": \"throttled\"}");
        simulator.on(Call.CREATE, created())
                .on(Call.POLL, refused, refused, refused, Reply.status(500), refused, refused, poll("processing"), refused, poll("processing"),
                        succeeded("\"done\""));

        JsonNode result = generate(REQUEST);

        assertThat(result.path("text").asText()).isEqualTo("done");
        assertThat(result.path("prediction").path("polls").asInt()).isEqualTo(3);
        assertThat(simulator.count(Call.POLL)).isEqualTo(10);
        assertThat(takeChunks()).isEqualTo("done");
    }

    @Test
    void aPredictionThatNoPollFindsIsAnErrorAndNotCreatedAgain() throws Exception {
        start();
        simulator.on(Call.CREATE, created()).always(Call.POLL, Reply.json(404, "{\"detail\": \"No prediction matches the given query\"}"));

        JsonNode document = generateFails(REQUEST);

        assertThat(document.path("error").path("type").asText()).isEqualTo("provider-unavailable");
        assertThat(document.path("error").path("message").asText()).contains("No prediction matches the given query");
        assertThat(document.path("prediction").path("id").asText()).isEqualTo("p1");
        assertThat(simulator.count(Call.POLL)).isEqualTo(4);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {401, 403, 402})
    void aPollThatIsNotAllowedIsNotMadeAgain(int status) throws Exception {
        start();
        simulator.on(Call.CREATE, created()).always(Call.POLL, Reply.json(status, "{\"detail\": \"token not valid\"}"));

        JsonNode error = generateFails(REQUEST).path("error");

        assertThat(error.path("type").asText()).isEqualTo("authentication");
        assertThat(error.path("httpStatus").asInt()).isEqualTo(status);
        assertThat(error.path("message").asText()).contains("token not valid");
        assertThat(simulator.count(Call.POLL)).isEqualTo(1);
    }

    @Test
    void anAnswerThatIsTooLargeIsNotAskedForAgain() throws Exception {
        start("bactrian.max-response-bytes", "1KB");
        simulator.on(Call.CREATE, created()).always(Call.POLL, succeeded("\"" + "x".repeat(2000) + "\""));

        JsonNode error = generateFails(REQUEST).path("error");

        assertThat(error.path("type").asText()).isEqualTo("provider-unavailable");
        assertThat(error.path("message").asText()).contains("bactrian.max-response-bytes");
        assertThat(simulator.count(Call.POLL)).isEqualTo(1);
    }
}
