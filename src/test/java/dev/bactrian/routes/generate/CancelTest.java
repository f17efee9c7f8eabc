package dev.bactrian.routes.generate;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.poll;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.error.GenerateException;
import dev.bactrian.routes.support.ReplicateReplies;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Reply;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A request in work is ended by {@code direct:cancel}, in whatever it is doing, and nothing goes on at our cost. */
@Timeout(60)
class CancelTest extends RouteTestSupport {

    private static final String PREDICTION = "{\"id\": \"r1\", \"model\": \"gemma-2b\", \"prompt\": \"p\"}";
    private static final String CHAT = "{\"id\": \"r1\", \"prompt\": \"p\"}";
    private static final String PIECE = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";

    private CompletableFuture<String> ask(String request) {
        return template().asyncRequestBody("direct:generate", request, String.class);
    }

    private JsonNode cancel(Object body) {
        return ProviderJson.json(template().requestBody("direct:cancel", body, String.class)).orElseThrow();
    }

    private void cancelR1() {
        assertThat(cancel("r1")).isEqualTo(ProviderJson.json("{\"id\": \"r1\", \"canceled\": true}").orElseThrow());
    }

    /** The error document of a request that must fail. */
    private static JsonNode failure(CompletableFuture<String> asked) throws Exception {
        try {
            throw new AssertionError("the request succeeded: " + asked.get(SOON.toSeconds(), TimeUnit.SECONDS));
        } catch (ExecutionException e) {
            Throwable cause = e.getCause() instanceof CamelExecutionException camel ? camel.getCause() : e.getCause();
            assertThat(cause).isInstanceOf(GenerateException.class);
            return ProviderJson.json(((GenerateException) cause).getDocument()).orElseThrow();
        }
    }

    private static void assertCanceled(JsonNode document, String type, int attempts) {
        assertThat(document.path("error").path("type").asText()).isEqualTo(type);
        assertThat(document.path("error").path("message").asText()).isEqualTo("canceled on request");
        assertThat(document.path("error").path("attempts").asInt()).isEqualTo(attempts);
        assertThat(document.path("error").path("retryable").asBoolean(true)).isFalse();
    }

    private void assertOneCancel(String prediction) {
        await().until(() -> simulator.count(Call.CANCEL) == 1);
        await().during(Duration.ofMillis(300)).until(() -> simulator.count(Call.CANCEL) == 1);
        RecordedRequest cancel = simulator.requests(Call.CANCEL).get(0);
        assertThat(cancel.method()).isEqualTo("POST");
        assertThat(cancel.path()).isEqualTo("/v1/predictions/" + prediction + "/cancel");
    }

    @Test
    void aPredictionUnderWayIsCancelledOnceAndTheRequestEnds() throws Exception {
        start();
        simulator.on(Call.CREATE, created()).always(Call.POLL, poll("processing"));
        CompletableFuture<String> asked = ask(PREDICTION);
        await().until(() -> simulator.count(Call.POLL) > 0);

        cancelR1();

        JsonNode document = failure(asked);
        assertCanceled(document, "prediction-canceled", 1);
        assertThat(document.path("prediction").path("id").asText()).isEqualTo("p1");
        assertOneCancel("p1");
        assertThat(cancel("r1").path("canceled").asBoolean()).isFalse();
    }

    @Test
    void anUnansweredCreateIsCancelledOnceItsPredictionIsKnown() throws Exception {
        start();
        simulator.on(Call.CREATE, created().after(Duration.ofMillis(500)));
        CompletableFuture<String> asked = ask(PREDICTION);
        await().until(() -> simulator.concurrent(Call.CREATE) == 1);

        cancelR1();

        assertCanceled(failure(asked), "prediction-canceled", 1);
        assertOneCancel("p1");
        assertThat(simulator.count(Call.POLL)).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {PREDICTION, CHAT})
    void whatWaitsForItsRetryIsNotSentAgain(String request) throws Exception {
        start("bactrian.retry.delay", "700ms", "bactrian.retry.max-delay", "1s");
        boolean chat = request.equals(CHAT);
        Call call = chat ? Call.CHAT : Call.CREATE;
        simulator.always(call, Reply.status(429));
        CompletableFuture<String> asked = ask(request);
        await().until(() -> simulator.count(call) == 1 && simulator.concurrent(call) == 0);

        cancelR1();

        assertCanceled(failure(asked), chat ? "stream-interrupted" : "prediction-canceled", 1);
        assertThat(simulator.requests()).hasSize(1);
    }

