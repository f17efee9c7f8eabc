package dev.bactrian.routes.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.routes.support.BatchTestSupport;
import dev.bactrian.routes.support.ReplicateReplies;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.apache.camel.Exchange;
import org.junit.jupiter.api.Test;

/** A message of JSON lines to {@code direct:generate-and-emit}: its caller continues, and the outcomes are emitted together. */
class BatchMessageTest extends BatchTestSupport {

    private static final String LINES = "{\"prompt\": \"a\"}\n{\"id\": \"own\", \"model\": \"solar-mini\", \"prompt\": \"b\"}\n";
    private static final String TYPE = "application/x-ndjson; charset=utf-8";

    private boolean isThere(String id) {
        return Files.exists(outbox().resolve(id + ".results.jsonl"));
    }

    @Test
    void theCallerContinuesWithItsOwnMessage() throws Exception {
        start("bactrian.emit.chunk", "");
        Object body = template().requestBodyAndHeaders("direct:generate-and-emit", LINES,
                Map.of(Exchange.CONTENT_TYPE, TYPE, "BactrianRequestId", "mine", "BactrianModel", "solar-pro"));

        assertThat(body).isEqualTo(LINES);
        await().until(() -> isThere("mine"));
        List<JsonNode> outcomes = outcomes("mine");
        assertThat(outcomes).extracting(outcome -> outcome.path("id").asText()).containsExactly("mine-1", "own");
        assertThat(outcomes).extracting(outcome -> outcome.path("model").asText()).first().asString().contains("solar-pro");
        assertThat(outcomes).extracting(outcome -> outcome.path("model").asText()).last().asString().contains("mini");
        assertNothingIsLeft();
    }

    @Test
    void aStreamIsStoredBeforeTheCallerCloses() throws Exception {
        start("bactrian.emit.chunk", "", "bactrian.emit.batch", "bean:captured?method=result");
        simulator.always(Call.CHAT, Reply.stream("a"));
        InputStream stream = new ByteArrayInputStream(LINES.repeat(50).replace("own", "x").getBytes(StandardCharsets.UTF_8));
        template().sendBodyAndHeader("direct:generate-and-emit", stream, Exchange.CONTENT_TYPE, TYPE);
        assertThat(stream.read()).isNegative();

        await().until(() -> captured.results.size() == 1);

        try (InputStream outcomes = (InputStream) captured.results.remove().body()) {
            assertThat(new String(outcomes.readAllBytes(), StandardCharsets.UTF_8).lines()).hasSize(100);
        }
        assertNothingIsLeft();
    }

    @Test
    void aBatchGoesOnAtTheNextStart() throws Exception {
        simulator.on(Call.CHAT, Reply.stream("paid")).always(Call.POLL, ReplicateReplies.poll("processing"));
        start("bactrian.emit.chunk", "", "bactrian.replicate.poll-max-attempts", "100000", "camel.main.shutdown-timeout", "1");
        template().sendBodyAndHeaders("direct:generate-and-emit", "{\"prompt\": \"a\"}\n{\"prompt\": \"a picture\"}\n",
                Map.of(Exchange.CONTENT_TYPE, TYPE, "BactrianRequestId", "again", "BactrianModel", "gemma-2b"));
        await().until(() -> simulator.count(Call.CREATE) == 2 && simulator.count(Call.POLL) > 0);
        stop();
        simulator.always(Call.POLL, ReplicateReplies.succeeded("\"done\""));

        start("bactrian.emit.chunk", "");
        await().until(() -> isThere("again"));

        assertThat(outcomes("again")).extracting(outcome -> outcome.path("text").asText()).containsExactly("done", "done");
        assertThat(simulator.count(Call.CREATE)).isEqualTo(2);
        assertNothingIsLeft();
    }

    @Test
    void aBatchThatIsNoneIsAnErrorOfItsId() throws Exception {
        start("bactrian.emit.chunk", "");
        template().sendBodyAndHeaders("direct:generate-and-emit", "\n", Map.of(Exchange.CONTENT_TYPE, TYPE, "BactrianRequestId", "blank"));
        template().sendBodyAndHeaders("direct:generate-and-emit", LINES, Map.of(Exchange.CONTENT_TYPE, TYPE, "BactrianRequestId", "../up"));

        await().until(() -> captured.errors.size() == 2);

        assertThat(captured.errors).extracting(error -> error.json().at("/error/type").asText()).containsOnly("invalid-request");
        assertThat(captured.errors).extracting(error -> error.json().path("id").asText()).contains("blank").doesNotContain("../up");
        captured.errors.clear();
        assertNothingIsLeft();
    }

    @Test
    void aCallerThatWaitsIsToldThatItIsABatch() throws Exception {
        start();
        assertThat(template().send("direct:generate", exchange -> {
            exchange.getMessage().setBody(LINES);
            exchange.getMessage().setHeader(Exchange.CONTENT_TYPE, TYPE);
        }).getException()).hasMessageContaining("generate-and-emit");
        assertThat(simulator.requests()).isEmpty();
    }
}
