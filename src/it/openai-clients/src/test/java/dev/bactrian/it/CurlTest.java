package dev.bactrian.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What goes over the wire, and what only curl is able to ask for. */
@Timeout(120)
class CurlTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration SOON = Duration.ofSeconds(30);
    private static final String KEY = "Authorization: Bearer " + Service.KEY;
    private static final String CHAT = "{\"model\": \"solar-pro4\", \"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}";
    private static final String HUMPS = "{\"model\": \"solar-mini\", \"prompt\": \"How many humps?\"}";
    private static final String STREAM = CHAT.replace("\"messages\"", "\"stream\": true, \"messages\"");

    private final Service service = Service.start();
    private final Simulator simulator = service.simulator();
    @TempDir
    private Path folder;

    /** A response: its status line and headers in lower case, and its body. */
    private record Response(String head, String body) {

        static Response of(String printed) {
            int end = printed.indexOf("\r\n\r\n");
            return new Response(printed.substring(0, end).toLowerCase(Locale.ROOT), printed.substring(end + 4));
        }

        int status() {
            return Integer.parseInt(head.split(" ", 3)[1]);
        }

        JsonNode json() throws IOException {
            return JSON.readTree(body);
        }

        /** The documents of an event stream, without {@code [DONE]}. */
        List<JsonNode> events() throws IOException {
            List<JsonNode> events = new ArrayList<>();
            for (String line : body.lines().filter(line -> line.startsWith("data: {")).toList()) {
                events.add(JSON.readTree(line.substring("data: ".length())));
            }
            return events;
        }
    }

    @BeforeAll
    static void requireCurl() {
        Command.require("curl");
    }

    @AfterEach
    void leavesNothingOpen() {
        await().atMost(SOON).until(() -> simulator.concurrent(Call.CHAT) == 0);
    }

    private String[] words(String path, String... options) {
        List<String> words = new ArrayList<>(List.of("curl", "--silent", "--include", "--no-buffer", "--noproxy", "*", service.url() + path));
        words.addAll(List.of(options));
        return words.toArray(String[]::new);
    }

    private Command run(String path, String... options) {
        return Command.of(folder, words(path, options)).run();
    }

    private Response curl(String path, String... options) {
        Command curl = run(path, options);
        assertThat(curl.status()).as("%s", curl.output()).isZero();
        return Response.of(curl.output());
    }

    private Response post(String path, String body, String... headers) {
        List<String> options = new ArrayList<>(List.of("--header", KEY, "--header", "Content-Type: application/json", "--data", body));
        for (String header : headers) {
            options.addAll(List.of("--header", header));
        }
        return curl(path, options.toArray(String[]::new));
    }

    private static String location(Response accepted) {
        assertThat(accepted.status()).isEqualTo(202);
        String location = accepted.head().lines().filter(line -> line.startsWith("location:")).findFirst().orElseThrow();
        return location.substring("location:".length()).trim();
    }

    private static void assertIsError(Response response, int status, String code) throws IOException {
        assertThat(response.status()).as("%s", response).isEqualTo(status);
        assertThat(response.head()).contains("content-type: application/json");
        JsonNode error = response.json().path("error");
        assertThat(error.path("message").asText()).as("%s", response).isNotEmpty();
        assertThat(error.path("type").asText()).as("%s", response).isNotEmpty();
        assertThat(error.has("param")).as("%s", response).isTrue();
        assertThat(error.path("code").asText()).as("%s", response).isEqualTo(code);
    }

    @Test
    void aStreamIsThatOfOpenAi() throws IOException {
        simulator.on(Call.CHAT, Reply.stream("Two ", "humps."));

        Response response = post("/v1/chat/completions", STREAM);

        assertThat(response.status()).isEqualTo(200);
        assertThat(response.head()).contains("content-type: text/event-stream", "x-accel-buffering: no");
        assertThat(response.body()).endsWith("data: [DONE]\n\n");
        List<JsonNode> events = response.events();
        assertThat(events).allSatisfy(event -> {
            assertThat(event.path("object").asText()).isEqualTo("chat.completion.chunk");
            assertThat(event.path("id").asText()).isEqualTo(events.get(0).path("id").asText()).isNotEmpty();
            assertThat(event.path("created").isIntegralNumber()).isTrue();
            assertThat(event.path("model").asText()).isNotEmpty();
            assertThat(event.path("choices").size()).isOne();
            assertThat(event.path("usage").isMissingNode() || event.path("usage").isNull()).as("usage that was not asked for").isTrue();
        });
        assertThat(events.get(0).at("/choices/0/delta/role").asText()).isEqualTo("assistant");
        assertThat(events.get(events.size() - 1).at("/choices/0/finish_reason").asText()).isEqualTo("stop");
    }

    @Test
    void theFirstPieceIsThereBeforeTheThirdIsWritten() throws IOException {
        GatedStream gated = new GatedStream();
        simulator.on(Call.CHAT, gated.reply());

        Process curl = new ProcessBuilder(words("/v1/chat/completions", "--header", KEY, "--header", "Content-Type: application/json", "--data", STREAM))
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try (BufferedReader lines = curl.inputReader()) {
            lines.lines().filter(line -> line.contains("\"content\":\"Two \"")).forEach(gated::arrived);
        }

        gated.assertFirstArrivedBeforeThirdWasWritten();
    }

    @Test
    void usageIsTheLastChunkIfAskedFor() throws IOException {
        List<JsonNode> events = post("/v1/chat/completions",
                STREAM.replace("\"stream\"", "\"stream_options\": {\"include_usage\": true}, \"stream\"")).events();

        assertThat(events.get(events.size() - 1).path("choices").isEmpty()).isTrue();
        assertThat(events.get(events.size() - 1).at("/usage/total_tokens").asInt()).isPositive();
    }

    @Test
    void aBodyThatIsNoRequestIsRefused() throws IOException {
        for (String body : List.of("{\"model\": ", "[]", "{}", "{\"model\": \"solar-pro4\"}", "{\"model\": \"solar-pro4\", \"messages\": \"hi\"}",
                "{\"model\": 4, \"messages\": []}", "{\"model\": \"solar-pro4\", \"messages\": [{\"role\": \"nobody\", \"content\": \"hi\"}]}")) {
            assertIsError(post("/v1/chat/completions", body), 400, "invalid-request");
            assertIsError(post("/v1/images/generations", body), 400, "invalid-request");
        }
        assertThat(simulator.requests()).isEmpty();
    }

    @Test
    void aCallWithoutAKeyIsRefused() throws IOException {
        for (String path : List.of("/v1/models", "/v1/models/solar-pro4", "/v1/chat/completions", "/v1/images/generations", "/requests", "/requests/any")) {
            Response response = curl(path);
            assertThat(response.status()).as(path).isIn(401, 405);
        }
        assertThat(curl("/v1/chat/completions", "--data", CHAT).status()).isEqualTo(401);
        assertThat(curl("/v1/models?key=" + Service.KEY).status()).isEqualTo(401);
        assertThat(simulator.requests()).isEmpty();
    }

    @Test
    void aRateLimitSaysWhenToTryAgain() throws IOException {
        simulator.always(Call.CHAT, Reply.json(429, "{\"error\":{\"message\":\"slow down\"}}").header("Retry-After", "2"));

        Response response = post("/v1/chat/completions", CHAT.replace("solar-pro4", "solar-pro3"));

        assertIsError(response, 429, "rate-limited");
        assertThat(response.head()).containsPattern("retry-after: [1-9]");
    }

    @Test
    void anErrorInAStreamIsItsLastEvent() throws IOException {
        simulator.on(Call.CHAT, Reply.rawStream("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Two \"}}]}\n\n"));

        Response response = post("/v1/chat/completions", STREAM);

        List<JsonNode> events = response.events();
        assertThat(events.get(events.size() - 1).at("/error/code").asText()).isEqualTo("stream-interrupted");
        assertThat(events.get(events.size() - 2).at("/choices/0/delta/content").asText()).isEqualTo("Two ");
        assertThat(response.body()).doesNotContain("[DONE]");
    }

    @Test
    void aModelIsFoundByItsIdAsItIsWritten() throws IOException {
        assertThat(curl("/v1/models/stability-ai/stable-diffusion-3", "--header", KEY).json().path("id").asText())
                .isEqualTo("stability-ai/stable-diffusion-3");
        assertIsError(curl("/v1/models/three/humps", "--header", KEY), 404, "unsupported-model");
    }

    @Test
    void aModelSaysWhatItMakesAndWhoOffersIt() throws IOException {
        JsonNode model = curl("/v1/models/stability-ai%2Fstable-diffusion-3", "--header", KEY).json();

        assertThat(model.path("object").asText()).isEqualTo("model");
        assertThat(model.path("kind").asText()).isEqualTo("image");
        assertThat(model.path("provider").asText()).isEqualTo("replicate");
    }

    @Test
    void aClientThatGivesUpEndsTheCallUpstream() {
        simulator.on(Call.CHAT, Reply.stream("One ", "two").pause(Duration.ofMinutes(10)));

        assertThat(run("/v1/chat/completions", "--header", KEY, "--header", "Content-Type: application/json", "--data", STREAM, "--max-time", "1").status())
                .as("the status of curl").isEqualTo(28);

        await().atMost(SOON).until(() -> simulator.clientAborts() == 1);
    }

    @Test
    void imagesComeInTheFormThatIsAskedFor() throws IOException {
        JsonNode url = post("/v1/images/generations", "{\"model\": \"sd-3\", \"prompt\": \"a camel\"}").json();
        JsonNode base64 = post("/v1/images/generations", "{\"model\": \"sd-3\", \"prompt\": \"a camel\", \"response_format\": \"b64_json\"}").json();

        assertThat(url.path("created").isIntegralNumber()).isTrue();
        assertThat(url.at("/data/0/url").asText()).startsWith(simulator.url() + "/files/");
        assertThat(url.at("/data/0").has("b64_json")).isFalse();
        assertThat(Base64.getDecoder().decode(base64.at("/data/0/b64_json").asText())).startsWith(0x89, 'P', 'N', 'G');
        assertThat(base64.at("/data/0").has("url")).isFalse();
    }

    @Test
    void aRequestInTheNativeFormIsAnsweredWithItsResult() throws IOException {
        JsonNode result = post("/requests", HUMPS).json();

        assertThat(result.path("status").asText()).isEqualTo("succeeded");
        assertThat(result.path("model").asText()).isEqualTo("solar-mini");
        assertThat(curl("/requests", "--header", KEY, "--header", "Content-Type: text/plain", "--data", "낙타").json().path("text").asText()).contains("낙타");
    }

    @Test
    void aRequestInTheNativeFormIsAnsweredWithItsChunks() {
        simulator.on(Call.CHAT, Reply.stream("Two ", "humps."));

        Response response = post("/requests", HUMPS, "Accept: text/event-stream");

        assertThat(response.body().lines().filter(line -> line.startsWith("event:"))).containsExactly("event: chunk", "event: chunk", "event: result");
    }

    @Test
    void aRequestIsAnsweredLater() throws IOException {
        GatedStream gated = new GatedStream();
        simulator.on(Call.CHAT, gated.reply());

        String location = location(post("/requests", HUMPS, "Prefer: respond-async"));

        assertThat(curl(location, "--header", KEY).body()).doesNotContain("succeeded");
        gated.arrived("first");
        await().atMost(SOON).until(() -> curl(location, "--header", KEY).json().path("status").asText().equals("succeeded"));
        assertThat(curl(location, "--header", KEY).json().path("text").asText()).isEqualTo(GatedStream.TEXT);
    }

    @Test
    void aRequestIsCancelled() throws IOException {
        simulator.on(Call.CHAT, Reply.stream("One ", "two").pause(Duration.ofMinutes(10)));

        String location = location(post("/requests", HUMPS, "Prefer: respond-async"));
        await().atMost(SOON).until(() -> simulator.concurrent(Call.CHAT) == 1);
        assertThat(curl(location, "--header", KEY, "--request", "DELETE").status()).isBetween(200, 204);

        await().atMost(SOON).until(() -> simulator.clientAborts() == 1);
    }

    @Test
    void oneIdempotencyKeyIsOneCreate() throws IOException {
        String body = "{\"model\": \"sd-3\", \"prompt\": \"a camel\"}";

        JsonNode first = post("/v1/images/generations", body, "Idempotency-Key: camel-1").json();
        JsonNode second = post("/v1/images/generations", body, "Idempotency-Key: camel-1").json();

        assertThat(second.at("/data/0/url").asText()).isEqualTo(first.at("/data/0/url").asText()).isNotEmpty();
        assertThat(simulator.predictions()).isOne();
    }

    @Test
    void theDescriptionOfTheApiIsServed() throws IOException {
        assertThat(curl("/openapi.json", "--header", KEY).json().path("paths").fieldNames()).toIterable()
                .contains("/v1/chat/completions", "/v1/images/generations", "/requests");
    }
}
