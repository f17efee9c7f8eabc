package dev.bactrian.routes.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.routes.support.RawServer;
import dev.bactrian.routes.support.RouteTestSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a service may do with its connections: dribble, repeat itself, never end, leave something over, close them. */
@Timeout(60)
class WireTest extends RouteTestSupport {

    private static final String CHAT = "{\"model\":\"solar-pro4\",\"prompt\":\"x\"}";
    private static final String PREDICTION = "{\"model\":\"google-deepmind/gemma-2b-it\",\"prompt\":\"x\"}";

    private RawServer server;

    private void serve(RawServer.Script script, String... properties) throws Exception {
        server = new RawServer(script);
        start(Stream.concat(Stream.of(
                "bactrian.replicate.api-endpoint", server.url("/predictions"), "bactrian.replicate.poll-endpoint", server.url("/predictions/{id}"),
                "bactrian.upstage.api-endpoint", server.url("/chat"), "bactrian.response-timeout", "600ms", "bactrian.stall-timeout", "600ms", "bactrian.emit.chunk", ""),
                Stream.of(properties)).toArray(String[]::new));
    }

    @AfterEach
    void closeServer() throws Exception {
        stop();
        server.close();
    }

    private static void isUnavailable(JsonNode error) {
        assertThat(error.path("error").path("type").asText()).isEqualTo("provider-unavailable");
        assertThat(error.path("error").path("message").asText()).isNotEmpty().hasLineCount(1);
    }

    /** What comes in place of a head, again and again, with that pause. */
    enum Head {
        INTERIM_SLOWLY("HTTP/1.1 103 Early Hints\r\n\r\n", 100),
        INTERIM_QUICKLY("HTTP/1.1 103 Early Hints\r\n\r\n", 0),
        BYTES_OF_A_STATUS("H", 100),
        BYTES_OF_A_HEADER("HTTP/1.1 200 OK\r\nx: ", "a", 100),
        HEADERS("HTTP/1.1 200 OK\r\n", "x: y\r\n", 0),
        ONE_HEADER_ON_MANY_LINES("HTTP/1.1 200 OK\r\nx: y\r\n", " z\r\n", 0),
        ONE_LINE("HTTP/1.1 200 OK\r\nx: ", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0),
        ONE_STATUS_LINE("HTTP/1.1 200 ", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0),
        EMPTY_LINES("\r\n", 0);

        final String first;
        final String text;
        final long pause;

        Head(String text, long pause) {
            this("", text, pause);
        }

