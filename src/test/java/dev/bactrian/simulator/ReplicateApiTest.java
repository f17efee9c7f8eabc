package dev.bactrian.simulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

import com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import javax.imageio.ImageIO;

/** Predictions as Replicate's official API makes them, seen by an HTTP client. */
class ReplicateApiTest {

    private static final String GEMMA = "dff94eaf770e1fc211e425a50b51baa8e4cac6c39ef074681f9e39d778773626";
    private static final String SDXL = "5f24084160c9089501c1b3545d9be3c27883ae2239b6f412990e82d4a6210f8f";

    private Simulator simulator = Simulator.start();

    @AfterEach
    void close() {
        for (Call call : Call.values()) {
            assertThat(simulator.concurrent(call)).as("%s left open", call).isZero();
        }
        simulator.close();
    }

    @Test
    void aTextPredictionGrowsAndSucceedsAtTheThirdPoll() throws IOException {
        HttpResponse<String> created = create(GEMMA, "{\"prompt\":\"two humps?\"}");

        assertThat(created.statusCode()).isEqualTo(201);
        JsonNode first = json(created);
        assertThat(first.path("id").asText()).matches("[a-z0-9]{26}");
        assertThat(first.path("status").asText()).isEqualTo("starting");
        assertThat(first.get("output").isNull()).isTrue();
        assertThat(first.path("model").asText()).isEqualTo("google-deepmind/gemma-2b-it");
        assertThat(first.path("version").asText()).isEqualTo(GEMMA);
        assertThat(first.path("input").path("prompt").asText()).isEqualTo("two humps?");
        String get = first.path("urls").path("get").asText();
        assertThat(get).isEqualTo(simulator.pollUrl().replace("{id}", first.path("id").asText()));

        assertThat(json(Web.get(get)).path("status").asText()).isEqualTo("starting");
        JsonNode second = json(Web.get(get));
        assertThat(second.path("status").asText()).isEqualTo("processing");
        assertThat(second.path("started_at").asText()).endsWith("Z");
        JsonNode third = json(Web.get(get));
        assertThat(third.path("status").asText()).isEqualTo("succeeded");
        assertThat(third.path("metrics").path("predict_time").isNumber()).isTrue();
        assertThat(strings(second.path("output"))).isNotEmpty().hasSizeLessThan(third.path("output").size());
        assertThat(strings(third.path("output"))).startsWith(strings(second.path("output")).toArray(new String[0]));
        assertThat(String.join("", strings(third.path("output")))).contains("two humps?");
        assertThat(json(Web.get(get)).path("output")).isEqualTo(third.path("output"));
    }

    @Test
    void answersInKoreanWhenAskedInKorean() throws IOException {
        simulator.close();
        simulator = Simulator.builder().polls(0).start();

        JsonNode prediction = json(create(GEMMA, "{\"prompt\":\"낙타 혹은 몇 개?\"}"));

        assertThat(prediction.path("status").asText()).isEqualTo("succeeded");
        assertThat(String.join("", strings(prediction.path("output")))).contains("낙타 혹은 몇 개?", "쌍봉낙타");
    }

    @Test
    void anImagePredictionEndsWithUrlsOfRealImages() throws IOException {
        JsonNode prediction = ended(create(SDXL, "{\"prompt\":\"a camel\",\"num_outputs\":2}"));

        assertThat(strings(prediction.path("output"))).hasSize(2).allMatch(url -> url.startsWith(simulator.url()));
        HttpResponse<byte[]> file = Web.getBytes(prediction.path("output").path(0).asText());
        assertThat(file.statusCode()).isEqualTo(200);
        assertThat(file.headers().firstValue("Content-Type")).contains("image/png");
        BufferedImage image = ImageIO.read(new ByteArrayInputStream(file.body()));
        assertThat(image.getWidth()).isEqualTo(SamplePicture.WIDTH);
        assertThat(image.getHeight()).isEqualTo(SamplePicture.HEIGHT);
        assertThat(image.getRGB(98, 60)).as("hump").isEqualTo(image.getRGB(146, 60));
        assertThat(image.getRGB(122, 55)).as("between the humps").isNotEqualTo(image.getRGB(98, 55));
        assertThat(simulator.count(Call.FILE)).isOne();
    }

