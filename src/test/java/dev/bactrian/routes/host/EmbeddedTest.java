package dev.bactrian.routes.host;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.error.GenerateException;
import dev.bactrian.request.ChatMessage;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelConfiguration;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.builder.RouteConfigurationBuilder;
import org.apache.camel.main.Main;
import org.apache.camel.model.RedeliveryPolicyDefinition;
import org.apache.camel.model.errorhandler.DeadLetterChannelDefinition;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * The routes in an application that has routes, error handlers and settings of its own: neither side changes the other.
 * The host here has all at once that could reach our routes: a route configuration for every route, a global error
 * handler that tries again, stream caching to disk, and an http component set up for other things.
 */
class EmbeddedTest extends RouteTestSupport {

    private final AtomicInteger hostHandled = new AtomicInteger();
    private final AtomicInteger hostCalls = new AtomicInteger();

    @Override
    protected void configure(Main main) {
        main.configure().addConfiguration(new CamelConfiguration() {
            @Override
            public void configure(CamelContext context) {
                DeadLetterChannelDefinition everywhere = new DeadLetterChannelDefinition("direct:host-dead-letters");
                everywhere.setRedeliveryPolicy(new RedeliveryPolicyDefinition().maximumRedeliveries(5).redeliveryDelay("0"));
                context.getCamelContextExtension().setErrorHandlerFactory(everywhere);
            }
        });
        main.configure().addRoutesBuilder(new RouteConfigurationBuilder() {
            @Override
            public void configuration() {
                routeConfiguration().onException(Exception.class).maximumRedeliveries(3).redeliveryDelay(0).handled(true)
                        .process(exchange -> hostHandled.incrementAndGet()).setBody(constant("handled by the host"));
            }
        });
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:host-fails").process(exchange -> {
                    hostCalls.incrementAndGet();
                    throw new IllegalStateException("the host's own failure");
                });
                from("direct:host-two-calls").errorHandler(noErrorHandler())
                        .setBody(constant("first")).to("direct:generate").setProperty("first", body())
                        .setBody(constant("{\"model\": \"gemma-2b\", \"prompt\": \"second\"}")).to("direct:generate")
                        .setBody(simple("${exchangeProperty.first}\n${body}"));
                from("direct:host-calls").to("direct:generate");
                from("direct:host-asks-another").process(exchange -> {
                    if (hostCalls.incrementAndGet() == 1) {
                        throw new IllegalStateException("not yet");
                    }
                }).doTry().to("direct:generate").doCatch(GenerateException.class).setBody(constant("{\"model\": \"solar-mini\", \"prompt\": \"p\"}"))
                        .to("direct:generate").end();
                from("direct:host-gives-up-first").errorHandler(noErrorHandler()).doTry().to("direct:host-tries-again")
                        .doCatch(GenerateException.class).setBody(constant("{\"model\": \"solar-mini\", \"prompt\": \"p\"}"))
                        .to("direct:generate").end();
                from("direct:host-tries-again").errorHandler(defaultErrorHandler()).onException(GenerateException.class).maximumRedeliveries(2).redeliveryDelay(0).handled(false).end()
                        .to("direct:generate");
                from("direct:host-dead-letters").errorHandler(noErrorHandler()).process(exchange -> hostHandled.incrementAndGet());
            }
        });
    }

    private void startHost(String... more) throws Exception {
        List<String> properties = new ArrayList<>(List.of(
                "camel.main.stream-caching-enabled", "true", "camel.main.stream-caching-spool-enabled", "true",
                "camel.main.stream-caching-spool-threshold", "1", "camel.main.stream-caching-spool-directory", folder.resolve("spool").toString(),
                "camel.main.tracing", "false", "camel.main.message-history", "true", "camel.main.use-mdc-logging", "true",
                "camel.component.http.follow-redirects", "true", "camel.component.http.max-total-connections", "1",
                "camel.component.http.connections-per-route", "1", "camel.component.http.connection-request-timeout", "1",
                "camel.component.http.proxy-host", "127.0.0.1", "camel.component.http.proxy-port", "9",
                "camel.component.http.automatic-retries-disabled", "false", "camel.component.http.response-timeout", "1",
                "camel.component.http.so-timeout", "1", "camel.component.http.copy-headers", "true",
                "camel.component.http.use-global-ssl-context-parameters", "false"));
        properties.addAll(List.of(more));
        start(properties.toArray(String[]::new));
    }

    @Test
    void theHostsOwnFailureIsHandledByTheHost() throws Exception {
        startHost();

        assertThat(template().requestBody("direct:host-fails", "x", String.class)).isEqualTo("handled by the host");
        assertThat(hostCalls).hasValue(4);
        assertThat(hostHandled).hasValue(1);
    }

    @Test
    void ourFailureIsHandledByUsAndThenSeenByTheHostOnce() throws Exception {
        startHost();
        simulator.always(Call.CREATE, Reply.status(500)).always(Call.LIST, Reply.status(404));

        String body = template().requestBody("direct:host-calls", "{\"model\": \"gemma-2b\", \"prompt\": \"p\"}", String.class);

        assertThat(body).isEqualTo("handled by the host");
        assertThat(hostHandled).hasValue(1);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
    }

    /** The count of a step that was tried again stays in the message. */
    @Test
    void aCallerThatAsksAnotherModelAfterAFailureIsNoRedelivery() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.json(400, "{}"), Reply.stream("a"));

        String body = template().requestBody("direct:host-asks-another", "hi", String.class);

        assertThat(body).contains("\"text\":\"a\"", "\"model\":\"solar-mini\"");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(2);
        assertThat(hostHandled).hasValue(0);
        takeChunks();
    }

    /** Each redelivery that makes no call is one more count in the message. */
    @Test
    void aCallerThatAsksAnotherModelAfterItsRedeliveriesIsNoneEither() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.json(400, "{}"), Reply.stream("a"));

        String body = template().requestBody("direct:host-gives-up-first", "hi", String.class);

        assertThat(body).contains("\"text\":\"a\"", "\"model\":\"solar-mini\"");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(2);
        takeChunks();
    }

    @Test
    void aCallerWithoutARouteGetsTheException() throws Exception {
        startHost();
        simulator.always(Call.CHAT, Reply.json(400, "{\"error\": {\"message\": \"no\"}}"));

        Exchange exchange = template().request("direct:generate", e -> e.getMessage().setBody("hi"));

        assertThat(exchange.getException()).isInstanceOf(GenerateException.class).hasMessageStartingWith("provider-rejected: ");
        assertThat(hostHandled).hasValue(0);
        assertThat(exchange.getMessage().getBody()).isEqualTo("hi");
    }

    @Test
    void ourOwnRetriesAreMadeAndCountedOnce() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.status(503), Reply.lost(), Reply.stream("a"));

        Exchange exchange = template().request("direct:generate", e -> e.getMessage().setBody("hi"));

        assertThat(exchange.getException()).isInstanceOf(GenerateException.class);
        assertThat(simulator.count(Call.CHAT)).isEqualTo(2);
        assertThat(hostHandled).hasValue(0);
    }

    @Test
    void theHostsHttpComponentHasNoSay() throws Exception {
        startHost();
        assertThat(template().request(simulator.url() + "/files/x/out-0.png", e -> { }).getException()).as("the host's own call").isNotNull();
        simulator.on(Call.CHAT, Reply.stream("a", "b").after(Duration.ofMillis(300)))
                .on(Call.CREATE, created()).on(Call.POLL, Reply.status(503), succeeded("\"c\"").after(Duration.ofMillis(300)));

        assertThat(generate("hi").path("text").asText()).isEqualTo("ab");
        assertThat(generate("{\"model\": \"gemma-2b\", \"prompt\": \"p\"}").path("text").asText()).isEqualTo("c");

        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
        assertThat(simulator.count(Call.POLL)).isEqualTo(2);
        assertThat(takeChunks()).isEqualTo("a|b|c");
    }

    @Test
    void aRedirectIsNotFollowedThoughTheHostFollowsThem() throws Exception {
        try (Simulator other = Simulator.start()) {
            startHost();
            simulator.always(Call.CREATE, Reply.status(307).header("Location", other.predictionsUrl()))
                    .always(Call.CHAT, Reply.status(302).header("Location", other.chatUrl()));

            generateFails("hi");
            generateFails("{\"model\": \"gemma-2b\", \"prompt\": \"p\"}");

            assertThat(other.requests()).isEmpty();
        }
    }

    @Test
    void aChunkIsEmittedBeforeTheNextIsSentThoughTheHostCachesStreams() throws Exception {
        startHost();
        List<Integer> seen = new ArrayList<>();
        simulator.on(Call.CHAT, Reply.stream("a", "b", "c", "d").pause(Duration.ofMillis(300))
                .chunkListener(piece -> seen.add(captured.chunks.size())));

        generate("hi");

        assertThat(seen).as("chunks emitted before each piece was sent").containsExactly(0, 1, 2, 3);
        assertThat(takeChunks()).isEqualTo("a|b|c|d");
    }

    @Test
    void theCallersHeadersPropertiesAndVariablesAreKept() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.stream("a"));
        Map<String, Object> headers = Map.of("X-Own", "1", "CamelHttpUri", "http://127.0.0.1:9/", "CamelHttpMethod", "DELETE",
                "CamelFileName", "f", "Authorization", "Bearer own", "CamelRedeliveryCounter", 2);

        Exchange exchange = template().request("direct:generate", e -> {
            e.getMessage().setBody("hi");
            e.getMessage().setHeaders(new HashMap<>(headers));
            e.setProperty("own", "p");
            e.setVariable("generation", "v");
            e.setVariable("stream", "s");
            e.setVariable("poll", "l");
            e.setVariable("defaultId", "d");
        });

        assertThat(exchange.getException()).isNull();
        assertThat(exchange.getMessage().getHeaders()).containsAllEntriesOf(headers);
        assertThat(exchange.getMessage().getHeaders().keySet()).filteredOn(name -> name.startsWith("Bactrian"))
                .containsExactlyInAnyOrder("BactrianRequestId", "BactrianProvider", "BactrianModel", "BactrianKind", "BactrianStatus");
        assertThat(exchange.getMessage().getHeaders()).hasSize(headers.size() + 5);
        assertThat(exchange.getProperty("own")).isEqualTo("p");
        assertThat(exchange.getVariables()).isEqualTo(Map.of("generation", "v", "stream", "s", "poll", "l", "defaultId", "d"));
        assertThat(simulator.requests()).hasSize(1);
        takeChunks();
    }

    @Test
    void twoCallsInOneRouteAreTwoRequests() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.stream("one")).on(Call.CREATE, created()).on(Call.POLL, succeeded("\"two\""));

        String[] documents = template().requestBody("direct:host-two-calls", "x", String.class).split("\n");

        assertThat(ProviderJson.json(documents[0]).orElseThrow().path("text").asText()).isEqualTo("one");
        assertThat(ProviderJson.json(documents[1]).orElseThrow().path("text").asText()).isEqualTo("two");
        assertThat(takeChunks()).isEqualTo("one|two");
    }

    @Test
    void requestsInParallelGetTheirOwnAnswers() throws Exception {
        startHost();
        List<CompletableFuture<String>> results = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            results.add(template().asyncRequestBody("direct:generate",
                    "{\"id\": \"r" + i + "\", \"model\": \"sd-3\", \"prompt\": \"prompt " + i + "\"}", String.class));
        }

        for (int i = 0; i < 20; i++) {
            JsonNode result = ProviderJson.json(results.get(i).get()).orElseThrow();
            assertThat(result.path("id").asText()).isEqualTo("r" + i);
            assertThat(result.path("prompt").asText()).isEqualTo("prompt " + i);
        }
        assertThat(simulator.count(Call.CREATE)).isEqualTo(20);
    }

    @TestFactory
    Stream<DynamicTest> aRequestMayBeABodyOfThisForm() throws Exception {
        startHost();
        String json = "{\"prompt\": \"안녕\"}";
        return Map.of(
                "text", "안녕",
                "JSON", json,
                "bytes", json.getBytes(StandardCharsets.UTF_8),
                "stream", new ByteArrayInputStream(json.getBytes(StandardCharsets.UTF_8)),
                "map", Map.of("prompt", "안녕"),
                "map with messages", Map.of("messages", List.of(Map.of("role", "user", "content", List.of(Map.of("type", "text", "text", "안녕"))))),
                "prompt", GenerateRequest.ofPrompt("안녕"),
                "messages", GenerateRequest.ofMessages(List.of(ChatMessage.of("user", "안녕"))),
                "model and id", GenerateRequest.ofPrompt("안녕").withModel("solar-mini").withId("own")
        ).entrySet().stream().map(form -> dynamicTest(form.getKey(), () -> {
            simulator.reset().on(Call.CHAT, Reply.stream("a"));

            generate(form.getValue());

            assertThat(simulator.requests(Call.CHAT).get(0).json().path("messages").path(0).path("content").asText()).isEqualTo("안녕");
            assertThat(takeChunks()).isEqualTo("a");
        }));
    }

    @TestFactory
    Stream<DynamicTest> aBodyThatIsNoRequestIsRefused() throws Exception {
        startHost();
        return Stream.of("", "  ", "{", new byte[] {(byte) 0xC3}, Map.of("prompt", 7), Map.of(), List.of("a"), 42, new Object())
                .map(body -> dynamicTest(body.getClass().getSimpleName(), () -> {
                    assertThat(generateFails(body).path("error").path("type").asText()).isEqualTo("invalid-request");
                    assertThat(simulator.requests()).isEmpty();
                }));
    }

    @Test
    void headersChooseTheModelAndTheProvider() throws Exception {
        startHost();
        simulator.always(Call.CHAT, Reply.stream("a"));

        template().requestBodyAndHeader("direct:generate", "hi", "BactrianModel", "solar-mini");
        JsonNode result = ProviderJson.json(template().requestBodyAndHeader("direct:generate", "hi", "BactrianProvider", "replicate", String.class)).orElseThrow();

        assertThat(simulator.requests(Call.CHAT).get(0).json().path("model").asText()).isEqualTo("solar-mini");
        assertThat(result.path("provider").asText()).isEqualTo("replicate");
        assertThat(takeChunks()).startsWith("a|");
    }
}
