package dev.bactrian.routes.provider;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.ledger.Spending;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.support.CapturedLog;
import dev.bactrian.text.ProviderJson;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.health.HealthCheckRegistry;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;

/** What applies to Upstage applies to a provider that the catalogue adds: fallback, circuit breaker, budgets, prices, keys, queue, Kamelets. */
class CatalogueProviderFeaturesTest extends RouteTestSupport {

    private static final String KEY = "gsk-0123456789abcdef";
    private static final String FIRST = "key-0123456789-aaaa";
    private static final String SECOND = "key-0123456789-bbbb";

    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private final Simulator groq = Simulator.builder().pause(Duration.ZERO).requireToken(KEY).start();
    private final Simulator other = Simulator.builder().pause(Duration.ZERO).start();

    @AfterEach
    void stopTheOthers() {
        groq.close();
        other.close();
    }

    @Override
    protected void configure(Main main) {
        main.bind("metricsRegistry", meters);
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:kamelet").to("kamelet:generate-action/groq?provider=groq&model=llama");
                from("direct:kamelet-chunks").kamelet("generate-action/chunks?provider=groq").to("bean:captured?method=chunk").end();
            }
        });
    }

    private void startAll() throws Exception {
        Path models = Files.writeString(folder.resolve("models.yaml"), """
                extends: classpath:bactrian/models.yaml
                providers:
                  groq:
                    protocol: openai
                    endpoint: %s
                    default-model: llama
                    price: {input: 1, output: 10}
                    models:
                      - {id: llama, fallback: [solar-mini4]}
                      - {id: weak}
                  capped:
                    protocol: openai
                    endpoint: %s
                    models: [{id: dear, price: {input: 1, output: 10}}]
                  many:
                    protocol: openai
                    endpoint: %s
                    models: [{id: shared}]
                """.formatted(groq.chatUrl(), other.chatUrl(), other.chatUrl()));
        start("bactrian.models", models.toUri().toString(), "bactrian.groq.api-key", KEY, "bactrian.capped.api-key", "key-of-the-tests-0099",
                "bactrian.many.api-key", FIRST + "," + SECOND, "bactrian.budget.day.keys", "0099=0.000011 USD", "bactrian.emit.chunk", "",
                "bactrian.retry.max-attempts", "0", "bactrian.circuit-breaker.calls", "5", "bactrian.jms.enabled", "true");
    }

    private DynamicTest that(String what, Executable test) {
        return DynamicTest.dynamicTest(what, () -> {
            Stream.of(simulator, groq, other).forEach(Simulator::reset);
            test.execute();
        });
    }

    private static JsonNode answered(Object document) {
        JsonNode json = ProviderJson.json((String) document).orElseThrow();
        assertThat(json.path("status").asText()).isEqualTo("succeeded");
        return json;
    }

    private static String tried(JsonNode document) {
        List<String> attempts = new ArrayList<>();
        document.path("attempts").forEach(attempt -> attempts.add(attempt.path("model").asText() + " at " + attempt.path("provider").asText() + ": "
                + attempt.at("/error/type").asText("answered")));
        return String.join(", ", attempts);
    }

    private List<String> keysAtTheOther() {
        return other.requests(Call.CHAT).stream().map(call -> call.header("Authorization").replace("Bearer ", "")).toList();
    }

    private List<String> spentWith(String key) {
        Spending spending = Spending.open(Settings.of(Map.of(Property.DATA_DIR.key(), folder.resolve("data").toString())));
        try {
            return spending.read(Spending.today().toString()).entrySet().stream().filter(entry -> entry.getKey().key().equals(key))
                    .map(entry -> entry.getKey().provider() + " " + entry.getKey().model() + " " + entry.getValue().amount().toPlainString()).toList();
        } finally {
            spending.stop();
        }
    }

    @TestFactory
    Stream<DynamicTest> aProviderOfTheCatalogueIsAsGoodAsAnyOther() throws Exception {
        startAll();
        return Stream.of(
                that("it is tried after another", () -> {
                    simulator.on(Call.CHAT, Reply.status(503));
                    groq.on(Call.CHAT, Reply.stream("a"));
                    JsonNode result = generate("{\"model\": \"solar-mini4\", \"prompt\": \"hi\", \"fallback\": [\"llama\"]}");
                    assertThat(tried(result)).isEqualTo("solar-mini4 at upstage: provider-unavailable, llama at groq: answered");
                    assertThat(result.path("provider").asText()).isEqualTo("groq");
                    assertThat(result.at("/attempts/1/cost/amount").decimalValue()).isEqualTo("0.000011");
                    assertThat(groq.requests(Call.CHAT)).singleElement().satisfies(call -> assertThat(call.json().has("fallback")).isFalse());
                }),
                that("it names the model that is tried after its own", () -> {
                    groq.on(Call.CHAT, Reply.status(429));
                    JsonNode result = generate("{\"model\": \"llama\", \"prompt\": \"hi\"}");
                    assertThat(tried(result)).isEqualTo("llama at groq: rate-limited, solar-mini4 at upstage: answered");
                    assertThat(meters.get("bactrian.fallbacks").tags("provider", "groq", "model", "llama").counter().count()).isOne();
                }),
                that("its tokens cost what its price says, in the document, the meter and the ledger", () -> {
                    double before = meters.find("bactrian.cost").tags("provider", "groq").counter().count();
                    groq.on(Call.CHAT, Reply.stream("a", "b"));
                    assertThat(generate("{\"model\": \"llama\", \"prompt\": \"hi\"}").path("cost").toString())
                            .isEqualTo("{\"amount\":0.000021,\"currency\":\"USD\",\"basis\":\"tokens\"}");
                    assertThat(meters.get("bactrian.cost").tags("provider", "groq", "model", "llama").counter().count() - before)
                            .isCloseTo(0.000021, org.assertj.core.data.Offset.offset(1e-9));
                    await().until(() -> spentWith("cdef").contains("groq llama 0.000032"));
                }),
                that("a budget of its key stops it, and nothing else", () -> {
                    other.always(Call.CHAT, Reply.stream("a"));
                    generate("{\"model\": \"dear\", \"prompt\": \"hi\"}");
                    JsonNode error = generateFails("{\"model\": \"dear\", \"prompt\": \"hi\"}");
                    assertThat(error.path("provider").asText()).isEqualTo("capped");
                    assertThat(error.at("/error/type").asText()).isEqualTo("budget-exceeded");
                    assertThat(error.at("/error/message").asText()).isEqualTo("bactrian.budget.day.keys (0099): 100 % spent (0.000011 of 0.000011 USD)");
                    assertThat(keysAtTheOther()).containsExactly("key-of-the-tests-0099");
                    generate("{\"model\": \"llama\", \"prompt\": \"hi\"}");
                }),
                that("its calls go to the key that is accepted", () -> {
                    other.on(Call.CHAT, Reply.status(401), Reply.normally());
                    try (CapturedLog log = new CapturedLog()) {
                        generate("{\"model\": \"shared\", \"prompt\": \"hi\"}");
                        generate("{\"model\": \"shared\", \"prompt\": \"hi\"}");
                        assertThat(log.lines("WARN")).singleElement().asString().contains("many answered 401 to the key \u2026aaaa of bactrian.many.api-key");
                    }
                    assertThat(keysAtTheOther()).containsExactly(FIRST, SECOND, SECOND);
                }),
                that("the queue answers with it", () -> {
                    groq.on(Call.CHAT, Reply.stream("a")).on(Call.CHAT, Reply.status(503));
                    template().sendBody("bactrianJms:queue:bactrian.requests", "{\"id\": \"q1\", \"provider\": \"groq\", \"prompt\": \"hi\"}");
                    await().until(() -> !captured.results.isEmpty());
                    assertThat(answered(captured.results.remove().body()).path("provider").asText()).isEqualTo("groq");
                    template().sendBody("bactrianJms:queue:bactrian.requests", "{\"id\": \"q2\", \"model\": \"llama\", \"prompt\": \"hi\"}");
                    await().until(() -> !captured.results.isEmpty());
                    assertThat(tried(answered(captured.results.remove().body())))
                            .isEqualTo("llama at groq: provider-unavailable, solar-mini4 at upstage: answered");
                }),
                that("a Kamelet answers with it, and passes on its chunks", () -> {
                    groq.always(Call.CHAT, Reply.stream("a", "b"));
                    assertThat(answered(template().requestBody("direct:kamelet", "hi", String.class)).path("model").asText()).isEqualTo("llama");
                    answered(template().requestBody("direct:kamelet-chunks", "hi", String.class));
                    assertThat(takeChunks()).isEqualTo("a|b");
                }),
                that("its circuit breaker opens for a model that is down, and health and meters say so", () -> {
                    groq.always(Call.CHAT, Reply.status(500));
                    String request = "{\"model\": \"weak\", \"prompt\": \"hi\"}";
                    IntStream.range(0, 8).forEach(i -> generateFails(request));
                    assertThat(groq.count(Call.CHAT)).isEqualTo(5);
                    assertThat(generateFails(request).at("/error/message").asText()).startsWith("the circuit breaker of groq's weak is open since");
                    assertThat(meters.get("bactrian.circuit.breaker.state").tags("provider", "groq", "model", "weak").gauge().value()).isEqualTo(2);
                    assertThat(HealthCheckRegistry.get(context()).getCheck("bactrian-groq").orElseThrow().call().getDetails().get("circuits").toString())
                            .contains("groq's weak is open since");
                    groq.reset().always(Call.CHAT, Reply.stream("a"));
                    assertThat(generate("{\"model\": \"llama\", \"prompt\": \"hi\"}").path("model").asText()).as("another model of it").isEqualTo("llama");
                    assertThat(tried(generate("{\"model\": \"weak\", \"prompt\": \"hi\", \"fallback\": [\"llama\"]}")))
                            .isEqualTo("weak at groq: provider-unavailable, llama at groq: answered");
                }));
    }
}