    @ParameterizedTest
    @CsvSource({
        "stability-ai/stable-diffusion-3, '{}', true",
        "black-forest-labs/flux-schnell, '{}', true",
        "someone/painter, '{\"width\":512}', true",
        "someone/painter, '{}', false",
        "ibm-granite/granite-3.3-8b-instruct, '{}', false",
        "meta/meta-llama-3-8b-instruct, '{\"width\":512}', false",
    })
    void theModelElseTheInputSaysWhetherAnImageIsMade(String model, String input, boolean image)
            throws IOException {
        JsonNode prediction = ended(create(model, input));

        assertThat(prediction.path("output").path(0).asText().startsWith("http")).isEqualTo(image);
        assertThat(prediction.path("version").asText()).isEqualTo("hidden");
        assertThat(prediction.path("model").asText()).isEqualTo(model);
    }

    @Test
    void aTextIsStreamedAndEndsWithItsStream() throws IOException {
        simulator.close();
        simulator = Simulator.builder().pause(Duration.ofMillis(20)).requireToken("t").start();
        JsonNode created = json(Web.post(simulator.predictionsUrl(),
                "{\"version\":\"a/llama\",\"input\":{\"prompt\":\"x\"}}", "Authorization", "Bearer t"));

        HttpResponse<String> stream = Web.get(created.path("urls").path("stream").asText());

        assertThat(stream.headers().firstValue("Content-Type")).contains("text/event-stream");
        assertThat(stream.body()).startsWith("event: output\nid: ").endsWith("event: done\ndata: {}\n\n");
        JsonNode ended = json(Web.send(Web.request(created.path("urls").path("get").asText())
                .header("Authorization", "Bearer t").build(), HttpResponse.BodyHandlers.ofString()));
        assertThat(ended.path("status").asText()).isEqualTo("succeeded");
        assertThat(stream.body().lines().filter(line -> line.startsWith("data: ")).map(line -> line.substring(6))
                .collect(Collectors.joining())).isEqualTo(String.join("", strings(ended.path("output"))) + "{}");
        assertThat(simulator.count(Call.STREAM)).isOne();
    }

    @Test
    void thePiecesOfAScriptedStreamAreTheOutput() throws IOException {
        JsonNode urls = json(create(GEMMA, "{}")).path("urls");
        List<Integer> begun = new ArrayList<>();
        simulator.on(Call.STREAM, Reply.stream("a\nb", "c").pause(Duration.ZERO).chunkListener(begun::add));

        String stream = Web.get(urls.path("stream").asText()).body();

        assertThat(stream.replaceAll("id: [0-9]+:", "id: ")).isEqualTo("event: output\nid: 0\ndata: a\ndata: b\n\n"
                + "event: output\nid: 1\ndata: c\n\nevent: done\ndata: {}\n\n");
        assertThat(begun).containsExactly(0, 1);
        assertThat(strings(json(Web.get(urls.path("get").asText())).path("output"))).containsExactly("a\nb", "c");
    }

    @Test
    void imagesAndPredictionsWithoutStreamHaveNone() throws IOException {
        assertThat(json(create(SDXL, "{}")).path("urls").has("stream")).isFalse();
        assertThat(Web.get(simulator.url() + "/v1/streams/unknown").statusCode()).isEqualTo(404);
        simulator.close();
        simulator = Simulator.builder().streams(false).start();
        assertThat(json(create(GEMMA, "{}")).path("urls").has("stream")).isFalse();
    }

    @Test
    void theCreateBodyIsClosed() throws IOException {
        HttpResponse<String> response = Web.post(simulator.predictionsUrl(), """
                {"model": "google-deepmind/gemma-2b-it", "input": {"prompt": "x"}}""");

        assertThat(response.statusCode()).isEqualTo(422);
        JsonNode body = json(response);
        assertThat(body.path("title").asText()).isEqualTo("Input validation failed");
        assertThat(body.path("invalid_fields").findValuesAsText("type"))
                .containsExactly("required", "additional_property_not_allowed");
        assertThat(body.path("invalid_fields").findValuesAsText("description").get(1)).contains("model");
        assertThat(body.path("detail").asText()).contains("version is required").endsWith("\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"version\":\"a/b\"}", "{\"version\":\"a/b\",\"input\":\"x\"}",
        "{\"version\":7,\"input\":{}}", "[]", ""})
    void anIncompleteBodyIsRefused(String body) throws IOException {
        assertThat(Web.post(simulator.predictionsUrl(), body).statusCode()).isEqualTo(422);
    }

