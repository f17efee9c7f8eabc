package dev.bactrian.routes.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;

import com.sun.management.UnixOperatingSystemMXBean;
import dev.bactrian.door.DoorTimes;
import dev.bactrian.simulator.Call;
import dev.bactrian.support.CapturedLog;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Clients that mean harm, or do not know better. The door refuses them at once, says why, and goes on serving the others. */
@Timeout(120)
class StrangersDoorTest extends DoorTestSupport {

    private static final String CHATS = "/v1/chat/completions";
    private static final String EDITS = "/v1/images/edits";
    private static final String CHAT = "{\"model\":\"solar-pro4\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    private static final String JSON = "Content-Type: application/json";
    private static final String KEY = "Authorization: Bearer k-of-team-a";
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final Duration SHORT = Duration.ofMillis(600);

    private void openWithKeys(String... properties) throws Exception {
        open(Stream.concat(Stream.of("bactrian.http.api-keys", "team-a=k-of-team-a,team-b=k-of-team-b"), Stream.of(properties)).toArray(String[]::new));
    }

    private Wire wire() throws IOException {
        return Wire.to(door.port());
    }

    private Wire.Response ask(String line, String body, String... headers) throws IOException {
        try (Wire wire = wire()) {
            return wire.request(line, body, headers).response();
        }
    }

    private static void assertRefused(Wire.Response response, int status, String type) {
        assertThat(response.status()).as("%s", response).isEqualTo(status);
        assertThat(response.error().path("type").asText()).as("%s", response).isEqualTo(type);
        assertThat(response.error().path("message").asText()).isNotBlank();
        assertThat(response.headers()).containsEntry("Content-Type", "application/json").containsEntry("X-Content-Type-Options", "nosniff");
    }

    private void assertServes(String... headers) throws IOException {
        assertThat(ask("GET /v1/models", null, headers).status()).isEqualTo(200);
    }

    @Test
    void onlyCallersWithAKeyAreServed() throws Exception {
        try (CapturedLog log = new CapturedLog()) {
            openWithKeys();

            for (String call : List.of("POST " + CHATS, "GET /v1/models", "GET /v1/models/solar-pro4", "POST /nothing", "POST /v1/images/generations")) {
                String body = call.startsWith("POST") ? CHAT : null;
                assertNoKey(ask(call, body, JSON));
                assertNoKey(ask(call, body, JSON, "Authorization: Bearer k-of-a-stranger"));
                assertNoKey(ask(call, body, JSON, "Authorization: Basic ay1vZi10ZWFtLWE="));
                assertNoKey(ask(call, body, JSON, KEY, KEY));
                assertNoKey(ask(call, body, JSON, KEY, "Authorization: Bearer k-of-team-b"));
                assertNoKey(ask(call, body, JSON, "X-Api-Key: k-of-team-a", "Cookie: Authorization=k-of-team-a"));
            }
            for (String query : List.of("api_key=k-of-team-a", "Authorization=Bearer%20k-of-team-a", "authorization=Bearer+k-of-team-a", "key=k-of-team-a")) {
                Wire.Response inUrl = ask("POST " + CHATS + "?" + query, CHAT, JSON);
                assertNoKey(inUrl);
                assertThat(inUrl.error().path("message").asText()).contains("in the header Authorization, as Bearer");
                assertNoKey(ask("GET /v1/models?" + query, null));
            }
            assertThat(simulator.count(Call.CHAT)).isZero();
            assertThat(ask("POST " + CHATS, CHAT, JSON, "authorization: bearer k-of-team-a").status()).isEqualTo(200);
            assertThat(ask("GET /v1/models", null, "AUTHORIZATION: BEARER k-of-team-b").status()).isEqualTo(200);
            assertThat(ask("POST " + CHATS + "?Authorization=Bearer%20k-of-a-stranger", CHAT, JSON, KEY).status()).isEqualTo(200);
            stop();
            assertThat(log.toString()).doesNotContain("k-of-team-a").doesNotContain("k-of-team-b").doesNotContain("k-of-a-stranger");
        }
        assertThat(simulator.requests(Call.CHAT)).hasSize(2).allSatisfy(sent ->
                assertThat(sent.headers().toString() + sent.json()).doesNotContain("k-of-team").doesNotContain("stranger"));
    }

