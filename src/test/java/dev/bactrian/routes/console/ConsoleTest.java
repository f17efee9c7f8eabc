package dev.bactrian.routes.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.config.Property;
import dev.bactrian.console.Console;
import dev.bactrian.routes.support.ReplicateReplies;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.apache.camel.Processor;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.component.jms.JmsComponent;
import org.apache.camel.main.Main;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** What the console shows of requests, from every way in. */
class ConsoleTest extends RouteTestSupport {

    private static final String ON = Property.HTTP_CONSOLE.key();
    private static final String IMAGE = "{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": [\"https://replicate.delivery/x/out-0.png\"], "
            + "\"metrics\": {\"predict_time\": 1.5, \"total_time\": 2}}";

    private final CountDownLatch seen = new CountDownLatch(1);

    private Console console() {
        return Console.of(context()).orElseThrow();
    }

    private ObjectNode snapshot() {
        return console().snapshot();
    }

    private static JsonNode line(JsonNode lines, String id) {
        return StreamSupport.stream(lines.spliterator(), false).filter(line -> line.path("id").asText().equals(id)).findFirst()
                .orElseThrow(() -> new AssertionError("no " + id + " in " + lines));
    }

    private JsonNode done(String id) {
        await(id).until(() -> snapshot().path("done").findValuesAsText("id").contains(id));
        return line(snapshot().path("done"), id);
    }

    private JsonNode inWork(String id, String state) {
        await(id + " " + state).until(() -> StreamSupport.stream(snapshot().path("requests").spliterator(), false)
                .anyMatch(line -> line.path("id").asText().equals(id) && line.path("state").asText().equals(state)));
        return line(snapshot().path("requests"), id);
    }

    private void hold(int chunk, int index) {
        if (chunk == index) {
            try {
                seen.await(20, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Test
    void isOffUnlessAsked() throws Exception {
        start();

        generate("hi");

        assertThat(Console.of(context())).isEmpty();
        takeChunks();
    }

    @Test
    void showsAChatAsItStreamsAndWhenItIsDone() throws Exception {
        start(ON, "read", Property.UPSTAGE_API_KEY.key(), "up_canary_key_3f9a");
        simulator.on(Call.CHAT, Reply.rawStream("data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n"
                + "data: {\"choices\":[{\"delta\":{\"content\":\" camel\"},\"finish_reason\":\"stop\"}]}\n\n"
                + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,\"total_tokens\":9}}\n\ndata: [DONE]\n\n"));
        generate("{\"id\": \"first\", \"prompt\": \"a question with up_canary_key_3f9a\"}");
        simulator.on(Call.CHAT, Reply.stream("a", "b", "c").chunkListener(index -> hold(index, 2)));

        CompletableFuture<Object> answer = template().asyncRequestBody("direct:generate", "{\"id\": \"chat\", \"prompt\": \"Why?\\nBecause\"}");
        JsonNode line = inWork("chat", "streaming");
        await().until(() -> line(snapshot().path("requests"), "chat").path("text").asText().equals("ab"));
        assertThat(snapshot().path("figures").path("inFlight").asInt()).isOne();
        seen.countDown();
        answer.join();

        assertThat(line.path("from").asText()).isEqualTo("direct");
        assertThat(line.path("provider").asText()).isEqualTo("upstage");
        assertThat(line.path("model").asText()).isEqualTo("solar-pro4");
        assertThat(line.path("prompt").asText()).isEqualTo("Why? Because");
        assertThat(line.path("startedAt").asText()).matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z");
        JsonNode done = done("chat");
        assertThat(done.path("state").asText()).isEqualTo("done");
        assertThat(done.path("outcome").asText()).isEqualTo("succeeded");
        assertThat(done.path("text").asText()).isEqualTo("abc");
        assertThat(done.path("chunks").asInt()).isEqualTo(3);
        assertThat(done.path("no").asLong()).isEqualTo(line.path("no").asLong());
        assertThat(done.path("firstChunkMs").isNumber()).isTrue();
        assertThat(done("first").path("tokens").path("prompt").asInt()).isEqualTo(7);
        assertThat(done("first").path("tokens").path("completion").asInt()).isEqualTo(2);
        assertThat(snapshot().path("requests")).isEmpty();
        assertThat(snapshot().path("done").findValuesAsText("id")).containsExactly("chat", "first");
        JsonNode minute = snapshot().path("figures").path("minutes").get(59);
        assertThat(snapshot().path("figures").path("minutes")).hasSize(60);
        assertThat(minute.path("requests").asInt() + snapshot().path("figures").path("minutes").get(58).path("requests").asInt()).isEqualTo(2);
        assertThat(snapshot().toString()).doesNotContain("canary");
        assertThat(takeChunks()).isEqualTo("Hello| camel|a|b|c");
    }

    @Test
    void showsEachStateOfAPrediction() throws Exception {
        start(ON, "read");
        simulator.on(Call.CREATE, ReplicateReplies.created());
        simulator.always(Call.POLL, ReplicateReplies.poll("starting"));

        CompletableFuture<Object> answer = template().asyncRequestBody("direct:generate", "{\"id\": \"cat\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}");
        inWork("cat", "queued");
        simulator.always(Call.POLL, ReplicateReplies.poll("processing"));
        inWork("cat", "running");
        await().until(() -> line(snapshot().path("requests"), "cat").path("polls").asInt() > 3);
        simulator.always(Call.POLL, Reply.json(200, IMAGE));
        answer.join();

        JsonNode done = done("cat");
        assertThat(done.path("kind").asText()).isEqualTo("image");
        assertThat(done.path("images").get(0).path("url").asText()).isEqualTo("https://replicate.delivery/x/out-0.png");
        assertThat(done.path("predictMs").asLong()).isEqualTo(1500);
        assertThat(done.path("queuedMs").asLong()).isEqualTo(500);
    }

    @Test
    void knowsTheWayIn() throws Exception {
        start(ON, "read", Property.FILE_ENABLED.key(), "true", Property.JMS_ENABLED.key(), "true", Property.EMIT_CHUNK.key(), "");
        var jms = context().getComponent("jms", JmsComponent.class).createEndpoint("jms:queue:bactrian.requests");
        Files.createDirectories(folder.resolve("inbox"));

        Files.writeString(folder.resolve("inbox/filed.txt"), "hi");
        Files.writeString(folder.resolve("inbox/many.jsonl"), "{\"prompt\": \"one\"}\n{\"prompt\": \"two\"}\n");
        template().sendBody(jms, "{\"id\": \"queued\", \"prompt\": \"hi\"}");
        template().sendBody(jms, "{\"id\": \"queued-cat\", \"model\": \"sd-3\", \"prompt\": \"hi\"}");
        template().sendBody("direct:generate-and-emit", "{\"id\": \"sunk\", \"prompt\": \"hi\"}");
        template().sendBody("direct:read-stream", "{\"id\": \"streamed\", \"prompt\": \"hi\"}");
        generate("{\"id\": \"direct\", \"prompt\": \"hi\"}");

        Map<String, String> ways = Map.of("filed", "file", "many-1", "batch", "many-2", "batch", "queued", "queue", "queued-cat", "queue",
                "sunk", "sink", "streamed", "stream", "direct", "direct");
        await().untilAsserted(() -> assertThat(StreamSupport.stream(snapshot().path("done").spliterator(), false)
                .collect(Collectors.toMap(line -> line.path("id").asText(), line -> line.path("from").asText()))).isEqualTo(ways));
        assertThat(StreamSupport.stream(snapshot().path("done").spliterator(), false).map(line -> line.path("outcome").asText()))
                .containsOnly("succeeded");
        await().until(() -> snapshot().path("inWork").asInt() == 0);
        assertThat(snapshot().path("figures").path("inFlight").asInt()).isZero();
        assertThat(done("streamed").path("text").asText()).isNotEmpty();
        await().until(() -> captured.results.size() == 4);
        captured.results.clear();
    }

    @Test
    void showsWhatIsDeliveredUntilItIs() throws Exception {
        start(ON, "read", Property.FILE_ENABLED.key(), "true", Property.EMIT_CHUNK.key(), "", Property.EMIT_RESULT.key(), "bean:slow");
        Files.createDirectories(folder.resolve("inbox"));

        Files.writeString(folder.resolve("inbox/filed.txt"), "hi");
        inWork("filed", "delivering");
        assertThat(snapshot().path("done")).isEmpty();
        seen.countDown();

        assertThat(done("filed").path("from").asText()).isEqualTo("file");
    }

    @Override
    protected void configure(Main main) {
        main.bind("slow", (Processor) exchange -> hold(0, 0));
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:read-stream").to("direct:generate-stream").split(body()).streaming().to("log:pieces?level=DEBUG");
            }
        });
    }

    @Test
    void showsWhyARequestHasFailed() throws Exception {
        start(ON, "full", Property.RETRY_MAX_ATTEMPTS.key(), "0", Property.UPSTAGE_API_KEY.key(), "up_canary_key_3f9a");
        simulator.on(Call.CHAT, Reply.json(401, "{\"error\": {\"message\": \"bad key up_canary_key_3f9a\"}}"),
                Reply.rawStream("data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n"));

        generateFails("{\"id\": \"refused\", \"prompt\": \"hi\", \"temperature\": 0.5}");
        generateFails("{\"id\": \"broken\", \"prompt\": \"hi\"}");
        generateFails("{\"id\": \"unknown\", \"model\": \"no-such-model\", \"prompt\": \"hi\"}");
        generateFails("{\"id\": \"no-prompt\"}");

        JsonNode refused = done("refused");
        assertThat(refused.path("outcome").asText()).isEqualTo("failed");
        assertThat(refused.path("error").path("type").asText()).isEqualTo("authentication");
        assertThat(refused.path("error").path("reason").asText()).startsWith("The provider does not take the key");
        assertThat(refused.path("error").path("message").asText()).contains("bad key");
        assertThat(refused.path("error").path("httpStatus").asInt()).isEqualTo(401);
        assertThat(done("broken").path("text").asText()).isEqualTo("Hel");
        assertThat(done("unknown").path("provider").isNull()).isTrue();
        assertThat(done("no-prompt").path("error").path("type").asText()).isEqualTo("invalid-request");
        assertThat(snapshot().path("requests")).isEmpty();
        assertThat(snapshot().toString()).doesNotContain("canary");
        assertThat(console().again(refused.path("no").asLong()).orElseThrow().toString())
                .isEqualTo("{\"prompt\":\"hi\",\"temperature\":0.5}");
        takeChunks();
    }

    @Test
    void showsTheModelsThatWereTried() throws Exception {
        start(ON, "read", Property.RETRY_MAX_ATTEMPTS.key(), "0");
        simulator.on(Call.CHAT, Reply.status(503), Reply.stream("b"));

        generate("{\"id\": \"second\", \"prompt\": \"hi\", \"model\": \"solar-pro4\", \"fallback\": [\"solar-mini\"]}");

        JsonNode done = done("second");
        assertThat(done.path("model").asText()).isEqualTo("solar-mini");
        assertThat(done.path("tried").get(0).path("model").asText()).isEqualTo("solar-pro4");
        assertThat(done.path("tried").get(0).path("type").asText()).isEqualTo("provider-unavailable");
        assertThat(snapshot().path("done")).hasSize(1);
        takeChunks();
    }

    @Test
    void cancelsARequest() throws Exception {
        start(ON, "full");
        simulator.on(Call.CHAT, Reply.stream("a", "b", "c").chunkListener(index -> hold(index, 1)));

        CompletableFuture<Object> answer = template().asyncRequestBody("direct:generate", "{\"id\": \"chat\", \"prompt\": \"Why?\"}");
        inWork("chat", "streaming");
        assertThat(console().cancel("chat")).isTrue();
        assertThat(answer).failsWithin(SOON);
        seen.countDown();

        assertThat(done("chat").path("outcome").asText()).isEqualTo("cancelled");
        assertThat(console().cancel("chat")).isFalse();
        takeChunks();
    }

    @Test
    void doesNothingWhereItMayOnlyRead() throws Exception {
        start(ON, "read");

        for (var act : List.<ThrowingCallable>of(() -> console().cancel("x"), () -> console().again(1),
                () -> console().sendBack("ID:1"))) {
            assertThatThrownBy(act).isInstanceOf(IllegalStateException.class).hasMessage("bactrian.http.console is read");
        }
    }
}
