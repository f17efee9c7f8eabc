package dev.bactrian.routes.provider;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.Map;
import java.util.concurrent.CompletableFuture;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.routes.support.RouteTestSupport;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A provider that is polled and unlike the packaged ones: its header, the field of its ids, the words of its statuses. */
class AcornTest extends RouteTestSupport {

    private static final String KEY = "acorn-key-0123456789";
    private static final String CREATED = "{\"job\": \"j-1\"}";
    private static final String DONE = "{\"status\": \"done\", \"text\": \"안녕\"}";
    private static final String CREATE = "POST /complete " + KEY + " {\"engine\":\"oak-1\",\"text\":\"Hello\"}";
    private static final String POLL = "GET /jobs/j-1 " + KEY;
    private static final String STOP = "POST /jobs/j-1/stop " + KEY;

    private ScriptedServer server;

    @BeforeEach
    void startServer() throws Exception {
        server = new ScriptedServer();
    }

    @AfterEach
    void stopServer() {
        server.close();
    }

    @Override
    protected void configure(Main main) {
        main.configure().setRoutesIncludePattern("classpath:bactrian/*.camel.yaml,classpath:providers/acorn.camel.yaml");
    }

    private void startWithKey(String key) throws Exception {
        start("bactrian.models", "classpath:providers/acorn-models.yaml", "acorn.endpoint", server.url(), "acorn.key", key,
                "acorn.poll-delay-millis", "20");
    }

    private String answer() throws Exception {
        startWithKey(KEY);
        String text = generate(Map.of("model", "oak", "prompt", "Hello")).path("text").asText();
        assertThat(takeChunks()).isEqualTo(text);
        return text;
    }

    private JsonNode error() throws Exception {
        startWithKey(KEY);
        return generateFails(Map.of("model", "oak", "prompt", "Hello")).path("error");
    }

    @Test
    void aJobIsPolledUntilItsTextIsThere() throws Exception {
        server.answer(202, CREATED).answer(200, "{\"status\": \"waiting\"}").answer(200, "{\"status\": \"working\"}").answer(200, DONE);
        startWithKey(KEY);

        JsonNode document = generate(Map.of("model", "oak", "prompt", "Hello"));

        assertThat(document.path("provider").asText()).isEqualTo("acorn");
        assertThat(document.path("model").asText()).isEqualTo("oak-1");
        assertThat(document.path("text").asText()).isEqualTo("안녕");
        assertThat(document.at("/prediction/id").asText()).isEqualTo("j-1");
        assertThat(document.at("/prediction/polls").asInt()).isEqualTo(3);
        assertThat(takeChunks()).isEqualTo("안녕");
        assertThat(server.requests()).containsExactly(CREATE, POLL, POLL, POLL);
    }

    @Test
    void aBrokenJobIsAnErrorWithItsReason() throws Exception {
        server.answer(202, CREATED).answer(200, "{\"status\": \"broken\", \"reason\": \"no squirrel for " + KEY + "\"}");

        JsonNode error = error();

        assertThat(error.path("type").asText()).isEqualTo("prediction-failed");
        assertThat(error.path("message").asText()).isEqualTo("no squirrel for ***");
    }

    @Test
    void aPollThatFailsIsRepeated() throws Exception {
        server.answer(202, CREATED).answer(503, "").answer(429, "").answer(200, "{}").answer(200, DONE);

        assertThat(answer()).isEqualTo("안녕");
        assertThat(server.requests()).containsExactly(CREATE, POLL, POLL, POLL, POLL);
    }

    @Test
    void aCreateThatIsAnswered429IsRepeated() throws Exception {
        server.answer(429, "").answer(202, CREATED).answer(200, DONE);

        assertThat(answer()).isEqualTo("안녕");
        assertThat(server.requests()).containsExactly(CREATE, CREATE, POLL);
    }

    @Test
    void aCreateThatIsAnswered503IsNotRepeated() throws Exception {
        server.answer(503, "").answer(202, CREATED);

        assertThat(error().path("type").asText()).isEqualTo("provider-unavailable");
        assertThat(server.requests()).containsExactly(CREATE);
    }

    @Test
    void aCreateThatBreaksOffAfterTheIdIsNotPaidForTwice() throws Exception {
        server.brokenOff(202, "{\"job\": \"j-1\", \"queue\": \"").answer(200, DONE);

        assertThat(answer()).isEqualTo("안녕");
        assertThat(server.requests()).containsExactly(CREATE, POLL);
    }

    @Test
    void anAnswerWithoutAJobIsAnErrorWithoutTheKey() throws Exception {
        server.answer(200, "{\"error\": \"busy, " + KEY + "\"}");

        assertThat(error().path("message").asText()).isEqualTo("the answer to the create holds no job: busy, ***");
        assertThat(server.requests()).containsExactly(CREATE);
    }

    @Test
    void aCancelledJobIsStoppedAndPolledNoMore() throws Exception {
        server.answer(202, CREATED);
        for (int i = 0; i < 100; i++) {
            server.answer(200, "{\"status\": \"working\"}");
        }
        startWithKey(KEY);
        CompletableFuture<JsonNode> failed = CompletableFuture.supplyAsync(() -> generateFails(Map.of("id", "r1", "model", "oak", "prompt", "Hello")));
        await().until(() -> server.requests().size() > 2);

        template().requestBody("direct:cancel", "r1");

        assertThat(failed.get().at("/error/type").asText()).isEqualTo("prediction-canceled");
        await().until(() -> server.requests().contains(STOP));
        assertThat(server.requests()).filteredOn(STOP::equals).hasSize(1);
    }

    @Test
    void withoutAKeyNothingIsSent() throws Exception {
        startWithKey("");

        assertThat(generateFails(Map.of("model", "oak", "prompt", "Hello")).at("/error/message").asText()).isEqualTo("acorn.key is not set");
        assertThat(server.requests()).isEmpty();
    }
}
