package dev.bactrian.routes.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerateException;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Account;
import dev.bactrian.generate.Generation;
import dev.bactrian.generate.Models;
import dev.bactrian.ledger.Ledger;
import dev.bactrian.replicate.PollCounts;
import dev.bactrian.replicate.PollState;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.request.RequestReader;
import dev.bactrian.request.RequestReader.Format;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.text.ProviderJson;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;

/** What happens if a model does not answer and the request or the catalogue names others. */
class FallbackTest extends RouteTestSupport {

    private static final List<String> QUICK = List.of("bactrian.retry.max-attempts", "1", "bactrian.replicate.poll-max-attempts", "4",
            "bactrian.replicate.poll-delay", "5ms", "bactrian.retry.delay", "5ms", "bactrian.emit.chunk", "",
            "bactrian.replicate.stream", "off");
    private static final String CHATS = "'model': 'solar-mini4', 'fallback': ['solar-pro3', 'gemma-2b'], 'prompt': 'hi'";
    private static final String PREDICTION = "'model': 'gemma-2b', 'fallback': ['solar-pro3'], 'prompt': 'hi'";
    private static final String PIECE = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";

    private final MeterRegistry meters = new SimpleMeterRegistry();
    private final Account own = new Account();
    private int ids;

    @Override
    protected void configure(Main main) {
        main.bind("meters", meters);
        main.bind("own", own);
    }

    private static String json(String fields) {
        return ("{" + fields + "}").replace('\'', '"');
    }

    /** A request with an id of its own. */
    private String request(String fields) {
        return json("'id': 'r" + ++ids + "', " + fields);
    }

    private DynamicTest that(String what, Executable test) {
        return DynamicTest.dynamicTest(what, () -> {
            simulator.reset();
            test.execute();
            simulator.reset();
        });
    }

    /** The models that were called, in order; those of Upstage first. */
    private List<String> asked() {
        return Stream.of(Call.CHAT, Call.CREATE).flatMap(call -> simulator.requests(call).stream()).map(call -> call.json())
                .map(body -> body.has("version") ? "gemma" : body.path("model").asText()).toList();
    }

    private static String tried(JsonNode document) {
        List<String> attempts = new ArrayList<>();
        document.path("attempts").forEach(attempt -> attempts.add(attempt.path("model").asText().replaceAll(".*/gemma.*", "gemma") + " at "
                + attempt.path("provider").asText() + ": " + (attempt.has("error") ? attempt.at("/error/type").asText() : "answered")));
        return String.join(", ", attempts);
    }

