package dev.bactrian.route;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.http.Answers;
import dev.bactrian.simulator.Call;
import org.junit.jupiter.api.Test;

/** Requests from a queue, with the broker inside the process. */
class QueueTest extends RouteTestSupport {

    private static final Duration SOON = Duration.ofSeconds(20);

    private void startQueue(String... properties) throws Exception {
        String[] all = new String[properties.length + 2];
        all[0] = Property.JMS_ENABLED.key();
        all[1] = "true";
        System.arraycopy(properties, 0, all, 2, properties.length);
        start(all);
    }

    private void send(String body, Map<String, Object> headers) {
        template().sendBodyAndHeaders("jms:queue:bactrian.requests", body, headers);
    }

    private Emitted takeResult() {
        await("a result").atMost(SOON).until(() -> !captured.results.isEmpty());
        return captured.results.remove();
    }

    @Test
    void aChatIsAnsweredWithItsChunks() throws Exception {
        startQueue();

        send("Hello camel", Map.of("JMSCorrelationID", "greeting"));

        Emitted result = takeResult();
        assertThat(result.json().path("id").asText()).isEqualTo("greeting");
        assertThat(result.json().path("text").asText()).isEqualTo(takeChunks().replace("|", ""));
        assertThat(result.headers().keySet()).containsExactlyInAnyOrder(
                "BactrianRequestId", "BactrianProvider", "BactrianModel", "BactrianKind", "BactrianStatus");
    }

    @Test
    void aPredictionIsWaitedForByTheBroker() throws Exception {
        startQueue();

        send("{\"id\": \"cat\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}", Map.of());

        JsonNode result = takeResult().json();
        assertThat(result.path("id").asText()).isEqualTo("cat");
        assertThat(result.path("prompt").asText()).isEqualTo("a cat");
        assertThat(result.path("images").path(0).path("url").asText()).startsWith("http");
        assertThat(result.path("prediction").path("polls").asInt()).isPositive();
        assertThat(simulator.count(Call.CREATE)).isOne();
    }

    @Test
    void aFailureIsEmittedAsItsDocument() throws Exception {
        startQueue();

        send("{\"id\": \"bad\", \"model\": \"no-such-model\", \"prompt\": \"x\"}", Map.of());

        await().atMost(SOON).until(() -> !captured.errors.isEmpty());
        JsonNode error = captured.errors.remove().json();
        assertThat(error.path("id").asText()).isEqualTo("bad");
        assertThat(error.path("error").path("type").asText()).isEqualTo("unsupported-model");
    }

    @Test
    void whoeverAsksAndWaitsIsAnswered() throws Exception {
        startQueue();

        String reply = template().requestBody("jms:queue:bactrian.requests?requestTimeout=20000",
                "{\"id\": \"asked\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}", String.class);

        assertThat(Answers.json(reply).orElseThrow().path("status").asText()).isEqualTo("succeeded");
        assertThat(takeResult().json().path("id").asText()).isEqualTo("asked");
    }
}
