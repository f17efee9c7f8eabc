package dev.bactrian.routes.generate;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.failed;
import static dev.bactrian.routes.support.ReplicateReplies.poll;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.emit.ChunkStream;
import dev.bactrian.error.GenerateException;
import dev.bactrian.generate.Headers;
import dev.bactrian.http.ProviderHttp;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelExecutionException;
import org.apache.camel.Exchange;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code direct:generate-stream}: the chunks in a route author's hand, as they arrive, and nothing left open. */
@Timeout(60)
class StreamValueTest extends RouteTestSupport {

    private static final String CHAT = "{\"id\": \"r1\", \"prompt\": \"p\"}";
    private static final String PREDICTION = "{\"id\": \"r1\", \"model\": \"gemma-2b\", \"prompt\": \"p\"}";
    private static final String PIECE = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    private static final String STOP = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

    private static final String HOST = """
            - route:
                id: host
                from:
                  uri: direct:host
                  steps:
                    - to:
                        uri: direct:generate-stream
                    - split:
                        simple: ${body}
                        streaming: true
                        steps:
                          - to:
                              uri: bean:captured
                              parameters:
                                method: chunk
                          - to:
                              uri: direct:host-step
                    - setBody:
                        simple: ${body.document}
            - route:
                id: host-stops
                from:
                  uri: direct:host-stops
                  steps:
                    - to:
                        uri: direct:generate-stream
                    - split:
                        simple: ${body}
                        streaming: true
                        stopOnException: true
                        steps:
                          - to:
                              uri: direct:host-step
            - route:
                id: host-keeps
                from:
                  uri: direct:host-keeps
                  steps:
                    - setVariable:
                        name: bactrianKeepText
                        constant: "true"
                    - to:
                        uri: direct:generate-stream
                    - setBody:
                        simple: ${body.document}
            """;

    /** A step of the host. */
    private interface Step {
        void process(Exchange exchange) throws Exception;
    }

    private volatile Step step = exchange -> { };
    private final AtomicInteger steps = new AtomicInteger();