    @TestFactory
    Stream<DynamicTest> anotherModelIsTriedIfThatCannotBePaidForTwice() throws Exception {
        start(QUICK);
        return Stream.of(
                that("after the retries of the one before", () -> {
                    simulator.on(Call.CHAT, Reply.status(503), Reply.status(503), Reply.status(429), Reply.normally());
                    JsonNode result = generate(request(CHATS + ", 'temperature': 0.5"));
                    assertThat(asked()).containsExactly("solar-mini4", "solar-mini4", "solar-pro3", "solar-pro3");
                    assertThat(tried(result)).isEqualTo("solar-mini4 at upstage: provider-unavailable, solar-pro3 at upstage: answered");
                    assertThat(result.path("model").asText()).isEqualTo("solar-pro3");
                    assertThat(result.at("/attempts/0/error/message").asText()).isEqualTo("upstage answered 503");
                    assertThat(simulator.requests(Call.CHAT)).allSatisfy(call -> {
                        assertThat(call.json().has("fallback")).isFalse();
                        assertThat(call.json().path("temperature").asDouble()).isEqualTo(0.5);
                    });
                    assertThat(meters.get("bactrian.fallbacks").tag("model", "solar-mini4").tag("error.type", "provider-unavailable")
                            .counter().count()).isOne();
                }),
                that("at another provider, down to the last", () -> {
                    simulator.on(Call.CHAT, Reply.status(429), Reply.status(429), Reply.status(500));
                    JsonNode result = generate(request(CHATS));
                    assertThat(tried(result)).isEqualTo("solar-mini4 at upstage: rate-limited, solar-pro3 at upstage: provider-unavailable, "
                            + "gemma at replicate: answered");
                    assertThat(result.path("provider").asText()).isEqualTo("replicate");
                    assertThat(result.at("/prediction/id").asText()).isNotEmpty();
                    assertThat(records()).isEmpty();
                    Stream.of("upstage", "replicate").forEach(provider -> assertThat(meters.get("bactrian.in.flight")
                            .tag("provider", provider).gauge().value()).isZero());
                }),
                that("and the error lists them all", () -> {
                    simulator.always(Call.CHAT, Reply.status(503)).always(Call.CREATE, Reply.status(402));
                    JsonNode error = generateFails(request(CHATS));
                    assertThat(tried(error)).isEqualTo("solar-mini4 at upstage: provider-unavailable, solar-pro3 at upstage: "
                            + "provider-unavailable, gemma at replicate: authentication");
                    assertThat(error.at("/error/type").asText()).isEqualTo("authentication");
                    assertThat(error.at("/error/attempts").asInt()).isOne();
                    assertThat(error.path("provider").asText()).isEqualTo("replicate");
                }),
                that("if a stream breaks off before its first chunk", () -> {
                    simulator.on(Call.CHAT, Reply.rawStream(": nothing\n\n"), Reply.stream("b"));
                    JsonNode result = generate(request(CHATS));
                    assertThat(result.path("text").asText()).isEqualTo("b");
                    assertThat(tried(result)).isEqualTo("solar-mini4 at upstage: stream-interrupted, solar-pro3 at upstage: answered");
                }),
                that("but not after a chunk", () -> {
                    simulator.on(Call.CHAT, Reply.rawStream(PIECE));
                    JsonNode error = generateFails(request(CHATS));
                    assertThat(error.at("/error/type").asText()).isEqualTo("stream-interrupted");
                    assertThat(error.path("partialText").asText()).isEqualTo("a");
                    assertThat(error.has("attempts")).isFalse();
                    assertThat(asked()).hasSize(1);
                }),
                that("and not if the request or the key is at fault", () -> {
                    for (int status : new int[] {400, 401, 404}) {
                        simulator.reset().on(Call.CHAT, Reply.status(status));
                        assertThat(generateFails(request(CHATS)).has("attempts")).isFalse();
                        assertThat(asked()).containsExactly("solar-mini4");
                    }
                }),
                that("after a create that was refused", () -> {
                    simulator.always(Call.CREATE, Reply.status(429));
                    assertThat(tried(generate(request(PREDICTION)))).isEqualTo("gemma at replicate: rate-limited, solar-pro3 at upstage: answered");
                }),
                that("after a create that has made no prediction", () -> {
                    simulator.always(Call.CREATE, Reply.status(502));
                    assertThat(tried(generate(request(PREDICTION)))).isEqualTo(
                            "gemma at replicate: provider-unavailable, solar-pro3 at upstage: answered");
                    assertThat(records()).isEmpty();
                }),
                that("but not after one that may have", () -> {
                    simulator.always(Call.CREATE, Reply.status(502)).always(Call.LIST, Reply.status(404));
                    JsonNode error = generateFails(request(PREDICTION));
                    assertThat(error.at("/error/message").asText()).contains("may have been paid for");
                    assertThat(asked()).containsExactly("gemma");
                }),
                that("not after a prediction that has failed or does not end", () -> {
                    simulator.always(Call.POLL, Reply.predictionError("failed", "\"no\""));
                    assertThat(generateFails(request(PREDICTION + ", 'fallback-after-paid': true")).at("/error/type").asText())
                            .isEqualTo("prediction-failed");
                    simulator.reset().always(Call.POLL, Reply.prediction("processing", null));
                    assertThat(generateFails(request(PREDICTION)).at("/error/type").asText()).isEqualTo("timeout");
                    assertThat(simulator.count(Call.CHAT)).isZero();
                }),
                that("unless the request wants to pay again", () -> {
                    simulator.always(Call.POLL, Reply.prediction("processing", null));
                    JsonNode result = generate(request(PREDICTION + ", 'fallback-after-paid': true"));
                    assertThat(tried(result)).isEqualTo("gemma at replicate: timeout, solar-pro3 at upstage: answered");
                    assertThat(result.has("prediction")).isFalse();
                    assertThat(simulator.requests(Call.CHAT).get(0).json().has("fallback-after-paid")).isFalse();
                    await("the prediction is cancelled").until(() -> simulator.count(Call.CANCEL) > 0);
                    assertThat(records()).isEmpty();
                }),
                that("by headers, too", () -> {
                    simulator.on(Call.CHAT, Reply.status(500));
                    String result = template().requestBodyAndHeaders("direct:generate", request("'prompt': 'hi'"),
                            Map.of("BactrianFallback", "solar-pro3 , gemma-2b", "BactrianFallbackAfterPaid", "false"), String.class);
                    assertThat(asked()).containsExactly("solar-pro4", "solar-pro3");
                    assertThat(ProviderJson.json(result).orElseThrow().path("attempts")).hasSize(2);
                }),
                that("not after a cancellation", () -> {
                    simulator.on(Call.CHAT, Reply.rawStream(": nothing\n\n").thenHang());
                    template().asyncRequestBody("direct:generate", json("'id': 'gone', " + CHATS));
                    await().until(() -> simulator.count(Call.CHAT) == 1);
                    await().until(() -> template().requestBody("direct:cancel", "gone", String.class).contains("\"canceled\":true"));
                    await().until(() -> simulator.concurrent(Call.CHAT) == 0);
                    assertThat(asked()).containsExactly("solar-mini4");
                }),
                that("and what is no model is an error at once", () -> {
                    assertThat(generateFails(request("'prompt': 'hi', 'fallback': ['nobody']")).at("/error/message").asText())
                            .startsWith("'nobody' is not a model");
                    for (String wrong : new String[] {"'solar-mini4'", "[1]", "['']", "{}"}) {
                        assertThat(generateFails(request("'prompt': 'hi', 'fallback': " + wrong)).at("/error/message").asText())
                                .isEqualTo("fallback: not a list of names of models");
                    }
                    assertThat(generateFails(request("'prompt': 'hi', 'fallback-after-paid': 1")).at("/error/message").asText())
                            .isEqualTo("fallback-after-paid: not true or false");
                    assertThat(simulator.requests()).isEmpty();
                }),
                that("the caller of a stream gets the headers of the model that answers", () -> {
                    simulator.on(Call.CHAT, Reply.rawStream(": nothing\n\n"), Reply.stream("b", "c"));
                    Exchange answer = template().request("direct:generate-stream", exchange -> {
                        exchange.getMessage().setBody(request(CHATS));
                        assertThat(exchange.getException()).isNull();
                    });
                    assertThat(answer.getException()).isNull();
                    assertThat(answer.getMessage().getHeader("BactrianModel")).isEqualTo("solar-pro3");
                }),
                that("a stream that goes on after a prediction leaves no record of either", () -> {
                    simulator.on(Call.POLL, Reply.prediction("processing", null), Reply.prediction("processing", null),
                            Reply.prediction("processing", null), Reply.prediction("processing", null), Reply.prediction("succeeded", "[\"b\"]"));
                    Exchange answer = template().request("direct:generate-stream", exchange -> exchange.getMessage().setBody(
                            request("'model': 'gemma-2b', 'fallback': ['llama-3-8b'], 'fallback-after-paid': true, 'prompt': 'hi'")));
                    assertThat(answer.getException()).isNull();
                    assertThat(answer.getMessage().getHeader("BactrianModel")).isEqualTo("meta/meta-llama-3-8b-instruct");
                    assertThat(simulator.count(Call.CREATE)).isEqualTo(2);
                    await().untilAsserted(() -> assertThat(records()).isEmpty());
                }),
                that("and a stream without chunks says which model has answered", () -> {
                    simulator.on(Call.CHAT, Reply.status(500));
                    Exchange answer = template().request("direct:generate-stream", exchange -> exchange.getMessage().setBody(
                            request("'model': 'solar-mini4', 'fallback': ['sd-3', 'solar-pro3'], 'fallback-after-paid': true, 'prompt': 'hi'")));
                    assertThat(answer.getException()).isNull();
                    assertThat(answer.getMessage().getHeader("BactrianModel")).isEqualTo("stability-ai/stable-diffusion-3");
                    await().untilAsserted(() -> assertThat(records()).isEmpty());
                }),
                that("a pinned model has no other", () -> {
                    own.setModel("solar-mini4");
                    own.setModelPinned("true");
                    simulator.always(Call.CHAT, Reply.status(500));
                    Exchange answer = template().request("direct:generate", exchange -> {
                        exchange.setVariable(Account.VARIABLE, "own");
                        exchange.getMessage().setBody(request(CHATS));
                    });
                    assertThat(answer.getException()).isInstanceOf(GenerateException.class);
                    assertThat(asked()).containsExactly("solar-mini4");
                }),
                that("after a crash the request continues with the model that was begun", () -> {
                    String request = json("'id': 'again', " + CHATS);
                    GenerateRequest read = new RequestReader(1000).read(request, Format.JSON);
                    Models models = Models.of(context());
                    Generation before = Generation.begin("again", read, models.resolve("solar-mini4", null, null, null), false, "")
                            .fallingBackTo(models.fallback(read, models.resolve("solar-mini4", null, null, null), null), true, "");
                    Generation third = before;
                    while (third.fallback().hasNext()) {
                        third = third.next(new GenerationFailure(ErrorType.RATE_LIMITED, "x"), null, model -> model.provider().toString().equals("replicate"));
                    }
                    simulator.on(Call.POLL, Reply.prediction("succeeded", "\"paid before\""));
                    Ledger.of(context()).record(third, PollState.resume("p1", "starting", new PollCounts(0, 0, 0, 0), null));
                    JsonNode result = generate(request);
                    assertThat(result.path("text").asText()).isEqualTo("paid before");
                    assertThat(result.at("/prediction/id").asText()).isEqualTo("p1");
                    assertThat(asked()).isEmpty();
                    assertThat(records()).isEmpty();
                }));
    }

