package dev.bactrian.bench;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/** The baseline for predictions: a few threads make all calls, and no thread waits for a prediction. */
final class BaselinePredictions implements PredictionClient {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int CALLS_AT_ONCE = 32;

    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final ScheduledThreadPoolExecutor threads = new ScheduledThreadPoolExecutor(CALLS_AT_ONCE, work -> {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        return thread;
    });
    private final String url;

    BaselinePredictions(String url) {
        this.url = url + "/v1/predictions";
    }

    @Override
    public CompletableFuture<Void> predict() {
        CompletableFuture<Void> done = new CompletableFuture<>();
        threads.execute(() -> attempt(done, () -> {
            var body = JSON.createObjectNode().put("version", "dff94eaf770e1fc211e425a50b51baa8e4cac6c39ef074681f9e39d778773626");
            body.putObject("input").put("prompt", ChatClient.QUESTION);
            JsonNode created = call(HttpRequest.newBuilder(URI.create(url)).header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString(JSON.writeValueAsString(body))).build());
            poll(done, created.path("id").textValue());
            return null;
        }));
        return done;
    }

    private void poll(CompletableFuture<Void> done, String id) throws IOException, InterruptedException {
        JsonNode prediction = call(HttpRequest.newBuilder(URI.create(url + "/" + id)).GET().build());
        switch (prediction.path("status").asText()) {
            case "succeeded" -> done.complete(null);
            case "starting", "processing" -> threads.schedule(() -> attempt(done, () -> {
                poll(done, id);
                return null;
            }), 1, TimeUnit.SECONDS);
            default -> throw new IOException(prediction.toString());
        }
    }

    private JsonNode call(HttpRequest request) throws IOException, InterruptedException {
        HttpResponse<byte[]> response = http.send(request, BodyHandlers.ofByteArray());
        if (response.statusCode() >= 300) {
            throw new IOException("answered " + response.statusCode());
        }
        return JSON.readTree(response.body());
    }

    private static void attempt(CompletableFuture<Void> done, Callable<Void> step) {
        try {
            step.call();
        } catch (Exception e) {
            done.completeExceptionally(e);
        }
    }
}
