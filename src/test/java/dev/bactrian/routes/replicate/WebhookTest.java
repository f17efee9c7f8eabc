package dev.bactrian.routes.replicate;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.poll;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.Exchange;
import org.apache.camel.main.Main;
import org.apache.camel.support.processor.state.MemoryStateRepository;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** The service tells of a prediction's end by itself, over HTTP; polls are what is left for the case that it does not. */
@Timeout(60)
class WebhookTest extends RouteTestSupport {

    private static final String SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    private static final String OTHER_SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
    private static final String REQUEST = "{\"id\": \"r1\", \"model\": \"gemma-2b\", \"prompt\": \"p\"}";
    private static final String DONE = "{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": [\"told\"]}";

    /** The host's own HTTP server, as any that hands a webhook's bytes and headers to the route. */
    private final HttpServer server;
    private final ExecutorService handlers = Executors.newCachedThreadPool();
    private String entry = "direct:replicate-webhook";

    WebhookTest() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(handlers);
        server.createContext("/webhook", this::forward);
        server.start();
    }

    @AfterEach
    void stopServer() {
        server.stop(0);
        handlers.shutdownNow();
    }

    private void forward(HttpExchange http) throws IOException {
        byte[] body = http.getRequestBody().readAllBytes();
        Exchange answer = template().request(entry, exchange -> {
            exchange.getMessage().setBody(body);
            http.getRequestHeaders().forEach((name, values) -> exchange.getMessage().setHeader(name, values.get(0)));
        });
        assertThat(answer.getException()).isNull();
        assertThat(answer.getMessage().getHeaders().keySet()).containsExactly("CamelHttpResponseCode");
        assertThat(answer.getMessage().getBody()).isEqualTo("");
        http.sendResponseHeaders(answer.getMessage().getHeader("CamelHttpResponseCode", Integer.class), -1);
        http.close();
    }

