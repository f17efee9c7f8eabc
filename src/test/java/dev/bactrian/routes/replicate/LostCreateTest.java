package dev.bactrian.routes.replicate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.ledger.FileRecords;
import dev.bactrian.ledger.PostgreSql;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * A prediction whose create was accepted but not answered is found in the account's list: creates = requests. Counted at the server.
 *
 * <p>{@code -Dbactrian.test.lost=1000} loses that many answers at once (60 by default).
 */
class LostCreateTest extends RouteTestSupport {

    private static final String REQUEST = "{\"id\": \"%s\", \"model\": \"gemma-2b\", \"prompt\": \"%s\", \"temperature\": 0.50}";

    private boolean inputsListed = true;

    @Override
    protected Simulator simulator() {
        return Simulator.builder().pause(Duration.ZERO).streams(false).inputsListed(inputsListed).start();
    }

    /** An answer to a create that the service has accepted. */
    private enum Answer {
        LOST(Reply.lost().accepting()),
        CUT(Reply.normally().cutAt(5)),
        STALLED(Reply.normally().cutAt(5).thenHang()),
        HTML(Reply.body(200, "text/html", "<html>".getBytes()).accepting()),
        NO_ID(Reply.json(201, "{\"status\": \"starting\"}").accepting()),
        INTERNAL_ERROR(Reply.status(500).accepting()),
        BAD_GATEWAY(Reply.status(502).accepting()),
        UNAVAILABLE(Reply.status(503).accepting()),
        GATEWAY_TIMEOUT(Reply.status(504).accepting());

        private final Reply reply;

        Answer(Reply reply) {
            this.reply = reply;
        }
    }

    private static String request(String id, String prompt) {
        return REQUEST.formatted(id, prompt);
    }

    private JsonNode generateAndTake(String request) {
        JsonNode result = generate(request);
        assertThat(takeChunks().replace("|", "")).isEqualTo(result.path("text").asText());
        return result;
    }

    @TestFactory
    Stream<DynamicTest> itsPredictionIsContinuedWith() throws Exception {
        start("bactrian.stall-timeout", "500ms");
        return Arrays.stream(Answer.values()).map(answer -> dynamicTest(answer.name(), () -> {
            simulator.reset().on(Call.CREATE, answer.reply);

            JsonNode result = generateAndTake(request("r-" + answer, "about " + answer));

            assertThat(result.path("text").asText()).contains("about " + answer);
            assertThat(simulator.count(Call.CREATE)).isOne();
            assertThat(simulator.count(Call.CANCEL)).isZero();
            assertThat(records()).isEmpty();
        }));
    }

    @Test
    void aCreateThatWasNotAcceptedIsMadeAgain() throws Exception {
        start();
        simulator.on(Call.CREATE, Reply.lost(), Reply.status(503));

        assertThat(generateAndTake(request("r1", "a camel")).path("text").asText()).contains("a camel");

        assertThat(simulator.count(Call.CREATE)).isEqualTo(3);
        assertThat(simulator.count(Call.LIST)).as("two looks each").isEqualTo(4);
    }

    @Test
    void aCreateThatIsNeverAcceptedIsMadeAsOftenAsAnyCall() throws Exception {
        start("bactrian.retry.max-attempts", "2");
        simulator.always(Call.CREATE, Reply.status(503));

        JsonNode error = generateFails(request("r1", "a camel")).path("error");

        assertThat(error.path("type").asText()).isEqualTo("provider-unavailable");
        assertThat(error.path("message").asText()).isEqualTo("replicate answered 503; it has created no prediction");
        assertThat(error.path("attempts").asInt()).isEqualTo(3);
        assertThat(error.path("retryable").asBoolean()).isTrue();
        assertThat(simulator.count(Call.CREATE)).isEqualTo(3);
    }