    private static void assertNoKey(Wire.Response response) {
        assertRefused(response, 401, "authentication");
        assertThat(response.headers()).containsEntry("WWW-Authenticate", "Bearer").containsEntry("X-Should-Retry", "false");
        assertThat(response.body()).doesNotContain("k-of");
    }

    @Test
    void aBodyThatIsTooLargeIsRefusedBeforeItIsRead() throws Exception {
        open("bactrian.max-request-bytes", "1MB");

        try (Wire wire = wire()) {
            wire.send("POST " + CHATS + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857600\r\n\r\n{\"model\":\"");
            assertTooLarge(wire.response());
            wire.awaitClose();
        }
        try (Wire wire = wire()) {
            wire.send("POST " + CHATS + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857600\r\nExpect: 100-continue\r\n\r\n");
            assertTooLarge(wire.response());
            wire.awaitClose();
        }
        try (Wire wire = wire()) {
            wire.send("POST " + CHATS + " HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
            int sent = sendChunks(wire, 100);
            assertThat(sent).as("MB that were sent before the answer was there").isLessThan(100);
            assertTooLarge(wire.response());
            wire.awaitClose();
        }
        try (Wire wire = wire()) {
            wire.send("POST " + CHATS + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + CHAT.length() + "\r\nExpect: 100-continue\r\n\r\n");
            assertThat(wire.head().status()).isEqualTo(100);
            assertThat(wire.send(CHAT).response().status()).isEqualTo(200);
        }
        try (Wire wire = wire()) {
            wire.send("POST " + EDITS + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nExpect: 100-continue\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n");
            assertThat(wire.head().status()).isEqualTo(100);
            assertThat(wire.send("--x--\r\n\r\n").response().status()).isEqualTo(400);
        }
        assertServes();
    }

    /** Sends at most so many MB, each in a chunk, until there is an answer or the connection is closed. */
    private static int sendChunks(Wire wire, int most) {
        byte[] chunk = new byte[1 << 20];
        int sent = 0;
        try {
            while (sent < most && wire.available() == 0) {
                wire.send("100000\r\n").send(chunk).send("\r\n");
                sent++;
            }
        } catch (IOException e) {
            // closed
        }
        return sent;
    }

    private static void assertTooLarge(Wire.Response response) {
        assertRefused(response, 413, "invalid-request");
        assertThat(response.headers()).containsEntry("Connection", "close");
        assertThat(response.error().path("message").asText()).contains("bactrian.max-request-bytes (1MB)");
    }

    @Test
    void aBodyWithoutAKeyIsNotRead() throws Exception {
        openWithKeys();

        for (String line : List.of("POST " + CHATS, "GET /v1/models", "DELETE /v1/models", "POST /nothing", "OPTIONS " + CHATS)) {
            for (String length : List.of("Content-Length: 9000000", "Content-Length: 9000000\r\nExpect: 100-continue", "Transfer-Encoding: chunked",
                    "Content-Length: 9000000\r\nContent-Type: multipart/form-data; boundary=x")) {
                try (Wire wire = wire()) {
                    assertNoKey(wire.send(line + " HTTP/1.1\r\nHost: localhost\r\n" + length + "\r\n\r\n").response());
                    wire.awaitClose();
                }
            }
        }
    }

    @Test
    void slowClientsAreGivenUp() throws Exception {
        DoorTimes.set(door, SHORT, SHORT, LONG, Duration.ofMillis(200));
        open();

        try (Wire says = wire(); Wire begins = wire(); Wire trickles = wire(); Wire pauses = wire(); Wire never = wire()) {
            begins.send("POST " + CHATS + " HTTP/1.1\r\nHost: local");
            pauses.send("POST " + CHATS + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000\r\n\r\n{\"model\":");
            never.send("POST " + CHATS + " HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
            // A head that never ends, although something of it comes all the time.
            await("closed").pollInterval(Duration.ofMillis(50)).until(() -> fails(trickles, "X-A: b\r\n"));
            says.awaitClose();
            begins.awaitClose();
            for (Wire slow : List.of(pauses, never)) {
                assertRefused(slow.response(), 408, "invalid-request");
                slow.awaitClose();
            }
        }
        try (Wire wire = wire()) {
            wire.send("POST " + CHATS + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + CHAT.length() + "\r\n\r\n");
            // Each pause is short enough, but all of them together would not be.
            Iterator<String> pieces = List.of(CHAT.split("(?<=\\G.{10})")).iterator();
            await("all is sent").pollDelay(Duration.ZERO).pollInterval(SHORT.dividedBy(4)).until(() -> {
                wire.send(pieces.next());
                return !pieces.hasNext();
            });
            assertThat(wire.response().status()).isEqualTo(200);
        }
    }

    private static boolean fails(Wire wire, String text) {
        try {
            wire.send(text);
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    @Test
    void headsThatAreTooLongAreRefused() throws Exception {
        open();

        assertRefused(ask("GET /v1/models?" + "a".repeat(9_000), null), 414, "invalid-request");
        assertRefused(ask("GET /v1/models", null, "X-A: " + "a".repeat(40_000)), 431, "invalid-request");
        assertRefused(ask("GET /v1/models", null, "A: b\r\n".repeat(12_000) + "A: b"), 431, "invalid-request");
        assertThat(ask("GET /v1/models", null, "A: b\r\n".repeat(3_000) + "A: b").status()).isEqualTo(200);
        assertServes();
    }

    @Test
    void connectionsThatSayNothingHoldUpNobody() throws Exception {
        open();
        long descriptors = ((UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getMaxFileDescriptorCount();
        int most = (int) Math.min(5_000, descriptors / 4);
        List<Wire> silent = new ArrayList<>();
        try {
            for (int i = 0; i < most; i++) {
                silent.add(wire());
                if (i % 500 == 499) {
                    assertThat(ask("POST " + CHATS, CHAT, JSON).status()).isEqualTo(200);
                }
            }
            await("the oldest are closed").until(() -> isClosed(silent.get(0)));
            assertServes();
        } finally {
            for (Wire wire : silent) {
                wire.close();
            }
        }
    }

    private static boolean isClosed(Wire wire) {
        try {
            return wire.available() == 0 && wire.read() < 0;
        } catch (IOException e) {
            return true;
        }
    }

    @Test
    void tricksWithPathsAndMethodsReachNothing() throws Exception {
        openWithKeys();

        for (String path : List.of("/v1/modelsx", "/v1/models/..%2f..%2fetc", "/v1/models/%00", "/v1/models/..;/x", "/v1/models;a=b/x", "/v1/models/%2e%2e%2fx", "/v1/models/%zz",
                "/v1/models/%c0%ae", "/../v1/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/V1/MODELS", "/v1/models%00", "/v1%2fmodels", "/v1\\models", "/v1/models/x/y/../..%5c",
                "/v1/models/${env:HOME}", "/v1/models/{{bactrian.http.api-keys}}", "/", "//", "/v1", "/health", "/q/health", "/observe/metrics", "/v1/models/a?b=%")) {
            Wire.Response response = ask("GET " + path, null, KEY);
            assertThat(response.status()).as("%s: %s", path, response).isIn(400, 404);
            assertThat(response.error().path("type").asText()).as(path).isIn("not-found", "unsupported-model", "invalid-request");
            assertThat(response.body()).as(path).doesNotContain("k-of-team").doesNotContain("Exception");
        }
        // These are other spellings of a path, and need a key as that does.
        for (String path : List.of("/v1/./models", "//v1//models", "/v1/x/../models", "/v1/%6dodels", "/%2e/v1/models", "/v1/x/%2e%2e/models", "/v1/models/")) {
            assertThat(ask("GET " + path, null, KEY).status()).as(path).isIn(200, 404);
            assertThat(ask("GET " + path, null).status()).as(path).isIn(401, 404);
        }
        for (String method : List.of("PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "HEAD", "BREW", "get", "PRI")) {
            Wire.Response response = ask(method + " /v1/models", null, KEY, "Connection: close");
            assertThat(response.status()).as("%s: %s", method, response).isIn(400, 404, 405);
        }
        assertThat(ask("GET " + CHATS, null, KEY).status()).isEqualTo(405);
        assertThat(ask("GET http://localhost/v1/models", null, KEY).status()).isEqualTo(200);
        assertRefused(ask("GET http://evil.example/v1/models", null, KEY), 400, "invalid-request");
        assertRefused(ask("GET https://localhost@evil.example/v1/models", null, KEY), 400, "invalid-request");
        assertRefused(ask("GET v1/models", null, KEY), 404, "not-found");
        assertRefused(ask("OPTIONS *", null, KEY), 404, "not-found");
        assertServes(KEY);
    }

    @Test
    void requestsOfTwoReadingsAreRefused() throws Exception {
        open();
        String post = "POST " + CHATS + " HTTP/1.1\r\nHost: localhost\r\n";
        String smuggled = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";

        for (String head : List.of("Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5, 6", "Content-Length: +5", "Content-Length: -5", "Content-Length: 0x5", "Content-Length: 5 5",
                "Content-Length: 99999999999999999999", "Content-Length : 5", "Transfer-Encoding : chunked", "X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: abc",
                "Transfer-Encoding: chunked\r\nContent-Length: 5", "Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked, identity",
                "Transfer-Encoding: identity\r\nContent-Length: 5", "Transfer-Encoding:\u000bchunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "A\u0000: b", "Content-Length: 5\nX: y")) {
            try (Wire wire = wire()) {
                Wire.Response response = wire.send(post + head + "\r\n\r\n0\r\n\r\n" + smuggled).response();
                assertRefused(response, 400, "invalid-request");
                assertThat(response.error().path("message").asText()).as(head).isEqualTo("the request is malformed");
                // Nothing that follows is taken for a request.
                assertThat(answersAfter(wire)).as(head).isZero();
            }
        }
        assertServes();
    }

    private static int answersAfter(Wire wire) {
        int answers = 0;
        try {
            while (true) {
                wire.response();
                answers++;
            }
        } catch (IOException e) {
            return answers;
        }
    }

    @Test
    void pagesElsewhereOnTheWebCannotUseTheDoor() throws Exception {
        open("bactrian.http.cors-origins", "https://chat.example");

        for (String origin : List.of("https://evil.example", "http://localhost:3000", "null", "http://localhost.evil.example", "https://chat.example.evil.example")) {
            for (String type : List.of("application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x")) {
                assertForeign(ask("POST " + CHATS, CHAT, "Origin: " + origin, "Content-Type: " + type));
            }
            assertForeign(ask("GET /v1/models", null, "Origin: " + origin));
            Wire.Response preflight = ask("OPTIONS " + CHATS, null, "Origin: " + origin, "Access-Control-Request-Method: POST");
            assertThat(preflight.status()).isEqualTo(403);
            assertThat(preflight.headers().keySet()).noneMatch(name -> name.startsWith("Access-Control"));
        }
        for (String host : List.of("evil.example", "evil.example:8080", "localhost.evil.example", "")) {
            try (Wire wire = wire()) {
                wire.send("POST " + CHATS + " HTTP/1.1\r\nHost: " + host + "\r\nOrigin: http://" + host + "\r\nContent-Length: " + CHAT.length() + "\r\n\r\n" + CHAT);
                assertThat(wire.response().status()).as(host).isEqualTo(403);
            }
            try (Wire wire = wire()) {
                assertRefused(wire.send("GET /v1/models HTTP/1.1\r\nHost: " + host + "\r\n\r\n").response(), 403, "foreign-host");
            }
        }
        try (Wire wire = wire()) {
            assertThat(wire.send("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n").response().status()).isIn(400, 403);
        }
        try (Wire wire = wire()) {
            assertThat(wire.send("GET /v1/models HTTP/1.1\r\n\r\n").response().status()).isIn(400, 403);
        }
        assertThat(simulator.count(Call.CHAT)).isZero();
    }

    private static void assertForeign(Wire.Response response) {
        assertRefused(response, 403, "foreign-origin");
        assertThat(response.headers().keySet()).noneMatch(name -> name.startsWith("Access-Control"));
    }

    @Test
    void pagesOfListedOriginsReadAnswersAndErrors() throws Exception {
        openWithKeys("bactrian.http.cors-origins", "https://chat.example", "bactrian.max-request-bytes", "1KB");
        String origin = "Origin: https://chat.example";

        Wire.Response preflight = ask("OPTIONS " + CHATS, null, origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization,content-type,x-stainless-os");
        assertThat(preflight.status()).isEqualTo(204);
        assertThat(preflight.headers()).containsEntry("Access-Control-Allow-Origin", "https://chat.example").containsEntry("Access-Control-Allow-Headers",
                "authorization,content-type,x-stainless-os").containsKey("Access-Control-Allow-Methods").doesNotContainKey("Access-Control-Allow-Credentials");
        for (Wire.Response response : List.of(ask("POST " + CHATS, CHAT, JSON, KEY, origin), ask("POST " + CHATS, CHAT, JSON, origin), ask("GET /v1/models", null, origin),
                ask("POST " + CHATS, " ".repeat(2_000), JSON, KEY, origin), ask("POST " + CHATS, "{", JSON, KEY, origin), ask("GET /nothing", null, KEY, origin),
                ask("POST " + CHATS, CHAT.replace("}]", "}],\"stream\":true"), JSON, KEY, origin))) {
            assertThat(response.headers()).as("%s", response).containsEntry("Access-Control-Allow-Origin", "https://chat.example").containsEntry("Vary", "Origin");
        }
    }

    @Test
    void oldClientsAreServed() throws Exception {
        open();
        String length = "Content-Length: ";
        String stream = CHAT.replace("}]", "}],\"stream\":true");

        for (String connection : List.of("", "Connection: keep-alive\r\n")) {
            for (String body : List.of(CHAT, stream)) {
                try (Wire wire = wire()) {
                    Wire.Response response = wire.send("POST " + CHATS + " HTTP/1.0\r\nHost: localhost\r\n" + connection + length + body.length() + "\r\n\r\n" + body).response();
                    assertThat(response.status()).isEqualTo(200);
                    assertThat(response.headers()).doesNotContainKey("Transfer-Encoding");
                    assertThat(response.body()).contains("chat.completion").contains(body == stream ? "[DONE]" : "finish_reason");
                }
            }
        }
    }

    @Test
    void aConnectionServesOneRequestAfterTheOther() throws Exception {
        open();
        String call = "POST " + CHATS + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + CHAT.length() + "\r\n\r\n" + CHAT;

        try (Wire wire = wire()) {
            wire.send((call + "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n").repeat(5));
            for (int i = 0; i < 5; i++) {
                assertThat(wire.response().status()).isEqualTo(200);
                assertThat(wire.response().status()).isEqualTo(404);
            }
            // Errors that do not concern the connection leave it open.
            assertThat(wire.request("POST " + CHATS, "{").response().status()).isEqualTo(400);
            assertThat(wire.request("GET " + CHATS, null).response().status()).isEqualTo(405);
            assertThat(wire.request("POST /nothing", CHAT).response().status()).isEqualTo(404);
            assertThat(wire.request("GET /v1/models/nothing", null).response().status()).isEqualTo(404);
            assertThat(wire.send(call).response().status()).isEqualTo(200);
        }
    }

    @Test
    void aClientThatAsksOnAndReadsNothingIsCutOff() throws Exception {
        open();
        byte[] calls = "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1_000).getBytes(StandardCharsets.US_ASCII);

        try (Wire wire = Wire.to(door.port(), 4096)) {
            long sent = 0;
            while (sent < 200_000 && !fails(wire, calls)) {
                sent += 1_000;
            }
            assertThat(sent).as("calls before it was cut off").isLessThan(200_000);
        }
        assertServes();
    }

    private static boolean fails(Wire wire, byte[] bytes) {
        try {
            wire.send(bytes);
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    @Test
    void bodiesThatAreNoRequestAreRefused() throws Exception {
        try (CapturedLog log = new CapturedLog()) {
            open();
            String deep = "{\"model\":\"solar-pro4\",\"messages\":" + "[".repeat(200_000) + "]".repeat(200_000) + "}";
            for (String body : List.of("", " ", "null", "[]", "\"a\"", "1", "{", "{}}", "{}{}", "NaN", CHAT + CHAT, deep, "{\"a\":".repeat(100_000), CHAT.replace("}]}", "}],\"seed\":" + "9".repeat(100_000) + "}"),
                    CHAT.replace("}]}", "}],\"n\":1e999999999}"), CHAT.replace("}]}", "}],\"n\":1e-999999999}"),
                    CHAT.replace("}]}", "}],\"model\":\"gemma-2b\"}"), "{\"model\":\"solar-pro4\",\"messages\":[{\"role\":\"user\",\"content\":\"\u00ff\u00fe\"}]}",
                    "\u00ff\u00fe{\u0000}\u0000", "{\"model\":\"\u0000\",\"messages\":[]}", "{\"model\":{},\"messages\":[]}", "{\"model\":\"solar-pro4\",\"messages\":{}}",
                    "{\"model\":\"solar-pro4\",\"messages\":[]}", "{\"model\":\"solar-pro4\",\"messages\":[1]}", "{\"model\":\"solar-pro4\",\"messages\":[],\"stream\":\"true\"}",
                    "{\"__proto__\":{},\"messages\":[]}{", "model=solar-pro4&messages=x")) {
                Wire.Response response = ask("POST " + CHATS, body, JSON);
                assertThat(response.status()).as("%s: %s", shortened(body), response).isIn(400, 404);
                assertThat(response.error().path("type").asText()).as(shortened(body)).isIn("invalid-request", "unsupported-model");
                assertThat(response.body()).as(shortened(body)).doesNotContain("Exception").doesNotContain("com.fasterxml").hasSizeLessThan(2_000);
            }
            assertThat(ask("POST " + CHATS, "\u00ef\u00bb\u00bf" + CHAT, JSON).status()).as("a byte order mark").isEqualTo(200);
            assertThat(log.lines("Exception")).isEmpty();
            assertThat(log.lines("failed: ")).isEmpty();
        }
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
    }

    private static String shortened(String text) {
        return text.substring(0, Math.min(100, text.length()));
    }

    @Test
    void aWrongContentTypeIsNoWayAroundTheChecks() throws Exception {
        try (CapturedLog log = new CapturedLog()) {
            open();
            for (String type : List.of("text/plain", "application/xml", "", "nonsense", "application/json; charset=utf-16", "application/json; charset=nonsense", "*/*", "application/octet-stream")) {
                Wire.Response response = ask("POST " + CHATS, CHAT, "Content-Type: " + type);
                assertThat(response.status()).as("%s: %s", type, response).isIn(200, 400);
            }
            assertThat(ask("POST " + CHATS, CHAT).status()).isEqualTo(200);
            for (String type : List.of("application/x-www-form-urlencoded", " Multipart/Form-Data", "multipart/form-data; boundary=x", "multipart/form-data; boundary=\"" + "x".repeat(500) + "\"")) {
                for (String body : List.of(CHAT, "a=" + "b".repeat(100_000), "a=b&".repeat(5_000),
                        "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"../../f\"\r\n\r\n" + "d".repeat(100_000) + "\r\n--x--\r\n", "--x\r\n" + "A: b\r\n".repeat(5_000))) {
                    Wire.Response response = ask("POST " + CHATS, body, "Content-Type: " + type);
                    assertThat(response.status()).as("%s, %s: %s", type, shortened(body), response).isEqualTo(400);
                    assertThat(response.error().path("type").asText()).isEqualTo("invalid-request");
                    response = ask("POST " + EDITS, body, "Content-Type: " + type);
                    assertThat(response.status()).as("%s, %s: %s", type, shortened(body), response).isIn(400, 404);
                    assertThat(response.error().path("type").asText()).isIn("invalid-request", "unsupported-model");
                }
            }
            await("no file is left").until(() -> filesBelow(folder).isEmpty());
            assertThat(log.lines("Exception")).isEmpty();
        }
    }

    private static List<Path> filesBelow(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> file.toString().contains("uploads") && Files.isRegularFile(file)).toList();
        }
    }

    @Test
    void clientsThatLeaveAmidTheirBodyAreNoNews() throws Exception {
        try (CapturedLog log = new CapturedLog()) {
            open();
            for (String path : List.of(CHATS, EDITS)) {
                String type = path.equals(CHATS) ? "application/json" : "multipart/form-data; boundary=x";
                for (int i = 0; i < 20; i++) {
                    Wire wire = wire();
                    wire.send("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000\r\nContent-Type: " + type + "\r\n\r\n"
                            + "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n" + "d".repeat(10_000));
                    if (i % 2 == 0) {
                        wire.reset();
                    } else {
                        wire.close();
                    }
                }
            }
            assertServes();
            await("no file is left").until(() -> filesBelow(folder).isEmpty());
            stop();
            assertThat(log.toString()).isEmpty();
        }
    }
}
