package dev.bactrian.routes.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

import dev.bactrian.door.DoorTimes;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.support.CapturedLog;
import dev.bactrian.support.FreePort;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The door on the server of an application that runs by camel-main. */
@Timeout(120)
class HostDoorTest extends RouteTestSupport {

    private static final String CHATS = "POST /v1/chat/completions";
    private static final String CHAT = "{\"model\":\"solar-pro4\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    private static final String STREAM = CHAT.replace("}]}", "}],\"stream\":true}");
    private static final String JSON = "Content-Type: application/json";
    private static final Reply ENDLESS = Reply.rawStream("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n").thenHang();
    private static final Duration LONG = Duration.ofSeconds(60);

    private final int port = FreePort.find();

    private void open(String... properties) throws Exception {
        start(List.of("bactrian.http.enabled", "true", "camel.server.enabled", "true", "camel.server.host", "127.0.0.1", "camel.server.port", String.valueOf(port),
                "bactrian.emit.chunk", ""), properties);
    }

    @AfterEach
    void noCallIsInWork() {
        if (!isStarted()) {
            return;
        }
        await("calls in work").until(() -> DoorTimes.inWork(context()) == 0 && context().getInflightRepository().size() == 0);
    }

    private Wire.Response ask(String line, String body, String... headers) throws Exception {
        try (Wire wire = Wire.to(port)) {
            return wire.request(line, body, headers).response();
        }
    }

    @Test
    void servesTheSameCalls() throws Exception {
        open();

        assertThat(ask(CHATS, CHAT, JSON).body()).contains("\"chat.completion\"");
        assertThat(ask(CHATS, STREAM, JSON).body()).contains("chat.completion.chunk").endsWith("data: [DONE]\n\n");
        assertThat(ask("GET /v1/models", null).body()).contains("solar-pro4");
        assertThat(ask("GET /v1/models/solar-pro4", null).status()).isEqualTo(200);
        assertThat(ask("POST /v1/images/generations", "{\"model\":\"flux-schnell\",\"prompt\":\"a camel\"}", JSON).body()).contains("\"url\"");
        assertThat(ask("POST /requests", "{\"prompt\":\"hi\"}", JSON).status()).isEqualTo(200);
        assertThat(ask("GET /v1/models/nope", null).error().path("type").asText()).isEqualTo("unsupported-model");
        assertThat(ask(CHATS, "{", JSON).error().path("type").asText()).isEqualTo("invalid-request");
        assertThat(ask(CHATS, CHAT, JSON, "Origin: https://evil.example").status()).isEqualTo(403);
        assertThat(ask(CHATS, "model=solar-pro4&prompt=hi", "Content-Type: application/x-www-form-urlencoded").status()).isEqualTo(400);
    }

    @Test
    void streamsChunksAsTheyCome() throws Exception {
        open();
        CountDownLatch first = new CountDownLatch(1);
        AtomicBoolean early = new AtomicBoolean();
        simulator.on(Call.CHAT, Reply.stream("a", "b", "c").chunkListener(piece -> {
            if (piece == 2) {
                try {
                    early.set(first.await(20, TimeUnit.SECONDS));
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        }));

        try (Wire wire = Wire.to(port)) {
            wire.request(CHATS, STREAM, JSON).head();
            StringBuilder text = new StringBuilder();
            while (!text.toString().contains("\"content\":\"a\"")) {
                text.append((char) wire.read());
            }
            first.countDown();
            while (!text.toString().contains("[DONE]")) {
                text.append((char) wire.read());
            }
        }

        assertThat(early).isTrue();
    }

    @Test
    void aClientThatGoesAwayEndsItsRequest() throws Exception {
        open();
        for (String body : List.of(STREAM, CHAT)) {
            simulator.on(Call.CHAT, ENDLESS);
            int before = simulator.clientAborts();
            Wire wire = Wire.to(port).request(CHATS, body, JSON);
            await("in work").until(() -> simulator.concurrent(Call.CHAT) == 1);
            wire.close();
            await("the call upstream is cut").until(() -> simulator.clientAborts() == before + 1);
        }
    }

    @Test
    void aClientThatNeverReadsIsCutOff() throws Exception {
        open();
        DoorTimes.set(context(), Duration.ofSeconds(1), LONG);
        AtomicInteger written = new AtomicInteger();
        simulator.on(Call.CHAT, Reply.stream(Collections.nCopies(60_000, "x".repeat(1_000)).toArray(String[]::new)).chunkListener(written::set));

        try (Wire never = Wire.to(port, 16 * 1024).request(CHATS, STREAM, JSON)) {
            await("the stream upstream is cut").until(() -> simulator.clientAborts() == 1);
            never.awaitClose();
        }
        assertThat(written.get()).isLessThan(59_999);
    }

    @Test
    void anAnswerThatIsNotReadHoldsNoPlace() throws Exception {
        open();
        simulator.on(Call.CHAT, Reply.stream(Collections.nCopies(20_000, "x".repeat(1_000)).toArray(String[]::new)));

        try (Wire never = Wire.to(port, 16 * 1024).request(CHATS, CHAT, JSON)) {
            assertThat(never.head().status()).isEqualTo(200);
            await("its place is free").until(() -> DoorTimes.inWork(context()) == 0);
        }
    }

    @Test
    void withoutKeysOtherMachinesAreRefused() throws Exception {
        Optional<InetAddress> address = ofThisMachine();
        Assumptions.assumeTrue(address.isPresent(), "this machine has no address but loopback");
        open("camel.server.host", "0.0.0.0");

        assertThat(ask("GET /v1/models", null).status()).isEqualTo(200);
        for (String host : List.of("localhost", address.get().getHostAddress() + ":" + port, "0.0.0.0")) {
            try (Wire wire = Wire.to(address.get(), port)) {
                Wire.Response response = wire.send("GET /v1/models HTTP/1.1\r\nHost: " + host + "\r\n\r\n").response();
                assertThat(response.status()).as(host).isEqualTo(403);
                assertThat(response.error().path("type").asText()).isEqualTo("foreign-host");
            }
        }
    }

    private static Optional<InetAddress> ofThisMachine() throws Exception {
        return NetworkInterface.networkInterfaces().flatMap(NetworkInterface::inetAddresses)
                .filter(address -> address instanceof Inet4Address && !address.isLoopbackAddress()).findAny();
    }

    @Test
    void withKeysOtherMachinesAreServed() throws Exception {
        try (CapturedLog log = new CapturedLog()) {
            open("camel.server.host", "0.0.0.0", "bactrian.http.api-keys", "team-a=k-of-team-a", "bactrian.http.cors-origins", "https://chat.example");
            InetAddress address = ofThisMachine().orElse(InetAddress.getByName("127.0.0.1"));

            try (Wire wire = Wire.to(address, port)) {
                assertThat(wire.request("GET /v1/models", null).response().status()).isEqualTo(401);
                assertThat(wire.request(CHATS, CHAT, JSON, "Authorization: Bearer k-of-team-a").response().status()).isEqualTo(200);
            }
            Wire.Response preflight = ask("OPTIONS /v1/chat/completions", null, "Origin: https://chat.example", "Access-Control-Request-Method: POST");
            assertThat(preflight.status()).isEqualTo(204);
            assertThat(preflight.headers()).containsEntry("Access-Control-Allow-Origin", "https://chat.example");
            stop();
            assertThat(log.toString()).doesNotContain("k-of-team-a");
        }
    }
}
