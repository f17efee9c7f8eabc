package dev.bactrian.simulator;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;
import java.util.zip.InflaterInputStream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each fault a script can ask for, as it is on the wire. */
@Timeout(30)
class ReplyTest {

    private static final String CHAT = UpstageApiTest.chat("solar-pro4", "x", true, "");

    private final Simulator simulator = Simulator.builder().pause(Duration.ZERO).start();

    @AfterEach
    void close() {
        simulator.close();
    }

    @Test
    void repliesAreUsedInOrderThenTheStandingOneUntilReset() throws IOException {
        simulator.on(Call.CHAT, Reply.status(500), Reply.normally()).on(Call.CHAT, Reply.status(503))
                .always(Call.CHAT, Reply.status(418)).always(Call.CHAT, Reply.status(429));

        List<Integer> statuses = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            statuses.add(Web.post(simulator.chatUrl(), CHAT).statusCode());
        }
        assertThat(statuses).containsExactly(500, 200, 503, 429, 429);
        assertThat(simulator.count(Call.CHAT)).isEqualTo(5);
        assertThat(simulator.maxConcurrent(Call.CHAT)).isOne();

        simulator.reset();
        assertThat(simulator.requests()).isEmpty();
        assertThat(simulator.count(Call.CHAT)).isZero();
        assertThat(Web.post(simulator.chatUrl(), CHAT).statusCode()).isEqualTo(200);
    }

    @Test
    void requestsAreRecordedAsTheyWereSent() throws IOException {
        Web.post(simulator.chatUrl() + "?include_think=true", CHAT, "X-Trace", "a", "X-Trace", "b");
        Web.get(simulator.homepagePollUrl().replace("{id}", "p"));

        assertThat(simulator.requests()).extracting(RecordedRequest::call).containsExactly(Call.CHAT, Call.POLL);
        RecordedRequest chat = simulator.requests(Call.CHAT).get(0);
        assertThat(chat.method()).isEqualTo("POST");
        assertThat(chat.path()).isEqualTo("/v1/chat/completions?include_think=true");
        assertThat(chat.header("x-TRACE")).isEqualTo("a");
        assertThat(chat.headers().get("X-trace")).containsExactly("a", "b");
        assertThat(chat.header("Authorization")).isNull();
        assertThat(chat.bodyText()).isEqualTo(CHAT);
        assertThat(chat.json().path("model").asText()).isEqualTo("solar-pro4");
        assertThat(chat.at()).isBeforeOrEqualTo(simulator.requests(Call.POLL).get(0).at());
    }

    @Test
    void normalAnswersKeepTheConnectionAlive() throws IOException {
        try (Socket socket = Web.chatSocket(simulator, UpstageApiTest.chat("solar-pro4", "x", false, ""))) {
            InputStream in = socket.getInputStream();
            readUntil(in, "}}}");
            socket.getOutputStream().write("GET /v1/predictions/none HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(UTF_8));
            assertThat(readUntil(in, "404}")).contains("HTTP/1.1 404");
        }
    }

    @Test
    void aLostAnswerClosesTheConnectionAfterTheWholeRequest() throws IOException {
        simulator.on(Call.CHAT, Reply.lost());

        try (Socket socket = Web.chatSocket(simulator, CHAT)) {
            assertThat(Web.rest(socket)).isEmpty();
        }
        assertThat(simulator.requests(Call.CHAT)).extracting(RecordedRequest::bodyText).containsExactly(CHAT);
        assertThat(simulator.concurrent(Call.CHAT)).isZero();
        assertThat(simulator.clientAborts()).isZero();
    }

    @Test
    void aCutDocumentIsShorterThanItsLength() throws IOException {
        simulator.on(Call.CHAT, Reply.json(200, "{\"a\":12345}").cutAt(4));

        try (Socket socket = Web.chatSocket(simulator, CHAT)) {
            assertThat(Web.rest(socket)).containsIgnoringCase("content-length: 11").endsWith("\r\n\r\n{\"a\"");
        }
        simulator.on(Call.CHAT, Reply.json(200, "{\"a\":12345}").cutAt(4));
        assertThatThrownBy(() -> Web.post(simulator.chatUrl(), CHAT)).isInstanceOf(IOException.class);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 7, 1_000_000})
    void aCutStreamHasNoEnd(int bytes) throws IOException {
        simulator.on(Call.CHAT, Reply.stream("a", "b").cutAt(bytes));

        try (Socket socket = Web.chatSocket(simulator, CHAT)) {
            String response = Web.rest(socket);
            assertThat(response).containsIgnoringCase("transfer-encoding: chunked").doesNotContain("\r\n0\r\n");
            assertThat(response.contains("[DONE]")).isEqualTo(bytes > 1000);
        }
        await().untilAsserted(() -> assertThat(simulator.concurrent(Call.CHAT)).isZero());
        assertThat(simulator.clientAborts()).isZero();
    }

    @Test
    void aRawStreamIsSentAsItIs() throws IOException {
        simulator.on(Call.CHAT, Reply.rawStream("\uFEFFdata: a\r\r: x\n\ndata: 안"));

        HttpResponse<String> response = Web.post(simulator.chatUrl(), CHAT);

        assertThat(response.body()).isEqualTo("\uFEFFdata: a\r\r: x\n\ndata: 안");
        assertThat(response.headers().firstValue("Content-Type")).contains("text/event-stream");
    }

    @Test
    void aSplitGoesThroughTheMiddleOfACharacter() throws IOException {
        simulator.on(Call.CHAT, Reply.rawStream("data: é\n\n").splitAt(7).splitAt(9));

        try (Socket socket = Web.chatSocket(simulator, CHAT)) {
            byte[] response = readUntil(socket.getInputStream(), "0\r\n\r\n").getBytes(UTF_8);
            assertThat(new String(response, UTF_8)).contains("\r\n7\r\ndata: ").contains("2\r\n", "1\r\n\n\r\n");
        }
        simulator.on(Call.CHAT, Reply.json(200, "{\"a\":\"é\"}").splitAt(7));
        assertThat(Web.post(simulator.chatUrl(), CHAT).body()).isEqualTo("{\"a\":\"é\"}");
    }

    @Test
    void byteByByteIsOneChunkAByte() throws IOException {
        simulator.on(Call.CHAT, Reply.rawStream("data: a\n\n").byteByByte());

        try (Socket socket = Web.chatSocket(simulator, CHAT)) {
            assertThat(readUntil(socket.getInputStream(), "0\r\n\r\n"))
                    .contains("\r\n1\r\nd\r\n1\r\na\r\n1\r\nt\r\n1\r\na\r\n1\r\n:\r\n");
        }
    }

    @Test
    void gzipAndDeflateCanBeDecodedWhileTheyArrive() throws IOException {
        simulator.on(Call.CHAT, Reply.stream("안", "녕").gzip().thenHang(), Reply.json(200, "{}").deflate(),
                Reply.normally().gzip());

        HttpResponse<InputStream> stream = Web.open(Web.posting(simulator.chatUrl(), CHAT));
        assertThat(stream.headers().firstValue("Content-Encoding")).contains("gzip");
        try (InputStream body = stream.body()) {
            assertThat(readUntil(new GZIPInputStream(body), "[DONE]")).contains("안", "녕");
        }
        HttpResponse<InputStream> document = Web.open(Web.posting(simulator.chatUrl(), CHAT));
        assertThat(document.headers().firstValue("Content-Encoding")).contains("deflate");
        try (InputStream body = new InflaterInputStream(document.body())) {
            assertThat(body.readAllBytes()).isEqualTo("{}".getBytes(UTF_8));
        }
        HttpResponse<byte[]> normal = Web.send(Web.posting(simulator.chatUrl(), CHAT),
                HttpResponse.BodyHandlers.ofByteArray());
        assertThat(new GZIPInputStream(new ByteArrayInputStream(normal.body())).readAllBytes())
                .asString(UTF_8).endsWith("[DONE]\n\n");
    }

    @Test
    void anAnswerCanBeLate() throws IOException {
        simulator.on(Call.CHAT, Reply.normally().after(Duration.ofMillis(300)));

        long before = System.nanoTime();
        assertThat(Web.post(simulator.chatUrl(), CHAT).statusCode()).isEqualTo(200);
        assertThat(Duration.ofNanos(System.nanoTime() - before)).isGreaterThanOrEqualTo(Duration.ofMillis(300));
    }

    @Test
    void thePauseLiesBetweenThePiecesAndEachIsAnnounced() throws IOException {
        List<Long> times = new CopyOnWriteArrayList<>();
        CountDownLatch firstTwoRead = new CountDownLatch(1);
        simulator.on(Call.CHAT, Reply.stream("a", "b", "c").pause(Duration.ofMillis(60)).chunkListener(index -> {
            assertThat(index).isEqualTo(times.size());
            times.add(System.nanoTime());
            if (index == 2) {
                awaitLatch(firstTwoRead);
            }
        }));

        HttpResponse<InputStream> response = Web.open(Web.posting(simulator.chatUrl(), CHAT));
        try (InputStream body = response.body()) {
            readUntil(body, "\"b\"");
            firstTwoRead.countDown();
            readUntil(body, "[DONE]");
        }
        assertThat(times).hasSize(3);
        assertThat(times.get(1) - times.get(0)).isGreaterThanOrEqualTo(59_000_000L);
        assertThat(times.get(2) - times.get(1)).isGreaterThanOrEqualTo(59_000_000L);
    }

    @Test
    void aStreamCanFallSilentBeforeItsEnd() throws IOException {
        simulator.on(Call.CHAT, Reply.stream("a", "b").cutAt(40).thenHang());

        try (Socket socket = Web.chatSocket(simulator, CHAT)) {
            readUntil(socket.getInputStream(), "data: {\"id\"");
            socket.setSoTimeout(300);
            assertThatThrownBy(() -> socket.getInputStream().readAllBytes()).hasMessageContaining("timed out");
            assertThat(simulator.concurrent(Call.CHAT)).isOne();
        }
    }

    @Test
    void commentsGoOnUntilTheClientGoes() throws IOException {
        simulator.on(Call.CHAT, Reply.stream("a").thenComments(Duration.ofMillis(10)));

        HttpResponse<InputStream> response = Web.open(Web.posting(simulator.chatUrl(), CHAT));
        try (InputStream body = response.body()) {
            readUntil(body, "[DONE]\n\n: ping\n\n: ping\n\n: ping\n\n");
            assertThat(simulator.concurrent(Call.CHAT)).isOne();
        }
        await().untilAsserted(() -> assertThat(simulator.concurrent(Call.CHAT)).isZero());
        assertThat(simulator.clientAborts()).isOne();
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void aClientThatLeavesASilentResponseIsNoticed() throws IOException {
        simulator.on(Call.CHAT, Reply.stream("a").thenHang(), Reply.normally().after(Duration.ofHours(1)),
                Reply.stream("a", "b").pause(Duration.ofHours(1)));

        for (int i = 1; i <= 3; i++) {
            int asked = i;
            Socket socket = Web.chatSocket(simulator, CHAT);
            await().untilAsserted(() -> assertThat(simulator.count(Call.CHAT)).isEqualTo(asked));
            assertThat(simulator.concurrent(Call.CHAT)).isOne();
            socket.close();
            await().untilAsserted(() -> assertThat(simulator.concurrent(Call.CHAT)).isZero());
            assertThat(simulator.clientAborts()).isEqualTo(i);
        }
    }

    @Test
    void aClientThatStaysInASilentResponseIsNotDropped() throws IOException {
        simulator.on(Call.CHAT, Reply.normally().after(Duration.ofMillis(1500)));

        assertThat(Web.post(simulator.chatUrl(), CHAT).statusCode()).isEqualTo(200);
        assertThat(simulator.clientAborts()).isZero();
    }

    @Test
    void closingBreaksWhatHangsAndFreesThePort() throws IOException {
        simulator.on(Call.CHAT, Reply.stream("a").thenHang());
        try (Socket socket = Web.chatSocket(simulator, CHAT)) {
            readUntil(socket.getInputStream(), "[DONE]");
            simulator.close();
            assertThat(Web.rest(socket)).doesNotContain("0\r\n\r\n");
        }
        try (Simulator next = Simulator.builder().port(simulator.port()).start()) {
            assertThat(next.port()).isEqualTo(simulator.port());
            assertThat(Web.post(next.chatUrl(), CHAT).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void outputThatIsNotJsonIsRefusedByTheScript() {
        assertThatThrownBy(() -> Reply.prediction("succeeded", "text")).isInstanceOf(IllegalArgumentException.class);
    }

    private static void awaitLatch(CountDownLatch latch) {
        try {
            assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String readUntil(InputStream in, String end) throws IOException {
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        while (!read.toString(UTF_8).endsWith(end)) {
            int b = in.read();
            if (b < 0) {
                throw new IOException("ended before " + end + ": " + read.toString(UTF_8));
            }
            read.write(b);
        }
        return read.toString(UTF_8);
    }
}