    @ParameterizedTest
    @CsvSource({
        "owner/name, 201",
        "owner/name:" + SDXL + ", 201",
        SDXL + ", 201",
        "owner/name:latest, 422",
        "name, 422",
        "5f24, 422",
    })
    void aVersionHasOneOfThreeForms(String version, int status) throws IOException {
        HttpResponse<String> response = create(version, "{}");

        assertThat(response.statusCode()).isEqualTo(status);
        if (status == 422) {
            assertThat(json(response).path("title").asText()).isEqualTo("Invalid version or not permitted");
        }
    }

    @Test
    void aModelHasACreateAddressOfItsOwn() throws IOException {
        String url = simulator.url() + "/v1/models/meta/meta-llama-3-8b-instruct/predictions";

        assertThat(json(Web.post(url, "{\"input\":{\"prompt\":\"x\"}}")).path("model").asText())
                .isEqualTo("meta/meta-llama-3-8b-instruct");
        assertThat(Web.post(url, "{\"version\":\"a/b\",\"input\":{}}").statusCode()).isEqualTo(422);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(2);
    }

    @Test
    void anUnofficialModelNeedsAPinnedVersion() throws IOException {
        simulator.close();
        simulator = Simulator.builder().unofficial("me/mine").start();

        HttpResponse<String> byModel =
                Web.post(simulator.url() + "/v1/models/me/mine/predictions", "{\"input\":{}}");
        assertThat(byModel.statusCode()).isEqualTo(404);
        assertThat(json(byModel).has("title")).isFalse();
        assertThat(create("me/mine", "{}").statusCode()).isEqualTo(422);
        assertThat(create("me/mine:" + GEMMA, "{}").statusCode()).isEqualTo(201);
    }

    @Test
    void aCancelledOrEndedPredictionStaysAsItIs() throws IOException {
        JsonNode prediction = json(create(GEMMA, "{}"));
        String get = prediction.path("urls").path("get").asText();

        JsonNode cancelled = json(Web.post(prediction.path("urls").path("cancel").asText(), ""));
        assertThat(cancelled.path("status").asText()).isEqualTo("canceled");
        assertThat(cancelled.get("output").isNull()).isTrue();
        assertThat(cancelled.get("logs").isNull()).isTrue();
        assertThat(json(Web.get(get)).path("status").asText()).isEqualTo("canceled");

        JsonNode ended = ended(create(GEMMA, "{}"));
        HttpResponse<String> late = Web.post(ended.path("urls").path("cancel").asText(), "");
        assertThat(late.statusCode()).isEqualTo(200);
        assertThat(json(late).path("status").asText()).isEqualTo("succeeded");
        assertThat(simulator.count(Call.CANCEL)).isEqualTo(2);
    }

    @Test
    void aCreateThatMayWaitBringsTheOutputWhileProcessing() throws IOException {
        HttpResponse<String> response = Web.post(simulator.predictionsUrl(),
                "{\"version\":\"" + SDXL + "\",\"input\":{}}", "Prefer", "wait=10");

        assertThat(response.statusCode()).isEqualTo(201);
        assertThat(response.headers().firstValue("Preference-Applied")).contains("wait=10");
        JsonNode body = json(response);
        assertThat(body.path("status").asText()).isEqualTo("processing");
        assertThat(body.path("output").path(0).asText()).startsWith("data:image/png;base64,");
        assertThat(body.has("started_at")).isFalse();
        JsonNode polled = json(Web.get(body.path("urls").path("get").asText()));
        assertThat(polled.path("status").asText()).isEqualTo("succeeded");
        assertThat(polled.path("output").path(0).asText()).startsWith("http");
    }

    @ParameterizedTest
    @CsvSource({"5s, 201", "5, 201", "1h30m45s, 201", "4s, 422", "PT5S, 422", "soon, 422"})
    void aDeadlineHasTheFormOfTheService(String cancelAfter, int status) throws IOException {
        HttpResponse<String> response = Web.post(simulator.predictionsUrl(),
                "{\"version\":\"a/b\",\"input\":{}}", "Cancel-After", cancelAfter);

        assertThat(response.statusCode()).isEqualTo(status);
        assertThat(json(response).has("deadline")).isEqualTo(status == 201);
    }

