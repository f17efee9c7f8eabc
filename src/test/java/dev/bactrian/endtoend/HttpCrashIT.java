package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.support.FreePort;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.Test;

/** The process is killed while it works on requests whose callers do not wait: each has its one outcome after the next start. */
class HttpCrashIT extends EndToEnd {

    private static final int REQUESTS = 200;

    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final int port = FreePort.find();

    @Override
    Simulator simulator() {
        return Simulator.builder().polls(4).delay(Duration.ofMillis(200)).start();
    }

    private ServiceProcess.Builder quick() {
        return service().set(Property.HTTP_ENABLED, "true").set(Property.HTTP_PORT, Integer.toString(port))
                .set(Property.REPLICATE_POLL_DELAY, "300ms").set(Property.REPLICATE_CANCEL_AFTER, "10m").set(Property.REPLICATE_LOOKUP_DELAY, "2s")
                .set(Property.REPLICATE_MAX_CREATES_PER_MINUTE, "60000").set(Property.REPLICATE_MAX_REQUESTS_PER_MINUTE, "600000");
    }

    private CompletableFuture<HttpResponse<String>> ask(int number) {
        return http.sendAsync(HttpRequest.newBuilder(url("/requests")).header("Content-Type", "application/json").header("Prefer", "respond-async")
                .POST(BodyPublishers.ofString(PICTURE.replace("camel", "camel " + number))).build(), BodyHandlers.ofString());
    }

    private URI url(String path) {
        return URI.create("http://127.0.0.1:" + port + path);
    }

    private JsonNode stand(String location) {
        try {
            return ProviderJson.json(http.send(HttpRequest.newBuilder(url(location)).build(), BodyHandlers.ofString()).body()).orElseThrow();
        } catch (IOException e) {
            throw new AssertionError(location, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(location, e);
        }
    }

    @Test
    void eachAcceptedRequestHasItsOneOutcomeAfterAKill() {
        ServiceProcess service = run(quick());
        List<CompletableFuture<HttpResponse<String>>> calls = new ArrayList<>();
        for (int i = 0; i < REQUESTS; i++) {
            calls.add(ask(i));
        }
        List<String> locations = Collections.synchronizedList(new ArrayList<>());
        calls.forEach(call -> {
            HttpResponse<String> answer = call.join();
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(202);
            locations.add(answer.headers().firstValue("Location").orElseThrow());
        });
        await("polls").atMost(SOON).until(() -> simulator.count(Call.POLL) > REQUESTS / 4);
        service.kill();

        ServiceProcess next = run(quick());

        Set<String> predictions = new HashSet<>();
        for (String location : locations) {
            await(location).atMost(Duration.ofSeconds(90)).until(() -> !stand(location).path("status").asText().equals("processing"));
            JsonNode outcome = stand(location);
            assertThat(outcome.path("status").asText()).as("%s", outcome).isEqualTo("succeeded");
            assertThat(predictions.add(outcome.path("prediction").path("id").asText())).as("a prediction of its own").isTrue();
        }
        assertThat(predictions).hasSize(REQUESTS);
        assertThat(simulator.count(Call.CREATE)).as("creates").isEqualTo(REQUESTS);
        assertThat(simulator.predictions()).isEqualTo(REQUESTS);
        await("nothing is remembered that is done").atMost(SOON).until(() -> remembered(folder).isEmpty());
        assertThat(next.err()).isEmpty();
    }
}
