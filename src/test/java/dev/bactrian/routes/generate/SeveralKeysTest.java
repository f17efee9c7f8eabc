package dev.bactrian.routes.generate;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.poll;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.core.Provider.Access;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.support.CapturedLog;
import org.apache.camel.health.HealthCheck;
import org.apache.camel.health.HealthCheckHelper;
import org.junit.jupiter.api.Test;

/** Several keys of one provider: each call uses the one with room, a refused one is set aside, and a prediction keeps its own. */
class SeveralKeysTest extends RouteTestSupport {

    private static final String FIRST = "key-0123456789-aaaa";
    private static final String SECOND = "key-0123456789-bbbb";
    private static final String UPSTAGE = "bactrian.upstage.api-key";
    private static final String REPLICATE = "bactrian.replicate.api-token";
    private static final Map<String, Object> CHAT = Map.of("prompt", "Hello");
    private static final String PREDICTION = "{\"id\": \"p\", \"model\": \"gemma-2b\", \"prompt\": \"p\"}";

    private Simulator other;

    private List<String> keysOf(Call call) {
        return simulator.requests(call).stream().map(request -> request.header("Authorization").replace("Bearer ", "")).toList();
    }

    private void requireSecond() {
        simulator.close();
        simulator = Simulator.builder().pause(Duration.ZERO).requireToken(SECOND).start();
    }

    @Test
    void callsAreDividedAmongThem() throws Exception {
        start(UPSTAGE, " '" + FIRST + "', Bearer " + SECOND + " ,");

        IntStream.range(0, 4).forEach(i -> generate(CHAT));

        assertThat(keysOf(Call.CHAT)).containsExactlyInAnyOrder(FIRST, FIRST, SECOND, SECOND);
        takeChunks();
    }

    @Test
    void aRefusedOneIsSetAsideAndTheRequestGoesOn() throws Exception {
        requireSecond();
        start(UPSTAGE, FIRST + "," + SECOND, "bactrian.retry.max-attempts", "0");

        try (CapturedLog log = new CapturedLog()) {
            IntStream.range(0, 4).forEach(i -> assertThat(generate(CHAT).path("status").asText()).isEqualTo("succeeded"));

            assertThat(log.lines("WARN")).singleElement().asString().contains(
                    "upstage answered 401 to the key …aaaa of bactrian.upstage.api-key: it is set aside for 10 minutes; 1 of 2 keys are in use");
            assertThat(log.toString()).doesNotContain(FIRST, SECOND);
        }
        assertThat(keysOf(Call.CHAT)).hasSize(5).containsOnlyOnce(FIRST);
        assertThat(HealthCheckHelper.invokeReadiness(context(), "full").stream().filter(result -> result.getCheck().getId().equals("bactrian-upstage")))
                .singleElement().satisfies(result -> {
                    assertThat(result.getState()).isEqualTo(HealthCheck.State.UP);
                    assertThat(result.getMessage()).hasValue("upstage is reachable; keys of bactrian.upstage.api-key that are set aside: …aaaa (401)");
                });
        takeChunks();
    }

    @Test
    void ifAllAreRefusedTheErrorNamesThem() throws Exception {
        simulator.on(Call.CHAT, Reply.status(402), Reply.json(403,
                "{\"error\":{\"message\":\"not " + SECOND + "\",\"code\":\"api_key_is_not_allowed\"}}"));
        start(UPSTAGE, FIRST + "," + SECOND);

        JsonNode error = generateFails(CHAT).path("error");

        assertThat(error.path("type").asText()).isEqualTo("authentication");
        assertThat(error.path("message").asText()).isEqualTo("upstage answered 403: not ***; all keys of bactrian.upstage.api-key are set aside: "
                + "…aaaa (402), …bbbb (403)");
        assertThat(error.path("attempts").asInt()).isEqualTo(2);
        assertThat(generate(CHAT).path("status").asText()).as("the first is tried again, and is accepted").isEqualTo("succeeded");
        assertThat(keysOf(Call.CHAT)).containsExactly(FIRST, SECOND, FIRST);
        takeChunks();
    }

