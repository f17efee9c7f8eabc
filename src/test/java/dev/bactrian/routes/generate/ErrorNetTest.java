package dev.bactrian.routes.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import org.apache.camel.Exchange;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An Error, wherever it is thrown: its request has an outcome, its id is free again, and the next goes on. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class ErrorNetTest extends RouteTestSupport {

    private final AtomicInteger errors = new AtomicInteger();

    /** Throws so many Errors, then works. */
    public final class Sick {
        private final Captured well = captured;

        public void memory(Exchange exchange) {
            if (errors.getAndDecrement() > 0) {
                throw new OutOfMemoryError("Java heap space");
            }
            well.result(exchange);
        }

        public void chunk(Exchange exchange) {
            if (errors.getAndDecrement() > 0) {
                recurse(0);
            }
        }

        private int recurse(int depth) {
            return recurse(depth + 1) + 1;
        }
    }

    @Override
    protected void configure(Main main) {
        main.bind("sick", new Sick());
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:sick").process(exchange -> {
                    if (errors.getAndDecrement() > 0) {
                        throw new OutOfMemoryError("Java heap space");
                    }
                });
            }
        });
    }

    private void answersAgain(String model) {
        for (int i = 0; i < 2; i++) {
            assertThat(generate(Map.of("id", "same", "prompt", "hello", "model", model)).path("status").asText()).isEqualTo("succeeded");
        }
        takeChunks();
    }

    @ParameterizedTest
    @ValueSource(strings = {"bean:sick?method=chunk", "direct:sick"})
    void aChunkEndpointThatThrowsOneFailsTheChat(String endpoint) throws Exception {
        start(Property.EMIT_CHUNK.key(), endpoint);
        errors.set(1);
        JsonNode error = generateFails(Map.of("id", "same", "prompt", "hello"));
        assertThat(error.at("/error/type").asText()).isEqualTo("delivery-failed");
        assertThat(error.at("/error/message").asText()).containsPattern("OutOfMemoryError: Java heap space|StackOverflowError");
        answersAgain("solar-pro4");
    }

    @ParameterizedTest
    @ValueSource(strings = {"bean:sick?method=chunk", "direct:sick"})
    void aChunkEndpointThatThrowsOneFailsThePrediction(String endpoint) throws Exception {
        start(Property.EMIT_CHUNK.key(), endpoint);
        errors.set(1);
        JsonNode error = generateFails(Map.of("id", "same", "prompt", "hello", "model", "google-deepmind/gemma-2b-it"));
        assertThat(error.at("/error/type").asText()).isEqualTo("delivery-failed");
        answersAgain("google-deepmind/gemma-2b-it");
    }

    @ParameterizedTest
    @ValueSource(strings = {"bean:sick?method=memory", "direct:sick"})
    void aDestinationThatThrowsOneIsTriedAgain(String endpoint) throws Exception {
        start(Property.EMIT_CHUNK.key(), "", Property.EMIT_RESULT.key(), endpoint);
        errors.set(2);
        template().sendBody("direct:generate-and-emit", "hello");
        await().until(() -> errors.get() == -1);
        captured.results.clear();
        assertThat(simulator.count(Call.CHAT)).isOne();
    }
}
