package dev.bactrian.routes.replicate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.emit.ChunkStream;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;

/** Replicate's text as the model writes it, and what is made of a stream that goes wrong. */
@Timeout(60)
class ReplicateStreamTest extends RouteTestSupport {

    private static final Map<String, String> TEXT = Map.of("provider", "replicate", "prompt", "hi");

    private static final String OUTPUT = "[\"Two\", \" humps.\\n\\n\", \"쌍봉\", \"낙타 🐫\", \"\\r\\n\", \"\", \" a\\nb \", \"!\"]";
    private static final String WHOLE = "Two humps.\n\n쌍봉낙타 🐫\r\n a\nb !";
    /** That output as the service streams it, with all that may come between. */
    private static final String RECORDED = """
            : ok

            event: logs
            data: loading

            event: output
            id: 1763630106:0
            data: Two

            event: output
            id: 1763630106:1
            data:  humps.
            data:\s
            data:\s

            event: ping
            data: 1

            event: output
            data: 쌍봉
            id: 1763630107:0

            event: output\r
            id: 1763630107:1\r
            data: 낙타 🐫\r
            \r
            event: output
            data
            data

            event: output
            data:

            event:output
            data:  a
            data:b\s

            : keep-alive

            event: output
            id: 1763630108:0
            data: !

            event: done
            data: {}

            """;

    private final List<String> inHand = new CopyOnWriteArrayList<>();
    private final CountDownLatch firstChunk = new CountDownLatch(1);

    @Override
    protected Simulator simulator() {
        return Simulator.builder().pause(Duration.ZERO).requireToken("r8_canary").start();
    }