    @Test
    void aPredictionThatIsListedLateIsFound() throws Exception {
        start();
        simulator.on(Call.CREATE, Reply.lost().accepting()).on(Call.LIST, Reply.json(200, "{\"results\": []}"));

        generateAndTake(request("r1", "a camel"));

        assertThat(simulator.count(Call.CREATE)).isOne();
        assertThat(simulator.count(Call.LIST)).isEqualTo(2);
    }

    /** The other request may have taken the prediction of this one, and its own is listed only later. */
    @Test
    void aSearchGoesOnIfAnotherRequestHasFoundOneMeanwhile() throws Exception {
        start();
        generateAndTake(request("r1", "a camel"));
        JsonNode input = ProviderJson.json(new String(simulator.requests(Call.CREATE).get(0).body(), StandardCharsets.UTF_8)).orElseThrow().path("input");
        String theirs = "{\"results\": [{\"id\": \"theirs\", \"model\": \"google-deepmind/gemma-2b-it\", \"created_at\": \"" + Instant.now()
                + "\", \"input\": " + input + "}]}";
        new FileRecords(folder.resolve("data/created")).putIfAbsent("taken=replicate-theirs", "found by-another");
        simulator.reset().on(Call.CREATE, Reply.lost().accepting())
                .on(Call.LIST, Reply.json(200, "{\"results\": []}"), Reply.json(200, theirs), Reply.json(200, theirs));

        generateAndTake(request("r2", "a camel"));

        assertThat(simulator.count(Call.CREATE)).as("one more look, though not for ever").isEqualTo(2);
        assertThat(simulator.count(Call.LIST)).isEqualTo(3);

        new FileRecords(folder.resolve("data/created")).putIfAbsent("taken=replicate-theirs2", "found by-another");
        simulator.reset().on(Call.CREATE, Reply.lost().accepting())
                .on(Call.LIST, Reply.json(200, "{\"results\": []}"), Reply.json(200, theirs.replace("theirs", "theirs2")));

        generateAndTake(request("r3", "a camel"));

        assertThat(simulator.count(Call.CREATE)).isOne();
        assertThat(simulator.count(Call.LIST)).isEqualTo(3);
    }

    @TestFactory
    Stream<DynamicTest> withoutAListTheErrorSaysThatAPredictionMayBePaidFor() throws Exception {
        start("bactrian.retry.max-attempts", "1");
        return Stream.of(Reply.status(404), Reply.status(403), Reply.json(200, "{}"), Reply.body(200, "text/html", "<html>".getBytes()),
                Reply.status(500)).map(list -> dynamicTest(list.toString().replaceFirst(".*@", "list "), () -> {
                    simulator.reset().on(Call.CREATE, Reply.status(502).accepting()).always(Call.LIST, list);

                    JsonNode error = generateFails(request("r1", "a camel")).path("error");

                    assertThat(error.path("type").asText()).isEqualTo("provider-unavailable");
                    assertThat(error.path("message").asText())
                            .startsWith("replicate answered 502; a prediction may have been paid for: its predictions can't be listed: ");
                    assertThat(error.path("httpStatus").asInt()).isEqualTo(502);
                    assertThat(error.path("retryable").asBoolean()).isFalse();
                    assertThat(simulator.count(Call.CREATE)).isOne();
                }));
    }

    @Test
    void aListThatIsRefusedForAMomentIsReadAgain() throws Exception {
        start();
        simulator.on(Call.CREATE, Reply.lost().accepting())
                .on(Call.LIST, Reply.status(429).header("Retry-After", "0"), Reply.status(503), Reply.lost());

        generateAndTake(request("r1", "a camel"));

        assertThat(simulator.count(Call.CREATE)).isOne();
        assertThat(simulator.count(Call.LIST)).isEqualTo(4);
    }

    @Test
    void aListWithoutInputsIsReadEntryByEntry() throws Exception {
        simulator.close();
        inputsListed = false;
        simulator = simulator();
        start();
        generateAndTake(request("r1", "another"));
        simulator.on(Call.CREATE, Reply.lost().accepting());

        JsonNode result = generateAndTake(request("r2", "a camel"));

        assertThat(result.path("text").asText()).contains("a camel");
        assertThat(simulator.count(Call.CREATE)).isEqualTo(2);
    }

