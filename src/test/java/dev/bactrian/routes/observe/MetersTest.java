package dev.bactrian.routes.observe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.bactrian.config.Property;
import dev.bactrian.error.ErrorType;
import dev.bactrian.routes.support.ReplicateReplies;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.routes.support.Scrape;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.apache.camel.component.jms.JmsComponent;
import org.junit.jupiter.api.Test;

/** The meters, as a Prometheus fetches them over HTTP. */
class MetersTest extends RouteTestSupport {

    private static final String SUCCEEDED = "{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": [\"one\", \"two\"], "
            + "\"metrics\": {\"predict_time\": 1.5}}";

    private void startServed(String... more) throws Exception {
        start(Stream.concat(Stream.of(Scrape.SERVED), Stream.of(more)).toArray(String[]::new));
    }

    private Scrape scrape() {
        return Scrape.of(context());
    }

    @Test
    void countAChatItsChunksAndItsTokens() throws Exception {
        startServed();
        simulator.on(Call.CHAT, Reply.rawStream("data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n"
                + "data: {\"choices\":[{\"delta\":{\"content\":\" camel\"},\"finish_reason\":\"stop\"}]}\n\n"
                + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,\"total_tokens\":9}}\n\ndata: [DONE]\n\n"));

        generate("hi");

        Scrape scrape = scrape();
        String[] chat = {"provider", "upstage", "model", "solar-pro4"};
        assertThat(scrape.value("bactrian_requests_seconds_count", "provider", "upstage", "model", "solar-pro4", "status", "succeeded",
                "error_type", "none")).isEqualTo(1);
        assertThat(scrape.value("bactrian_requests_seconds_sum", chat)).isPositive();
        assertThat(scrape.value("bactrian_requests_seconds_bucket", "model", "solar-pro4", "le", "300.0")).isEqualTo(1);
        assertThat(scrape.value("bactrian_first_chunk_seconds_count", chat)).isEqualTo(1);
        assertThat(scrape.value("bactrian_first_chunk_seconds_sum", chat)).isPositive()
                .isLessThanOrEqualTo(scrape.value("bactrian_requests_seconds_sum", chat));
        assertThat(scrape.value("bactrian_chunks_total", chat)).isEqualTo(2);
        assertThat(scrape.value("bactrian_tokens_total", "model", "solar-pro4", "type", "prompt")).isEqualTo(7);
        assertThat(scrape.value("bactrian_tokens_total", "model", "solar-pro4", "type", "completion")).isEqualTo(2);
        assertThat(scrape.value("bactrian_polls_total")).isZero();
        assertThat(takeChunks()).isEqualTo("Hello| camel");
    }

    @Test
    void countAPredictionItsPollsAndWhatItTookToRun() throws Exception {
        startServed();
        simulator.on(Call.CREATE, ReplicateReplies.created());
        simulator.on(Call.POLL, ReplicateReplies.poll("starting"), Reply.status(500), Reply.json(200, SUCCEEDED));

        generate("{\"model\": \"gemma-2b\", \"prompt\": \"hi\"}");

        Scrape scrape = scrape();
        String[] prediction = {"provider", "replicate", "model", "google-deepmind/gemma-2b-it"};
        assertThat(scrape.value("bactrian_requests_seconds_count", prediction)).isEqualTo(1);
        assertThat(scrape.value("bactrian_polls_total", "model", "google-deepmind/gemma-2b-it", "answered", "true")).isEqualTo(2);
        assertThat(scrape.value("bactrian_polls_total", "model", "google-deepmind/gemma-2b-it", "answered", "false")).isEqualTo(1);
        assertThat(scrape.value("bactrian_looks_total", prediction)).as("the former name").isEqualTo(3);
        assertThat(scrape.value("bactrian_predict_seconds_count", prediction)).isEqualTo(1);
        assertThat(scrape.value("bactrian_predict_seconds_sum", prediction)).isEqualTo(1.5);
        assertThat(scrape.value("bactrian_chunks_total", prediction)).isEqualTo(2);
        assertThat(scrape.value("bactrian_first_chunk_seconds_count", prediction)).isEqualTo(1);
        assertThat(takeChunks()).isEqualTo("one|two");
    }

    @Test
    void countWhatAPredictionStreamsAsItComes() throws Exception {
        startServed("bactrian.replicate.stream-hosts", "127.0.0.1");
        double[] firstChunks = new double[1];
        simulator.on(Call.STREAM, Reply.stream("a", "b", "c").chunkListener(piece -> {
            if (piece == 2) {
                await().until(() -> !captured.chunks.isEmpty());
                firstChunks[0] = scrape().value("bactrian_first_chunk_seconds_count", "provider", "replicate");
            }
        }));
        generate("{\"provider\": \"replicate\", \"prompt\": \"hi\"}");
        simulator.on(Call.STREAM, Reply.stream("d", "e"));
        simulator.on(Call.POLL, Reply.predictionError("failed", "\"out of memory\""));
        generateFails("{\"provider\": \"replicate\", \"prompt\": \"hi\"}");

        assertThat(firstChunks[0]).as("while the stream is open").isEqualTo(1);
        Scrape scrape = scrape();
        assertThat(scrape.value("bactrian_first_chunk_seconds_count", "provider", "replicate")).isEqualTo(2);
        assertThat(scrape.value("bactrian_chunks_total", "provider", "replicate")).isEqualTo(5);
        assertThat(scrape.value("bactrian_polls_total", "provider", "replicate")).isEqualTo(2);
        assertThat(takeChunks()).isEqualTo("a|b|c|d|e");
    }

    @Test
    void countFailuresByTheirType() throws Exception {
        startServed(Property.RETRY_MAX_ATTEMPTS.key(), "0");
        simulator.on(Call.CHAT, Reply.json(400, "{\"error\": {\"message\": \"no\"}}"), Reply.status(503),
                Reply.rawStream("data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n"));
        simulator.on(Call.CREATE, Reply.predictionError("failed", "\"NSFW\""));

        for (int i = 0; i < 3; i++) {
            generateFails("hi");
        }
        generateFails("{\"model\": \"sd-3\", \"prompt\": \"hi\"}");
        generateFails("{\"model\": \"no-such-model\", \"prompt\": \"hi\"}");

        Scrape scrape = scrape();
        for (String type : List.of("provider-rejected", "provider-unavailable", "stream-interrupted")) {
            assertThat(scrape.value("bactrian_requests_seconds_count", "provider", "upstage", "model", "solar-pro4", "status", "failed",
                    "error_type", type)).as(type).isEqualTo(1);
        }
        assertThat(scrape.value("bactrian_requests_seconds_count", "provider", "replicate", "model", "stability-ai/stable-diffusion-3",
                "status", "failed", "error_type", "prediction-failed")).isEqualTo(1);
        assertThat(scrape.value("bactrian_requests_seconds_count", "provider", "none", "model", "none", "status", "failed",
                "error_type", "unsupported-model")).isEqualTo(1);
        assertThat(scrape.value("bactrian_requests_seconds_count")).isEqualTo(5);
        assertThat(scrape.value("bactrian_chunks_total", "provider", "upstage")).isEqualTo(1);
        assertThat(takeChunks()).isEqualTo("Hel");
    }

    @Test
    void showWhatIsInFlight() throws Exception {
        startServed();
        CountDownLatch seen = new CountDownLatch(1);
        simulator.on(Call.CHAT, Reply.stream("a", "b").chunkListener(index -> {
            try {
                seen.await(20, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        assertThat(scrape().value("bactrian_in_flight", "provider", "upstage")).isZero();

        CompletableFuture<Object> answer = template().asyncRequestBody("direct:generate", "hi");

        await().until(() -> scrape().value("bactrian_in_flight", "provider", "upstage") == 1);
        seen.countDown();
        answer.join();
        assertThat(scrape().value("bactrian_in_flight")).isZero();
        assertThat(takeChunks()).isEqualTo("a|b");
    }

    @Test
    void areBoundedWhateverModelsAreAskedFor() throws Exception {
        startServed();
        simulator.always(Call.CREATE, Reply.prediction("succeeded", "\"hi\""));
        List<String> names = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            names.add("user-" + i + "/modèle \\\"" + i);
        }

        names.forEach(name -> generate("{\"model\": \"%s\", \"provider\": \"replicate\", \"prompt\": \"hi\"}"
                .formatted(name.replace(" ", "-").replace("\\\"", "'"))));

        Scrape scrape = scrape();
        assertThat(scrape.value("bactrian_requests_seconds_count", "provider", "replicate", "model", "other")).isEqualTo(100);
        assertThat(labels(scrape, "model")).containsExactly("other");
        assertThat(scrape.toString()).doesNotContain("user-");
        takeChunks();
    }

    private static Set<String> labels(Scrape scrape, String label) {
        return scrape.samples().keySet().stream().filter(series -> series.name().startsWith("bactrian_"))
                .map(series -> series.labels().get(label)).filter(value -> value != null).collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void countEachOutcomeOfTheQueueOnce() throws Exception {
        startServed(Property.JMS_ENABLED.key(), "true");
        simulator.on(Call.CHAT, Reply.stream("Hello", " camel"));

        var jms = context().getComponent("jms", JmsComponent.class).createEndpoint("jms:queue:bactrian.requests");
        template().sendBody(jms, "{\"id\": \"chat\", \"prompt\": \"hi\"}");
        template().sendBody(jms, "{\"id\": \"cat\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}");
        template().sendBody(jms, "{\"id\": \"bad\", \"model\": \"no-such-model\", \"prompt\": \"x\"}");
        await().until(() -> captured.results.size() == 2 && captured.errors.size() == 1);

        Scrape scrape = scrape();
        assertThat(scrape.value("bactrian_requests_seconds_count", "provider", "upstage", "status", "succeeded")).isEqualTo(1);
        assertThat(scrape.value("bactrian_requests_seconds_count", "provider", "replicate", "status", "succeeded")).isEqualTo(1);
        assertThat(scrape.value("bactrian_requests_seconds_count", "error_type", ErrorType.UNSUPPORTED_MODEL.toString())).isEqualTo(1);
        assertThat(scrape.value("bactrian_polls_total", "provider", "replicate")).isEqualTo(3);
        assertThat(scrape.value("bactrian_requests_seconds_count")).isEqualTo(3);
        await().until(() -> scrape().value("bactrian_in_flight") == 0);
        captured.results.clear();
        captured.errors.clear();
        assertThat(takeChunks()).isEqualTo("Hello| camel");
    }

    @Test
    void showNoTokenAndNoText() throws Exception {
        startServed(Property.UPSTAGE_API_KEY.key(), "up_canary_key", Property.REPLICATE_API_TOKEN.key(), "r8_canary_token");
        simulator.on(Call.CHAT, Reply.stream("an answer"), Reply.json(401, "{\"error\": {\"message\": \"bad key up_canary_key\"}}"));
        simulator.always(Call.MODELS, Reply.json(401, "{\"error\": {\"message\": \"bad key up_canary_key\"}}"));

        generate("a question");
        generateFails("a question");
        generate("{\"model\": \"gemma-2b\", \"prompt\": \"a question\"}");

        String seen = scrape() + Scrape.get(context(), "/observe/health?exposureLevel=full&data=true&stackTrace=true").body();
        assertThat(seen).contains("bactrian_requests").contains("bactrian-upstage")
                .doesNotContain("canary").doesNotContain("question").doesNotContain("an answer");
        takeChunks();
    }
}
