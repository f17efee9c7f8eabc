package dev.bactrian.examples.springboot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import org.apache.camel.test.spring.junit5.CamelSpringBootTest;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;

/** The HTTP door on the application's own server, by camel-platform-http-starter. */
@CamelSpringBootTest
@SpringBootTest(webEnvironment = WebEnvironment.RANDOM_PORT, properties = {"spring.main.web-application-type=servlet", "server.address=127.0.0.1",
    "bactrian.http.enabled=true", "bactrian.upstage.api-key=up_spring"})
class DoorTest {

    private static final Simulator SIMULATOR = Simulator.builder().requireToken("up_spring").start();
    private static final String CHATS = "/v1/chat/completions";
    private static final String CHAT = "{\"model\":\"solar-pro4\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";

    private final HttpClient http = HttpClient.newHttpClient();

    @LocalServerPort
    private int port;

    @DynamicPropertySource
    static void useTheSimulator(DynamicPropertyRegistry properties) {
        properties.add("bactrian.upstage.api-endpoint", SIMULATOR::chatUrl);
    }

    @AfterAll
    static void stopTheSimulator() {
        SIMULATOR.close();
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path)).header("Content-Type", "application/json");
    }

    private HttpResponse<String> post(String path, String body) throws Exception {
        return http.send(request(path).POST(BodyPublishers.ofString(body)).build(), BodyHandlers.ofString());
    }

    @Test
    void answersAsOpenAiDoes() throws Exception {
                assertThat(post(CHATS, CHAT).body()).contains("\"chat.completion\"");
        assertThat(http.send(request("/v1/models").build(), BodyHandlers.ofString()).body()).contains("solar-pro4");
        HttpResponse<String> bad = post(CHATS, "{");
        assertThat(bad.statusCode()).isEqualTo(400);
        assertThat(bad.body()).contains("invalid-request");
        HttpResponse<String> foreign = http.send(request(CHATS).header("Origin", "https://evil.example").POST(BodyPublishers.ofString(CHAT)).build(), BodyHandlers.ofString());
        assertThat(foreign.statusCode()).isEqualTo(403);
    }

    @Test
    void streamsChunksAsTheyCome() throws Exception {
        CountDownLatch first = new CountDownLatch(1);
        AtomicBoolean early = new AtomicBoolean();
        SIMULATOR.on(Call.CHAT, Reply.stream("a", "b", "c").chunkListener(piece -> {
            if (piece == 2) {
                try {
                    early.set(first.await(20, TimeUnit.SECONDS));
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        }));

        String stream = CHAT.replace("}]}", "}],\"stream\":true}");
        List<String> lines = http.send(request(CHATS).POST(BodyPublishers.ofString(stream)).build(), BodyHandlers.ofLines()).body().peek(line -> {
            if (line.contains("\"content\":\"a\"")) {
                first.countDown();
            }
        }).toList();

        assertThat(early).as("the first chunk was there before the third was written").isTrue();
        assertThat(lines).contains("data: [DONE]");
    }

    @Test
    void aClientThatGoesAwayEndsItsRequest() throws Exception {
        SIMULATOR.on(Call.CHAT, Reply.stream(Collections.nCopies(1_000, "x".repeat(1_000)).toArray(String[]::new)).pause(Duration.ofMillis(100)));
        int before = SIMULATOR.clientAborts();
        String stream = CHAT.replace("}]}", "}],\"stream\":true}");

        HttpResponse<InputStream> response = http.send(request(CHATS).POST(BodyPublishers.ofString(stream)).build(), BodyHandlers.ofInputStream());
        response.body().read();
        response.body().close();

        await().atMost(Duration.ofSeconds(30)).until(() -> SIMULATOR.clientAborts() == before + 1);
    }
}