    @Test
    void itIsFoundOnALaterPage() throws Exception {
        start();
        simulator.on(Call.CREATE, Reply.lost().accepting().after(Duration.ofSeconds(2)));
        CompletableFuture<String> result = template().asyncRequestBody("direct:generate", request("r1", "a camel"), String.class);
        await().until(() -> simulator.count(Call.CREATE) == 1);
        Thread others = new Thread(() -> create(250));
        others.start();

        assertThat(result).succeedsWithin(SOON);
        others.join();

        assertThat(simulator.count(Call.CREATE)).isEqualTo(251);
        assertThat(takeChunks().replace("|", "")).contains("a camel");
    }

    /** Creates predictions with other inputs, as another client of the account. */
    private void create(int count) {
        HttpClient client = HttpClient.newHttpClient();
        for (int i = 0; i < count; i++) {
            HttpRequest create = HttpRequest.newBuilder(URI.create(simulator.predictionsUrl())).POST(HttpRequest.BodyPublishers.ofString(
                    "{\"version\": \"google-deepmind/gemma-2b-it\", \"input\": {\"prompt\": \"other " + i + "\"}}")).build();
            try {
                assertThat(client.send(create, HttpResponse.BodyHandlers.ofString()).statusCode()).isEqualTo(201);
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    @Test
    void requestsWithTheSameInputGetAPredictionEach() throws Exception {
        start();
        simulator.always(Call.CREATE, Reply.normally());
        int requests = 40;
        Reply[] answers = new Reply[requests];
        for (int i = 0; i < requests; i++) {
            answers[i] = i % 3 == 0 ? Reply.normally() : i % 3 == 1 ? Reply.lost().accepting() : Reply.status(502).accepting();
        }
        simulator.on(Call.CREATE, answers);

        Set<String> predictions = new HashSet<>();
        List<CompletableFuture<String>> results = new ArrayList<>();
        for (int i = 0; i < requests; i++) {
            results.add(template().asyncRequestBody("direct:generate", request("r" + i, "a camel"), String.class));
        }
        for (CompletableFuture<String> result : results) {
            assertThat(result).succeedsWithin(SOON);
            predictions.add(ProviderJson.json(result.get()).orElseThrow().path("prediction").path("id").asText());
        }

        assertThat(predictions).hasSize(requests);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(requests);
        takeChunks();
    }

    @Test
    void theSamePromptToAnotherModelIsNotTaken() throws Exception {
        start();
        generateAndTake("{\"id\": \"r0\", \"model\": \"meta/meta-llama-3-8b-instruct\", \"prompt\": \"a camel\"}");
        simulator.on(Call.CREATE, Reply.lost());

        JsonNode result = generateAndTake("{\"id\": \"r1\", \"model\": \"gemma-2b\", \"prompt\": \"a camel\"}");

        assertThat(result.path("model").asText()).isEqualTo("google-deepmind/gemma-2b-it");
        assertThat(simulator.count(Call.CREATE)).isEqualTo(3);
    }

    @Test
    void aFinishedPredictionWithTheSameInputIsNotTaken() throws Exception {
        start();
        String first = generateAndTake(request("r0", "a camel")).path("prediction").path("id").asText();
        simulator.on(Call.CREATE, Reply.lost());

        String second = generateAndTake(request("r1", "a camel")).path("prediction").path("id").asText();

        assertThat(second).isNotEqualTo(first);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(3);
    }

    private void stopWithACreateOnItsWay(Reply answer) throws Exception {
        start("camel.main.shutdown-timeout", "1");
        simulator.on(Call.CREATE, answer);
        template().asyncRequestBody("direct:generate", request("r1", "a camel"), String.class);
        await().until(() -> simulator.count(Call.CREATE) == 1);
        assertThat(records()).singleElement().asString().startsWith("?");

        stop();

        assertThat(records()).singleElement().asString().startsWith("?");
    }

    @Test
    void afterARestartThePredictionIsFound() throws Exception {
        stopWithACreateOnItsWay(Reply.normally().cutAt(5).thenHang());

        start();
        generateAndTake(request("r1", "a camel"));

        assertThat(simulator.count(Call.CREATE)).isOne();
        await().until(() -> records().isEmpty());
    }

    /** A request that took the older prediction would leave its own one to nobody. */
    @Test
    void afterARestartAClaimedPredictionIsTakenFirst() throws Exception {
        start("camel.main.shutdown-timeout", "1");
        simulator.always(Call.CREATE, Reply.normally().cutAt(5).thenHang());
        FileRecords claims = new FileRecords(folder.resolve("data/created"));
        for (String id : List.of("r1", "r2")) {
            Set<String> before = Set.copyOf(recordNames());
            template().asyncRequestBody("direct:generate", request(id, "a camel"), String.class);
            await().until(() -> recordNames().size() > before.size() && simulator.predictions() > before.size());
            if (id.equals("r2")) {
                String key = recordNames().stream().filter(name -> !before.contains(name)).findFirst().orElseThrow();
                claims.putIfAbsent("taken=replicate-" + newestPrediction(), "made " + key);
            }
        }
        String second = newestPrediction();
        stop();
        simulator.reset();

        start();
        assertThat(generateAndTake(request("r2", "a camel")).path("prediction").path("id").asText()).isEqualTo(second);
        generateAndTake(request("r1", "a camel"));

        assertThat(simulator.count(Call.CREATE)).as("creates after the restart").isZero();
    }

    private List<String> recordNames() throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("data/predictions"))) {
            return files.map(file -> file.getFileName().toString()).filter(name -> !name.startsWith(".")).toList();
        } catch (NoSuchFileException e) {
            return List.of();
        }
    }

