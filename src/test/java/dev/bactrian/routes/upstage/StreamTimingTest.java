package dev.bactrian.routes.upstage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.bactrian.http.ProviderHttp;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;

/** When chunks come, and when a stream is left: measured at the server and by the clock, not by settings. */
@Timeout(30)
class StreamTimingTest extends RouteTestSupport {

    private static final String PIECE = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    private static final String STOP = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    private static final String DONE = "data: [DONE]\n\n";

    private final CountDownLatch firstChunk = new CountDownLatch(1);
    private final AtomicInteger sent = new AtomicInteger();

    /** Chunk endpoints of this test's host. */
    @Override
    protected void configure(Main main) {
        main.bind("firstChunk", firstChunk);
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:count-down").process(exchange -> firstChunk.countDown()).to("bean:captured?method=chunk");
                from("direct:host").id("host").to("direct:generate");
                from("direct:slow").delay(40).end().to("bean:captured?method=chunk");
                from("direct:broken").errorHandler(noErrorHandler()).process(exchange -> {
                    sent.incrementAndGet();
                    throw new IllegalStateException("the browser is gone");
                });
                from("direct:broken-later").errorHandler(noErrorHandler()).to("bean:captured?method=chunk").process(exchange -> {
                    if (sent.incrementAndGet() == 3) {
                        throw new IllegalStateException("the browser is gone");
                    }
                });
            }
        });
    }

    @Test
    void theFirstChunkIsOutBeforeTheSecondIsWritten() throws Exception {
        start("bactrian.emit.chunk", "direct:count-down");

        theFirstChunkIsOutBeforeTheSecondIsWritten("direct:generate");
    }

    @Test
    void aHostThatCachesAndSpoolsStreamsDoesNotHoldChunksBack() throws Exception {
        start("bactrian.emit.chunk", "direct:count-down",
                "camel.main.stream-caching-enabled", "true",
                "camel.main.stream-caching-spool-enabled", "true",
                "camel.main.stream-caching-spool-threshold", "1",
                "camel.main.stream-caching-spool-directory", folder.resolve("spool").toString());
        assertThat(context().isStreamCaching()).isTrue();
        assertThat(context().getStreamCachingStrategy().isSpoolEnabled()).isTrue();

        theFirstChunkIsOutBeforeTheSecondIsWritten("direct:host");
    }

    private void theFirstChunkIsOutBeforeTheSecondIsWritten(String endpoint) throws Exception {
        boolean[] out = new boolean[1];
        simulator.on(Call.CHAT, Reply.stream("a", "b").chunkListener(piece -> {
            if (piece == 1) {
                try {
                    out[0] = firstChunk.await(20, TimeUnit.SECONDS);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        }));

        template().requestBody(endpoint, "hi");

        assertThat(out[0]).as("the first chunk came before the second was written").isTrue();
        assertThat(takeChunks()).isEqualTo("a|b");
    }

    @Test
    void aStreamThatFallsSilentIsInterruptedAndItsConnectionClosed() throws Exception {
        start("bactrian.stall-timeout", "500ms");
        simulator.on(Call.CHAT, Reply.rawStream(PIECE + PIECE).thenHang());
        long begin = System.nanoTime();

        JsonNode document = generateFails("hi");

        assertThat(since(begin)).isBetween(Duration.ofMillis(500), Duration.ofMillis(4500));
        assertThat(document.path("error").path("type").asText()).isEqualTo("stream-interrupted");
        assertThat(document.path("error").path("message").asText()).contains("stalled");
        assertThat(document.path("partialText").asText()).isEqualTo("aa");
        await("the server sees the connection closed").until(() -> simulator.clientAborts() == 1);
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
        assertThat(takeChunks()).isEqualTo("a|a");
    }

    @Test
    void aStreamThatFallsSilentWithinAnEventIsInterruptedToo() throws Exception {
        start("bactrian.stall-timeout", "500ms");
        simulator.on(Call.CHAT, Reply.rawStream(PIECE + PIECE).cutAt(PIECE.length() + 20).thenHang());

        JsonNode document = generateFails("hi");

        assertThat(document.path("error").path("type").asText()).isEqualTo("stream-interrupted");
        assertThat(document.path("partialText").asText()).isEqualTo("a");
        await("the server sees the connection closed").until(() -> simulator.clientAborts() == 1);
        assertThat(takeChunks()).isEqualTo("a");
    }

    @Test
    void aStreamSilentAfterItsHeadEndsAtTheStallTimeout() throws Exception {
        start("bactrian.stall-timeout", "500ms", "bactrian.response-timeout", "5s");
        simulator.on(Call.CHAT, Reply.rawStream(PIECE).cutAt(0).thenHang());
        long begin = System.nanoTime();

        JsonNode document = generateFails("hi");

        assertThat(since(begin)).isBetween(Duration.ofMillis(500), Duration.ofMillis(4500));
        assertThat(document.path("error").path("type").asText()).isEqualTo("stream-interrupted");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
    }

    @Test
    void aLongSlowStreamPassesThoughItTakesLongerThanAllTimeouts() throws Exception {
        start("bactrian.stall-timeout", "600ms", "bactrian.response-timeout", "600ms", "bactrian.connect-timeout", "600ms");
        simulator.on(Call.CHAT, Reply.stream("a", "b", "c", "d", "e", "f", "g", "h").pause(Duration.ofMillis(250)));
        long begin = System.nanoTime();

        assertThat(generate("hi").path("text").asText()).isEqualTo("abcdefgh");

        assertThat(since(begin)).isGreaterThan(Duration.ofMillis(1500));
        assertThat(takeChunks()).isEqualTo("a|b|c|d|e|f|g|h");
    }

    @Test
    void commentsKeepAStreamAliveWhileTheModelThinks() throws Exception {
        ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        AtomicInteger pings = new AtomicInteger();
        server.createContext("/", exchange -> {
            exchange.getRequestBody().readAllBytes();
            exchange.sendResponseHeaders(200, 0);
            clock.scheduleAtFixedRate(() -> ping(exchange, pings.incrementAndGet()), 0, 150, TimeUnit.MILLISECONDS);
        });
        server.start();
        try {
            start("bactrian.stall-timeout", "600ms",
                    "bactrian.upstage.api-endpoint", "http://127.0.0.1:" + server.getAddress().getPort() + "/v1/chat/completions");

            assertThat(generate("hi").path("text").asText()).isEqualTo("a");
            assertThat(pings.get()).isGreaterThanOrEqualTo(10);
        } finally {
            clock.shutdownNow();
            server.stop(0);
        }
        assertThat(takeChunks()).isEqualTo("a");
    }

    private static void ping(HttpExchange exchange, int count) {
        try {
            OutputStream out = exchange.getResponseBody();
            out.write((count < 10 ? ": thinking\n" : PIECE + DONE).getBytes(StandardCharsets.UTF_8));
            out.flush();
        } catch (IOException e) {
            // the client has its answer
        }
    }

    /** Answers that are whole while their connection stays open. */
    enum OpenEnd {
        SILENT(Reply.rawStream(PIECE + DONE).thenHang()),
        SILENT_AFTER_BOTH(Reply.rawStream(PIECE + STOP + DONE).thenHang()),
        COMMENTS(Reply.rawStream(PIECE + DONE).thenComments(Duration.ofMillis(200))),
        MANY_COMMENTS(Reply.rawStream(PIECE + DONE).thenComments(Duration.ofMillis(8))),
        MORE_PIECES(Reply.rawStream(PIECE + DONE + PIECE.repeat(5000)).thenHang());

        private final Reply reply;

        OpenEnd(Reply reply) {
            this.reply = reply;
        }
    }

    @TestFactory
    java.util.stream.Stream<DynamicTest> doneEndsTheRequestThoughTheConnectionStaysOpen() throws Exception {
        start();
        generate("warm up");
        captured.chunks.clear();
        return DynamicTest.stream(java.util.stream.Stream.of(OpenEnd.values()), Object::toString, end -> {
            simulator.reset().on(Call.CHAT, end.reply);
            long begin = System.nanoTime();

            assertThat(generate("hi").path("text").asText()).isEqualTo("a");

            assertThat(since(begin)).isLessThan(Duration.ofSeconds(10));
            assertThat(leased()).isZero();
            assertThat(takeChunks()).isEqualTo("a");
        });
    }

    @Test
    void aFinishedAnswerWithoutDoneIsASuccessOnceItsStreamHasStalled() throws Exception {
        start("bactrian.stall-timeout", "400ms");
        simulator.on(Call.CHAT, Reply.rawStream(PIECE + STOP).thenHang());

        assertThat(generate("hi").path("text").asText()).isEqualTo("a");
        assertThat(takeChunks()).isEqualTo("a");
    }

    @Test
    void aConnectionWhoseAnswerIsWholeIsUsedAgain() throws Exception {
        start();
        for (int i = 0; i < 20; i++) {
            simulator.on(Call.CHAT, Reply.stream("a", "b"));
            generate("hi");
            takeChunks();
        }
        assertThat(simulator.clientAborts()).isZero();
        ProviderHttp http = context().getRegistry().lookupByNameAndType("bactrianUpstageHttp", ProviderHttp.class);
        assertThat(http.leased()).isZero();
    }

    /** Streams that would go on for as long as anybody listens. */
    enum Endless {
        PIECES(Reply.stream(many()).pause(Duration.ofMillis(10))),
        FAST_PIECES(Reply.stream(many()).pause(Duration.ZERO)),
        SILENCE(Reply.rawStream(PIECE).thenHang()),
        COMMENTS(Reply.rawStream(PIECE).thenComments(Duration.ofMillis(200))),
        MANY_COMMENTS(Reply.rawStream(PIECE).thenComments(Duration.ofMillis(8)));

        private final Reply reply;

        Endless(Reply reply) {
            this.reply = reply;
        }

        private static String[] many() {
            String[] pieces = new String[20_000];
            Arrays.fill(pieces, "a");
            return pieces;
        }
    }

    @TestFactory
    java.util.stream.Stream<DynamicTest> aChunkThatCannotBePassedOnEndsItsStreamAtOnce() throws Exception {
        start("bactrian.emit.chunk", "direct:broken");
        generateFails("warm up");
        return DynamicTest.stream(java.util.stream.Stream.of(Endless.values()), Object::toString, endless -> {
            simulator.reset().on(Call.CHAT, endless.reply);
            sent.set(0);
            long begin = System.nanoTime();

            JsonNode document = generateFails("hi");

            assertThat(since(begin)).isLessThan(Duration.ofSeconds(10));
            assertThat(document.path("error").path("type").asText()).isEqualTo("delivery-failed");
            assertThat(document.path("error").path("message").asText()).contains("the browser is gone");
            assertThat(document.path("partialText").asText()).isEqualTo("a");
            assertThat(sent).as("chunks sent").hasValue(1);
            assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
            assertThat(leased()).isZero();
            await("the server sees the connection closed").until(() -> simulator.clientAborts() == 1);
        });
    }

    @Test
    void aLaterChunkThatCannotBePassedOnLeavesWhatCameBefore() throws Exception {
        start("bactrian.emit.chunk", "direct:broken-later");
        simulator.on(Call.CHAT, Reply.stream("a", "b", "c", "d").pause(Duration.ofMillis(300)));

        JsonNode document = generateFails("hi");

        assertThat(document.path("error").path("type").asText()).isEqualTo("delivery-failed");
        assertThat(document.path("partialText").asText()).isEqualTo("abc");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
        assertThat(takeChunks()).isEqualTo("a|b|c");
    }

    @Test
    void theLastChunkThatCannotBePassedOnFailsTheRequest() throws Exception {
        start("bactrian.emit.chunk", "direct:broken");
        simulator.on(Call.CHAT, Reply.rawStream(PIECE + STOP + DONE));

        assertThat(generateFails("hi").path("error").path("type").asText()).isEqualTo("delivery-failed");
    }

    @Test
    void aSlowChunkEndpointSlowsTheStreamDownAndLosesNothing() throws Exception {
        start("bactrian.emit.chunk", "direct:slow", "bactrian.stall-timeout", "5s");
        simulator.on(Call.CHAT, Reply.stream("a", "b", "c", "d", "e", "f", "g", "h", "i", "j"));

        assertThat(generate("hi").path("text").asText()).isEqualTo("abcdefghij");
        assertThat(takeChunks()).isEqualTo("a|b|c|d|e|f|g|h|i|j");
    }

    private int leased() {
        return context().getRegistry().findByType(ProviderHttp.class).stream().mapToInt(ProviderHttp::leased).sum();
    }

    private static Duration since(long begin) {
        return Duration.ofNanos(System.nanoTime() - begin);
    }

    @Override
    protected Simulator simulator() {
        return Simulator.builder().pause(Duration.ZERO).pieces(1).start();
    }
}