    @Test
    void theCatalogueNamesTheModelsToTry() throws Exception {
        Path catalogue = folder.resolve("models.yaml");
        Files.writeString(catalogue, """
                extends: classpath:bactrian/models.yaml
                providers:
                  upstage:
                    fallback: [solar-pro3, gemma-2b]
                    models:
                      - id: solar-mini4
                        fallback: [syn-pro]
                      - id: alone
                        fallback: []
                """);
        start(QUICK, "bactrian.models", "file:" + catalogue, "bactrian.models.allowed", "solar-pro4, solar-mini4, alone, solar-pro3, syn-pro");
        simulator.always(Call.CHAT, Reply.status(500));
        Map.of("solar-pro4", List.of("solar-pro4", "solar-pro3"), "solar-mini4", List.of("solar-mini4", "syn-pro"), "alone", List.of("alone"))
                .forEach((model, all) -> {
                    simulator.reset().always(Call.CHAT, Reply.status(500));
                    generateFails(request("'prompt': 'hi', 'model': '" + model + "'"));
                    assertThat(asked()).as("what is not allowed is left out").isEqualTo(all);
                });
        simulator.reset().on(Call.CHAT, Reply.status(500));
        assertThat(tried(generate(request("'prompt': 'hi', 'fallback': ['alone']")))).contains("alone at upstage: answered");
        assertThat(generateFails(request("'prompt': 'hi', 'fallback': ['gemma-2b']")).at("/error/type").asText()).isEqualTo("unsupported-model");
    }

    @Test
    void aFileThatWasAnsweredByTheNextModelIsDone() throws Exception {
        start(QUICK, "bactrian.file.enabled", "true");
        simulator.on(Call.CHAT, Reply.status(500));
        Files.createDirectories(folder.resolve("inbox"));
        Files.writeString(folder.resolve("inbox/a.json"), json(CHATS));
        await().until(() -> !captured.results.isEmpty());
        Emitted result = captured.results.remove();
        assertThat(tried(result.json())).isEqualTo("solar-mini4 at upstage: provider-unavailable, solar-pro3 at upstage: answered");
        assertThat(result.headers()).containsEntry("BactrianModel", "solar-pro3");
        await().until(() -> Files.exists(folder.resolve("inbox/.done/a.json")));
    }
}
