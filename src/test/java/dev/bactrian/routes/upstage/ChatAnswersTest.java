package dev.bactrian.routes.upstage;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.bactrian.error.GenerateException;
import dev.bactrian.http.ProviderHttp;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.support.CapturedLog;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a service may send in answer to a chat and is no well-behaved stream, over a socket: what a caller sees of it, and when. */
@Timeout(60)
class ChatAnswersTest extends RouteTestSupport {

    private static final String PIECE = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    private static final String STOP = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    private static final String EMPTY = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";
    private static final String USAGE = "data: {\"choices\":[],\"usage\":{\"total_tokens\":8}}\n\n";
    private static final String COMPLETION = "{\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
            + "\"content\":\"안녕\",\"reasoning\":\"Hm\"},\"finish_reason\":\"stop\"}],\"usage\":{\"total_tokens\":8}}";
    private static final Duration LONG = Duration.ofSeconds(12);

    private final ScheduledExecutorService clock = Executors.newScheduledThreadPool(2);
    private HttpServer server;

    @Override
    protected void configure(Main main) {
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                for (String mode : List.of("streaming", "stopping", "whole")) {
                    from("direct:host-" + mode).errorHandler(defaultErrorHandler().maximumRedeliveries(2).redeliveryDelay(0)
                                    .logExhausted(false).logRetryAttempted(false))
                            .to("direct:generate-stream").to("direct:split-" + mode);
                }
                from("direct:split-streaming").errorHandler(noErrorHandler()).split(body()).streaming().to("bean:captured?method=chunk").end();
                from("direct:split-stopping").errorHandler(noErrorHandler()).split(body()).streaming().stopOnException().to("bean:captured?method=chunk").end();
                from("direct:split-whole").errorHandler(noErrorHandler()).split(body()).to("bean:captured?method=chunk").end();
                from("direct:host-copies").errorHandler(noErrorHandler()).to("direct:generate-stream")
                        .multicast().stopOnException().to("direct:split-streaming").end();
            }
        });
    }

    @AfterEach
    void stopServer() {
        clock.shutdownNow();
        if (server != null) {
            server.stop(0);
        }
    }

    /** Starts the routes with a service that sends that, and then the other again and again. */
    private void start(String first, String again, Duration every, String... properties) throws Exception {
        server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/", exchange -> {
            exchange.getRequestBody().readAllBytes();
            exchange.sendResponseHeaders(200, 0);
            send(exchange, first);
            clock.scheduleAtFixedRate(() -> send(exchange, again), every.toMillis(), every.toMillis(), TimeUnit.MILLISECONDS);
        });
        server.start();
        start(List.of("bactrian.upstage.api-endpoint", "http://127.0.0.1:" + server.getAddress().getPort() + "/v1/chat/completions"), properties);
    }

    private static void send(HttpExchange exchange, String text) {
        try {
            OutputStream out = exchange.getResponseBody();
            out.write(text.getBytes(UTF_8));
            out.flush();
        } catch (IOException e) {
            throw new IllegalStateException("the client has gone", e);
        }
    }

    private static Duration since(long begin) {
        return Duration.ofNanos(System.nanoTime() - begin);
    }

    /** What may come after a finish reason and does not end. */
    enum Afterwards {
        COMMENTS(": ping\n\n", 100),
        EMPTY_PIECES(EMPTY, 100),
        BYTES("x", 300),
        LINE_ENDS("\n", 300),
        BYTES_OF_AN_EVENT("data: ", 300);

        private final String text;
        private final int everyMillis;

        Afterwards(String text, int everyMillis) {
            this.text = text;
            this.everyMillis = everyMillis;
        }
    }

    @TestFactory
    Stream<DynamicTest> aFinishReasonEndsTheStreamSoonWhateverComesAfterIt() {
        return DynamicTest.stream(Stream.of(Afterwards.values()), Afterwards::toString, after -> {
            start(PIECE + STOP, after.text, Duration.ofMillis(after.everyMillis));
            long begin = System.nanoTime();

            JsonNode result = generate("hi");

            assertThat(since(begin)).isLessThan(LONG);
            assertThat(result.path("text").asText()).isEqualTo("a");
            assertThat(result.path("finishReason").asText()).isEqualTo("stop");
            assertThat(takeChunks()).isEqualTo("a");
            stop();
            server.stop(0);
        });
    }

    @Test
    void aFinishReasonEndsTheStreamSoonThoughTheServiceFallsSilent() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.rawStream(PIECE + STOP).thenHang());
        long begin = System.nanoTime();

        assertThat(generate("hi").path("text").asText()).isEqualTo("a");

        assertThat(since(begin)).isLessThan(LONG);
        assertThat(takeChunks()).isEqualTo("a");
        await("the connection is cut").until(() -> simulator.clientAborts() == 1);
    }

    @Test
    void usageMayFollowTheFinishReasonAWhileLater() throws Exception {
        start(PIECE + STOP, USAGE, Duration.ofMillis(500));

        JsonNode result = generate("hi");

        assertThat(result.path("usage").path("total_tokens").asInt()).isEqualTo(8);
        assertThat(takeChunks()).isEqualTo("a");
    }

    /** What comes for ever and says nothing. */
    enum Nothing {
        COMMENTS(": ping\n\n"), EMPTY_PIECES(EMPTY), BYTES("x"), IDS("id: 1\n\n"), EMPTY_DATA("data:\n\n");

        private final String text;

        Nothing(String text) {
            this.text = text;
        }
    }

    @TestFactory
    Stream<DynamicTest> whatSaysNothingIsNoLifeForEver() {
        return DynamicTest.stream(Stream.of(Nothing.values()).flatMap(nothing -> Stream.of(nothing + " first", nothing + " later")), name -> name, name -> {
            String first = name.endsWith("later") ? PIECE : "";
            start(first, Nothing.valueOf(name.split(" ")[0]).text, Duration.ofMillis(50), "bactrian.response-timeout", "700ms");
            long begin = System.nanoTime();

            JsonNode document = generateFails("hi");

            assertThat(since(begin)).isLessThan(LONG);
            assertThat(document.path("error").path("type").asText()).isEqualTo("stream-interrupted");
            assertThat(document.path("error").path("message").asText()).contains("bactrian.response-timeout");
            assertThat(document.path("partialText").asText()).isEqualTo(first.isEmpty() ? "" : "a");
            assertThat(takeChunks()).isEqualTo(first.isEmpty() ? "" : "a");
            stop();
            server.stop(0);
        });
    }

    @Test
    void silenceIsNotTakenForComments() throws Exception {
        start("bactrian.response-timeout", "300ms");
        simulator.on(Call.CHAT, Reply.stream("a", "b").pause(Duration.ofMillis(900)));

        assertThat(generate("hi").path("text").asText()).isEqualTo("ab");
        assertThat(takeChunks()).isEqualTo("a|b");
    }

    @ParameterizedTest
    @ValueSource(strings = {"application/json", "text/event-stream", "text/plain; charset=ISO-8859-1", "application/octet-stream", ""})
    void oneCompletionInPlaceOfAStreamIsTheAnswerWhateverItIsCalled(String contentType) throws Exception {
        start();
        simulator.always(Call.CHAT, Reply.body(200, contentType.isEmpty() ? null : contentType, COMPLETION.getBytes(UTF_8)));

        JsonNode result = generate("hi");

        assertThat(result.path("text").asText()).isEqualTo("안녕");
        assertThat(result.path("reasoning").asText()).isEqualTo("Hm");
        assertThat(result.path("finishReason").asText()).isEqualTo("stop");
        assertThat(result.path("usage").path("total_tokens").asInt()).isEqualTo(8);
        assertThat(result.path("chunks").asInt()).isEqualTo(1);
        assertThat(takeChunks()).isEqualTo("안녕");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\n", "\n: ping\n"})
    void oneCompletionIsTheAnswerThoughItsConnectionDoesNotEnd(String after) throws Exception {
        start(COMPLETION, after.isEmpty() ? "" : after, Duration.ofMillis(100), "bactrian.response-timeout", "700ms", "bactrian.stall-timeout", "700ms");

        JsonNode result = generate("hi");

        assertThat(result.path("text").asText()).isEqualTo("안녕");
        assertThat(result.path("finishReason").asText()).isEqualTo("stop");
        assertThat(takeChunks()).isEqualTo("안녕");
    }

    @ParameterizedTest
    @ValueSource(strings = {"application/json; charset=no-such", "text/plain; charset=b d'"})
    void anErrorInACharsetThatNobodyKnowsIsWhatItIs(String contentType) throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.body(422, contentType, "{\"detail\":\"no humps\"}".getBytes(UTF_8)),
                Reply.body(503, contentType, "busy".getBytes(UTF_8)), Reply.stream("a"));

        JsonNode error = generateFails("hi").path("error");

        assertThat(error.path("httpStatus").asInt()).isEqualTo(422);
        assertThat(error.path("message").asText()).contains("no humps");
        assertThat(generate("hi").path("text").asText()).as("503 is tried again").isEqualTo("a");
        assertThat(takeChunks()).isEqualTo("a");
    }

    @Test
    void oneCompletionMayBeAsLargeAsTheLimitAndNoLarger() throws Exception {
        start("bactrian.max-response-bytes", "1MB");
        simulator.on(Call.CHAT, Reply.json(200, COMPLETION.replace("안녕", "x".repeat(1_000_000))), Reply.json(200, COMPLETION.replace("안녕", "x".repeat(1_100_000))));

        assertThat(generate("hi").path("text").asText()).hasSize(1_000_000);
        assertThat(generateFails("hi").path("error").path("message").asText()).contains("bactrian.max-response-bytes");
        assertThat(takeChunks()).hasSize(1_000_000);
    }

    /** Bodies with status 200 that are no answer. */
    enum InPlace {
        ERROR("application/json", "{\"error\":{\"message\":\"no humps today\",\"type\":\"server_error\"}}", "provider-unavailable", true, "no humps today"),
        RATE_LIMIT("text/event-stream", "{\n \"error\": {\"message\":\"no humps today\",\"code\":\"rate_limit_exceeded\"}\n}", "rate-limited", true, "no humps today"),
        KEY("application/json", "{\"error\":{\"message\":\"no humps today\",\"code\":\"invalid_api_key\"}}", "authentication", false, "no humps today"),
        OBJECT("application/json", "{\"object\":\"error\",\"message\":\"no humps today\",\"type\":\"BadRequestError\",\"code\":400}", "provider-rejected", false, "no humps today"),
        PAGE("text/html", "<html><head><title>No humps today</title></head><body><p>x</p></body></html>", "provider-unavailable", true, "No humps today"),
        NOTHING(null, "", "stream-interrupted", true, "no text"),
        TEXT("text/plain", "no humps today", "provider-unavailable", true, "no humps today");

        private final String contentType;
        private final String body;
        private final String type;
        private final boolean retryable;
        private final String words;

        InPlace(String contentType, String body, String type, boolean retryable, String words) {
            this.contentType = contentType;
            this.body = body;
            this.type = type;
            this.retryable = retryable;
            this.words = words;
        }
    }

    @TestFactory
    Stream<DynamicTest> whatCameInPlaceOfAnAnswerHasATypeAndItsOwnWords() throws Exception {
        start("bactrian.upstage.api-key", "up_secret");
        return DynamicTest.stream(Stream.of(InPlace.values()), InPlace::toString, row -> {
            simulator.reset().always(Call.CHAT, Reply.body(200, row.contentType, row.body.replace("today", "today, up_secret").getBytes(UTF_8)));

            JsonNode document = generateFails("hi");

            assertThat(document.path("error").path("type").asText()).isEqualTo(row.type);
            assertThat(document.path("error").path("message").asText()).contains(row.words).doesNotContain("up_secret", "<");
            assertThat(document.path("error").path("retryable").asBoolean()).isEqualTo(row.retryable);
            assertThat(document.path("error").path("httpStatus").asInt()).isEqualTo(200);
            assertThat(document.path("partialText").asText()).isEmpty();
            assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
        });
    }

    @Test
    void aHostMayAskAgainWhereNothingCameButAnErrorThatPasses() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.json(200, "{\"error\":{\"message\":\"overloaded\"}}"), Reply.stream("a"));
        context().addRoutes(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:again").errorHandler(defaultErrorHandler().maximumRedeliveries(1).redeliveryDelay(0)).to("direct:generate");
            }
        });

        assertThat(template().requestBody("direct:again", (Object) "hi", String.class)).contains("\"text\":\"a\"");
        assertThat(takeChunks()).isEqualTo("a");
    }

    @Test
    void aChunkEndpointGetsAWholeCharacterWithItsSecondHalf() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.rawStream(PIECE.replace("\"a\"", "\"hi \\ud83d\"") + PIECE.replace("\"a\"", "\"\\udc2b there\"")
                + PIECE.replace("\"a\"", "\"\\ud83d\"") + STOP));

        JsonNode result = generate("hi");

        assertThat(takeChunks()).isEqualTo("hi |🐫 there|\uFFFD");
        assertThat(result.path("text").asText()).isEqualTo("hi 🐫 there\uFFFD");
        assertThat(result.path("chunks").asInt()).isEqualTo(3);
    }

    @Test
    void aRefusalIsInTheResult() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.rawStream(PIECE.replace("\"content\":\"a\"", "\"refusal\":\"I can't.\"") + STOP));

        JsonNode result = generate("hi");

        assertThat(result.path("refusal").asText()).isEqualTo("I can't.");
        assertThat(result.path("finishReason").asText()).isEqualTo("refusal");
        assertThat(result.path("text").asText("missing")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"2", "0", "-1", "1.5", "\"1\"", "true", "[1]"})
    void moreThanOneAnswerIsNotAskedFor(String n) throws Exception {
        start();
        for (String model : List.of("solar-pro4", "gemma-2b")) {
            JsonNode error = generateFails("{\"model\": \"" + model + "\", \"prompt\": \"hi\", \"n\": " + n + "}").path("error");

            assertThat(error.path("type").asText()).isEqualTo("invalid-request");
            assertThat(error.path("message").asText()).startsWith("n: ");
        }
        assertThat(simulator.requests()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "1.0", "null"})
    void oneAnswerMayBeAskedFor(String n) throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.stream("a"));

        assertThat(generate("{\"prompt\": \"hi\", \"n\": " + n + "}").path("text").asText()).isEqualTo("a");
        assertThat(takeChunks()).isEqualTo("a");
    }

    /** The product itself is not to fill a log with traces where a stream breaks: Camel's split reads on after that. */
    @ParameterizedTest
    @ValueSource(strings = {"direct:generate", "direct:host-streaming", "direct:host-stopping", "direct:host-whole", "direct:host-copies"})
    void aStreamThatBreaksInASplitLeavesNoTraceInTheLog(String endpoint) throws Exception {
        start("bactrian.emit.chunk", "");
        CapturedLog log = new CapturedLog();
        try {
            for (String stream : List.of(PIECE + PIECE, "", PIECE + "data: {\"error\":{\"message\":\"no humps\"}}\n\n", ": nothing\n\n")) {
                simulator.reset().always(Call.CHAT, Reply.rawStream(stream));

                assertThatThrownBy(() -> template().requestBody(endpoint, "hi")).hasRootCauseInstanceOf(GenerateException.class);

                assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
            }
        } finally {
            log.close();
        }
        captured.chunks.clear();
        assertThat(log.toString()).contains("failed").doesNotContain("Error releasing", "\tat ");
        assertThat(context().getRegistry().findByType(ProviderHttp.class)).allSatisfy(http -> assertThat(http.leased()).isZero());
    }
}
