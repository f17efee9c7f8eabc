package dev.bactrian.routes.host;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.poll;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.error.GenerateException;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The Kamelets in a host that includes no route of ours, has an error handler that tries five times, and two of everything. */
class KameletTest extends RouteTestSupport {

    private static final String ASK = "{\"prompt\": \"hi\"}";

    private final Queue<Exchange> steps = new ConcurrentLinkedQueue<>();
    private final Queue<String> chunks = new ConcurrentLinkedQueue<>();
    private final Queue<Throwable> seenByTheHost = new ConcurrentLinkedQueue<>();
    private final List<Object> bodiesOfFailures = new ArrayList<>();
    private final List<Object> deadLetters = new ArrayList<>();
    private volatile Processor onChunk = exchange -> { };
    private Simulator other;

    @BeforeEach
    void startOther() {
        other = Simulator.builder().pause(Duration.ZERO).start();
    }

    @AfterEach
    void stopOther() {
        stop();
        other.close();
    }

    @Override
    protected void configure(Main main) {
        main.configure().setRoutesIncludePattern("classpath:none/*.yaml");
        main.bind("onChunk", (Processor) exchange -> {
            steps.add(exchange.copy());
            chunks.add(exchange.getMessage().getBody(String.class));
            onChunk.process(exchange);
        });
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                errorHandler(defaultErrorHandler().maximumRedeliveries(5).redeliveryDelay(0).logExhausted(false));
                onException(Exception.class).maximumRedeliveries(5).redeliveryDelay(0).logExhausted(false).process(exchange -> {
                    seenByTheHost.add(exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Throwable.class));
                    bodiesOfFailures.add(exchange.getMessage().getBody());
                });
                from("direct:steps").kamelet("upstage-chat-action/steps").process("onChunk").end();
                from("direct:text-steps").kamelet("replicate-text-action/text-steps?model=gemma-2b").process("onChunk").end();
                from("direct:any-steps").kamelet("generate-action/any-steps").process("onChunk").end();
                from("direct:instead").doTry().throwException(new IllegalStateException("the host's own")).doCatch(IllegalStateException.class)
                        .to("kamelet:upstage-chat-action/instead").end();
                from("direct:plain").to("kamelet:upstage-chat-action/plain");
                from("direct:text").to("kamelet:replicate-text-action/text?model=gemma-2b");
                from("direct:image").to("kamelet:replicate-image-action/image");
                from("direct:any").to("kamelet:generate-action/any?model=solar-mini");
                from("direct:own").to("kamelet:upstage-chat-action/own?model=solar-mini&apiKey=RAW({{own.key}})&endpoint={{own.chat}}"
                        + "&promptStyle=flattened&temperature=0.2&maxTokens=7&chunkEndpoint=direct:own-chunks");
                from("direct:own-chunks").process("onChunk");
                from("direct:both").kamelet("upstage-chat-action/both?chunkEndpoint=bean:captured%3Fmethod=chunk").process("onChunk").end();
                from("direct:own-image").to("kamelet:replicate-image-action/own-image?apiToken=RAW({{own.key}})&endpoint={{own.predictions}}"
                        + "&pollDelay=10ms&pollMaxAttempts=2");
                from("direct:sink").to("kamelet:generate-sink/sink?model=solar-mini");
                from("direct:image-sink").to("kamelet:replicate-image-sink");
                from("direct:text-sink").to("kamelet:replicate-text-sink");
                from("direct:chat-sink").to("kamelet:upstage-chat-sink");
                from("seda:images?pollTimeout=50").to("kamelet:replicate-image-action/images").to("bean:captured?method=result");
                from("direct:host-fails-in-its-steps").kamelet("upstage-chat-action/failing").process("onChunk").end();
            }
        });
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                errorHandler(deadLetterChannel("direct:dead-letters").maximumRedeliveries(1).redeliveryDelay(0));
                from("direct:gives-up-a-step").kamelet("upstage-chat-action/gives-up").process("onChunk").end();
                from("direct:dead-letters").errorHandler(noErrorHandler()).process(exchange -> deadLetters.add(exchange.getMessage().getBody()));
            }
        });
    }

    private void startHost(String... more) throws Exception {
        List<String> properties = new ArrayList<>(List.of("bactrian.emit.chunk", "", "bactrian.upstage.api-key", "up_global",
                "bactrian.replicate.api-token", "r8_global", "own.key", "own+&%zz=?", "own.chat", other.chatUrl(),
                "own.predictions", other.predictionsUrl()));
        properties.addAll(List.of(more));
        start(properties.toArray(String[]::new));
    }

    private static JsonNode json(Exchange exchange) {
        assertThat(exchange.getException()).isNull();
        return ProviderJson.json(exchange.getMessage().getBody(String.class)).orElseThrow();
    }

    private JsonNode ask(String endpoint, Object body) {
        return json(template().request(endpoint, exchange -> exchange.getMessage().setBody(body)));
    }

    private static List<String> tokens(List<RecordedRequest> requests) {
        return requests.stream().map(request -> request.header("Authorization")).distinct().toList();
    }

    @Test
    void eachChunkIsInTheHostsStepsBeforeTheNextIsSent() throws Exception {
        startHost();
        List<Integer> seen = new ArrayList<>();
        simulator.on(Call.CHAT, Reply.stream("a", "b", "c", "d").pause(Duration.ofMillis(300)).chunkListener(piece -> seen.add(chunks.size())));

        JsonNode result = ask("direct:steps", "hi");

        assertThat(seen).as("chunks in the host before each piece was sent").containsExactly(0, 1, 2, 3);
        assertThat(chunks).containsExactly("a", "b", "c", "d");
        assertThat(result.path("status").asText()).isEqualTo("succeeded");
        assertThat(result.path("text").asText()).isEqualTo("abcd");
    }

    @Test
    void aChunkHasItsHeadersAndTheHostsOwn() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.stream("a", "b"));

        template().requestBodyAndHeader("direct:steps", "{\"id\": \"r1\", \"prompt\": \"hi\"}", "X-Own", "1");

        assertThat(steps).extracting(step -> step.getMessage().getHeader("BactrianChunkIndex")).containsExactly(0, 1);
        assertThat(steps).allSatisfy(step -> assertThat(step.getMessage().getHeaders()).containsAllEntriesOf(Map.of("X-Own", "1",
                "BactrianRequestId", "r1", "BactrianProvider", "upstage", "BactrianKind", "text", "BactrianStatus", "processing")));
    }

    @Test
    void aTextOfReplicateAndOneOfAnyModelHaveStepsToo() throws Exception {
        startHost();
        simulator.on(Call.CREATE, created(), created("p1")).on(Call.POLL, succeeded("[\"a\", \"b\"]"), succeeded("[\"c\", \"d\"]"));

        assertThat(ask("direct:text-steps", "hi").path("text").asText()).isEqualTo("ab");
        assertThat(ask("direct:any-steps", "{\"model\": \"gemma-2b\", \"prompt\": \"hi\"}").path("text").asText()).isEqualTo("cd");

        assertThat(chunks).containsExactly("a", "b", "c", "d");
    }

    @Test
    void withoutStepsTheBodyIsTheResult() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.stream("a", "b"), Reply.stream("c")).on(Call.CREATE, created()).on(Call.POLL, succeeded("[\"d\", \"e\"]"));

        assertThat(ask("direct:plain", "hi").path("text").asText()).isEqualTo("ab");
        assertThat(ask("direct:any", "hi").path("text").asText()).isEqualTo("c");
        assertThat(ask("direct:text", "hi").path("text").asText()).isEqualTo("de");
        assertThat(json(template().request("kamelet:replicate-image-action?model=sdxl", e -> e.getMessage().setBody("a cat"))).path("images")).isNotEmpty();

        assertThat(chunks).isEmpty();
    }

    @Test
    void aHostThatCaughtItsOwnExceptionGetsTheResult() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.stream("a", "b"));

        assertThat(ask("direct:instead", ASK).path("text").asText()).isEqualTo("ab");
    }

    @Test
    void aFailingHandlerOfTheHostKeepsItsMessage() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.rawStream("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"));

        Exchange answered = template().request("direct:instead", exchange -> exchange.getMessage().setBody(ASK));

        assertThat(answered.getException()).isInstanceOf(GenerateException.class).hasMessageStartingWith("stream-interrupted");
        assertThat(answered.getMessage().getBody()).isEqualTo(ASK);
    }

    @Test
    void twoKeysAndTwoEndpointsAtOnce() throws Exception {
        startHost();
        simulator.always(Call.CHAT, Reply.stream("global").pause(Duration.ofMillis(100)));
        other.always(Call.CHAT, Reply.stream("own").pause(Duration.ofMillis(100)));
        List<CompletableFuture<String>> own = new ArrayList<>();
        List<CompletableFuture<String>> global = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            own.add(template().asyncRequestBody("direct:own", "hi", String.class));
            global.add(template().asyncRequestBody("direct:plain", "hi", String.class));
        }

        assertThat(own).allSatisfy(answer -> assertThat(answer.get()).contains("\"text\":\"own\""));
        assertThat(global).allSatisfy(answer -> assertThat(answer.get()).contains("\"text\":\"global\""));
        assertThat(simulator.requests(Call.CHAT)).hasSize(4);
        assertThat(other.requests(Call.CHAT)).hasSize(4);
        assertThat(tokens(simulator.requests())).containsExactly("Bearer up_global");
        assertThat(tokens(other.requests())).containsExactly("Bearer own+&%zz=?");
    }

    @Test
    void whatIsGivenCountsAndTheRestIsAsTheApplicationSays() throws Exception {
        startHost("bactrian.default-model", "solar-pro3", "model", "no-such-model", "endpoint", "http://127.0.0.1:9/", "apiKey", "not-this");
        simulator.on(Call.CHAT, Reply.stream("a"));
        other.on(Call.CHAT, Reply.stream("b", "c"));

        ask("direct:plain", ASK);
        ask("direct:own", "{\"messages\": [{\"role\": \"system\", \"content\": \"s\"}, {\"role\": \"user\", \"content\": \"u\"}], \"max_tokens\": 9}");

        JsonNode plain = simulator.requests(Call.CHAT).get(0).json();
        assertThat(plain.path("model").asText()).isEqualTo("solar-pro4");
        assertThat(plain.has("temperature")).isFalse();
        JsonNode own = other.requests(Call.CHAT).get(0).json();
        assertThat(own.path("model").asText()).isEqualTo("solar-mini");
        assertThat(own.path("temperature").asDouble()).isEqualTo(0.2);
        assertThat(own.path("max_tokens").asInt()).as("the request's own").isEqualTo(9);
        assertThat(own.path("messages")).hasSize(1);
        assertThat(chunks).as("at the chunk endpoint").containsExactly("b", "c");
    }

    @Test
    void chunksGoToTheStepsAndToTheChunkEndpoint() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.stream("a", "b"));

        ask("direct:both", "hi");

        assertThat(chunks).containsExactly("a", "b");
        assertThat(takeChunks()).isEqualTo("a|b");
    }

    @Test
    void pollsAreMadeAsTheKameletSays() throws Exception {
        startHost("bactrian.replicate.poll-delay", "1h");
        other.on(Call.CREATE, created()).always(Call.POLL, poll("processing"));

        Exchange exchange = template().request("direct:own-image", e -> e.getMessage().setBody("a cat"));

        assertThat(exchange.getException(GenerateException.class).getType()).isEqualTo("timeout");
        assertThat(other.count(Call.POLL)).isEqualTo(2);
        assertThat(tokens(other.requests())).containsExactly("Bearer own+&%zz=?");
        assertThat(simulator.requests()).isEmpty();
    }

    @Test
    void aFailureIsOneCallAndReachesTheHostAsItIs() throws Exception {
        startHost();
        simulator.always(Call.CHAT, Reply.json(400, "{\"error\": {\"message\": \"no\"}}")).always(Call.CREATE, Reply.status(400));
        for (String endpoint : List.of("direct:steps", "direct:plain", "direct:any", "direct:text", "direct:text-steps", "direct:image")) {
            int before = simulator.requests().size();

            Exchange exchange = template().request(endpoint, e -> e.getMessage().setBody(ASK));

            assertThat(simulator.requests().size() - before).as(endpoint).isEqualTo(1);
            assertThat(exchange.getException()).as(endpoint).isInstanceOf(GenerateException.class);
            assertThat(exchange.getMessage().getBody()).as(endpoint).isEqualTo(ASK);
        }
        assertThat(seenByTheHost).hasSize(6).allSatisfy(failure -> assertThat(failure).isInstanceOf(GenerateException.class));
        assertThat(bodiesOfFailures).containsOnly(ASK);
    }

    @Test
    void theHostRepeatsARetryableFailureAsOftenAsItSays() throws Exception {
        startHost("bactrian.retry.max-attempts", "1");
        simulator.always(Call.CHAT, Reply.status(503));
        for (String endpoint : List.of("direct:steps", "direct:plain")) {
            int before = simulator.count(Call.CHAT);

            template().request(endpoint, e -> e.getMessage().setBody(ASK));

            assertThat(simulator.count(Call.CHAT) - before).as("%s: six tries of the host's, of two calls each", endpoint).isEqualTo(12);
        }
        assertThat(seenByTheHost).hasSize(2);
    }

    @Test
    void aStreamThatBreaksOffIsOneCallAndKeepsWhatCame() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.stream("a", "b", "c").cutAt(250));

        Exchange exchange = template().request("direct:steps", e -> e.getMessage().setBody(ASK));

        GenerateException failure = exchange.getException(GenerateException.class);
        assertThat(failure.getType()).isEqualTo("stream-interrupted");
        assertThat(ProviderJson.json(failure.getDocument()).orElseThrow().path("partialText").asText()).isEqualTo(String.join("", chunks));
        assertThat(exchange.getMessage().getBody()).isEqualTo(ASK);
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
        assertThat(seenByTheHost).hasSize(1);
    }

    @Test
    void aStepOfTheHostsThatFailsIsItsOwnAndEndsTheStream() throws Exception {
        startHost();
        AtomicInteger tries = new AtomicInteger();
        onChunk = exchange -> {
            if ("b".equals(exchange.getMessage().getBody())) {
                tries.incrementAndGet();
                throw new IllegalStateException("the host's");
            }
        };
        simulator.on(Call.CHAT, Reply.stream("a", "b", "c", "d").pause(Duration.ofMillis(100)).thenHang());

        Exchange exchange = template().request("direct:host-fails-in-its-steps", e -> e.getMessage().setBody(ASK));

        assertThat(exchange.getException()).hasStackTraceContaining("the host's");
        assertThat(tries).as("the host's tries of its step").hasValue(6);
        assertThat(chunks).startsWith("a", "b").doesNotContain("c");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
        await().until(() -> simulator.clientAborts() == 1);
    }

    @Test
    void aStepWhoseFailureTheHostHandlesEndsTheStreamToo() throws Exception {
        startHost();
        onChunk = exchange -> {
            if ("b".equals(exchange.getMessage().getBody())) {
                throw new IllegalStateException("the host's");
            }
        };
        simulator.on(Call.CHAT, Reply.stream("a", "b", "c", "d").pause(Duration.ofMillis(100)).thenHang());

        Exchange exchange = template().request("direct:gives-up-a-step", e -> e.getMessage().setBody(ASK));

        assertThat(exchange.getException()).isNull();
        assertThat(deadLetters).containsExactly("b");
        assertThat(chunks).containsExactly("a", "b", "b");
        await().until(() -> simulator.clientAborts() == 1);
    }

    @Test
    void nothingOfOursIsLeftInTheHost() throws Exception {
        startHost();
        simulator.always(Call.CHAT, Reply.stream("a")).always(Call.CREATE, created());
        Map<String, Object> headers = Map.of("X-Own", "1", "CamelHttpUri", "http://127.0.0.1:9/", "Authorization", "Bearer own");
        Map<String, Object> variables = Map.of("bactrianAccount", "host's", "bactrianKeepText", "host's", "generation", "g", "stream", "s", "channel", "c");
        for (String endpoint : List.of("direct:steps", "direct:plain", "direct:image", "direct:sink")) {
            simulator.on(Call.POLL, succeeded("[\"" + simulator.url() + "/files/x/out-0.png\"]"));

            Exchange exchange = template().request(endpoint, e -> {
                e.getMessage().setBody(ASK);
                e.getMessage().setHeaders(new HashMap<>(headers));
                variables.forEach(e::setVariable);
                e.setProperty("own", "p");
            });

            assertThat(exchange.getException()).isNull();
            assertThat(exchange.getVariables()).as(endpoint).isEqualTo(variables);
            assertThat(exchange.getMessage().getHeaders()).containsAllEntriesOf(headers);
            List<String> ours = exchange.getMessage().getHeaders().keySet().stream().filter(name -> !headers.containsKey(name)).toList();
            if (endpoint.equals("direct:sink")) {
                assertThat(ours).isEmpty();
                assertThat(exchange.getMessage().getBody()).isEqualTo(ASK);
            } else {
                assertThat(ours).as(endpoint).containsExactlyInAnyOrder(
                        "BactrianRequestId", "BactrianProvider", "BactrianModel", "BactrianKind", "BactrianStatus");
                assertThat(exchange.getMessage().getHeader("BactrianStatus")).isEqualTo("succeeded");
            }
            assertThat(exchange.getProperties().keySet()).noneMatch(name -> name.startsWith("bactrian"));
        }
        assertThat(steps).allSatisfy(step -> assertThat(step.getVariables()).as("in a step").isEqualTo(variables));
        await().until(() -> captured.results.size() == 1);
        captured.results.clear();
    }

    @Test
    void afterAFailureTheHostsVariablesAreItsOwn() throws Exception {
        startHost();
        simulator.always(Call.CHAT, Reply.status(400));

        Exchange exchange = template().request("direct:steps", e -> e.getMessage().setBody(ASK));

        assertThat(exchange.getVariables()).isEmpty();
        assertThat(exchange.getMessage().getHeaders().keySet()).noneMatch(name -> name.startsWith("Bactrian"));
    }

    @Test
    void imagesThatAreWaitedForHoldNoThread() throws Exception {
        startHost();
        simulator.always(Call.POLL, poll("processing"));

        for (int i = 0; i < 20; i++) {
            template().sendBody("seda:images", "cat " + i);
        }

        await("all created by the route's one thread").until(() -> simulator.count(Call.CREATE) == 20);
        simulator.always(Call.POLL, succeeded("[\"https://replicate.delivery/x.png\"]"));
        await().until(() -> captured.results.size() == 20);
        captured.results.clear();
    }

    @Test
    void twoHundredAtOnceGetTheirOwnAnswers() throws Exception {
        startHost();
        ExecutorService callers = Executors.newFixedThreadPool(200);
        try {
            List<CompletableFuture<JsonNode>> answers = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                String request = "{\"id\": \"r" + i + "\", \"prompt\": \"number " + i + "\"}";
                String endpoint = i % 2 == 0 ? "direct:steps" : "direct:image";
                answers.add(CompletableFuture.supplyAsync(() -> ask(endpoint, request), callers));
            }
            for (int i = 0; i < 200; i++) {
                assertThat(answers.get(i).get().path("id").asText()).isEqualTo("r" + i);
            }
        } finally {
            callers.shutdown();
        }
        assertThat(simulator.count(Call.CHAT)).isEqualTo(100);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(100);
    }

    @Test
    void theHostOfASinkGoesOnAtOnceAndTheResultIsEmitted() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.stream("a").after(Duration.ofMillis(500)));

        Exchange exchange = template().request("direct:sink", e -> e.getMessage().setBody(new ByteArrayInputStream(ASK.getBytes(StandardCharsets.UTF_8))));

        assertThat(exchange.getException()).isNull();
        assertThat(captured.results).isEmpty();
        await().until(() -> !captured.results.isEmpty());
        assertThat(captured.results.poll().json().path("text").asText()).isEqualTo("a");
        assertThat(simulator.requests(Call.CHAT).get(0).json().path("model").asText()).isEqualTo("solar-mini");
    }

    @Test
    void eachSinkHasItsKindOfRequestAnswered() throws Exception {
        startHost();

        template().sendBody("direct:chat-sink", "hi");
        template().sendBody("direct:text-sink", "hi");
        template().sendBody("direct:image-sink", "a cat");

        await().until(() -> captured.results.size() == 3);
        assertThat(captured.results).extracting(result -> result.headers().get("BactrianProvider") + " " + result.headers().get("BactrianKind"))
                .containsExactlyInAnyOrder("upstage text", "replicate text", "replicate image");
        captured.results.clear();
    }

    @Test
    void theCallerOfASinkWaitsWhereTheLimitIsReached() throws Exception {
        startHost("bactrian.max-in-flight", "1");
        simulator.always(Call.CHAT, Reply.stream("a").after(Duration.ofMillis(100)));

        for (int i = 0; i < 4; i++) {
            template().sendBody("direct:chat-sink", "hi");
        }
        assertThat(simulator.count(Call.CHAT)).as("begun when the last was taken").isGreaterThanOrEqualTo(3);
        for (int i = 0; i < 4; i++) {
            template().sendBody("direct:image-sink", "a cat");
        }

        await().until(() -> captured.results.size() == 8);
        assertThat(simulator.maxConcurrent(Call.CHAT)).isEqualTo(1);
        captured.results.clear();
    }

    @Test
    void theKindOfAModelThatNobodyKnowsIsThatOfItsAnswer() throws Exception {
        startHost();
        simulator.on(Call.CREATE, created()).on(Call.POLL, succeeded("[\"a\", \"b\"]"));

        Exchange exchange = template().request("direct:any", e -> {
            e.getMessage().setBody("{\"model\": \"owner/unknown\", \"prompt\": \"hi\"}");
            // Of an earlier answer.
            e.getMessage().setHeader("BactrianKind", "image");
        });

        assertThat(json(exchange).path("text").asText()).isEqualTo("ab");
        assertThat(exchange.getMessage().getHeader("BactrianKind")).isEqualTo("text");
    }

    @Test
    void aFailureOfASinkIsEmittedAndNotTheHosts() throws Exception {
        startHost();
        simulator.always(Call.CHAT, Reply.status(400));

        Exchange failed = template().request("direct:sink", e -> e.getMessage().setBody("hi"));
        Exchange invalid = template().request("direct:sink", e -> e.getMessage().setBody("{"));

        assertThat(failed.getException()).isNull();
        assertThat(invalid.getException()).isNull();
        await().until(() -> captured.errors.size() == 2);
        assertThat(captured.errors).extracting(error -> error.json().path("error").path("type").asText())
                .containsExactlyInAnyOrder("provider-rejected", "invalid-request");
        assertThat(seenByTheHost).isEmpty();
        captured.errors.clear();
    }

    @Test
    void aStopWaitsForWhatASinkHasTaken() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.stream("a").after(Duration.ofMillis(500)));

        template().sendBody("direct:sink", "hi");
        await().until(() -> simulator.count(Call.CHAT) == 1);
        stop();

        assertThat(captured.results.poll().json().path("text").asText()).isEqualTo("a");
    }
}
