package dev.bactrian.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;

/** The baseline: what a programmer would write by hand for this one purpose, with no library but Jackson. */
public final class Baseline implements ChatClient {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String DATA = "data: ";

    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final HttpRequest request;

    /** Creates a client of the simulator at that URL. */
    public Baseline(String url) throws JsonProcessingException {
        var body = JSON.createObjectNode().put("model", "solar-pro4").put("stream", true);
        body.putArray("messages").addObject().put("role", "user").put("content", QUESTION);
        request = HttpRequest.newBuilder(URI.create(url + "/v1/chat/completions"))
                .header("Content-Type", "application/json").header("Accept", "text/event-stream")
                .POST(HttpRequest.BodyPublishers.ofString(JSON.writeValueAsString(body))).build();
    }

    @Override
    public int chat(Runnable first) throws IOException, InterruptedException {
        Answer answer = new Answer(first);
        var response = http.send(request, BodyHandlers.ofInputStream());
        try (var lines = new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
            String line = lines.readLine();
            while (line != null) {
                answer.read(line);
                line = lines.readLine();
            }
        }
        return answer.pieces;
    }

    @Override
    public CompletableFuture<Integer> chatAsync(Runnable first) {
        Answer answer = new Answer(first);
        return http.sendAsync(request, BodyHandlers.fromLineSubscriber(answer)).thenApply(response -> answer.pieces);
    }

    /** The count of pieces and the text of one answer. */
    private static final class Answer implements Flow.Subscriber<String> {
        private final Runnable first;
        private final StringBuilder text = new StringBuilder();
        private int pieces;

        Answer(Runnable first) {
            this.first = first;
        }

        void read(String line) throws JsonProcessingException {
            if (line.startsWith(DATA) && line.charAt(DATA.length()) == '{') {
                String piece = JSON.readTree(line.substring(DATA.length()))
                        .path("choices").path(0).path("delta").path("content").asText("");
                if (!piece.isEmpty()) {
                    if (pieces++ == 0) {
                        first.run();
                    }
                    text.append(piece);
                }
            }
        }

        @Override
        public void onSubscribe(Flow.Subscription subscription) {
            subscription.request(Long.MAX_VALUE);
        }

        @Override
        public void onNext(String line) {
            try {
                read(line);
            } catch (JsonProcessingException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void onError(Throwable failure) {
            // the response's future fails as well
        }

        @Override
        public void onComplete() {
            // the response's future completes as well
        }
    }
}
