package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import dev.bactrian.config.Property;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.support.FreePort;
import org.junit.jupiter.api.Test;

/** The service opens the door where it is told to, or says in one line why it does not; and it tells its keys to nobody. */
class DoorStartIT extends EndToEnd {

    private static final String CHATS = "/v1/chat/completions";
    private static final String ASK = "{\"model\":\"solar-pro4\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";

    private final HttpClient http = HttpClient.newHttpClient();

    private ServiceProcess.Builder door(int port) {
        return service().set(Property.HTTP_ENABLED, "true").set(Property.HTTP_PORT, String.valueOf(port));
    }

    private static void assertRefused(ServiceProcess service, String... words) {
        assertThat(service.awaitExit(SOON)).as("%s", service).isEqualTo(2);
        assertThat(Stream.concat(service.err().stream(), service.out().stream()).filter(line -> line.contains("bactrian.http."))).as("%s", service)
                .singleElement().asString().contains(words);
        assertThat(service.toString()).doesNotContain("Exception").doesNotContain("\tat ");
    }

    @Test
    void withoutKeysItDoesNotOpenToOtherMachines() {
        for (String host : List.of("0.0.0.0", "::", "10.0.0.1")) {
            assertRefused(start(door(FreePort.find()).set(Property.HTTP_HOST, host)), "bactrian.http.host", host, "bactrian.http.api-keys");
        }
    }

    @Test
    void aPortThatIsInUseStopsTheStartIfItWasAskedFor() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            assertRefused(start(door(taken.getLocalPort())), "bactrian.http.port", String.valueOf(taken.getLocalPort()));
        }
    }

    @Test
    void theUsualPortMayBeInUse() throws IOException {
        ServerSocket taken = new ServerSocket();
        try (taken) {
            try {
                taken.bind(new InetSocketAddress("127.0.0.1", 8080));
            } catch (IOException e) {
                // Another program has it, which serves as well.
            }
            ServiceProcess service = run(service().unset(Property.HTTP_ENABLED));

            assertThat(service.out()).filteredOn(line -> line.contains("8080")).singleElement().asString().contains("WARN").contains("bactrian.http.port");
            assertThat(service.out()).noneMatch(line -> line.contains("HTTP      http"));
            drop("camel.json", CHAT);
            assertThat(result("camel").path("text").asText()).isNotEmpty();
        }
    }

    @Test
    void aKeyOfACallerIsNowhereToBeSeen() throws Exception {
        int port = FreePort.find();
        ServiceProcess service = run(door(port).set(Property.HTTP_HOST, "0.0.0.0").set(Property.HTTP_API_KEYS, "team-a=sk-of-team-a,sk-unnamed")
                .set(Property.HTTP_ADMIN_KEYS, "sk-of-the-admin").set("org.slf4j.simpleLogger.defaultLogLevel", "debug").set(Property.RETRY_MAX_ATTEMPTS, "0"));
        String url = "http://127.0.0.1:" + port;
        // The provider repeats what it was sent, with a key of ours in it.
        simulator.on(Call.CHAT, Reply.json(400, "{\"error\":{\"message\":\"bad prompt: sk-of-team-a\"}}"));

        StringBuilder answers = new StringBuilder();
        for (String key : List.of("sk-of-team-a", "sk-unnamed", "sk-of-the-admin", "sk-of-a-stranger")) {
            for (String path : List.of(CHATS, CHATS + "?api_key=" + key, "/requests", "/v1/nothing?key=" + key)) {
                answers.append(post(url + path, ASK, Map.of("Authorization", "Bearer " + key)).body()).append(post(url + path, ASK, Map.of()).body());
            }
            answers.append(post(url + "/requests", CHAT, Map.of("Authorization", "Bearer " + key, "Prefer", "respond-async", "Idempotency-Key", "i" + key.hashCode())).body());
        }

        assertThat(answers.toString()).contains("chat.completion").doesNotContain("sk-");
        await("outcomes are kept").until(() -> simulator.concurrent(Call.CHAT) == 0);
        service.sigterm();
        service.awaitExit(SOON);
        assertThat(service.toString()).doesNotContain("sk-");
        try (Stream<Path> files = Files.walk(folder)) {
            assertThat(files.filter(Files::isRegularFile)).allSatisfy(file -> assertThat(new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1)).doesNotContain("sk-"));
        }
    }

    private HttpResponse<String> post(String url, String body, Map<String, String> headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url)).POST(BodyPublishers.ofString(body)).header("Content-Type", "application/json");
        headers.forEach(request::header);
        return http.send(request.build(), BodyHandlers.ofString());
    }
}
