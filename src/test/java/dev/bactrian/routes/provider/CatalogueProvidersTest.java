package dev.bactrian.routes.provider;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.SettingException;
import dev.bactrian.generate.Account;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.support.CapturedLog;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.health.HealthCheck;
import org.apache.camel.health.HealthCheckHelper;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Providers that the catalogue adds with {@code protocol: openai}, two beside Upstage at once, without Java and without a route. */
class CatalogueProvidersTest extends RouteTestSupport {

    private static final String KEY = "gsk-0123456789abcdef";
    private static final String UPSTAGE_KEY = "up-0123456789abcdef";

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final Simulator groq = Simulator.builder().pause(Duration.ZERO).requireToken(KEY).start();
    private final Simulator ollama = Simulator.builder().pause(Duration.ZERO).start();
    private RouteBuilder routes;
    private Account account;

    @Override
    protected Simulator simulator() {
        return Simulator.builder().pause(Duration.ZERO).requireToken(UPSTAGE_KEY).start();
    }

    @AfterEach
    void stopTheOthers() {
        groq.close();
        ollama.close();
    }

    @Override
    protected void configure(Main main) {
        main.bind("metricsRegistry", registry);
        if (routes != null) {
            main.configure().addRoutesBuilder(routes);
        }
        if (account != null) {
            main.bind("keyless", account);
        }
    }

    private String catalogue(String providers) throws Exception {
        Path file = Files.writeString(folder.resolve("models.yaml"), "extends: classpath:bactrian/models.yaml\nproviders:\n" + providers);
        return file.toUri().toString();
    }

    private void startAll(String... more) throws Exception {
        List<String> properties = new ArrayList<>(List.of("bactrian.models", catalogue("""
                  groq:
                    protocol: openai
                    endpoint: %s
                    default-model: llama
                    models:
                      - id: llama
                        version: llama-3.3-70b-versatile
                        aliases: [llama-70b]
                  ollama:
                    protocol: openai
                    endpoint: %s/v1/
                    default-model: qwen3:8b
                    models:
                      - id: qwen3:8b
                """.formatted(groq.chatUrl(), ollama.url())), "bactrian.groq.api-key", KEY, "bactrian.upstage.api-key", UPSTAGE_KEY,
                "bactrian.replicate.api-token", UPSTAGE_KEY));
        properties.addAll(List.of(more));
        start(properties.toArray(String[]::new));
    }

    @Test
    void twoOfThemAnswerBesideUpstageEachWithItsOwnKey() throws Exception {
        startAll();

        JsonNode first = generate(Map.of("model", "llama-70b", "prompt", "Hello"));
        JsonNode second = generate(Map.of("provider", "ollama", "prompt", "Hello"));
        JsonNode third = generate(Map.of("prompt", "Hello"));

        assertThat(List.of(first, second, third)).extracting(document -> document.path("provider").asText() + " " + document.path("model").asText())
                .containsExactly("groq llama", "ollama qwen3:8b", "upstage solar-pro4");
        assertThat(List.of(first, second, third)).allSatisfy(document -> {
            assertThat(document.path("text").asText()).isNotEmpty();
            assertThat(document.at("/usage/total_tokens").asInt()).isPositive();
        });
        assertThat(groq.requests()).singleElement().satisfies(request -> {
            assertThat(request.header("Authorization")).isEqualTo("Bearer " + KEY);
            assertThat(request.json().path("model").asText()).isEqualTo("llama-3.3-70b-versatile");
        });
        assertThat(ollama.requests()).singleElement().satisfies(request -> {
            assertThat(request.path()).isEqualTo("/v1/chat/completions");
            assertThat(request.header("Authorization")).isNull();
        });
        assertThat(simulator.requests()).singleElement()
                .satisfies(request -> assertThat(request.header("Authorization")).isEqualTo("Bearer " + UPSTAGE_KEY));
        assertThat(takeChunks()).isNotEmpty();
        assertThat(registry.get("bactrian.requests").tags("provider", "groq", "model", "llama", "status", "succeeded").timer().count()).isOne();
        assertThat(HealthCheckHelper.invokeReadiness(context(), "full").stream())
                .extracting(result -> result.getMessage().orElse("")).contains("groq is reachable", "ollama is reachable", "upstage is reachable");
        assertThat(groq.count(Call.MODELS)).isOne();
    }

    @Test
    void theirMessagesAreSentAsTheyAre() throws Exception {
        startAll();
        groq.on(Call.CHAT, Reply.stream("Hi"));
        List<?> parts = List.of(Map.of("type", "text", "text", "What is this?"), Map.of("type", "image_url", "image_url", Map.of("url", "https://x/y.png")));

        generate(Map.of("model", "llama", "messages", List.of(Map.of("role", "developer", "content", "Be brief"), Map.of("role", "user", "content", parts))));

        JsonNode messages = groq.requests().get(0).json().path("messages");
        assertThat(messages.at("/0/role").asText()).isEqualTo("developer");
        assertThat(messages.at("/1/content/1/image_url/url").asText()).isEqualTo("https://x/y.png");
        assertThat(takeChunks()).isEqualTo("Hi");
    }

