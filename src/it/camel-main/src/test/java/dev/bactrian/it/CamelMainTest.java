package dev.bactrian.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import org.apache.camel.Exchange;
import org.apache.camel.main.Main;
import org.apache.camel.spi.BrowsableEndpoint;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The application of {@code examples/camel-main}, with its own files and class path, against the simulator. */
class CamelMainTest {

    private final Main main = new Main();
    private final Seen seen = new Seen();
    private Simulator simulator;

    @BeforeEach
    void setUp() {
        simulator = Simulator.start();
        main.addOverrideProperty("bactrian.upstage.api-endpoint", simulator.chatUrl());
        main.addOverrideProperty("bactrian.emit.chunk", "direct:chunk | bean:seen?method=chunk");
        main.bind("seen", seen);
    }

    @AfterEach
    void stop() {
        main.stop();
        simulator.close();
    }

    /** Counts chunks beside the host's own route for them. */
    public static final class Seen {
        private final AtomicInteger chunks = new AtomicInteger();

        public void chunk() {
            chunks.incrementAndGet();
        }
    }

    private List<Exchange> answers() {
        return main.getCamelContext().getEndpoint("stub:answers", BrowsableEndpoint.class).getExchanges();
    }

    @Test
    void asksWithTextAndWithMessagesAndUsesTheAnswers() throws Exception {
        main.start();

        await().atMost(Duration.ofSeconds(20)).until(() -> answers().size() == 2);
        assertThat(answers()).allMatch(answer -> answer.getMessage().getBody(Map.class).get("text").toString().contains("Bactrian camel"));
        assertThat(answers()).anyMatch(answer -> "4711".equals(answer.getMessage().getHeader("Ticket")));
        assertThat(seen.chunks).hasValueGreaterThan(2);
        assertThat(simulator.requests(Call.CHAT)).extracting(RecordedRequest::json)
                .anyMatch(body -> body.path("messages").path(0).path("content").asText().equals("Why does a camel have humps?"))
                .anyMatch(body -> body.path("messages").size() == 2 && body.path("temperature").asText().equals("0.2"));
        assertThat(simulator.requests(Call.CHAT)).allMatch(request -> request.header("Ticket") == null);
    }

    @Test
    void handlesAFailureByItself() throws Exception {
        simulator.always(Call.CHAT, Reply.json(400, "{\"error\":{\"message\":\"no\"}}"));
        main.start();

        await().atMost(Duration.ofSeconds(20)).until(() -> answers().size() == 2);
        assertThat(answers()).noneMatch(answer -> answer.isFailed());
        assertThat(simulator.count(Call.CHAT)).isEqualTo(2);
    }
}