    @Test
    void aDeadlineAbortsWhatHasNotStarted() {
        SimulatedPrediction prediction = new SimulatedPrediction("p", "a/b", "hidden", Json.object(), false, List.of("x"), false,
                Instant.now().minusSeconds(1), false, null);

        JsonNode json = prediction.poll(3).json(simulator.url());

        assertThat(json.path("status").asText()).isEqualTo("aborted");
        assertThat(json.get("output").isNull()).isTrue();
        assertThat(json.has("started_at")).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"starting", "processing", "succeeded", "failed", "canceled", "aborted", "queued"})
    void aScriptCanShowAnyState(String status) throws IOException {
        JsonNode created = json(create(GEMMA, "{}"));
        String get = created.path("urls").path("get").asText();
        simulator.on(Call.POLL, Reply.prediction(status, "[\"a\",\"b\"]"));

        JsonNode shown = json(Web.get(get));

        assertThat(shown.path("id")).isEqualTo(created.path("id"));
        assertThat(shown.path("status").asText()).isEqualTo(status);
        assertThat(strings(shown.path("output"))).containsExactly("a", "b");
        assertThat(json(Web.get(get)).path("status").asText()).as("the script is used up").isEqualTo("starting");
    }

    @Test
    void aScriptCanEndTheCreateCallAndGiveAnError() throws IOException {
        simulator.on(Call.CREATE, Reply.predictionError("failed", "\"NSFW content detected\""));

        HttpResponse<String> response = create(GEMMA, "{\"prompt\":\"x\"}");

        assertThat(response.statusCode()).isEqualTo(201);
        JsonNode body = json(response);
        assertThat(body.path("error").asText()).isEqualTo("NSFW content detected");
        assertThat(json(Web.get(body.path("urls").path("get").asText())).path("status").asText()).isEqualTo("failed");
    }

    @Test
    void aHandWrittenCreateAnswerCanBePolled() throws IOException {
        simulator.on(Call.CREATE, Reply.json(201, "{\"id\":\"p1\",\"model\":\"a/b\",\"model\":\"a/b\"}"));

        assertThat(create(GEMMA, "{\"prompt\":\"mine\"}").body()).isEqualTo(
                "{\"id\":\"p1\",\"model\":\"a/b\",\"model\":\"a/b\"}");

        JsonNode polled = json(Web.get(simulator.pollUrl().replace("{id}", "p1")));
        assertThat(polled.path("id").asText()).isEqualTo("p1");
        assertThat(polled.path("input").path("prompt").asText()).isEqualTo("mine");
    }

    @Test
    void aWrongTokenIsRefusedAndLeavesTheScriptAlone() throws IOException {
        simulator.close();
        simulator = Simulator.builder().requireToken("r8_test").start();
        simulator.on(Call.CREATE, Reply.json(201, "{\"id\":\"scripted\"}"));
        String body = "{\"version\":\"a/b\",\"input\":{}}";

        HttpResponse<String> refused = Web.post(simulator.predictionsUrl(), body, "Authorization", "Bearer other");
        assertThat(refused.statusCode()).isEqualTo(401);
        assertThat(refused.headers().firstValue("Content-Type")).contains("application/problem+json");
        assertThat(json(refused).path("title").asText()).isEqualTo("Unauthenticated");
        assertThat(Web.post(simulator.predictionsUrl(), body, "Authorization", "Bearer r8_test").body())
                .contains("scripted");
        assertThat(Web.post(simulator.homepageCreateUrl(),
                "{\"model\":\"a/b\",\"version\":\"x\",\"input\":{}}").statusCode()).isEqualTo(200);
    }

    /** An error status of the service. */
    enum Failure {
        UNAUTHENTICATED(401, "application/problem+json",
                "{\"title\":\"Unauthenticated\",\"detail\":\"x\",\"status\":401}"),
        NO_CREDIT(402, "application/problem+json",
                "{\"title\":\"Insufficient credit\",\"detail\":\"x\",\"status\":402}"),
        THROTTLED(429, "application/json", "{\"detail\":\"resets in ~7s\",\"status\":429,\"retry_after\":7}"),
        BROKEN(500, null, ""),
        BAD_GATEWAY(502, "text/html", "<html>Bad gateway</html>"),
        UNAVAILABLE(503, "text/plain", "later");

        private final int status;
        private final String type;
        private final String body;

        Failure(int status, String type, String body) {
            this.status = status;
            this.type = type;
            this.body = body;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aScriptCanFailACall(Failure failure) throws IOException {
        simulator.on(Call.CREATE, Reply.body(failure.status, failure.type, failure.body.getBytes())
                .header("Retry-After", "7"));

        HttpResponse<String> response = create(GEMMA, "{}");

        assertThat(response.statusCode()).isEqualTo(failure.status);
        assertThat(response.body()).isEqualTo(failure.body);
        assertThat(response.headers().firstValue("Content-Type").orElse(null)).isEqualTo(failure.type);
        assertThat(response.headers().firstValue("Retry-After")).contains("7");
        assertThat(create(GEMMA, "{}").statusCode()).isEqualTo(201);
    }

    @Test
    void theHomePageAnswersJsonAsPlainText() throws IOException {
        HttpResponse<String> created = Web.post(simulator.homepageCreateUrl(), """
                {"model": "google-deepmind/gemma-2b-it", "version": "%s", "input": {"prompt": "hello"}}"""
                .formatted(GEMMA));
        assertThat(created.statusCode()).isEqualTo(200);
        String poll = simulator.homepagePollUrl().replace("{id}", json(created).path("id").asText());

        List<String> states = new ArrayList<>();
        HttpResponse<String> polled = null;
        for (int i = 0; i < 3; i++) {
            polled = Web.get(poll);
            states.add(json(polled).path("status").asText());
        }
        assertThat(states).containsExactly("starting", "processing", "succeeded");
        assertThat(polled.headers().firstValue("Content-Type").orElseThrow()).startsWith("text/plain");
        assertThat(String.join("", strings(json(polled).path("output")))).contains("hello");
        assertThat(json(polled).has("urls")).isFalse();
        assertThat(simulator.count(Call.CREATE)).isOne();
        assertThat(simulator.count(Call.POLL)).isEqualTo(3);
    }

    @Test
    void whatDoesNotExistIs404AndRecordedWithoutAKind() throws IOException {
        for (String path : List.of("/", "/v1/predictions/none", "/api/poll?id=none", "/v1/modelz", "/files/x")) {
            HttpResponse<String> response = Web.get(simulator.url() + path);
            assertThat(response.statusCode()).as(path).isEqualTo(404);
            assertThat(response.body()).isEqualTo("{\"detail\":\"no such resource\",\"status\":404}");
        }
        assertThat(Web.send(Web.request(simulator.predictionsUrl()).method("HEAD", HttpRequest.BodyPublishers.noBody()).build(),
                HttpResponse.BodyHandlers.ofString()).statusCode()).isEqualTo(404);
        assertThat(simulator.requests()).hasSize(6).filteredOn(request -> request.call() == null).hasSize(4);
    }

    @Test
    void theListShowsTheNewestFirstAndAHundredAPage() throws IOException {
        for (int i = 0; i < 101; i++) {
            Web.post(simulator.predictionsUrl(), "{\"version\":\"" + GEMMA + "\",\"input\":{\"prompt\":\"" + i + "\"},\"webhook\":\"https://example.com/?" + i + "\"}");
        }

        JsonNode first = json(Web.get(simulator.predictionsUrl()));
        assertThat(first.path("results")).hasSize(100);
        assertThat(first.path("previous").isNull()).isTrue();
        JsonNode last = json(Web.get(first.path("next").asText()));
        assertThat(last.path("results")).hasSize(1);
        assertThat(last.path("next").isNull()).isTrue();
        assertThat(last.at("/results/0/input/prompt").asText()).isEqualTo("0");
        assertThat(last.at("/results/0/webhook").asText()).isEqualTo("https://example.com/?0");
        String created = last.at("/results/0/created_at").asText();
        assertThat(json(Web.get(simulator.predictionsUrl() + "?created_before=" + created)).path("results")).isEmpty();
        assertThat(json(Web.get(simulator.predictionsUrl() + "?created_after=" + Instant.now().plusSeconds(60))).path("results")).isEmpty();
        assertThat(Web.get(simulator.predictionsUrl() + "?created_after=yesterday").statusCode()).isEqualTo(400);
    }

    /** How the client leaves before the answer: by FIN or by RST. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aDelayedCreateIsAcceptedThoughTheClientLeaves(boolean reset) throws IOException {
        simulator.close();
        simulator = Simulator.builder().webhooks("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX").webhookDelay(Duration.ofMillis(1)).start();
        simulator.on(Call.CREATE, Reply.normally().after(Duration.ofMillis(300)));
        try (Socket client = createSocket("{\"version\":\"" + GEMMA + "\",\"input\":{\"prompt\":\"x\"},\"webhook\":\"" + simulator.url() + "/hook\"}", 0)) {
            await().until(() -> simulator.predictions() == 1);
            client.setSoLinger(reset, 0);
        }

        JsonNode listed = json(Web.get(simulator.predictionsUrl())).path("results");
        assertThat(listed).hasSize(1);
        assertThat(listed.at("/0/input/prompt").asText()).isEqualTo("x");
        await().untilAsserted(() -> assertThat(simulator.webhookAnswers()).as("the answer of a URL that does not exist").containsExactly(404));
        assertThat(json(Web.get(listed.at("/0/urls/get").asText())).path("status").asText()).isEqualTo("succeeded");
        await().until(() -> simulator.concurrent(Call.CREATE) == 0);
        assertThat(simulator.predictions()).isOne();
        assertThat(simulator.reset().predictions()).isZero();
    }

    @Test
    void itsDelayedAnswerIsThatOfTheListedPrediction() throws IOException {
        simulator.on(Call.CREATE, Reply.normally().after(Duration.ofMillis(50)), Reply.prediction("processing", null).after(Duration.ofMillis(50)),
                Reply.json(201, "{\"id\":\"p1\"}").after(Duration.ofMillis(50)), Reply.normally().cutAt(5).after(Duration.ofMillis(50)));

        for (int i = 1; i <= 3; i++) {
            String id = json(create(GEMMA, "{}")).path("id").asText();
            assertThat(json(Web.get(simulator.predictionsUrl())).at("/results/0/id").asText()).isEqualTo(id);
            assertThat(simulator.predictions()).isEqualTo(i);
        }
        assertThatThrownBy(() -> create(GEMMA, "{}")).isInstanceOf(IOException.class);
        assertThat(simulator.predictions()).isEqualTo(4);
    }

    @Test
    void aFailedOrIncompleteCreateIsNotAccepted() throws IOException {
        Duration later = Duration.ofMillis(20);
        simulator.on(Call.CREATE, Reply.status(503).after(later), Reply.lost().after(later), Reply.status(422), Reply.normally(),
                Reply.status(503).accepting().after(later), Reply.lost().accepting().after(later));

        create(GEMMA, "{}");
        assertThatThrownBy(() -> create(GEMMA, "{}")).isInstanceOf(IOException.class);
        create(GEMMA, "{}");
        create("name", "{}");
        createSocket("{\"version\":\"" + GEMMA + "\",\"input\":{}}", 1).close();
        assertThat(simulator.predictions()).isZero();
        create(GEMMA, "{}");
        assertThatThrownBy(() -> create(GEMMA, "{}")).isInstanceOf(IOException.class);
        assertThat(simulator.predictions()).isEqualTo(2);
        assertThat(json(Web.get(simulator.predictionsUrl())).path("results")).hasSize(2);
    }

    /** A socket that has sent a create, but for the last bytes of its body. */
    private Socket createSocket(String body, int missing) throws IOException {
        Socket socket = new Socket("127.0.0.1", simulator.port());
        String request = "POST /v1/predictions HTTP/1.1\r\nHost: x\r\nContent-Length: " + body.length() + "\r\n\r\n" + body;
        socket.getOutputStream().write(request.substring(0, request.length() - missing).getBytes(StandardCharsets.US_ASCII));
        return socket;
    }

    private HttpResponse<String> create(String version, String input) throws IOException {
        return Web.post(simulator.predictionsUrl(),
                "{\"version\":\"" + version + "\",\"input\":" + input + "}");
    }

    private static JsonNode ended(HttpResponse<String> created) throws IOException {
        String get = json(created).path("urls").path("get").asText();
        for (int poll = 1; poll < 3; poll++) {
            Web.get(get);
        }
        JsonNode prediction = json(Web.get(get));
        assertThat(prediction.path("status").asText()).isEqualTo("succeeded");
        return prediction;
    }

    private static JsonNode json(HttpResponse<String> response) throws IOException {
        return Json.parse(response.body());
    }

    private static List<String> strings(JsonNode list) {
        List<String> strings = new ArrayList<>();
        list.forEach(item -> strings.add(item.asText()));
        return strings;
    }
}