    @Override
    protected void configure(Main main) {
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("seda:many?concurrentConsumers=60&pollTimeout=50").to("direct:generate").to("bean:captured?method=result");
                from("direct:in-hand").errorHandler(noErrorHandler()).to("direct:generate-stream").process(exchange -> {
                    ChunkStream stream = exchange.getMessage().getBody(ChunkStream.class);
                    inHand.add(stream.next());
                    inHand.add(stream.next());
                    stream.close();
                });
                from("direct:count-down").process(exchange -> firstChunk.countDown()).to("bean:captured?method=chunk");
                from("direct:broken-at-third").errorHandler(noErrorHandler()).to("bean:captured?method=chunk").process(exchange -> {
                    if (captured.chunks.size() == 3) {
                        throw new IllegalStateException("the browser is gone");
                    }
                });
            }
        });
    }

    private void startStreaming(String... properties) throws Exception {
        List<String> all = new ArrayList<>(List.of("bactrian.replicate.stream-hosts", "127.0.0.1",
                "bactrian.replicate.api-token", "r8_canary"));
        all.addAll(List.of(properties));
        start(all.toArray(new String[0]));
    }

    /** The chunks' text, after a look at their numbers. */
    private String takeNumberedChunks(JsonNode document) {
        assertThat(captured.chunks).extracting(chunk -> chunk.headers().get("BactrianChunkIndex"))
                .isEqualTo(IntStream.range(0, captured.chunks.size()).boxed().toList());
        assertThat(document.path("chunks").asInt()).isEqualTo(captured.chunks.size());
        return takeChunks();
    }

    @Test
    void theFirstChunkIsOutBeforeTheSecondIsWritten() throws Exception {
        startStreaming("bactrian.emit.chunk", "direct:count-down", "camel.main.stream-caching-enabled", "true");
        boolean[] out = new boolean[1];
        simulator.on(Call.STREAM, Reply.stream("a", "b", "c").chunkListener(piece -> {
            if (piece == 1) {
                try {
                    out[0] = firstChunk.await(20, TimeUnit.SECONDS);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        }));

        JsonNode document = generate(TEXT);

        assertThat(out[0]).as("the first chunk came before the second was written").isTrue();
        assertThat(takeNumberedChunks(document)).isEqualTo("a|b|c");
        assertThat(document.path("text").asText()).isEqualTo("abc");
        assertThat(document.path("prediction").path("polls").asInt()).as("one poll, for the outcome").isEqualTo(1);
        RecordedRequest read = simulator.requests(Call.STREAM).get(0);
        assertThat(simulator.requests(Call.STREAM)).hasSize(1);
        assertThat(read.headers().keySet()).extracting(String::toLowerCase)
                .containsOnly("accept", "accept-encoding", "cache-control", "connection", "host", "user-agent");
        assertThat(read.header("Accept")).isEqualTo("text/event-stream");
        assertThat(read.header("Cache-Control")).isEqualTo("no-store");
        assertThat(simulator.requests(Call.CREATE).get(0).header("Authorization")).isEqualTo("Bearer r8_canary");
    }

    /** Wherever the stream ends: by a broken connection, or as if that were its end. */
    @TestFactory
    Stream<DynamicTest> noChunkIsLostOrDoubledWhereverTheStreamEnds() throws Exception {
        startStreaming();
        simulator.always(Call.POLL, Reply.prediction("succeeded", OUTPUT));
        byte[] recorded = RECORDED.getBytes(StandardCharsets.UTF_8);
        return Stream.of(false, true).map(broken -> DynamicTest.dynamicTest(broken ? "broken off" : "ended", () -> {
            for (int cut = 0; cut <= recorded.length; cut += 29) {
                simulator.on(Call.STREAM, broken ? Reply.rawStream(recorded).cutAt(cut) : Reply.rawStream(Arrays.copyOf(recorded, cut)));

                JsonNode document = generate(TEXT);

                assertThat(document.path("text").asText()).as("after byte %d", cut).isEqualTo(WHOLE);
                assertThat(takeNumberedChunks(document).replace("|", "").replace("\r\n", "\n"))
                        .as("after byte %d", cut).isEqualTo(WHOLE.replace("\r\n", "\n"));
            }
        }));
    }

    @Test
    void eachPieceIsAChunkAsItCame() throws Exception {
        startStreaming();
        simulator.always(Call.POLL, Reply.prediction("succeeded", OUTPUT)).on(Call.STREAM, Reply.rawStream(RECORDED).byteByByte());

        assertThat(takeNumberedChunks(generate(TEXT))).isEqualTo("Two| humps.\n\n|쌍봉|낙타 🐫|\n| a\nb |!");
    }

    /** Streams that end otherwise than well; what they bring is the beginning of {@code Hello world}. */
    enum Ending {
        DONE_THOUGH_OPEN(Reply.rawStream(event("output", "Hello") + event("output", " world") + event("done", "{}")).thenHang(), "Hello| world"),
        DONE_WITHOUT_BLANK_LINE(Reply.rawStream(event("output", "Hello") + "event: done\ndata: {}"), "Hello| world"),
        DONE_WITH_A_REASON(Reply.rawStream(event("output", "Hel") + event("done", "{\"reason\":\"canceled\"}")), "Hel|lo| world"),
        ERROR_AND_DONE(Reply.rawStream(event("output", "Hello") + event("error", "{\"detail\":\"crashed\"}") + event("done", "{\"reason\":\"error\"}")),
                "Hello| world"),
        ERROR_ALONE(Reply.rawStream(event("error", "no JSON")), "Hello| world"),
        TIMED_OUT(Reply.rawStream(event("output", "Hello w") + ": 408: request timeout\n\n").thenHang(), "Hello w|orld"),
        STALLED(Reply.rawStream(event("output", "Hello")).thenHang(), "Hello| world"),
        STALLED_WITHIN_AN_EVENT(Reply.rawStream(event("output", "Hello")).cutAt(24).thenHang(), "Hello| world"),
        COMMENTS_FOR_EVER(Reply.rawStream(event("output", "Hello")).thenComments(Duration.ofMillis(100)), "Hello| world"),
        NOTHING(Reply.rawStream(""), "Hello| world"),
        NO_CONTENT(Reply.status(204), "Hello| world"),
        OTHER_EVENTS(Reply.rawStream("data: x\n\n" + event("start", "x") + event("Output", "x") + event("logs", "x") + event("done", "{}")), "Hello| world"),
        HTML(Reply.body(200, "text/html", "<p>output</p>".getBytes(StandardCharsets.UTF_8)), "Hello| world"),
        GONE(Reply.status(404), "Hello| world"),
        BROKEN(Reply.status(500), "Hello| world"),
        REDIRECTED(Reply.status(302).header("Location", "/elsewhere"), "Hello| world"),
        LOST(Reply.lost(), "Hello| world"),
        ANOTHER_TEXT(Reply.rawStream(event("output", "Bye") + event("done", "{}")), "Bye"),
        A_LONGER_TEXT(Reply.rawStream(event("output", "Hello world!") + event("done", "{}")), "Hello world!");

        private final Reply reply;
        private final String chunks;

        Ending(Reply reply, String chunks) {
            this.reply = reply;
            this.chunks = chunks;
        }

        private static String event(String type, String data) {
            return "event: " + type + "\nid: 1:0\ndata: " + data + "\n\n";
        }
    }

    @TestFactory
    Stream<DynamicTest> howeverTheStreamEndsThePollsDecide() throws Exception {
        startStreaming("bactrian.stall-timeout", "400ms", "bactrian.replicate.poll-max-attempts", "30");
        return DynamicTest.stream(Stream.of(Ending.values()), Object::toString, ending -> {
            simulator.reset().on(Call.STREAM, ending.reply)
                    .on(Call.POLL, Reply.prediction("processing", "[\"Hel\"]"), Reply.prediction("succeeded", "[\"Hello\", \" world\"]"));
            long begin = System.nanoTime();

            JsonNode document = generate(TEXT);

            assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(15));
            assertThat(document.path("text").asText()).isEqualTo("Hello world");
            assertThat(takeNumberedChunks(document)).isEqualTo(ending.chunks);
            assertThat(simulator.count(Call.STREAM)).as("one connection, no second try").isEqualTo(1);
            assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
        });
    }

    @Test
    void aPredictionThatFailsAfterItsStreamLeavesWhatCame() throws Exception {
        startStreaming();
        simulator.on(Call.STREAM, Reply.rawStream("event: output\ndata: Two\n\nevent: done\ndata: {\"reason\":\"error\"}\n\n"))
                .on(Call.POLL, Reply.predictionError("failed", "\"out of memory\""));

        JsonNode document = generateFails(TEXT);

        assertThat(document.path("error").path("type").asText()).isEqualTo("prediction-failed");
        assertThat(document.path("error").path("message").asText()).isEqualTo("out of memory");
        assertThat(document.path("partialText").asText()).isEqualTo("Two");
        assertThat(takeChunks()).isEqualTo("Two");
        assertThat(simulator.count(Call.CANCEL)).isZero();
    }

    @Test
    void aChunkThatCannotBePassedOnGivesThePredictionUp() throws Exception {
        startStreaming("bactrian.emit.chunk", "direct:broken-at-third");
        simulator.on(Call.STREAM, Reply.rawStream("event: output\ndata: a\n\n".repeat(5000)).thenHang());

        JsonNode document = generateFails(TEXT);

        assertThat(document.path("error").path("type").asText()).isEqualTo("delivery-failed");
        assertThat(document.path("error").path("message").asText()).contains("the browser is gone");
        assertThat(document.path("partialText").asText()).isEqualTo("aaa");
        assertThat(takeChunks()).isEqualTo("a|a|a");
        await("it is cancelled").until(() -> simulator.count(Call.CANCEL) == 1);
        await("the server sees the connection closed").until(() -> simulator.clientAborts() == 1);
        assertThat(simulator.count(Call.POLL)).isZero();
    }

    @Test
    void afterItsStreamAPredictionIsPolledThoughAWebhookIsAwaited() throws Exception {
        startStreaming("bactrian.replicate.webhook-url", "https://bot.example/webhook", "bactrian.replicate.webhook-secret",
                "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", "bactrian.replicate.poll-delay", "25s");
        simulator.on(Call.STREAM, Reply.stream("a", "b"));
        long begin = System.nanoTime();

        JsonNode document = generate(TEXT);

        assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(20));
        assertThat(takeNumberedChunks(document)).isEqualTo("a|b");
        assertThat(document.path("prediction").path("polls").asInt()).isEqualTo(1);
    }

    @Test
    void theChunksAreInARoutesHandAsTheModelWritesThem() throws Exception {
        startStreaming("bactrian.emit.chunk", "");
        simulator.on(Call.STREAM, Reply.rawStream("event: output\ndata: Two\n\nevent: output\ndata:  humps\n\n").thenHang());

        template().sendBody("direct:in-hand", TEXT);

        assertThat(inHand).containsExactly("Two", " humps");
        await("it is cancelled").until(() -> simulator.count(Call.CANCEL) == 1);
        await("the server sees the connection closed").until(() -> simulator.clientAborts() == 1);
        assertThat(simulator.count(Call.POLL)).isZero();
    }

    @Test
    void aRequestThatIsCancelledLeavesItsStream() throws Exception {
        startStreaming("bactrian.emit.chunk", "direct:count-down");
        simulator.on(Call.STREAM, Reply.rawStream("event: output\ndata: Two\n\n").thenHang());
        CompletableFuture<JsonNode> outcome = CompletableFuture.supplyAsync(
                () -> generateFails(Map.of("id", "r1", "provider", "replicate", "prompt", "hi")));
        assertThat(firstChunk.await(20, TimeUnit.SECONDS)).isTrue();

        template().sendBody("direct:cancel", "r1");

        JsonNode document = outcome.get(20, TimeUnit.SECONDS);
        assertThat(document.path("error").path("type").asText()).isEqualTo("prediction-canceled");
        assertThat(document.path("partialText").asText()).isEqualTo("Two");
        assertThat(takeChunks()).isEqualTo("Two");
        await("it is cancelled").until(() -> simulator.count(Call.CANCEL) == 1);
        await("the server sees the connection closed").until(() -> simulator.clientAborts() == 1);
        assertThat(simulator.count(Call.POLL)).isZero();
    }

    @Test
    void aChunkOfTheRestThatCannotBePassedOnLosesNothing() throws Exception {
        startStreaming("bactrian.emit.chunk", "direct:broken-at-third");
        simulator.on(Call.STREAM, Reply.rawStream("event: output\ndata: Two\n\n"))
                .on(Call.POLL, Reply.prediction("succeeded", "[\"Two\", \" hu\", \"mps\", \".\"]"));

        JsonNode document = generateFails(TEXT);

        assertThat(document.path("error").path("type").asText()).isEqualTo("delivery-failed");
        assertThat(document.path("partialText").asText()).isEqualTo("Two humps.");
        assertThat(takeChunks()).isEqualTo("Two| hu|mps");
        assertThat(simulator.count(Call.CANCEL)).isZero();
    }

    @Test
    void streamsHoldNoneOfTheThreadsThatPoll() throws Exception {
        startStreaming("bactrian.stall-timeout", "3s");
        simulator.always(Call.STREAM, Reply.rawStream("event: output\ndata: a\n\n").thenHang())
                .always(Call.POLL, Reply.prediction("succeeded", "[\"a\"]"));
        for (int i = 0; i < 60; i++) {
            template().sendBody("seda:many", TEXT);
        }
        await().until(() -> simulator.concurrent(Call.STREAM) == 60);

        simulator.on(Call.POLL, Reply.prediction("processing", null), Reply.prediction("succeeded", "[\"https://x.example/a.png\"]"));
        assertThat(generate(Map.of("provider", "replicate", "kind", "image", "prompt", "a camel")).path("images")).hasSize(1);

        assertThat(captured.results).isEmpty();
        await().until(() -> captured.results.size() == 60);
        captured.results.clear();
        assertThat(takeChunks()).isEqualTo("a" + "|a".repeat(59));
    }

    @Test
    void nothingIsStreamedThatNobodyReads() throws Exception {
        startStreaming("bactrian.emit.chunk", "");

        assertThat(generate(TEXT).path("prediction").path("polls").asInt()).isEqualTo(3);
        assertThat(simulator.count(Call.STREAM)).isZero();
    }

    @Test
    void nothingIsStreamedWhereThatIsOff() throws Exception {
        startStreaming("bactrian.replicate.stream", "off");

        assertThat(takeNumberedChunks(generate(TEXT))).contains("|");
        assertThat(simulator.count(Call.STREAM)).isZero();
    }

    /** Creates whose prediction offers a stream that is not read, or brings no text. */
    enum NotRead {
        IMAGE_MODEL("stability-ai/stable-diffusion-3", "image", ""),
        ENDED_ALREADY("a/b", "text", "\"status\": \"succeeded\", \"output\": [\"x\"]"),
        NO_URL("a/b", "text", "\"urls\": {\"stream\": null}"),
        A_NUMBER("a/b", "text", "\"urls\": {\"stream\": 1}"),
        NO_URLS("a/b", "text", "\"urls\": []");

        private final String model;
        private final String kind;
        private final String fields;

        NotRead(String model, String kind, String fields) {
            this.model = model;
            this.kind = kind;
            this.fields = fields;
        }
    }

    @TestFactory
    Stream<DynamicTest> streamsThatAreNotOfferedAreNotRead() throws Exception {
        startStreaming();
        return DynamicTest.stream(Stream.of(NotRead.values()), Object::toString, row -> {
            simulator.reset().on(Call.POLL, Reply.prediction("succeeded", row.kind.equals("image") ? "[\"https://x.example/a.png\"]" : "[\"x\"]"));
            simulator.on(Call.CREATE, Reply.json(201, "{\"id\": \"p1\", \"status\": \"starting\", \"urls\": {\"stream\": \""
                    + simulator.url() + "/v1/streams/p1\"}" + (row.fields.isEmpty() ? "" : ", " + row.fields) + "}"));

            assertThat(generate(Map.of("model", row.model, "kind", row.kind, "provider", "replicate", "prompt", "hi")).path("status").asText())
                    .isEqualTo("succeeded");

            assertThat(takeChunks()).isEqualTo(row.kind.equals("image") ? "" : "x");
            assertThat(simulator.count(Call.STREAM)).isZero();
        });
    }

    @Test
    void aModelOfUnknownKindWhoseStreamBringsFilesHasNoChunks() throws Exception {
        startStreaming();
        simulator.on(Call.CREATE, Reply.json(201, "{\"id\": \"p1\", \"status\": \"starting\", \"urls\": {\"stream\": \"" + simulator.url()
                + "/v1/streams/p1?a=%2F+%20:;=&b=*\"}}"))
                .on(Call.STREAM, Reply.rawStream("event: output\ndata: https://x.example/a.png\n\nevent: output\ndata: https://x.example/b.png\n\n"))
                .on(Call.POLL, Reply.prediction("succeeded", "[\"https://x.example/a.png\", \"https://x.example/b.png\"]"));

        JsonNode document = generate(Map.of("model", "owner/unknown", "provider", "replicate", "prompt", "hi"));

        assertThat(document.path("images")).hasSize(2);
        assertThat(document.path("kind").asText()).isEqualTo("image");
        assertThat(simulator.requests(Call.STREAM)).extracting(RecordedRequest::path)
                .as("the URL as it was given").containsExactly("/v1/streams/p1?a=%2F+%20:;=&b=*");
    }

    @TestFactory
    Stream<DynamicTest> urlsThatLeadElsewhereAreNotCalled() throws Exception {
        Simulator other = Simulator.start();
        startStreaming("bactrian.replicate.stream-hosts", "127.0.0.2,localhost,stream.replicate.com");
        String port = ":" + other.port() + "/v1/streams/p1";
        Stream<String> urls = Stream.of("http://127.0.0.1" + port, "http://localhost" + port, "http://127.0.0.2@127.0.0.1" + port,
                "http://user@127.0.0.2" + port, "http://127.0.0.1" + port + "#127.0.0.2", "//127.0.0.2" + port, "file:///etc/passwd",
                "http://stream.replicate.com" + port, "https://stream.replicate.com.127.0.0.1.nip.io" + port, "not a URL",
                "https://evilstream.replicate.com.example" + port, "http://127.0.0.2" + port + "?{{env:HOME}}", "");
        return DynamicTest.stream(urls.onClose(other::close), url -> "<" + url + ">", url -> {
            simulator.reset().on(Call.CREATE, Reply.json(201, "{\"id\": \"p1\", \"status\": \"starting\", \"urls\": {\"stream\": \"" + url + "\"}}"))
                    .on(Call.POLL, Reply.prediction("succeeded", "[\"x\", \"y\"]"));

            assertThat(takeNumberedChunks(generate(TEXT))).isEqualTo("x|y");
            assertThat(other.requests()).isEmpty();
        });
    }

    @Test
    void aResultSaysHowLongItWaitedAndRan() throws Exception {
        startStreaming();
        simulator.on(Call.STREAM, Reply.stream("a", "b", "c", "d").pause(Duration.ofMillis(100)));
        simulator.on(Call.POLL, Reply.prediction("succeeded", "[\"abcd\"]"));
        takeChunksAfter(generate(TEXT), "predictMs");

        simulator.on(Call.STREAM, Reply.stream("a", "b", "c", "d").pause(Duration.ofMillis(100)).after(Duration.ofMillis(200)));
        simulator.on(Call.POLL, Reply.json(200, "{\"status\": \"succeeded\", \"output\": [\"a\", \"b\", \"c\", \"d\"]}"));
        JsonNode prediction = takeChunksAfter(generate(TEXT), "predictMs");
        assertThat(prediction.path("queuedMs").asLong()).as("until the first event").isBetween(190L, 5000L);
        assertThat(prediction.path("predictMs").asLong()).as("until it was found ended").isBetween(290L, 5000L);
    }

    private JsonNode takeChunksAfter(JsonNode document, String field) {
        assertThat(takeNumberedChunks(document)).isEqualTo("a|b|c|d");
        assertThat(document.path("prediction").has(field)).isTrue();
        return document.path("prediction");
    }
}
