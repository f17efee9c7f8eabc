package dev.bactrian.routes.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.InputStream;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Chat completions as OpenAI's clients ask for them. */
@Timeout(60)
class ChatDoorTest extends DoorTestSupport {

    private static final String CHATS = "/v1/chat/completions";
    private static final String CHAT = "{\"model\":\"solar-pro4\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    private static final String STREAM = "{\"model\":\"solar-pro4\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    private static final String TOOL_CALLS = "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\"\"}}]}}]}\n\n"
            + "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\":1}\"}}]}}]}\n\n"
            + "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";

    @Test
    void answersWithACompletion() throws Exception {
        open();
        simulator.on(Call.CHAT, Reply.stream("Two", " humps."));

        HttpResponse<String> response = post(CHATS, CHAT);

        assertThat(response.statusCode()).isEqualTo(200);
        JsonNode completion = json(response);
        assertThat(completion.path("object").asText()).isEqualTo("chat.completion");
        assertThat(completion.path("id").asText()).isEqualTo("chatcmpl-" + response.headers().firstValue("X-Request-Id").orElseThrow());
        assertThat(completion.path("model").asText()).isEqualTo("solar-pro4");
        assertThat(completion.at("/choices/0/message/role").asText()).isEqualTo("assistant");
        assertThat(completion.at("/choices/0/message/content").asText()).isEqualTo("Two humps.");
        assertThat(completion.at("/choices/0/finish_reason").asText()).isEqualTo("stop");
    }

    @Test
    void passesOnTheFieldsThatTheServiceKnows() throws Exception {
        open();

        post(CHATS, "{\"model\":\"solar-pro4\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"temperature\":0.25,\"seed\":7,\"n\":1,\"stop\":null,"
                + "\"user\":\"u\",\"store\":true,\"metadata\":{\"a\":\"b\"},\"response_format\":{\"type\":\"json_object\"}}");

        JsonNode sent = simulator.requests(Call.CHAT).get(0).json();
        assertThat(sent.path("temperature").asDouble()).isEqualTo(0.25);
        assertThat(sent.path("seed").asInt()).isEqualTo(7);
        assertThat(sent.path("response_format").path("type").asText()).isEqualTo("json_object");
        List.of("user", "store", "metadata", "n", "stop").forEach(field -> assertThat(sent.has(field)).as(field).isFalse());
    }

    @Test
    void streamsChunksAsTheyCome() throws Exception {
        open();
        CountDownLatch first = new CountDownLatch(1);
        AtomicBoolean early = new AtomicBoolean();
        simulator.on(Call.CHAT, Reply.stream("a", "b", "c").chunkListener(piece -> {
            if (piece == 2) {
                try {
                    early.set(first.await(20, TimeUnit.SECONDS));
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        }));

        HttpResponse<Stream<String>> response = http.send(request(CHATS).POST(BodyPublishers.ofString(STREAM)).build(), BodyHandlers.ofLines());
        List<String> lines = response.body().peek(line -> {
            if (line.contains("\"content\":\"a\"")) {
                first.countDown();
            }
        }).toList();

        assertThat(early).as("the first chunk was there before the third was written").isTrue();
        assertThat(response.headers().firstValue("Content-Type")).hasValue("text/event-stream");
        assertThat(response.headers().firstValue("X-Accel-Buffering")).hasValue("no");
        List<JsonNode> chunks = events(lines.stream());
        assertThat(chunks.get(0).at("/choices/0/delta/role").asText()).isEqualTo("assistant");
        assertThat(chunks.stream().map(chunk -> chunk.at("/choices/0/delta/content").asText()).collect(Collectors.joining())).isEqualTo("abc");
        assertThat(chunks.get(chunks.size() - 1).at("/choices/0/finish_reason").asText()).isEqualTo("stop");
        assertThat(lines).filteredOn(line -> !line.isEmpty()).last().isEqualTo("data: [DONE]");
    }

    @Test
    void tellsTheUsageIfAsked() throws Exception {
        open();

        List<JsonNode> chunks = events(post(CHATS, STREAM.replace("\"stream\"", "\"stream_options\":{\"include_usage\":true},\"stream\"")).body().lines());

        JsonNode last = chunks.get(chunks.size() - 1);
        assertThat(last.path("choices")).isEmpty();
        assertThat(last.at("/usage/total_tokens").asInt()).isPositive();
        assertThat(chunks.get(0).path("usage").isNull()).isTrue();
    }

    @Test
    void streamsReasoningBesideTheText() throws Exception {
        open();
        simulator.on(Call.CHAT, Reply.stream("42").reasoning("six", " times seven"));

        List<JsonNode> chunks = events(post(CHATS, STREAM).body().lines());

        assertThat(chunks.stream().map(chunk -> chunk.at("/choices/0/delta/reasoning_content").asText()).collect(Collectors.joining())).isEqualTo("six times seven");
    }

    @Test
    void passesOnToolCalls() throws Exception {
        open();
        simulator.on(Call.CHAT, Reply.rawStream(TOOL_CALLS), Reply.rawStream(TOOL_CALLS));

        List<JsonNode> chunks = events(post(CHATS, STREAM).body().lines());
        JsonNode whole = json(post(CHATS, CHAT));

        assertThat(arguments(chunks)).isEqualTo("{\"a\":1}");
        assertThat(chunks.get(chunks.size() - 1).at("/choices/0/finish_reason").asText()).isEqualTo("tool_calls");
        assertThat(whole.at("/choices/0/message/content").isNull()).isTrue();
        assertThat(whole.at("/choices/0/message/tool_calls/0/function/name").asText()).isEqualTo("f");
        assertThat(whole.at("/choices/0/message/tool_calls/0/function/arguments").asText()).isEqualTo("{\"a\":1}");
    }

    @Test
    void replaysToolCalls() throws Exception {
        open();
        simulator.on(Call.CHAT, Reply.rawStream(TOOL_CALLS));

        List<JsonNode> first = events(post(CHATS, STREAM, "Idempotency-Key", "k").body().lines());
        List<JsonNode> again = events(post(CHATS, STREAM, "Idempotency-Key", "k").body().lines());

        assertThat(arguments(again)).isEqualTo(arguments(first)).isEqualTo("{\"a\":1}");
        assertThat(again.get(again.size() - 1).at("/choices/0/finish_reason").asText()).isEqualTo("tool_calls");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
    }

    private static String arguments(List<JsonNode> chunks) {
        return chunks.stream().map(chunk -> chunk.at("/choices/0/delta/tool_calls/0/function/arguments").asText()).collect(Collectors.joining());
    }

    @Test
    void answersWithTheJsonThatAModelOfTextHasMade() throws Exception {
        open();
        simulator.always(Call.CREATE, Reply.prediction("succeeded", "{\"humps\":2}"));

        JsonNode whole = json(post(CHATS, CHAT.replace("solar-pro4", "gemma-2b")));
        List<JsonNode> chunks = events(post(CHATS, STREAM.replace("solar-pro4", "gemma-2b")).body().lines());

        assertThat(whole.at("/choices/0/message/content").asText()).isEqualTo("{\"humps\":2}");
        assertThat(chunks.stream().map(chunk -> chunk.at("/choices/0/delta/content").asText()).collect(Collectors.joining())).isEqualTo("{\"humps\":2}");
    }

    @Test
    void answersByAModelOfReplicateToo() throws Exception {
        open();

        List<JsonNode> chunks = events(post(CHATS, STREAM.replace("solar-pro4", "gemma-2b")).body().lines());
        JsonNode whole = json(post(CHATS, CHAT.replace("solar-pro4", "gemma-2b")));

        assertThat(chunks.stream().map(chunk -> chunk.at("/choices/0/delta/content").asText()).collect(Collectors.joining())).isNotEmpty()
                .isEqualTo(whole.at("/choices/0/message/content").asText());
        assertThat(whole.path("model").asText()).isEqualTo("google-deepmind/gemma-2b-it");
        assertThat(whole.path("provider").asText()).isEqualTo("replicate");
    }

    @Test
    void failsWithTheStatusThatSaysWhetherToTryAgain() throws Exception {
        open("bactrian.retry.max-attempts", "0");

        assertError(post(CHATS, CHAT.replace("solar-pro4", "nope")), 404, "unsupported-model", false);
        assertError(post(CHATS, "{\"model\":"), 400, "invalid-request", false);
        assertError(post(CHATS, "{\"model\":\"solar-pro4\"}"), 400, "invalid-request", false);
        HttpResponse<String> picture = post(CHATS, CHAT.replace("\"hi\"", "[{\"type\":\"text\",\"text\":\"hi\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:,\"}}]"));
        assertError(picture, 400, "invalid-request", false);
        assertThat(json(picture).at("/error/param").asText()).isEqualTo("messages[0].content");
        simulator.on(Call.CHAT, Reply.status(401));
        assertError(post(CHATS, CHAT), 502, "authentication", false);
        simulator.on(Call.CHAT, Reply.status(429));
        HttpResponse<String> busy = post(CHATS, CHAT);
        assertError(busy, 429, "rate-limited", true);
        assertThat(busy.headers().firstValue("Retry-After")).hasValue("1");
        simulator.on(Call.CHAT, Reply.status(400));
        assertError(post(CHATS, STREAM), 502, "provider-rejected", false);
        simulator.on(Call.CHAT, Reply.status(503));
        assertError(post(CHATS, STREAM), 503, "provider-unavailable", true);
    }

    private static void assertError(HttpResponse<String> response, int status, String type, boolean again) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        assertThat(json(response).at("/error/type").asText()).isEqualTo(type);
        assertThat(json(response).at("/error/code").asText()).isEqualTo(type);
        assertThat(json(response).at("/error/message").asText()).isNotBlank();
        assertThat(response.headers().firstValue("X-Should-Retry")).hasValue(String.valueOf(again));
    }

    @Test
    void endsAStreamThatBreaksOffWithAnErrorAndNoEndMark() throws Exception {
        open();
        String piece = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
        simulator.on(Call.CHAT, Reply.rawStream(piece + piece).cutAt(piece.length() + 10));

        List<String> lines = post(CHATS, STREAM).body().lines().toList();

        assertThat(events(lines.stream())).last().satisfies(event -> assertThat(event.at("/error/type").asText()).isEqualTo("stream-interrupted"));
        assertThat(lines).contains("event: error").doesNotContain("data: [DONE]");
    }

    @Test
    void asksNoOtherModelOnceReasoningWasSent() throws Exception {
        open();
        String piece = "data: {\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}\n\n";
        simulator.on(Call.CHAT, Reply.rawStream(piece + piece).cutAt(piece.length() + 10));

        List<JsonNode> chunks = events(post(CHATS, STREAM.replace("\"stream\"", "\"fallback\":[\"solar-mini\"],\"stream\"")).body().lines());

        assertThat(chunks.stream().map(chunk -> chunk.at("/choices/0/delta/reasoning_content").asText()).collect(Collectors.joining())).isEqualTo("hm");
        assertThat(chunks).last().satisfies(event -> assertThat(event.at("/error/type").asText()).isEqualTo("stream-interrupted"));
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
    }

    @Test
    void aClientThatGoesAwayEndsTheCall() throws Exception {
        open();
        simulator.on(Call.CHAT, Reply.stream("a", "b").pause(Duration.ofMinutes(10)));

        HttpResponse<InputStream> response = http.send(request(CHATS).POST(BodyPublishers.ofString(STREAM)).build(), BodyHandlers.ofInputStream());
        response.body().read();
        response.body().close();

        await("the service sees the connection closed").until(() -> simulator.clientAborts() == 1);
    }
}