        Head(String first, String text, long pause) {
            this.first = first;
            this.text = text;
            this.pause = pause;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aHeadWithoutEndFailsTheCreateOnceAndTheChat(Head row) throws Exception {
        serve(line -> {
            line.read();
            line.write(row.first);
            line.writeForever(row.text, row.pause);
        });

        isUnavailable(generateFails(PREDICTION));
        isUnavailable(generateFails(CHAT));

        assertThat(server.count("POST /predictions")).as("a create that may have been accepted is not made again").isOne();
    }

    @ParameterizedTest
    @EnumSource
    void aHeadWithoutEndOfAPollCostsThePollAlone(Head row) throws Exception {
        serve(line -> {
            for (String request = line.read(); request != null; request = line.read()) {
                if (request.startsWith("GET") && server.count("GET") == 1) {
                    line.write(row.first);
                    line.writeForever(row.text, row.pause);
                }
                line.write(RawServer.answer(request));
            }
        });

        assertThat(generate(PREDICTION).path("text").asText()).isEqualTo("hi");
        assertThat(server.count("POST")).isOne();
    }

    /** What comes in place of a body's end, again and again, with that pause. */
    enum Body {
        BYTES_OF_A_LENGTH("Content-Length: 100000\r\n\r\n{\"model\":\"m\",", " ", 100),
        BYTES_WITHOUT_A_LENGTH("\r\n{\"model\":\"m\",", " ", 100),
        BYTES_OF_A_CHUNKS_SIZE("Transfer-Encoding: chunked\r\n\r\n2;x=", "y", 100),
        BYTES_OF_A_TRAILER("Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", "y", 100),
        A_CHUNKS_EXTENSION("Transfer-Encoding: chunked\r\n\r\n2;x=", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy", 0),
        TRAILERS("Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", "x: y\r\n", 0);

        final String first;
        final String text;
        final long pause;

        Body(String first, String text, long pause) {
            this.first = first;
            this.text = text;
            this.pause = pause;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aBodyWithoutEndFailsTheCreateOnce(Body row) throws Exception {
        serve(line -> {
            line.read();
            line.write("HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n" + row.first);
            line.writeForever(row.text, row.pause);
        });

        isUnavailable(generateFails(PREDICTION));

        assertThat(server.count("POST /predictions")).isOne();
    }

    @ParameterizedTest
    @EnumSource
    void aBodyWithoutEndOfAPollOrAnErrorCostsThatCallAlone(Body row) throws Exception {
        serve(line -> {
            for (String request = line.read(); request != null; request = line.read()) {
                boolean poll = request.startsWith("GET");
                if (poll && server.count("GET") == 1 || request.contains("messages") && server.count("POST /chat") == 1) {
                    line.write("HTTP/1.1 " + (poll ? "200 OK" : "503 x") + "\r\nContent-Type: application/json\r\n" + row.first);
                    line.writeForever(row.text, row.pause);
                }
                line.write(RawServer.answer(request));
            }
        }, "bactrian.upstage.api-key", "up_canary");

        assertThat(generate(PREDICTION).path("text").asText()).isEqualTo("hi");
        assertThat(server.count("POST /predictions")).isOne();
        isUnavailable(generateFails(CHAT));
        assertThat(generate(CHAT).path("text").asText()).isEqualTo("hi");
    }

    @Test
    void aLargeAnswerOnASlowLineIsReadToItsEnd() throws Exception {
        String part = "x".repeat(20_000);
        serve(line -> {
            String request = line.read();
            if (request.startsWith("POST")) {
                line.write(RawServer.prediction(201, "starting").replace("x\r\n", "x\r\nConnection: close\r\n"));
                return;
            }
            line.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
                    + "{\"id\":\"p1\",\"status\":\"succeeded\",\"output\":[\"");
            for (int i = 0; i < 15; i++) {
                line.write(part);
                line.pause(100);
            }
            line.write("\"]}");
        });

        assertThat(generate(PREDICTION).path("text").asText()).hasSize(15 * part.length());
    }

    @Test
    void aStreamGoesOnAsLongAsItDoes() throws Exception {
        serve(line -> {
            line.read();
            line.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
            for (int i = 0; i < 15; i++) {
                line.write("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n");
                line.pause(100);
            }
            line.write("data: [DONE]\n\n");
        });

        assertThat(generate(CHAT).path("text").asText()).isEqualTo("a".repeat(15));
    }

    @Test
    void aRequestThatTheServerNeverReadsTimesOut() throws Exception {
        serve(line -> {
            line.socket().setReceiveBufferSize(1024);
            line.pause(30_000);
        }, "bactrian.replicate.api", "homepage");

        isUnavailable(generateFails("{\"model\":\"google-deepmind/gemma-2b-it\",\"prompt\":\"" + "x".repeat(8_000_000) + "\"}"));
        assertThat(server.connections).hasValue(1);
    }

    /** What is left over on a connection after an answer, at once or later. */
    enum LeftOver {
        BEYOND_THE_LENGTH(RawServer.chat("good"), 0),
        AFTER_THE_LAST_CHUNK("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "67\r\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"good\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n       \n\r\n0\r\n\r\n", 0),
        ON_AN_IDLE_CONNECTION(RawServer.chat("good"), 50);

        final String good;
        final long later;

        LeftOver(String good, long later) {
            this.good = good;
            this.later = later;
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatIsLeftOverIsNobodysAnswer(LeftOver row) throws Exception {
        serve(line -> {
            for (String request = line.read(); request != null; request = line.read()) {
                line.write(row.later > 0 ? row.good : row.good + RawServer.chat("bad"));
                if (row.later > 0) {
                    line.pause(row.later);
                    line.write(RawServer.chat("bad"));
                }
            }
        });

        for (int i = 0; i < 4; i++) {
            assertThat(generate(CHAT).path("text").asText()).isEqualTo("good");
            await("time passed").pollDelay(Duration.ofMillis(2 * row.later + 20)).until(() -> true);
        }
        assertThat(server.connections).hasValue(4);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 20, 60})
    void aServiceThatClosesIdleConnectionsFailsNothing(long idle) throws Exception {
        serve(line -> {
            for (String request = line.read(); request != null && (idle > 0 || line.number % 2 == 0); request = line.read()) {
                line.write(RawServer.answer(request));
                // Not before the first request, for which a busy machine may take longer.
                line.socket().setSoTimeout((int) idle);
                if (idle == 0) {
                    return;
                }
            }
            // Read, and closed without a word: what a connection does that the other side has given up.
            if (idle == 0) {
                line.write(RawServer.answer(server.requests.get(server.requests.size() - 1)));
            }
        }, "bactrian.replicate.poll-delay", "60ms");

        for (int i = 0; i < 20; i++) {
            long pause = (i * 7) % 40 + Math.max(0, idle - 20);
            await("time passed").pollDelay(Duration.ofMillis(pause)).until(() -> true);
            assertThat(generate(CHAT).path("text").asText()).isEqualTo("hi");
            assertThat(generate(PREDICTION).path("text").asText()).isEqualTo("hi");
        }
        assertThat(server.count("POST /predictions")).isEqualTo(20);
    }

    /** How a provider is gone for a moment. */
    enum Gap { CLOSES, RESETS, RESTARTS }

    @ParameterizedTest
    @EnumSource
    void aProviderThatCutsItsConnectionsAndIsBackAtOnceFailsNothing(Gap gap) throws Exception {
        int each = 20;
        ExecutorService callers = Executors.newFixedThreadPool(2 * each);
        AtomicBoolean together = new AtomicBoolean();
        CyclicBarrier all = new CyclicBarrier(2 * each);
        RawServer.Script script = line -> {
            for (String request = line.read(); request != null; request = line.read()) {
                if (together.get() && request.startsWith("POST")) {
                    all.await();
                }
                line.write(RawServer.answer(request));
            }
        };
        serve(script, "bactrian.retry.max-attempts", "0");
        try {
            // Before its first answer a service gets few calls at once.
            callAtOnce(callers, 1);
            together.set(true);
            callAtOnce(callers, each);
            together.set(false);
            for (int round = 1; round <= 5; round++) {
                int port = server.port();
                server.requests.clear();
                if (gap == Gap.RESTARTS) {
                    server.close();
                    server = new RawServer(await("the port is free").ignoreExceptions()
                            .until(() -> new ServerSocket(port, 100, InetAddress.getLoopbackAddress()), Objects::nonNull), "http", script);
                } else {
                    server.cut(gap == Gap.RESETS);
                }

                callAtOnce(callers, each);

                assertThat(server.count("POST /predictions ")).as("creates").isEqualTo(each);
                assertThat(server.count("POST /chat ")).as("chats").isEqualTo(each);
            }
        } finally {
            callers.shutdownNow();
        }
    }

    private void callAtOnce(ExecutorService callers, int each) throws Exception {
        List<Future<JsonNode>> answers = new ArrayList<>();
        for (int i = 0; i < each; i++) {
            answers.add(callers.submit(() -> generate(PREDICTION)));
            answers.add(callers.submit(() -> generate(CHAT)));
        }
        for (Future<JsonNode> answer : answers) {
            assertThat(answer.get().path("text").asText()).isEqualTo("hi");
        }
    }

    @Test
    void aChatIsRepeatedAtOnceOnlyIfAReusedConnectionBreaks() throws Exception {
        serve(line -> {
            line.read();
            if (line.number != 2) {
                line.write(RawServer.chat("hi"));
                line.read();
            }
        }, "bactrian.retry.max-attempts", "0");

        assertThat(generate(CHAT).path("text").asText()).isEqualTo("hi");
        // The old connection breaks, and so does the new one: two requests are enough.
        JsonNode error = generateFails(CHAT);
        isUnavailable(error);
        assertThat(error.path("error").path("attempts").asInt()).isOne();
        assertThat(generate(CHAT).path("text").asText()).isEqualTo("hi");
        assertThat(generate(CHAT).path("text").asText()).as("over the third, which breaks, and so the fourth").isEqualTo("hi");
        assertThat(server.count("POST /chat")).isEqualTo(6);
    }

    @Test
    void aCreateIsNeverSentOverAConnectionThatWasUsedBefore() throws Exception {
        serve(RawServer::answer);

        for (int i = 0; i < 3; i++) {
            assertThat(generate(PREDICTION).path("text").asText()).isEqualTo("hi");
        }

        assertThat(server.count("POST")).isEqualTo(3);
        assertThat(server.count("GET")).isEqualTo(3);
        assertThat(server.connections).as("a poll goes over its create's").hasValue(3);
    }

    /** How the answer to a create breaks off. */
    enum Break {
        BEFORE_ITS_LENGTH("Content-Length: 5000", "{\"id\":\"p1\",\"status\":\"star", 0),
        INSIDE_A_CHUNK("Transfer-Encoding: chunked", "100\r\n{\"id\":\"p1\",\"inp", 0),
        IN_SILENCE("Content-Length: 5000", "{\"id\":\"p1\",\"inp", 20_000);

        final String header;
        final String body;
        final long pause;

        Break(String header, String body, long pause) {
            this.header = header;
            this.body = body;
            this.pause = pause;
        }
    }

    /** It is paid for: with its id it is gone on with. */
    @ParameterizedTest
    @EnumSource
    void aCreateWhoseAnswerBreaksOffAfterTheIdIsGoneOnWith(Break row) throws Exception {
        serve(line -> {
            for (String request = line.read(); request != null; request = line.read()) {
                if (request.startsWith("POST")) {
                    line.write("HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n" + row.header + "\r\n\r\n" + row.body);
                    line.pause(row.pause);
                    return;
                }
                line.write(RawServer.answer(request));
            }
        });

        assertThat(generate(PREDICTION).path("text").asText()).isEqualTo("hi");
        assertThat(server.count("POST /predictions ")).isOne();
    }
}
