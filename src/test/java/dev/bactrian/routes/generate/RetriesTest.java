package dev.bactrian.routes.generate;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.junit.jupiter.api.Test;

/** Calls that are safe to repeat are repeated, and counted. */
class RetriesTest extends RouteTestSupport {

    @Test
    void aChatThatIsUnavailableTwiceIsMadeAThirdTime() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.status(503), Reply.status(429), Reply.stream("a", "b"));

        assertThat(generate("hi").path("text").asText()).isEqualTo("ab");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(3);
        assertThat(takeChunks()).isEqualTo("a|b");
    }

    @Test
    void anErrorSaysHowOftenTheCallWasMade() throws Exception {
        start();
        simulator.always(Call.CHAT, Reply.status(429));

        JsonNode error = generateFails("hi").path("error");

        assertThat(error.path("type").asText()).isEqualTo("rate-limited");
        assertThat(error.path("attempts").asInt()).isEqualTo(4);
        assertThat(simulator.count(Call.CHAT)).isEqualTo(4);
    }
}