    private String newestPrediction() throws Exception {
        String list = HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create(simulator.predictionsUrl())).build(), HttpResponse.BodyHandlers.ofString()).body();
        return ProviderJson.json(list).orElseThrow().at("/results/0/id").asText();
    }

    @Test
    void afterARestartACreateThatWasNotAcceptedIsMade() throws Exception {
        stopWithACreateOnItsWay(Reply.rawStream("{").thenHang());

        start();
        generateAndTake(request("r1", "a camel"));

        assertThat(simulator.count(Call.CREATE)).isEqualTo(2);
        await().until(() -> records().isEmpty());
    }

    @Test
    void afterARestartWithoutAListTheCreateIsMadeAgain() throws Exception {
        stopWithACreateOnItsWay(Reply.normally().cutAt(5).thenHang());
        simulator.always(Call.LIST, Reply.status(404));

        start();
        generateAndTake(request("r1", "a camel"));

        assertThat(simulator.count(Call.CREATE)).isEqualTo(2);
    }

    @Test
    void afterARestartAFinishedPredictionIsNotTaken() throws Exception {
        start();
        generateAndTake(request("r0", "a camel"));
        String id = firstPrediction();
        stop();
        simulator.on(Call.CREATE, Reply.lost());

        start();
        assertThat(generateAndTake(request("r1", "a camel")).path("prediction").path("id").asText()).isNotEqualTo(id);
    }

    private String firstPrediction() {
        return Path.of(simulator.requests(Call.POLL).get(0).path()).getFileName().toString();
    }

    @Test
    void withWebhooksTheMarkOfTheRequestTellsPredictionsApart() throws Exception {
        start("bactrian.replicate.webhook-url", "https://example.com/hook", "bactrian.replicate.webhook-secret", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
                "bactrian.replicate.webhook-poll-delay", "20ms");
        simulator.on(Call.CREATE, Reply.lost().accepting());

        generateAndTake(request("r1", "a camel"));

        assertThat(simulator.count(Call.CREATE)).isOne();
        assertThat(simulator.requests(Call.CREATE).get(0).bodyText()).contains("\"webhook\":\"https://example.com/hook?request=");
    }

    @Test
    void withWebhooksAnotherMarkIsNotTakenThoughItsInputIsTheSame() throws Exception {
        start("bactrian.replicate.webhook-url", "https://example.com/hook", "bactrian.replicate.webhook-secret", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
                "bactrian.replicate.webhook-poll-delay", "20ms");
        simulator.on(Call.CREATE, Reply.lost().after(Duration.ofSeconds(1)));
        CompletableFuture<Object> result = template().asyncRequestBody("direct:generate", request("r1", "a camel"));
        await().until(() -> simulator.count(Call.CREATE) == 1);
        String body = simulator.requests(Call.CREATE).get(0).bodyText();
        HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create(simulator.predictionsUrl()))
                .POST(HttpRequest.BodyPublishers.ofString(body.replace("?request=", "?request=0"))).build(), HttpResponse.BodyHandlers.discarding());

        assertThat(result).succeedsWithin(SOON);

        assertThat(simulator.count(Call.CREATE)).as("and the one of the other").isEqualTo(3);
        takeChunks();
    }

    /** Two instances, of which neither has the records of the other but for the database. */
    @Nested
    @ExtendWith(PostgreSql.Installed.class)
    class InADatabase {

        private final String url;
        private Main other;

        InADatabase(PostgreSql postgres) {
            url = postgres.database();
        }

        private void startInstance(String name) throws Exception {
            start("bactrian.ledger", url, "bactrian.ledger.user", PostgreSql.USER, "bactrian.ledger.password", PostgreSql.PASSWORD,
                    "bactrian.data-dir", folder.resolve(name).toString());
        }

        @AfterEach
        void stopOther() {
            if (other != null) {
                other.stop();
            }
        }

        @Test
        void requestsOfTwoInstancesWithTheSameInputGetAPredictionEach() throws Exception {
            startInstance("one");
            other = detach();
            startInstance("two");
            simulator.always(Call.CREATE, Reply.lost().accepting());

            List<CompletableFuture<String>> results = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                results.add(template().asyncRequestBody("direct:generate", request("a" + i, "a camel"), String.class));
                results.add(other.getCamelTemplate().asyncRequestBody("direct:generate", request("b" + i, "a camel"), String.class));
            }
            Set<String> predictions = new HashSet<>();
            for (CompletableFuture<String> result : results) {
                assertThat(result).succeedsWithin(SOON);
                predictions.add(ProviderJson.json(result.get()).orElseThrow().path("prediction").path("id").asText());
            }

            assertThat(predictions).hasSize(20);
            assertThat(simulator.count(Call.CREATE)).isEqualTo(20);
            takeChunks();
        }
    }

    @Test
    void asManyPredictionsAsRequestsIfEachAnswerIsLost() throws Exception {
        start("bactrian.replicate.max-creates-per-minute", "100000", "bactrian.replicate.max-requests-per-minute", "1000000",
                "bactrian.replicate.cancel-after", "30m");
        simulator.always(Call.CREATE, Reply.lost().accepting());
        Set<String> predictions = new HashSet<>();
        int requests = Integer.getInteger("bactrian.test.lost", 60);
        List<CompletableFuture<String>> results = new ArrayList<>();
        for (int i = 0; i < requests; i++) {
            results.add(template().asyncRequestBody("direct:generate", request("r" + i, "camel " + i), String.class));
        }
        for (CompletableFuture<String> result : results) {
            predictions.add(ProviderJson.json(result.get()).orElseThrow().path("prediction").path("id").asText());
        }

        assertThat(predictions).hasSize(requests);
        assertThat(simulator.predictions()).as("predictions that are paid for").isEqualTo(requests);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(requests);
        takeChunks();
    }
}