    @Test
    void aToolCallIsInTheResult() throws Exception {
        startAll();
        ollama.on(Call.CHAT, Reply.rawStream("data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"type\":\"function\","
                + "\"function\":{\"name\":\"weather\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n"));

        JsonNode document = generate(Map.of("model", "qwen3:8b", "prompt", "Weather?"));

        assertThat(document.at("/toolCalls/0/function/name").asText()).isEqualTo("weather");
    }

    @Test
    void theirFailuresNameThemAndHoldNoKey() throws Exception {
        startAll();
        groq.on(Call.CHAT, Reply.status(429), Reply.status(503), Reply.json(401, "{\"error\":{\"message\":\"no such key " + KEY + "\"}}"),
                Reply.json(200, "{\"error\":{\"type\":\"overloaded\",\"message\":\"busy " + KEY + "\"}}"));

        try (CapturedLog log = new CapturedLog()) {
            JsonNode refused = generateFails(Map.of("model", "llama", "prompt", "Hello")).path("error");
            assertThat(refused.path("type").asText() + " " + refused.path("message").asText()).isEqualTo("authentication groq answered 401: no such key ***");
            assertThat(generateFails(Map.of("model", "llama", "prompt", "Hello")).at("/error/message").asText()).isEqualTo("groq answered 200: busy ***");
            assertThat(log.toString()).contains("llama at groq").doesNotContain(KEY).doesNotContainIgnoringCase("upstage");
        }
        assertThat(groq.requests()).hasSize(4);
    }

    @Test
    void aStreamMasksTheKey() throws Exception {
        startAll();
        groq.on(Call.CHAT, Reply.stream("It is ", KEY));

        assertThat(generate(Map.of("model", "llama", "prompt", "Hello")).path("text").asText()).isEqualTo("It is ***");
        assertThat(takeChunks()).doesNotContain(KEY);
    }

    @Test
    void anUnknownModelIsNotReplaced() throws Exception {
        startAll();

        assertThat(generateFails(Map.of("provider", "groq", "model", "mixtral", "prompt", "Hello")).at("/error/message").asText())
                .isEqualTo("'mixtral' is not a model of groq; valid names: llama, llama-70b");
        assertThat(generateFails(Map.of("provider", "openai", "prompt", "Hello")).at("/error/message").asText()).contains("groq", "ollama");
    }

    @Test
    void anAccountNamesOneAsItsProvider() throws Exception {
        account = new Account();
        account.setProvider("groq");
        account.setTemperature("0.5");
        startAll();

        template().request("direct:bactrian-generate", exchange -> {
            exchange.setVariable(Account.VARIABLE, "keyless");
            exchange.getMessage().setBody("Hello");
        });

        assertThat(groq.requests()).singleElement().satisfies(request -> assertThat(request.json().path("temperature").asDouble()).isEqualTo(0.5));
        takeChunks();
    }

    @Test
    void anEndpointMayBeAProperty() throws Exception {
        startAll("bactrian.ollama.api-endpoint", groq.url() + "/v1", "bactrian.ollama.api-key", "Bearer " + KEY);

        assertThat(generate(Map.of("model", "qwen3:8b", "prompt", "Hello")).path("provider").asText()).isEqualTo("ollama");
        assertThat(groq.count(Call.CHAT)).isOne();
        takeChunks();
    }

    static Stream<Arguments> faults() {
        String good = "protocol: openai, endpoint: 'http://localhost:1/v1'";
        return Stream.of(
                Arguments.of("request: {" + good + "}", "", "'request' cannot be the name of a provider with a protocol, because there is a route from"),
                Arguments.of("requests: {" + good + "}", "", "'requests' cannot be the name of a provider with a protocol, because there is a bean"),
                Arguments.of("groq: {" + good + "}", "bactrian.grok.api-key", "bactrian.grok.api-key: no such property; did you mean bactrian.groq.api-key?"));
    }

    @ParameterizedTest
    @MethodSource("faults")
    void aWrongEntryStopsTheStartWithOneLine(String entry, String property, String message) throws Exception {
        String models = catalogue("  " + entry + "\n");

        assertThatThrownBy(() -> {
            if (property.isEmpty()) {
                start("bactrian.models", models);
            } else {
                start("bactrian.models", models, property, "a b");
            }
        }).satisfies(thrown -> {
            Throwable cause = thrown;
            while (!(cause instanceof SettingException)) {
                assertThat(cause).as("%s", thrown).isNotNull();
                cause = cause.getCause();
            }
            assertThat(cause).hasMessageContaining(message);
            assertThat(cause.getMessage().lines()).hasSize(1);
        });
    }

    @Test
    void aRouteOfTheApplicationOfTheSameNameStopsTheStart() throws Exception {
        routes = new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:bactrian-groq").routeId("theirs").log("taken");
            }
        };

        assertThatThrownBy(this::startAll).hasStackTraceContaining("'groq' cannot be the name of a provider with a protocol");
    }

    @Test
    void theHealthCheckNamesTheOneThatRefusesItsKey() throws Exception {
        startAll("bactrian.groq.api-key", "gsk-wrong-0123456789");

        assertThat(HealthCheckHelper.invokeReadiness(context()).stream().filter(result -> result.getCheck().getId().equals("bactrian-groq")))
                .singleElement().satisfies(result -> {
                    assertThat(result.getState()).isEqualTo(HealthCheck.State.DOWN);
                    assertThat(result.getMessage()).hasValue("groq does not take the token: it answered 401");
                });
    }
}