    @Override
    protected void configure(Main main) {
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:host-step").errorHandler(noErrorHandler()).process(exchange -> {
                    steps.incrementAndGet();
                    step.process(exchange);
                });
                from("direct:java").errorHandler(noErrorHandler()).to("direct:generate-stream").process(exchange -> step.process(exchange));
                from("direct:repeating").errorHandler(defaultErrorHandler().maximumRedeliveries(3).redeliveryDelay(0))
                        .to("direct:generate-stream")
                        .split(body()).streaming().to("bean:captured?method=chunk").end();
                from("direct:handling").onException(GenerateException.class).handled(true).setBody(simple("${exception.document}")).end()
                        .to("direct:generate-stream")
                        .split(body()).streaming().to("bean:captured?method=chunk").end();
                from("direct:host-handles").onException(IllegalStateException.class).handled(true)
                        .script(simple("${variable.answer.close}")).end()
                        .to("direct:generate-stream").setVariable("answer", body())
                        .split(variable("answer")).streaming().stopOnException().to("direct:host-step").end();
                from("direct:host-handles-alone").onException(IllegalStateException.class).handled(true).end()
                        .to("direct:generate-stream").split(body()).streaming().stopOnException().to("direct:host-step").end();
                from("direct:elsewhere").errorHandler(noErrorHandler()).to("direct:generate-stream").to("seda:later?waitForTaskToComplete=Never");
                from("seda:later?pollTimeout=50").process(exchange -> step.process(exchange));
            }
        });
    }

    private void startHost(String... properties) throws Exception {
        List<String> all = new ArrayList<>(List.of("bactrian.emit.chunk", ""));
        all.addAll(List.of(properties));
        start(all.toArray(String[]::new));
        PluginHelper.getRoutesLoader(context()).loadRoutes(ResourceHelper.fromString("host.camel.yaml", HOST));
    }

    /** Asks from a route of the host, whose next step then has the stream. */
    private void inHand(Object request, Step then) {
        step = then;
        template().requestBody("direct:java", request);
    }

    private static ChunkStream stream(Exchange exchange) {
        return (ChunkStream) exchange.getMessage().getBody();
    }

    private static String rest(ChunkStream stream) {
        List<String> chunks = new ArrayList<>();
        for (String chunk = stream.next(); chunk != null; chunk = stream.next()) {
            chunks.add(chunk);
        }
        return String.join("|", chunks);
    }

    private void assertCutSoon(long since) {
        await("the server sees the connection closed").until(() -> simulator.clientAborts() == 1);
        assertThat(Duration.ofNanos(System.nanoTime() - since)).isLessThan(Duration.ofSeconds(10));
        int leased = context().getRegistry().findByType(ProviderHttp.class).stream().mapToInt(ProviderHttp::leased).sum();
        assertThat(leased).isZero();
    }

    private static GenerateException failure(Throwable thrown) {
        assertThat(thrown).isInstanceOf(CamelExecutionException.class);
        assertThat(thrown.getCause()).isInstanceOf(GenerateException.class);
        return (GenerateException) thrown.getCause();
    }

    @Test
    void theBodyIsThereBeforeTheFirstChunkIsWritten() throws Exception {
        startHost();
        CountDownLatch inHand = new CountDownLatch(1);
        boolean[] before = new boolean[1];
        simulator.on(Call.CHAT, Reply.stream("a", "b").chunkListener(piece -> {
            if (piece == 0) {
                before[0] = awaitQuietly(inHand);
            }
        }));

        inHand(CHAT, exchange -> {
            inHand.countDown();
            assertThat(stream(exchange).hasNext()).isTrue();
            assertThat(rest(stream(exchange))).isEqualTo("a|b");
            assertThat(stream(exchange).hasNext()).isFalse();
        });

        assertThat(before[0]).as("the stream was in hand before the first chunk was written").isTrue();
    }

    @Test
    void aHostThatCachesStreamsGetsTheFirstChunkAtOnce() throws Exception {
        startHost("camel.main.stream-caching-enabled", "true",
                "camel.main.stream-caching-spool-enabled", "true",
                "camel.main.stream-caching-spool-threshold", "1",
                "camel.main.stream-caching-spool-directory", folder.resolve("spool").toString());
        CountDownLatch first = new CountDownLatch(1);
        boolean[] before = new boolean[1];
        step = exchange -> first.countDown();
        simulator.on(Call.CHAT, Reply.stream("a", "b", "c").chunkListener(piece -> {
            if (piece == 1) {
                before[0] = awaitQuietly(first);
            }
        }));

        JsonNode document = ProviderJson.json(template().requestBody("direct:host", CHAT, String.class)).orElseThrow();

        assertThat(before[0]).as("the first chunk was in hand before the second was written").isTrue();
        assertThat(takeChunks()).isEqualTo("a|b|c");
        assertThat(document.path("status").asText()).isEqualTo("succeeded");
        assertThat(document.path("chunks").asInt()).isEqualTo(3);
        assertThat(document.path("finishReason").asText()).isEqualTo("stop");
        assertThat(document.has("text")).isFalse();
    }

    private static boolean awaitQuietly(CountDownLatch latch) {
        try {
            return latch.await(20, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Test
    void aPredictionsPiecesComeTheSameWay() throws Exception {
        startHost();
        simulator.on(Call.CREATE, created()).on(Call.POLL, poll("processing"), succeeded("[\"a\", \"\", \"b\"]"));

        JsonNode document = ProviderJson.json(template().requestBody("direct:host", PREDICTION, String.class)).orElseThrow();

        assertThat(takeChunks()).isEqualTo("a|b");
        assertThat(document.path("prediction").path("id").asText()).isEqualTo("p1");
        assertThat(document.path("chunks").asInt()).isEqualTo(2);
        assertThat(document.has("text")).isFalse();
    }

    @Test
    void aPredictionIsInHandAsSoonAsItIsCreated() throws Exception {
        startHost();
        simulator.on(Call.CREATE, created()).always(Call.POLL, poll("processing"));

        inHand(PREDICTION, exchange -> {
            assertThat(stream(exchange).hasNext()).isTrue();
            simulator.on(Call.POLL, succeeded("[\"a\"]"));
            assertThat(rest(stream(exchange))).isEqualTo("a");
        });
    }

    @Test
    void anImageIsInTheDocument() throws Exception {
        startHost();
        simulator.on(Call.CREATE, created()).on(Call.POLL, succeeded("[\"https://files.example/cat.png\"]"));

        inHand("{\"model\": \"stability-ai/stable-diffusion-3\", \"prompt\": \"a cat\"}", exchange -> {
            JsonNode document = ProviderJson.json(stream(exchange).document()).orElseThrow();
            assertThat(document.path("images").path(0).path("url").asText()).isEqualTo("https://files.example/cat.png");
            assertThat(stream(exchange).hasNext()).isFalse();
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {CHAT, PREDICTION})
    void theDocumentHoldsTheTextWhereTheCallerWantsIt(String request) throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.stream("a", "b")).on(Call.CREATE, created()).on(Call.POLL, succeeded("[\"a\", \"b\"]"));

        JsonNode document = ProviderJson.json(template().requestBody("direct:host-keeps", request, String.class)).orElseThrow();

        assertThat(document.path("text").asText()).isEqualTo("ab");
        assertThat(document.path("id").asText()).isEqualTo("r1");
    }

    @Test
    void whatIsTheCallersStaysAndTheHeadersOfTheAnswerAreAdded() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.stream("a"));

        Exchange answered = template().request("direct:java", exchange -> {
            exchange.getMessage().setBody(CHAT);
            exchange.getMessage().setHeader("mine", "header");
            exchange.setProperty("mine", "property");
            for (String name : List.of("generation", "poll", "stream", "chunks", "channel", "failure", "cancellation")) {
                exchange.setVariable(name, "my " + name);
            }
            step = inRoute -> rest(stream(inRoute));
        });

        assertThat(answered.getException()).isNull();
        assertThat(answered.getMessage().getHeaders()).containsEntry("mine", "header")
                .containsEntry(Headers.REQUEST_ID, "r1").containsEntry(Headers.PROVIDER, "upstage").containsEntry(Headers.MODEL, "solar-pro4")
                .containsEntry(Headers.KIND, "text").containsEntry(Headers.STATUS, "processing").hasSize(6);
        assertThat(answered.getProperty("mine")).isEqualTo("property");
        assertThat(answered.getVariables()).isEqualTo(Map.of("generation", "my generation", "poll", "my poll", "stream", "my stream",
                "chunks", "my chunks", "channel", "my channel", "failure", "my failure", "cancellation", "my cancellation"));
    }

    @Test
    void chunksAlsoGoWhereAllChunksGo() throws Exception {
        startHost("bactrian.emit.chunk", "bean:captured?method=chunk");
        simulator.on(Call.CHAT, Reply.stream("a", "b"));

        inHand(CHAT, exchange -> assertThat(rest(stream(exchange))).isEqualTo("a|b"));

        assertThat(takeChunks()).isEqualTo("a|b");
    }

    @Test
    void closingEarlyCutsTheConnectionOfASilentServer() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.rawStream(PIECE).thenHang());

        inHand(CHAT, exchange -> {
            ChunkStream stream = stream(exchange);
            assertThat(stream.next()).isEqualTo("a");
            long closing = System.nanoTime();

            stream.close();

            assertCutSoon(closing);
            assertThat(stream.hasNext()).isFalse();
            assertThat(stream.next()).isNull();
            assertThatThrownBy(stream::document).isInstanceOfSatisfying(GenerateException.class,
                    e -> assertThat(e.getType()).isEqualTo("stream-interrupted"));
        });
        assertThat(simulator.count(Call.CHAT)).isOne();
    }

    @Test
    void aReaderThatWaitsIsWokenByAClose() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.rawStream(PIECE).thenHang());

        inHand(CHAT, exchange -> {
            ChunkStream stream = stream(exchange);
            assertThat(stream.next()).isEqualTo("a");
            CompletableFuture<String> waiting = CompletableFuture.supplyAsync(stream::next);
            stream.close();
            assertThat(waiting.get(20, TimeUnit.SECONDS)).isNull();
        });
    }

    @Test
    void anInterruptBeforeTheAnswerLeavesNothingOpen() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.rawStream(PIECE.repeat(500)).after(Duration.ofMillis(500)).thenHang());
        CompletableFuture<Throwable> failure = new CompletableFuture<>();
        Thread caller = new Thread(() -> failure.complete(catchThrowable(() -> template().sendBody("direct:java", CHAT))));
        caller.start();
        await().until(() -> simulator.count(Call.CHAT) == 1);

        caller.interrupt();

        assertThat(failure.get(10, TimeUnit.SECONDS)).rootCause().hasMessageContaining("interrupted");
        await("the server sees the connection closed").until(() -> simulator.clientAborts() == 1);
    }

    @Test
    void theEndOfTheExchangeClosesIt() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.rawStream(PIECE).thenHang());
        ChunkStream[] left = new ChunkStream[1];

        inHand(CHAT, exchange -> left[0] = stream(exchange));

        assertCutSoon(System.nanoTime());
        assertThat(left[0].hasNext()).isFalse();
    }

    @Test
    void anExchangeThatTakesItOverKeepsItOpenAndClosesIt() throws Exception {
        startHost();
        CountDownLatch goOn = new CountDownLatch(1);
        CompletableFuture<String> first = new CompletableFuture<>();
        simulator.on(Call.CHAT, Reply.rawStream(PIECE).thenHang());
        step = exchange -> {
            awaitQuietly(goOn);
            first.complete(stream(exchange).next());
        };

        template().sendBody("direct:elsewhere", CHAT);
        goOn.countDown();

        assertThat(first.get(10, TimeUnit.SECONDS)).isEqualTo("a");
        assertCutSoon(System.nanoTime());
    }

    @Test
    void theStopOfTheApplicationBreaksItOff() throws Exception {
        startHost("camel.main.shutdown-timeout", "1");
        simulator.on(Call.CHAT, Reply.rawStream(PIECE).thenHang());
        CompletableFuture<Throwable> last = new CompletableFuture<>();
        CompletableFuture<String> first = new CompletableFuture<>();
        step = exchange -> {
            first.complete(stream(exchange).next());
            last.complete(catchThrowable(stream(exchange)::next));
        };
        Thread caller = new Thread(() -> template().sendBody("direct:java", CHAT));
        caller.start();
        assertThat(first.get(10, TimeUnit.SECONDS)).isEqualTo("a");

        stop();

        assertThat(last.get(10, TimeUnit.SECONDS)).isInstanceOf(GenerateException.class)
                .hasMessage("stream-interrupted: the application has stopped");
        await("the server sees the connection closed").until(() -> simulator.clientAborts() == 1);
    }

    @Test
    void aPredictionThatNobodyWaitsForIsCancelled() throws Exception {
        startHost();
        simulator.on(Call.CREATE, created()).always(Call.POLL, poll("processing"));

        inHand(PREDICTION, exchange -> {
            stream(exchange).close();
            assertThat(stream(exchange).hasNext()).isFalse();
        });

        await().until(() -> simulator.count(Call.CANCEL) == 1);
        assertThat(simulator.requests(Call.CANCEL).get(0).path()).isEqualTo("/v1/predictions/p1/cancel");
    }

    @Test
    void aSplitThatAChunkBreaksOffReadsNoFurther() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.rawStream(PIECE + PIECE).thenHang());
        step = exchange -> {
            throw new IllegalStateException("the browser is gone");
        };
        long begin = System.nanoTime();

        assertThatThrownBy(() -> template().requestBody("direct:host-stops", CHAT)).hasStackTraceContaining("the browser is gone");

        assertCutSoon(begin);
        assertThat(steps).hasValue(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"direct:host-handles", "direct:host-handles-alone"})
    void aHostThatHandlesTheFailureOfAChunkLeavesTheStreamAtOnce(String endpoint) throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.rawStream(PIECE + PIECE).thenHang());
        step = exchange -> {
            throw new IllegalStateException("the browser is gone");
        };
        long begin = System.nanoTime();

        template().requestBody(endpoint, CHAT);

        assertCutSoon(begin);
        assertThat(steps).hasValue(1);
    }

    @Test
    void anInvalidRequestFailsRightThere() throws Exception {
        startHost();

        assertThatThrownBy(() -> template().requestBody("direct:host", "{\"prompt\": 7}")).satisfies(thrown -> {
            assertThat(failure(thrown).getType()).isEqualTo("invalid-request");
            assertThat(failure(thrown).getHeaders()).containsEntry(Headers.STATUS, "failed");
        });

        assertThat(simulator.requests()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {CHAT, PREDICTION})
    void whatFailsBeforeTheAnswerBeginsFailsRightThere(String request) throws Exception {
        startHost();
        simulator.always(Call.CHAT, Reply.status(401)).always(Call.CREATE, Reply.status(401));

        JsonNode document = ProviderJson.json(template().requestBody("direct:handling", request, String.class)).orElseThrow();

        assertThat(document.path("error").path("type").asText()).isEqualTo("authentication");
        assertThat(document.path("id").asText()).isEqualTo("r1");
        assertThat(simulator.requests()).hasSize(1);
    }

    @Test
    void aCallThatIsSafeToRepeatIsRepeatedBeforeTheStreamIsThere() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.status(503), Reply.stream("a"));

        inHand(CHAT, exchange -> assertThat(rest(stream(exchange))).isEqualTo("a"));

        assertThat(simulator.count(Call.CHAT)).isEqualTo(2);
    }

    @Test
    void whatBreaksOffInTheMiddleIsThrownAfterTheChunksThatCame() throws Exception {
        startHost();
        simulator.on(Call.CHAT, Reply.rawStream(PIECE + PIECE));

        JsonNode document = ProviderJson.json(template().requestBody("direct:handling", CHAT, String.class)).orElseThrow();

        assertThat(document.path("error").path("type").asText()).isEqualTo("stream-interrupted");
        assertThat(document.path("partialText").asText()).isEmpty();
        assertThat(takeChunks()).isEqualTo("a|a");
    }

    @Test
    void aPredictionThatFailsIsThrownWhereItsChunksWouldCome() throws Exception {
        startHost();
        simulator.on(Call.CREATE, created()).on(Call.POLL, failed("\"NSFW content detected\"", "null"));

        inHand(PREDICTION, exchange -> {
            assertThatThrownBy(() -> stream(exchange).next()).isInstanceOfSatisfying(GenerateException.class,
                    e -> assertThat(e.getType()).isEqualTo("prediction-failed"));
            assertThatThrownBy(() -> stream(exchange).document()).isInstanceOf(GenerateException.class);
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {PIECE, ""})
    void theHostsRedeliveryNeitherCallsTwiceNorTakesAFailureForAnEnd(String before) throws Exception {
        startHost();
        simulator.always(Call.CHAT, Reply.rawStream(before + ": nothing more\n\n"));

        assertThatThrownBy(() -> template().requestBody("direct:repeating", CHAT))
                .satisfies(thrown -> assertThat(failure(thrown).getType()).isEqualTo("stream-interrupted"));

        assertThat(simulator.count(Call.CHAT)).isOne();
        assertThat(takeChunks()).isEqualTo(before.isEmpty() ? "" : "a");
    }

    @Test
    void theHostsRedeliveryDoesNotRepeatWhatFailedForGood() throws Exception {
        startHost();
        simulator.always(Call.CREATE, Reply.status(500)).always(Call.LIST, Reply.status(404));

        assertThatThrownBy(() -> template().requestBody("direct:repeating", PREDICTION)).satisfies(thrown -> failure(thrown));

        assertThat(simulator.count(Call.CREATE)).isOne();
    }

    @Test
    void theIdIsFreeOnceTheStreamHasEnded() throws Exception {
        startHost();
        simulator.always(Call.CHAT, Reply.stream("a"));

        for (int i = 0; i < 3; i++) {
            inHand(CHAT, exchange -> assertThat(rest(stream(exchange))).isEqualTo("a"));
        }
    }

    @Test
    void theServerIsReadNoFasterThanTheHostTakes() throws Exception {
        startHost();
        AtomicInteger written = new AtomicInteger();
        String[] pieces = IntStream.range(0, 2_000).mapToObj(i -> "x".repeat(10_000)).toArray(String[]::new);
        simulator.on(Call.CHAT, Reply.stream(pieces).chunkListener(written::set));

        inHand(CHAT, exchange -> {
            ChunkStream stream = stream(exchange);
            stream.next();
            await("the server is held up").until(() -> {
                int before = written.get();
                return before > 0 && heldFor(Duration.ofMillis(500), written, before);
            });
            assertThat(written.get()).isLessThan(1_900);
            stream.close();
        });
    }

    private static boolean heldFor(Duration time, AtomicInteger count, int value) {
        long until = System.nanoTime() + time.toNanos();
        while (System.nanoTime() < until) {
            if (count.get() != value) {
                return false;
            }
            Thread.onSpinWait();
        }
        return true;
    }

    @Test
    void anAnswerOfWhichNothingIsKeptMayBeLongerThanTheLimit() throws Exception {
        startHost("bactrian.max-response-bytes", "100KB");
        String[] pieces = IntStream.range(0, 100).mapToObj(i -> "x".repeat(10_000)).toArray(String[]::new);
        simulator.always(Call.CHAT, Reply.stream(pieces));

        inHand(CHAT, exchange -> assertThat(rest(stream(exchange))).hasSize(100 * 10_001 - 1));
        assertThatThrownBy(() -> template().requestBody("direct:host-keeps", CHAT))
                .rootCause().isInstanceOf(GenerateException.class).hasMessageContaining("102400");
    }

    @Test
    void oneEventIsHeldToTheLimitAllTheSame() throws Exception {
        startHost("bactrian.max-response-bytes", "100KB");
        simulator.on(Call.CHAT, Reply.stream("a", "x".repeat(200_000)));

        inHand(CHAT, exchange -> {
            assertThat(stream(exchange).next()).isEqualTo("a");
            assertThatThrownBy(() -> stream(exchange).next()).isInstanceOf(GenerateException.class).hasMessageContaining("102400");
        });
    }

    @Test
    void manyAtOnceAreAllOpen() throws Exception {
        startHost();
        CountDownLatch all = new CountDownLatch(50);
        simulator.always(Call.CHAT, Reply.rawStream(PIECE + PIECE + STOP));
        step = exchange -> {
            all.countDown();
            awaitQuietly(all);
            exchange.getMessage().setBody(rest(stream(exchange)));
        };
        List<CompletableFuture<String>> answers = new ArrayList<>();
        List<Thread> callers = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            CompletableFuture<String> answer = new CompletableFuture<>();
            answers.add(answer);
            Thread caller = new Thread(() -> answer.complete(template().requestBody("direct:java", "p", String.class)));
            callers.add(caller);
            caller.start();
        }

        for (CompletableFuture<String> answer : answers) {
            assertThat(answer.get(30, TimeUnit.SECONDS)).isEqualTo("a|a");
        }
        assertThat(all.getCount()).isZero();
        for (Thread caller : callers) {
            caller.join(5_000);
        }
    }
}
