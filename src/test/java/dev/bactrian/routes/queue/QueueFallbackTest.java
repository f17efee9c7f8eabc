package dev.bactrian.routes.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.junit.jupiter.api.Test;

/** Requests from a queue that name other models to try. */
class QueueFallbackTest extends RouteTestSupport {

    private JsonNode ask(String request, Map<String, Object> headers) {
        template().sendBodyAndHeaders("jms:queue:bactrian.requests", request.replace('\'', '"'), headers);
        await("a result").until(() -> !captured.results.isEmpty());
        return captured.results.remove().json();
    }

    private static List<String> types(JsonNode document) {
        return List.of(document.at("/attempts/0/error/type").asText(), document.at("/attempts/1/error/type").asText());
    }

    @Test
    void theStateOfTheFallbackTravelsWithThePrediction() throws Exception {
        start(List.of(Property.JMS_ENABLED.key(), "true"), "bactrian.retry.max-attempts", "0", "bactrian.replicate.poll-max-attempts", "4",
                "bactrian.replicate.poll-delay", "5ms", "bactrian.emit.chunk", "");

        simulator.on(Call.CHAT, Reply.status(503));
        JsonNode chatFirst = ask("{'id': 'a', 'prompt': 'hi', 'temperature': 0.5}", Map.of("BactrianFallback", "gemma-2b"));
        assertThat(chatFirst.path("provider").asText()).isEqualTo("replicate");
        assertThat(types(chatFirst)).containsExactly("provider-unavailable", "");

        simulator.reset().on(Call.CREATE, Reply.status(429));
        JsonNode createFirst = ask("{'id': 'b', 'prompt': 'hi', 'model': 'gemma-2b', 'fallback': ['solar-pro3']}", Map.of());
        assertThat(createFirst.path("model").asText()).isEqualTo("solar-pro3");
        assertThat(types(createFirst)).containsExactly("rate-limited", "");

        simulator.reset().always(Call.POLL, Reply.prediction("processing", null));
        JsonNode afterPaid = ask("{'id': 'c', 'messages': [{'role': 'user', 'content': 'hi', 'name': 'kim'}], 'model': 'gemma-2b', "
                + "'top_p': 0.25, 'fallback': ['llama-3-8b', 'solar-pro3'], 'fallback-after-paid': true}", Map.of());
        assertThat(afterPaid.path("model").asText()).isEqualTo("solar-pro3");
        assertThat(types(afterPaid)).containsExactly("timeout", "timeout");
        assertThat(simulator.count(Call.CREATE)).isEqualTo(2);
        JsonNode sent = simulator.requests(Call.CHAT).get(0).json();
        assertThat(sent.at("/messages/0/content").asText()).isEqualTo("hi");
        assertThat(sent.at("/messages/0/name").asText()).isEqualTo("kim");
        assertThat(sent.path("top_p").asDouble()).isEqualTo(0.25);
        assertThat(sent.path("fallback").isMissingNode()).isTrue();
        await().untilAsserted(() -> assertThat(records()).isEmpty());
    }
}
