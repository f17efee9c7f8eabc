package dev.bactrian.routes.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.routes.support.RawServer;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.text.ProviderJson;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import org.apache.camel.health.HealthCheck;
import org.apache.camel.health.HealthCheckRegistry;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Test;

/** What a provider that is down is spared, and when it is called again. */
class CircuitBreakerTest extends RouteTestSupport {

    private static final int AT_ONCE = 10;
    private static final String CHAT = "{\"model\": \"solar-mini4\", \"prompt\": \"hi\"}";
    private static final List<String> QUICK = List.of("bactrian.circuit-breaker.calls", "20", "bactrian.emit.chunk", "");

    private final MeterRegistry meters = new SimpleMeterRegistry();

    @Override
    protected void configure(Main main) {
        main.bind("meters", meters);
    }

    private void down(int requests, String request) throws Exception {
        ExecutorService callers = Executors.newFixedThreadPool(AT_ONCE);
        try {
            List<Future<JsonNode>> errors = IntStream.range(0, requests).mapToObj(i -> callers.submit(() -> generateFails(request))).toList();
            for (Future<JsonNode> error : errors) {
                assertThat(error.get(60, TimeUnit.SECONDS).at("/error/type").asText()).isEqualTo("provider-unavailable");
            }
        } finally {
            callers.shutdown();
        }
    }

    private int state(String provider) {
        return (int) meters.get("bactrian.circuit.breaker.state").tag("provider", provider).gauge().value();
    }

    private HealthCheck.Result health(String provider) {
        return HealthCheckRegistry.get(context()).getCheck("bactrian-" + provider).orElseThrow().call();
    }

    @Test
    void aProviderThatIsDownIsCalledAboutAsOftenAsTheThreshold() throws Exception {
        start(QUICK);
        simulator.always(Call.CHAT, Reply.status(503));
        down(300, CHAT);
        System.out.println("300 chats at a provider that is down: " + simulator.count(Call.CHAT) + " calls");
        assertThat(simulator.count(Call.CHAT)).isBetween(20, 20 + AT_ONCE);
        JsonNode error = generateFails(CHAT);
        assertThat(error.at("/error/message").asText()).matches("the circuit breaker of upstage's solar-mini4 is open since \\S+Z until \\S+Z: "
                + "\\d+ of \\d+ calls failed");
        assertThat(error.at("/error/attempts").asInt()).isZero();
        assertThat(error.at("/error/retryable").asBoolean()).isTrue();
        assertThat(state("upstage")).isEqualTo(2);
        assertThat(health("upstage").getDetails().get("circuits").toString()).contains("upstage's solar-mini4 is open since");

        simulator.reset();
        assertThat(generate("{\"model\": \"solar-mini4\", \"prompt\": \"hi\", \"fallback\": [\"solar-pro3\"]}").at("/attempts/0/error/message").asText())
                .contains("is open since");
        assertThat(simulator.requests(Call.CHAT)).as("another model of the provider is called").hasSize(1)
                .allMatch(call -> call.json().path("model").asText().equals("solar-pro3"));
    }

    @Test
    void itIsTriedOutAndClosesAndPollsPassInAnyCase() throws Exception {
        start(QUICK, "bactrian.circuit-breaker.calls", "5", "bactrian.circuit-breaker.open-time", "1s", "bactrian.retry.max-attempts", "0",
                "bactrian.replicate.poll-max-attempts", "100000", "bactrian.replicate.poll-delay", "10ms");
        simulator.always(Call.POLL, Reply.prediction("processing", null));
        CompletableFuture<String> paid = template().asyncRequestBody("direct:generate", "{\"model\": \"gemma-2b\", \"prompt\": \"hi\"}", String.class);
        await().until(() -> simulator.count(Call.POLL) > 1);
        simulator.always(Call.CREATE, Reply.status(500)).always(Call.LIST, Reply.status(404)).always(Call.CHAT, Reply.lost());
        down(10, "{\"model\": \"gemma-2b\", \"prompt\": \"hi\"}");
        down(10, CHAT);
        assertThat(List.of(state("replicate"), state("upstage"))).containsExactly(2, 2);
        int polls = simulator.count(Call.POLL);
        await("polls go on").until(() -> simulator.count(Call.POLL) > polls + 1);
        simulator.reset();
        assertThat(ProviderJson.json(paid.get(30, TimeUnit.SECONDS)).orElseThrow().path("status").asText()).isEqualTo("succeeded");

        simulator.reset();
        await("the circuit is tried out").until(() -> template().request("direct:generate", e -> e.getMessage().setBody(CHAT)).getException() == null);
        assertThat(state("upstage")).isEqualTo(1);
        assertThat(simulator.count(Call.CHAT)).isOne();
        generate(CHAT);
        generate(CHAT);
        assertThat(state("upstage")).isZero();
        assertThat(health("upstage").getDetails()).doesNotContainKey("circuits");

        simulator.always(Call.CHAT, Reply.status(422));
        IntStream.range(0, 8).forEach(i -> assertThat(generateFails(CHAT).at("/error/type").asText()).isEqualTo("provider-rejected"));
        assertThat(state("upstage")).as("4xx are answers").isZero();
    }

    @Test
    void onlyTheKeyThatFailsIsSpared() throws Exception {
        String failing = "key-0123456789-aaaa";
        String good = "key-0123456789-bbbb";
        try (RawServer server = new RawServer(line -> {
            for (String request = line.read(); request != null; request = line.read()) {
                line.write(request.contains(failing) ? RawServer.json(503, "{}") : RawServer.answer(request));
            }
        })) {
            start(QUICK, "bactrian.circuit-breaker.calls", "5", "bactrian.retry.max-attempts", "0", "bactrian.upstage.api-key", failing + "," + good,
                    "bactrian.upstage.api-endpoint", server.url("/v1/chat/completions"));

            long failed = IntStream.range(0, 30).filter(i -> template().request("direct:generate", e -> e.getMessage().setBody(CHAT)).getException() != null)
                    .count();

            assertThat(failed).as("the breaker of one key opened").isEqualTo(5);
            assertThat(server.requests.stream().filter(request -> request.contains(failing))).hasSize(5);
            assertThat(server.requests.stream().filter(request -> request.contains(good))).hasSize(25);
            assertThat(state("upstage")).as("the worst of the model's breakers").isEqualTo(2);
            assertThat(health("upstage").getDetails().get("circuits").toString()).containsOnlyOnce("upstage's solar-mini4 is open since");
        }
    }
}
