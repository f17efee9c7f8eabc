package dev.bactrian.examples.kamelets;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Simulator;
import org.apache.camel.component.mock.MockEndpoint;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Test;

/** The application as it is, but for keys and endpoints. */
class TellTest {

    @Test
    void writesChunkByChunkAndPaintsWhatItWrote() throws Exception {
        Main main = new Main(Application.class);
        main.addOverrideProperty("camel.kamelet.upstage-chat-action.apiKey", "up_java");
        main.addOverrideProperty("camel.kamelet.replicate-image-action.apiToken", "r8_java");
        try (Simulator simulator = Simulator.start()) {
            main.addOverrideProperty("camel.kamelet.upstage-chat-action.endpoint", simulator.chatUrl());
            main.addOverrideProperty("camel.kamelet.replicate-image-action.endpoint", simulator.predictionsUrl());
            main.addOverrideProperty("camel.kamelet.replicate-image-action.pollDelay", "10ms");
            main.addOverrideProperty("tell.chunks", "mock:chunks");
            main.start();

            await().until(() -> main.getCamelContext().getInflightRepository().size() == 0 && simulator.count(Call.POLL) > 0);
            String told = String.join("", MockEndpoint.resolve(main.getCamelContext(), "mock:chunks").getExchanges().stream()
                    .map(chunk -> chunk.getMessage().getBody(String.class)).toList());
            assertThat(told).contains("Bactrian camel");
            assertThat(simulator.requests(Call.CHAT)).singleElement().matches(request -> "Bearer up_java".equals(request.header("Authorization")))
                    .matches(request -> "solar-mini".equals(request.json().path("model").asText()));
            assertThat(simulator.requests(Call.CREATE)).singleElement().matches(request -> "Bearer r8_java".equals(request.header("Authorization")))
                    .matches(request -> told.equals(request.json().at("/input/prompt").asText()));
        } finally {
            main.stop();
        }
    }
}