    @Test
    void oneThatMayNotUseAModelIsUsedForTheOthers() throws Exception {
        Reply forbidden = Reply.json(403, "{\"error\":{\"message\":\"your project has no access to this model\",\"code\":\"model_not_allowed\"}}");
        simulator.on(Call.CHAT, forbidden, Reply.normally(), Reply.normally(), Reply.normally(), Reply.normally(), forbidden, forbidden);
        start(UPSTAGE, FIRST + "," + SECOND, "bactrian.retry.max-attempts", "0");

        try (CapturedLog log = new CapturedLog()) {
            generate(CHAT);
            generate(CHAT);
            assertThat(log.lines("WARN")).singleElement().asString().contains(
                    "the key …aaaa of bactrian.upstage.api-key: it is set aside for solar-pro4 for 10 minutes; 1 of 2 keys are in use");
        }
        assertThat(keysOf(Call.CHAT)).containsExactly(FIRST, SECOND, SECOND);
        IntStream.range(0, 2).forEach(i -> generate(Map.of("model", "solar-mini4", "prompt", "Hello")));
        assertThat(keysOf(Call.CHAT).subList(3, 5)).containsExactlyInAnyOrder(FIRST, SECOND);

        JsonNode error = generateFails(Map.of("model", "solar-pro3", "prompt", "Hello")).path("error");
        assertThat(error.path("type").asText()).isEqualTo("authentication");
        assertThat(error.path("message").asText()).contains("no access to this model; all keys of bactrian.upstage.api-key are set aside: ")
                .contains("…aaaa (403 for solar-pro3)", "…bbbb (403 for solar-pro3)");
        assertThat(HealthCheckHelper.invokeReadiness(context(), "full").stream().filter(result -> result.getCheck().getId().equals("bactrian-upstage")))
                .singleElement().satisfies(result -> assertThat(result.getMessage().orElseThrow())
                        .startsWith("upstage is reachable; ").contains("…aaaa (403 for solar-pro3), …aaaa (403 for solar-pro4)"));
        generate(Map.of("model", "solar-pro3", "prompt", "Hello"));
        takeChunks();
    }

    @Test
    void ifAllAreRefusedTheProviderIsNotReady() throws Exception {
        simulator.close();
        simulator = Simulator.builder().requireToken("another").start();
        start(UPSTAGE, FIRST + "," + SECOND, REPLICATE, "another");

        assertThat(HealthCheckHelper.invokeReadiness(context(), "full").stream().filter(result -> result.getCheck().getId().equals("bactrian-upstage")))
                .singleElement().satisfies(result -> {
                    assertThat(result.getState()).isEqualTo(HealthCheck.State.DOWN);
                    assertThat(result.getMessage()).hasValue("upstage takes none of the keys of bactrian.upstage.api-key: …aaaa (401), …bbbb (401)");
                });
    }

    @Test
    void oneWhoseLimitIsUsedUpIsNotUsed() throws Exception {
        simulator.on(Call.CHAT, Reply.status(429).header("Retry-After", "60"));
        start(UPSTAGE, FIRST + "," + SECOND, "bactrian.retry.max-delay", "60s");

        IntStream.range(0, 3).forEach(i -> generate(CHAT));

        assertThat(keysOf(Call.CHAT)).containsExactly(FIRST, SECOND, SECOND, SECOND);
        takeChunks();
    }

    @Test
    void aRefusedCreateIsMadeWithAnotherAndPolledWithThat() throws Exception {
        simulator.on(Call.CREATE, Reply.status(402), created()).on(Call.POLL, poll("processing"), succeeded("\"a\""));
        start(REPLICATE, FIRST + "," + SECOND);

        assertThat(generate(PREDICTION).path("text").asText()).isEqualTo("a");

        assertThat(keysOf(Call.CREATE)).containsExactly(FIRST, SECOND);
        assertThat(keysOf(Call.POLL)).containsOnly(SECOND);
        takeChunks();
    }

