package dev.bactrian.examples.severalkeys;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.List;
import java.util.Map;

import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Simulator;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Test;

/** Both keys at once, by the requests that the server sees. */
class SeveralKeysTest {

    @Test
    void eachTeamPaysForItsOwn() throws Exception {
        Main main = new Main();
        try (Simulator simulator = Simulator.start()) {
            main.addOverrideProperty("bactrian.upstage.api-endpoint", simulator.chatUrl());
            main.addOverrideProperty("bactrian.replicate.api-endpoint", simulator.predictionsUrl());
            main.addOverrideProperty("bactrian.replicate.poll-endpoint", simulator.pollUrl());
            main.addOverrideProperty("bactrian.replicate.poll-delay", "10ms");
            main.addOverrideProperty("sales.key", "up_sales");
            main.addOverrideProperty("lab.key", "up_lab");
            main.addOverrideProperty("lab.token", "r8_lab");
            main.start();

            await().until(() -> simulator.requests(Call.CHAT).size() == 2);
            await().until(() -> main.getCamelContext().getInflightRepository().size() == 0);
            assertThat(simulator.requests(Call.CHAT)).extracting(request -> List.of(request.header("Authorization"), request.json().path("model").asText()))
                    .containsExactlyInAnyOrder(List.of("Bearer up_sales", "solar-mini"), List.of("Bearer up_lab", "solar-pro4"));

            try (ProducerTemplate template = main.getCamelContext().createProducerTemplate()) {
                assertThat(template.requestBody("direct:lab", Map.of("model", "gemma-2b", "prompt", "hi"), String.class)).contains("\"succeeded\"");
            }
            assertThat(simulator.requests(Call.CREATE)).singleElement().matches(request -> "Bearer r8_lab".equals(request.header("Authorization")));
            assertThat(simulator.requests(Call.POLL)).isNotEmpty().allMatch(request -> "Bearer r8_lab".equals(request.header("Authorization")));
        } finally {
            main.stop();
        }
    }
}
