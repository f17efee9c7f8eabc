package dev.bactrian.routes.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The console over HTTP: its page, its events, and what it can do. */
@Timeout(60)
class ConsoleDoorTest extends DoorTestSupport {

    @Test
    void servesThePageWithoutAKeyUnderAStrictPolicy() throws Exception {
        open("bactrian.http.console", "full", "bactrian.http.api-keys", "a=ka,b=kb");

        HttpResponse<String> page = get("/");

        assertThat(page.statusCode()).isEqualTo(200);
        assertThat(page.headers().firstValue("Content-Type")).hasValue("text/html; charset=utf-8");
        assertThat(page.headers().firstValue("Content-Security-Policy").orElseThrow()).contains("default-src 'none'", "frame-ancestors 'none'");
        assertThat(page.headers().firstValue("X-Frame-Options")).hasValue("DENY");
        assertThat(page.body()).contains("console.js");
        assertThat(get("/console.js").headers().firstValue("Content-Type")).hasValue("text/javascript; charset=utf-8");
        assertThat(get("/console.css").statusCode()).isEqualTo(200);
        assertThat(get("/console.txt").statusCode()).isEqualTo(404);
        assertThat(get("/", "Origin", "http://evil.example").statusCode()).isEqualTo(403);
    }

    @Test
    void isNotThereIfItIsOff() throws Exception {
        open();

        List.of("/", "/console.js", "/events").forEach(path -> {
            try {
                assertThat(get(path).statusCode()).as(path).isEqualTo(404);
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        });
    }

    @Test
    void sendsEventsToAnAdministratorAlone() throws Exception {
        open("bactrian.http.console", "read", "bactrian.http.api-keys", "a=ka,b=kb", "bactrian.http.admin-keys", "boss=kc");

        assertThat(get("/events").statusCode()).isEqualTo(401);
        assertThat(get("/events", "Authorization", "Bearer ka").statusCode()).isEqualTo(403);
        HttpResponse<InputStream> response = http.send(request("/events", "Authorization", "Bearer kc").build(), BodyHandlers.ofInputStream());
        try (BufferedReader events = new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
            assertThat(events.readLine()).isEqualTo("event: snapshot");
            JsonNode snapshot = data(events.readLine());
            assertThat(snapshot.path("mode").asText()).isEqualTo("read");
            assertThat(snapshot.path("done")).isEmpty();
            post("/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", "Authorization", "Bearer ka");
            assertThat(until(events, "done").path("from").asText()).isEqualTo("http");
        }
    }

    private static JsonNode until(BufferedReader events, String name) throws Exception {
        String line = events.readLine();
        while (!line.equals("event: " + name)) {
            line = events.readLine();
        }
        return data(events.readLine());
    }

    private static JsonNode data(String line) {
        return ProviderJson.json(line.replaceFirst("^data: ", "")).orElseThrow();
    }

    @Test
    void sendsARequestAgain() throws Exception {
        open("bactrian.http.console", "full");
        simulator.on(Call.CHAT, Reply.stream("one"), Reply.stream("two"));
        post("/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
        JsonNode done = snapshot().path("done").path(0);

        HttpResponse<String> again = act("/console/requests/" + done.path("no").asText() + "/again");

        assertThat(again.statusCode()).isEqualTo(202);
        await().until(() -> !captured.results.isEmpty());
        assertThat(captured.results.poll().json().path("text").asText()).isEqualTo("two");
        assertThat(simulator.requests(Call.CHAT).get(1).json().at("/messages/0/content").asText()).isEqualTo("hi");
        assertThat(act("/console/requests/99/again").statusCode()).isEqualTo(404);
        assertThat(act("/console/dead-letters/x/back").statusCode()).isEqualTo(404);
    }

    @Test
    void doesNotActIfItMayOnlyRead() throws Exception {
        open("bactrian.http.console", "read");

        assertThat(act("/console/requests/1/again").statusCode()).isIn(403, 404);
        assertThat(post("/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}").statusCode()).isEqualTo(200);
    }

    private HttpResponse<String> act(String path) throws Exception {
        return http.send(request(path).POST(BodyPublishers.noBody()).build(), BodyHandlers.ofString());
    }

    private JsonNode snapshot() throws Exception {
        HttpResponse<InputStream> response = http.send(request("/events").build(), BodyHandlers.ofInputStream());
        try (BufferedReader events = new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
            return until(events, "snapshot");
        }
    }
}