    @Test
    void aPredictionKeepsItsOwnAfterARestart() throws Exception {
        start(REPLICATE, FIRST + "," + SECOND, "camel.main.shutdown-timeout", "1");
        simulator.on(Call.CREATE, created("p0"), created("p1")).on(Call.POLL, succeeded("\"a\"")).always(Call.POLL, poll("processing"));
        generate(PREDICTION.replace("\"p\"", "\"q\""));
        template().asyncRequestBody("direct:generate", PREDICTION, String.class);
        await().until(() -> simulator.count(Call.POLL) > 1);
        stop();
        assertThat(records()).containsExactly("p1 " + Access.nameOf(SECOND));
        int before = simulator.count(Call.POLL);
        simulator.always(Call.POLL, poll("processing"));

        start(REPLICATE, "key-0123456789-cccc," + FIRST + "," + SECOND);
        CompletableFuture<String> result = template().asyncRequestBody("direct:generate", PREDICTION, String.class);
        await().until(() -> simulator.count(Call.POLL) > before);
        template().requestBody("direct:cancel", "p");
        await().until(() -> simulator.count(Call.CANCEL) == 1);

        assertThat(keysOf(Call.CREATE)).containsExactly(FIRST, SECOND);
        assertThat(Set.copyOf(keysOf(Call.POLL).subList(before, simulator.count(Call.POLL)))).containsExactly(SECOND);
        assertThat(keysOf(Call.CANCEL)).containsExactly(SECOND);
        assertThat(result).failsWithin(SOON);
        takeChunks();
    }

    @Test
    void aRecordOfAVersionWithOneKeyIsPolledWithTheFirst() throws Exception {
        start(REPLICATE, FIRST, "camel.main.shutdown-timeout", "1");
        simulator.on(Call.CREATE, created("p1")).always(Call.POLL, poll("processing"));
        template().asyncRequestBody("direct:generate", PREDICTION, String.class);
        await().until(() -> simulator.count(Call.POLL) > 0);
        stop();
        assertThat(records()).containsExactly("p1");
        simulator.always(Call.POLL, succeeded("\"a\""));

        start(REPLICATE, FIRST + "," + SECOND);
        assertThat(generate(PREDICTION).path("text").asText()).isEqualTo("a");

        assertThat(keysOf(Call.POLL)).containsOnly(FIRST);
        takeChunks();
    }

    @Test
    void aLostCreateIsLookedForWithItsOwn() throws Exception {
        start(REPLICATE, FIRST + "," + SECOND);
        simulator.on(Call.CREATE, Reply.normally(), Reply.lost().accepting());

        generate(PREDICTION.replace("\"p\"", "\"q\""));
        generate(PREDICTION);

        assertThat(keysOf(Call.CREATE)).containsExactly(FIRST, SECOND);
        assertThat(keysOf(Call.LIST)).isNotEmpty().containsOnly(SECOND);
        takeChunks();
    }

    @Test
    void theyAreMaskedEach() throws Exception {
        start(UPSTAGE, FIRST + "," + SECOND);
        simulator.always(Call.CHAT, Reply.stream("a " + FIRST, " b " + SECOND));

        Set<String> texts = new TreeSet<>();
        Stream.of(1, 2).forEach(i -> texts.add(generate(CHAT).path("text").asText()));

        assertThat(texts).containsExactly("a *** b ***");
        assertThat(takeChunks()).doesNotContain(FIRST, SECOND);
    }

    @Test
    void aProviderOfTheCatalogueHasSeveralToo() throws Exception {
        other = Simulator.builder().pause(Duration.ZERO).requireToken(SECOND).start();
        try {
            java.nio.file.Path models = java.nio.file.Files.writeString(folder.resolve("models.yaml"), "extends: classpath:bactrian/models.yaml\nproviders:\n"
                    + "  groq: {protocol: openai, endpoint: '" + other.chatUrl() + "', models: [{id: llama}]}\n");
            start("bactrian.models", models.toUri().toString(), "bactrian.groq.api-key", FIRST + ", " + SECOND);

            assertThat(generate(Map.of("model", "llama", "prompt", "Hello")).path("status").asText()).isEqualTo("succeeded");
            assertThat(other.requests(Call.CHAT)).extracting(request -> request.header("Authorization")).containsExactly("Bearer " + FIRST, "Bearer " + SECOND);
        } finally {
            other.close();
        }
        takeChunks();
    }
}