    private String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort() + "/webhook";
    }

    private void startWithWebhooks(String... properties) throws Exception {
        start(List.of("bactrian.replicate.webhook-url", url(), "bactrian.replicate.webhook-secret", SECRET), properties);
    }

    /** In place of the simulator that tells nobody. */
    private void replaceSimulator(Simulator.Builder builder) {
        simulator.close();
        simulator = builder.start();
    }

    /** Posts a webhook; the status that answers it. */
    private int tell(String body, String secret, Duration age) throws Exception {
        String time = Long.toString(Instant.now().minus(age).getEpochSecond());
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(Base64.getDecoder().decode(secret.substring(6)), "HmacSHA256"));
        String signature = Base64.getEncoder().encodeToString(mac.doFinal(("msg_1." + time + "." + body).getBytes(StandardCharsets.UTF_8)));
        HttpRequest request = HttpRequest.newBuilder(URI.create(url())).POST(BodyPublishers.ofString(body))
                .header("Content-Type", "application/json").header("webhook-id", "msg_1").header("webhook-timestamp", time)
                .header("webhook-signature", "v1," + signature).header("X-Echo", "no").build();
        HttpResponse<Void> response = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build().send(request, BodyHandlers.discarding());
        assertThat(response.headers().firstValue("X-Echo")).isEmpty();
        return response.statusCode();
    }

    private int tell(String body) throws Exception {
        return tell(body, SECRET, Duration.ZERO);
    }

    private CompletableFuture<String> ask() {
        return template().asyncRequestBody("direct:generate", REQUEST, String.class);
    }

    private static JsonNode document(CompletableFuture<String> asked) throws Exception {
        return ProviderJson.json(asked.get(SOON.toSeconds(), TimeUnit.SECONDS)).orElseThrow();
    }

    @Test
    void aPredictionEndsByWebhookWithoutAPoll() throws Exception {
        replaceSimulator(Simulator.builder().polls(1000).webhooks(SECRET).webhookCopies(2));
        startWithWebhooks();

        JsonNode result = generate(REQUEST);

        assertThat(result.path("status").asText()).isEqualTo("succeeded");
        assertThat(result.path("prediction").path("polls").asInt(-1)).isZero();
        assertThat(result.path("prediction").path("metrics").path("predict_time").isNumber()).isTrue();
        assertThat(takeChunks().replace("|", "")).isEqualTo(result.path("text").asText()).isNotEmpty();
        JsonNode create = simulator.requests(Call.CREATE).get(0).json();
        assertThat(create.path("webhook").asText()).matches("\\Q" + url() + "\\E\\?request=[0-9a-f]+");
        assertThat(create.path("webhook_events_filter").toString()).isEqualTo("[\"completed\"]");
        await("the second, which changes nothing").until(() -> simulator.webhookAnswers().size() == 2);
        assertThat(simulator.webhookAnswers()).containsOnly(200);
        assertThat(simulator.count(Call.POLL)).isZero();
        assertThat(simulator.count(Call.CREATE)).isOne();
    }

    @Test
    void whileItIsAwaitedPollsAreFew() throws Exception {
        replaceSimulator(Simulator.builder().polls(1000).webhooks(SECRET).webhookDelay(Duration.ofSeconds(2)));
        startWithWebhooks("bactrian.replicate.webhook-poll-delay", "500ms", "bactrian.replicate.poll-max-attempts", "1000");

        JsonNode result = generate(REQUEST);

        assertThat(result.path("status").asText()).isEqualTo("succeeded");
        assertThat(simulator.count(Call.POLL)).isBetween(1, 20);
        assertThat(result.path("prediction").path("polls").asInt()).isEqualTo(simulator.count(Call.POLL));
        takeChunks();
    }

    @Test
    void aWebhookThatIsLostIsMadeUpForByAPoll() throws Exception {
        replaceSimulator(Simulator.builder().polls(2));
        startWithWebhooks("bactrian.replicate.webhook-poll-delay", "200ms");

        assertThat(generate(REQUEST).path("prediction").path("polls").asInt()).isEqualTo(2);
        takeChunks();
    }

    @Test
    void theBudgetOfTimeStaysAndALastPollIsMade() throws Exception {
        startWithWebhooks("bactrian.replicate.poll-max-attempts", "10");
        simulator.on(Call.CREATE, created()).always(Call.POLL, poll("processing"));

        JsonNode document = generateFails(REQUEST);

        assertThat(document.path("error").path("type").asText()).isEqualTo("timeout");
        assertThat(document.path("durationMs").asLong()).isBetween(180L, 5000L);
        assertThat(simulator.count(Call.POLL)).isOne();
        await().until(() -> simulator.count(Call.CANCEL) == 1);
    }

    @Test
    void aSinglePollIsMadeToo() throws Exception {
        startWithWebhooks("bactrian.replicate.poll-max-attempts", "1");
        simulator.on(Call.CREATE, created()).on(Call.POLL, succeeded("[\"seen\"]"));

        assertThat(generate(REQUEST).path("text").asText()).isEqualTo("seen");
        assertThat(takeChunks()).isEqualTo("seen");
        assertThat(simulator.count(Call.CANCEL)).isZero();
    }

    @Test
    void ofWebhookAndPollTheFirstWinsAndTheOtherChangesNothing() throws Exception {
        replaceSimulator(Simulator.builder().polls(3).webhooks(SECRET).webhookDelay(Duration.ofMillis(60)).webhookCopies(3));
        startWithWebhooks("bactrian.replicate.webhook-poll-delay", "20ms", "bactrian.file.enabled", "true");
        Path inbox = Files.createDirectories(folder.resolve("inbox"));
        for (int i = 0; i < 10; i++) {
            Files.writeString(inbox.resolve("r" + i + ".json"), REQUEST.replace("r1", "r" + i));
        }

        await().until(() -> captured.results.size() >= 10 && simulator.webhookAnswers().size() == 30);

        assertThat(simulator.webhookAnswers()).containsOnly(200);
        await().during(Duration.ofMillis(200)).until(() -> captured.results.size() == 10);
        assertThat(captured.results).extracting(result -> result.json().path("id").asText()).doesNotHaveDuplicates();
        String texts = captured.results.stream().map(result -> result.json().path("text").asText()).collect(Collectors.joining());
        assertThat(takeChunks().replace("|", "")).hasSameSizeAs(texts);
        captured.results.clear();
    }

    @Test
    void aForgedOneChangesNothing() throws Exception {
        replaceSimulator(Simulator.builder().polls(1000).webhooks(OTHER_SECRET));
        startWithWebhooks("bactrian.replicate.poll-max-attempts", "20");
        simulator.always(Call.POLL, poll("processing"));

        assertThat(generateFails(REQUEST).path("error").path("type").asText()).isEqualTo("timeout");

        assertThat(simulator.webhookAnswers()).containsExactly(401);
    }

    @Test
    void oneThatComesBeforeTheCreateIsAnsweredIsKept() throws Exception {
        startWithWebhooks();
        simulator.on(Call.CREATE, created().after(Duration.ofMillis(500)));
        CompletableFuture<String> asked = ask();
        await().until(() -> simulator.concurrent(Call.CREATE) == 1);

        assertThat(tell(DONE)).isEqualTo(200);

        assertThat(document(asked).path("text").asText()).isEqualTo("told");
        assertThat(simulator.count(Call.POLL)).isZero();
        assertThat(takeChunks()).isEqualTo("told");
    }

    @Test
    void onlyAnEndFromTheServiceAndFromNowEndsIt() throws Exception {
        startWithWebhooks("bactrian.replicate.poll-max-attempts", "100000", "bactrian.max-response-bytes", "1KB");
        simulator.on(Call.CREATE, created());
        CompletableFuture<String> asked = ask();
        await().until(() -> simulator.count(Call.CREATE) == 1);

        assertThat(tell(DONE, OTHER_SECRET, Duration.ZERO)).isEqualTo(401);
        assertThat(tell(DONE, SECRET, Duration.ofMinutes(6))).isEqualTo(401);
        assertThat(tell(DONE, SECRET, Duration.ofMinutes(-6))).isEqualTo(401);
        assertThat(HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build().send(HttpRequest.newBuilder(URI.create(url())).POST(BodyPublishers.ofString(DONE)).build(),
                BodyHandlers.discarding()).statusCode()).isEqualTo(401);
        assertThat(tell("not JSON")).isEqualTo(400);
        assertThat(tell("[]")).isEqualTo(400);
        assertThat(tell("{\"id\": \"p1\"}")).isEqualTo(400);
        assertThat(tell(DONE.replace("p1", "../p1"))).isEqualTo(400);
        assertThat(tell(DONE.replace("told", "x".repeat(1024)))).isEqualTo(413);
        assertThat(tell(DONE.replace("succeeded", "processing"))).isEqualTo(200);
        assertThat(tell(DONE.replace("succeeded", "queued"))).isEqualTo(200);
        assertThat(tell(DONE.replace("p1", "p2"))).isEqualTo(200);
        await().during(Duration.ofMillis(300)).until(() -> !asked.isDone());

        assertThat(tell(DONE, SECRET, Duration.ofMinutes(4))).isEqualTo(200);

        assertThat(document(asked).path("text").asText()).isEqualTo("told");
        assertThat(tell(DONE)).isEqualTo(200);
        assertThat(takeChunks()).isEqualTo("told");
        assertThat(simulator.count(Call.POLL)).isZero();
    }

    @Test
    void theServiceIsAnsweredBeforeAnythingIsDoneWithIt() throws Exception {
        startWithWebhooks("bactrian.replicate.poll-delay", "3s");
        simulator.on(Call.CREATE, created());
        CompletableFuture<String> asked = ask();
        await().until(() -> simulator.count(Call.CREATE) == 1);

        assertThat(tell(DONE)).isEqualTo(200);

        assertThat(asked).isNotDone();
        assertThat(document(asked).path("text").asText()).isEqualTo("told");
        assertThat(takeChunks()).isEqualTo("told");
    }

    @TestFactory
    Stream<DynamicTest> itTellsOfABadEndToo() throws Exception {
        startWithWebhooks();
        return Map.of("failed", "prediction-failed: out of memory", "canceled", "prediction-canceled: prediction p1 was canceled",
                "aborted", "prediction-canceled: prediction p1 was aborted").entrySet().stream().map(end -> dynamicTest(end.getKey(), () -> {
                    simulator.reset().on(Call.CREATE, created());
                    assertThat(tell("{\"id\": \"p1\", \"status\": \"" + end.getKey() + "\", \"output\": null, \"error\": \"out of memory\"}"))
                            .isEqualTo(200);

                    JsonNode error = generateFails(REQUEST).path("error");

                    assertThat(error.path("type").asText() + ": " + error.path("message").asText()).isEqualTo(end.getValue());
                    await().during(Duration.ofMillis(200)).until(() -> simulator.requests().size() == 1);
                }));
    }

    @Test
    void aPredictionThatTheQueueHoldsEndsByWebhookToo() throws Exception {
        replaceSimulator(Simulator.builder().polls(1000).webhooks(SECRET).webhookDelay(Duration.ofMillis(500)));
        startWithWebhooks("bactrian.jms.enabled", "true");

        template().sendBodyAndHeaders("jms:queue:bactrian.requests", REQUEST, Map.of());

        await().until(() -> !captured.results.isEmpty());
        assertThat(captured.results.remove().json().path("prediction").path("polls").asInt(-1)).isZero();
        assertThat(simulator.count(Call.POLL)).isZero();
        takeChunks();
    }

    /** A ledger of the host that counts how often it is told to forget. */
    public static final class Counting extends MemoryStateRepository {
        final AtomicInteger forgotten = new AtomicInteger();

        @Override
        public void setState(String key, String value) {
            if (value == null) {
                forgotten.incrementAndGet();
            } else {
                super.setState(key, value);
            }
        }
    }

    private final Counting counting = new Counting();

    @Override
    protected void configure(Main main) {
        main.bind("counting", counting);
    }

    @Test
    void whileTheQueueAwaitsItTheLedgerIsLeftAlone() throws Exception {
        replaceSimulator(Simulator.builder().polls(1000).webhooks(SECRET).webhookDelay(Duration.ofSeconds(1)));
        startWithWebhooks("bactrian.jms.enabled", "true", "bactrian.ledger", "counting");

        template().sendBodyAndHeaders("jms:queue:bactrian.requests", REQUEST, Map.of());

        await().until(() -> !captured.results.isEmpty());
        captured.results.clear();
        takeChunks();
        assertThat(counting.forgotten).as("once it is in the queue, and once its result is").hasValueLessThanOrEqualTo(2);
    }

    @Test
    void aRequestThatAwaitsItIsCancelledSoon() throws Exception {
        startWithWebhooks("bactrian.replicate.poll-max-attempts", "100000");
        simulator.on(Call.CREATE, created());
        CompletableFuture<String> asked = ask();
        await().until(() -> simulator.count(Call.CREATE) == 1);

        template().requestBody("direct:cancel", "r1");

        assertThatThrownBy(() -> asked.get(10, TimeUnit.SECONDS)).hasStackTraceContaining("canceled on request");
        await().until(() -> simulator.count(Call.CANCEL) == 1);
        assertThat(simulator.count(Call.POLL)).isZero();
    }

    @Test
    void camelListensWhereItIsTold() throws Exception {
        entry = "direct:from-the-front-door";
        replaceSimulator(Simulator.builder().polls(1000).webhooks(SECRET));
        startWithWebhooks("bactrian.replicate.webhook-from", entry);

        assertThat(generate(REQUEST).path("status").asText()).isEqualTo("succeeded");
        assertThat(simulator.count(Call.POLL)).isZero();
        takeChunks();
    }

    @Test
    void camelItselfListens() throws Exception {
        int port = server.getAddress().getPort();
        server.stop(0);
        replaceSimulator(Simulator.builder().polls(1000).webhooks(SECRET).webhookDelay(Duration.ofMillis(300)));
        startWithWebhooks("bactrian.replicate.webhook-from", "platform-http:/webhook?httpMethodRestrict=POST",
                "camel.server.enabled", "true", "camel.server.host", "127.0.0.1", "camel.server.port", Integer.toString(port),
                "bactrian.max-response-bytes", "1KB");

        assertThat(generate(REQUEST).path("status").asText()).isEqualTo("succeeded");
        assertThat(tell(DONE, OTHER_SECRET, Duration.ZERO)).isEqualTo(401);
        assertThat(tell("[]")).isEqualTo(400);
        assertThat(tell(DONE.replace("told", "x".repeat(1024)))).isEqualTo(413);
        assertThat(tell(DONE.replace("told", "\uae00"))).isEqualTo(200);
        assertThat(simulator.count(Call.POLL)).isZero();
        takeChunks();
    }

    @Test
    void theHomepageKnowsNone() throws Exception {
        startWithWebhooks("bactrian.replicate.api", "homepage", "bactrian.replicate.api-endpoint", simulator.homepageCreateUrl(),
                "bactrian.replicate.poll-endpoint", simulator.homepagePollUrl());

        assertThat(generate(REQUEST).path("prediction").path("polls").asInt()).isEqualTo(3);
        assertThat(simulator.requests(Call.CREATE).get(0).json().has("webhook")).isFalse();
        takeChunks();
    }

    @Test
    void withoutTheirUrlThereIsNoWayInAndNoWebhookIsAskedFor() throws Exception {
        start();

        assertThat(generate(REQUEST).path("prediction").path("polls").asInt()).isEqualTo(3);
        assertThat(simulator.requests(Call.CREATE).get(0).json().has("webhook")).isFalse();
        assertThat(context().getRoute("bactrian-replicate-webhook")).isNull();
        takeChunks();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "secret", "whsec_", "whsec_%%%"})
    void withoutASecretTheStartStopsAndNamesIt(String secret) {
        assertThatThrownBy(() -> startWithWebhooks("bactrian.replicate.webhook-secret", secret))
                .hasStackTraceContaining("bactrian.replicate.webhook-secret")
                .satisfies(e -> assertThat(secret.isEmpty() || !String.valueOf(e.getMessage()).contains("%%%")).isTrue());
    }

    @ParameterizedTest
    @ValueSource(strings = {"http://bactrian.example/webhook", "direct:webhook", "ftp://bactrian.example/"})
    void aUrlThatTheServiceMustNotCallStopsTheStart(String address) {
        assertThatThrownBy(() -> startWithWebhooks("bactrian.replicate.webhook-url", address))
                .hasStackTraceContaining("bactrian.replicate.webhook-url");
    }
}
