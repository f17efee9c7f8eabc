package dev.bactrian.routes.generate;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.junit.jupiter.api.Test;

/** The way through, in its simplest form, for each service. */
class FirstRequestTest extends RouteTestSupport {

    @Test
    void aPromptIsAnsweredByUpstageChunkByChunk() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.stream("안녕", "하세요"));

        JsonNode result = generate("Say hello");

        assertThat(result.path("text").asText()).isEqualTo("안녕하세요");
        assertThat(result.path("model").asText()).isEqualTo("solar-pro4");
        assertThat(takeChunks()).isEqualTo("안녕|하세요");
    }

    @Test
    void anImageIsMadeByReplicate() throws Exception {
        start();

        JsonNode result = generate("{\"model\": \"sd-3\", \"prompt\": \"a camel with two humps\"}");

        assertThat(result.path("kind").asText()).isEqualTo("image");
        assertThat(result.path("images").path(0).path("url").asText()).startsWith("http");
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
    }
}