    @Test
    void anOpenStreamIsCutAtOnceAndWhatCameIsKept() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.rawStream(PIECE + PIECE).thenHang());
        CompletableFuture<String> asked = ask(CHAT);
        await().until(() -> captured.chunks.size() == 2);

        cancelR1();

        JsonNode document = failure(asked);
        assertCanceled(document, "stream-interrupted", 1);
        assertThat(document.path("partialText").asText()).isEqualTo("aa");
        await("the server sees the connection closed").until(() -> simulator.clientAborts() == 1);
        assertThat(takeChunks()).isEqualTo("a|a");
        assertThat(simulator.count(Call.CHAT)).isOne();
    }

    @Test
    void aChatThatIsNotAnsweredYetIsCutAtOnce() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.stream("late").after(Duration.ofSeconds(60)));
        CompletableFuture<String> asked = ask(CHAT);
        await().until(() -> simulator.concurrent(Call.CHAT) == 1);

        cancelR1();

        assertCanceled(failure(asked), "stream-interrupted", 1);
        await("the server sees the connection closed").until(() -> simulator.clientAborts() == 1);
        assertThat(simulator.count(Call.CHAT)).isOne();
    }

    @Test
    void aStreamThatIsCompressedIsCutToo() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.stream("a", "b").gzip().pause(Duration.ofSeconds(60)));
        CompletableFuture<String> asked = ask(CHAT);
        await().until(() -> captured.chunks.size() == 1);

        cancelR1();

        assertCanceled(failure(asked), "stream-interrupted", 1);
        await("the server sees the connection closed").until(() -> simulator.clientAborts() == 1);
        assertThat(takeChunks()).isEqualTo("a");
    }

    @Test
    void whatSucceedsBeforeTheCancelSucceeds() throws Exception {
        start();
        simulator.on(Call.CREATE, created())
                .on(Call.POLL, ReplicateReplies.succeeded("[\"done\"]").after(Duration.ofMillis(500)));
        CompletableFuture<String> asked = ask(PREDICTION);
        await().until(() -> simulator.concurrent(Call.POLL) == 1);

        cancel("r1");

        assertThat(asked.get(10, TimeUnit.SECONDS)).contains("\"text\":\"done\"");
        await().during(Duration.ofMillis(300)).until(() -> simulator.count(Call.CANCEL) == 0);
        assertThat(takeChunks()).isEqualTo("done");
    }

    @ParameterizedTest
    @ValueSource(strings = {"other", "", "../r1", "r1 r2"})
    void aRequestThatIsNotInWorkIsReportedSo(String id) throws Exception {
        start();

        JsonNode report = cancel(id);

        assertThat(report.path("id").asText()).isEqualTo(id);
        assertThat(report.path("canceled").isBoolean()).isTrue();
        assertThat(report.path("canceled").asBoolean()).isFalse();
    }

    @Test
    void theIdMayBeInTheHeaderThatResultsHave() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.rawStream(PIECE).thenHang());
        CompletableFuture<String> asked = ask(CHAT);
        await().until(() -> captured.chunks.size() == 1);

        String report = template().requestBodyAndHeader("direct:cancel", null, "BactrianRequestId", "r1", String.class);

        assertThat(report).isEqualTo("{\"id\":\"r1\",\"canceled\":true}");
        assertCanceled(failure(asked), "stream-interrupted", 1);
        assertThat(takeChunks()).isEqualTo("a");
    }

    @Test
    void anIdThatWasCancelledMayBeUsedAgain() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.rawStream(PIECE).thenHang(), Reply.stream("b"));
        CompletableFuture<String> asked = ask(CHAT);
        await().until(() -> captured.chunks.size() == 1);
        cancelR1();
        failure(asked);

        assertThat(generate(CHAT).path("text").asText()).isEqualTo("b");
        assertThat(takeChunks()).isEqualTo("a|b");
    }

    @Test
    void theOthersGoOn() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.rawStream(PIECE).thenHang());
        CompletableFuture<String> asked = ask(CHAT);
        await().until(() -> captured.chunks.size() == 1);
        simulator.on(Call.CHAT, Reply.stream("b", "c").pause(Duration.ofMillis(500)));
        CompletableFuture<String> other = ask(CHAT.replace("r1", "r2"));
        await().until(() -> captured.chunks.size() == 2);

        cancelR1();

        assertCanceled(failure(asked), "stream-interrupted", 1);
        assertThat(other.get(10, TimeUnit.SECONDS)).contains("\"text\":\"bc\"");
        assertThat(takeChunks()).isEqualTo("a|b|c");
    }

    @Test
    void theErrorOfAFileGoesWhereErrorsGo() throws Exception {
        start("bactrian.file.enabled", "true");
        simulator.on(Call.CREATE, created()).always(Call.POLL, poll("processing"));
        Path inbox = Files.createDirectories(folder.resolve("inbox"));
        Files.writeString(inbox.resolve("r1.json"), PREDICTION);
        await().until(() -> simulator.count(Call.POLL) > 0);

        cancelR1();

        await().until(() -> !captured.errors.isEmpty());
        assertCanceled(captured.errors.remove().json(), "prediction-canceled", 1);
        assertOneCancel("p1");
    }

    @Test
    void aPredictionThatTheQueueHoldsIsCancelledAtItsNextPoll() throws Exception {
        start("bactrian.jms.enabled", "true");
        simulator.on(Call.CREATE, created()).always(Call.POLL, poll("processing"));
        template().sendBodyAndHeaders("jms:queue:bactrian.requests", PREDICTION, Map.of());
        await().until(() -> simulator.count(Call.POLL) > 1);

        cancelR1();

        await().until(() -> !captured.errors.isEmpty());
        assertCanceled(captured.errors.remove().json(), "prediction-canceled", 1);
        assertOneCancel("p1");
        await().until(() -> !cancel("r1").path("canceled").asBoolean());
    }

    @Test
    void anUnansweredCreateOfTheQueueIsCancelledOnceItIsKnown() throws Exception {
        start("bactrian.jms.enabled", "true");
        simulator.on(Call.CREATE, created().after(Duration.ofMillis(500))).always(Call.POLL, poll("processing"));
        template().sendBodyAndHeaders("jms:queue:bactrian.requests", PREDICTION, Map.of());
        await().until(() -> simulator.concurrent(Call.CREATE) == 1);

        cancelR1();

        await().until(() -> !captured.errors.isEmpty());
        assertCanceled(captured.errors.remove().json(), "prediction-canceled", 1);
        assertOneCancel("p1");
        assertThat(simulator.count(Call.POLL)).isZero();
        await().until(() -> !cancel("r1").path("canceled").asBoolean());
    }

    @Test
    void aCancelMeantForAnotherInstanceEndsNoLaterRequest() throws Exception {
        start("bactrian.jms.enabled", "true", "bactrian.replicate.poll-delay", "1s");
        simulator.on(Call.CREATE, created()).always(Call.POLL, poll("processing"));
        template().sendBodyAndHeaders("jms:queue:bactrian.requests", PREDICTION, Map.of());
        await().until(() -> simulator.count(Call.POLL) == 1);
        context().getRouteController().stopRoute("bactrian-from-polls");
        String taken = template().getCamelContext().createConsumerTemplate().receiveBody("jms:queue:bactrian.polls", 10_000, String.class);
        assertThat(taken).contains("p1");
        cancelR1();
        context().getRouteController().startRoute("bactrian-from-polls");
        simulator.reset().on(Call.CREATE, created()).on(Call.POLL, ReplicateReplies.succeeded("[\"done\"]"));

        template().sendBodyAndHeaders("jms:queue:bactrian.requests", PREDICTION, Map.of());

        await().until(() -> captured.results.size() + captured.errors.size() == 1);
        assertThat(captured.errors).extracting(Emitted::text).isEmpty();
        assertThat(captured.results.remove().json().path("text").asText()).isEqualTo("done");
        assertThat(takeChunks()).isEqualTo("done");
        assertThat(simulator.count(Call.CANCEL)).isZero();
    }

    @Test
    void theHomepageKnowsNoCancelButTheRequestEnds() throws Exception {
        start("bactrian.replicate.api", "homepage", "bactrian.replicate.api-endpoint", simulator.homepageCreateUrl(),
                "bactrian.replicate.poll-endpoint", simulator.homepagePollUrl());
        simulator.on(Call.CREATE, created()).always(Call.POLL, poll("processing"));
        CompletableFuture<String> asked = ask(PREDICTION);
        await().until(() -> simulator.count(Call.POLL) > 0);

        cancelR1();

        assertCanceled(failure(asked), "prediction-canceled", 1);
        assertThat(simulator.count(Call.CANCEL)).isZero();
    }
}
