package dev.bactrian.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.it.Client.Ability;
import dev.bactrian.it.Client.Answer;
import dev.bactrian.it.Client.Failure;
import dev.bactrian.it.Client.Question;
import dev.bactrian.it.Client.ToolCall;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What every client is able to do at the service's door. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(120)
abstract class AnyClientTest {

    private static final Duration SOON = Duration.ofSeconds(30);
    private static final String CHAT_MODEL = "solar-pro4";
    private static final String NEVER_ANSWERS = "syn-pro";
    private static final String TEXT_MODEL = "google-deepmind/gemma-2b-it";
    private static final String IMAGE_MODEL = "stability-ai/stable-diffusion-3";
    /** The first event of a stream, its text {@code "Two "}. */
    private static final String PIECE = "data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Two \"}}]}\n\n";
    /** The provider writes one piece, and no more as long as any test runs. */
    private static final Reply ONE_PIECE = Reply.stream("One ", "two").pause(Duration.ofMinutes(10));
    private static final Question QUESTION = Question.of(CHAT_MODEL, "왜 낙타에게 혹이 있을까?");

    private final Service service = Service.start();
    private final Simulator simulator = service.simulator();
    private final String scarceModel;
    private Client client;

    /**
     * Creates the tests.
     *
     * @param scarceModel a model that no other test calls: of one that has just answered, the service waits for the limit by itself
     */
    AnyClientTest(String scarceModel) {
        this.scarceModel = scarceModel;
    }

    /** Creates the client for that address of OpenAI's API. */
    abstract Client client(String baseUrl);

    @BeforeAll
    void start() {
        client = client(service.baseUrl());
    }

    @AfterEach
    void leavesNothingOpen() {
        await().atMost(SOON).until(() -> simulator.concurrent(Call.CHAT) == 0 && simulator.concurrent(Call.STREAM) == 0);
        simulator.reset();
    }

    @AfterAll
    void stop() {
        if (client != null) {
            client.close();
        }
        System.out.println(service.log());
    }

    private Failure failure(ThrowingCallable call) {
        return catchThrowableOfType(Failure.class, call);
    }

    private Answer stream(Question question) {
        return client.stream(question, piece -> true);
    }

    private JsonNode sent() {
        return simulator.requests(Call.CHAT).get(0).json();
    }

    private JsonNode input() {
        return simulator.requests(Call.CREATE).get(0).json().path("input");
    }

    @Test
    void getsAChatWhole() {
        simulator.on(Call.CHAT, Reply.stream("혹에는 ", "지방이 ", "있다."));

        Answer answer = client.chat(QUESTION);

        assertThat(answer).isEqualTo(new Answer("혹에는 지방이 있다.", "", "stop", 4L + 3, List.of()));
        assertThat(sent().path("messages").path(0).path("content").asText()).isEqualTo(QUESTION.text());
        assertThat(sent().path("temperature").asDouble()).isEqualTo(0.2);
        assertThat(sent().path("seed").asInt()).isEqualTo(7);
        assertThat(simulator.requests(Call.CHAT)).singleElement()
                .matches(request -> ("Bearer " + Service.PROVIDER_KEY).equals(request.header("Authorization")));
    }

    @Test
    void getsTheFirstPieceBeforeTheThirdIsWritten() {
        GatedStream gated = new GatedStream();
        simulator.on(Call.CHAT, gated.reply());

        Answer answer = client.stream(QUESTION, gated::arrived);

        gated.assertFirstArrivedBeforeThirdWasWritten();
        assertThat(answer).isEqualTo(new Answer(GatedStream.TEXT, "", "stop", 4L + 4, List.of()));
    }

    @Test
    void getsEachPieceOfAStreamAsItIs() {
        List<String> pieces = new ArrayList<>();
        simulator.on(Call.CHAT, Reply.stream("낙", "타 🐫", "\n\n", "data: [DONE]\n", "\"").splitAt(300).splitAt(301));

        client.stream(QUESTION, pieces::add);

        assertThat(pieces).containsExactly("낙", "타 🐫", "\n\n", "data: [DONE]\n", "\"");
    }

    @Test
    void getsTheReasoning() {
        simulator.always(Call.CHAT, Reply.stream("Two.").reasoning("One hump? ", "No."));

        assertThat(client.chat(QUESTION).reasoning()).isEqualTo("One hump? No.");
        assertThat(stream(QUESTION).reasoning()).isEqualTo("One hump? No.");
    }

    @Test
    void getsCallsOfTools() {
        simulator.always(Call.CHAT, Reply.stream().toolCall("call_1", ToolCall.WEATHER, "{\"city\":", "\"서울\"}")
                .toolCall("call_2", ToolCall.WEATHER, "{\"city\":\"부산\"}"));
        List<ToolCall> calls = List.of(new ToolCall("call_1", ToolCall.WEATHER, "{\"city\":\"서울\"}"),
                new ToolCall("call_2", ToolCall.WEATHER, "{\"city\":\"부산\"}"));

        assertThat(client.chat(QUESTION.withTool())).isEqualTo(new Answer("", "", "tool_calls", 4L + 5, calls));
        assertThat(stream(QUESTION.withTool())).isEqualTo(new Answer("", "", "tool_calls", 4L + 5, calls));
        assertThat(sent().at("/tools/0/function/name").asText()).isEqualTo(ToolCall.WEATHER);
    }

    @Test
    void tellsTheModelWhatItsToolHasSaid() {
        simulator.on(Call.CHAT, Reply.stream("It is cold."));

        assertThat(client.chat(QUESTION.withTool(), new ToolCall("call_1", ToolCall.WEATHER, "{\"city\":\"서울\"}"), "-3 °C").text()).isEqualTo("It is cold.");
        assertThat(sent().at("/messages/1/tool_calls/0/id").asText()).isEqualTo("call_1");
        assertThat(sent().at("/messages/2/role").asText()).isEqualTo("tool");
        assertThat(sent().at("/messages/2/tool_call_id").asText()).isEqualTo("call_1");
        assertThat(sent().at("/messages/2/content").asText()).isEqualTo("-3 °C");
    }

    @Test
    void getsTheTextOfAPrediction() {
        Question question = Question.of(TEXT_MODEL, "A haiku about a long road");

        assertThat(client.chat(question).text()).contains(question.text());
        List<String> pieces = new ArrayList<>();
        assertThat(client.stream(question, pieces::add)).satisfies(answer -> {
            assertThat(answer.text()).contains(question.text()).isEqualTo(String.join("", pieces));
            assertThat(answer.reason()).isEqualTo("stop");
        });
        assertThat(pieces).hasSizeGreaterThan(3);
        assertThat(simulator.predictions()).isEqualTo(2);
    }

    @Test
    void getsTheFirstPieceOfAPredictionBeforeTheThird() {
        GatedStream gated = new GatedStream();
        simulator.on(Call.STREAM, gated.reply());

        Answer answer = client.stream(Question.of(TEXT_MODEL, "Humps"), gated::arrived);

        gated.assertFirstArrivedBeforeThirdWasWritten();
        assertThat(answer.text()).isEqualTo(GatedStream.TEXT);
    }

    @Test
    void getsTheAddressOfAnImage() {
        assertThat(client.image(Question.of(IMAGE_MODEL, "a camel"), "url")).startsWith(simulator.url() + "/files/").endsWith(".png");
        assertThat(input().path("prompt").asText()).isEqualTo("a camel");
        assertThat(input().path("aspect_ratio").asText()).isEqualTo("1:1");
    }

    @Test
    void getsTheBytesOfAnImage() {
        assumeTrue(client.can(Ability.IMAGE_AS_BASE64));
        byte[] png = Base64.getDecoder().decode(client.image(Question.of("sdxl", "a camel"), "b64_json"));

        assertThat(png).startsWith(0x89, 'P', 'N', 'G');
        assertThat(input().path("width").asInt()).isEqualTo(1024);
        assertThat(input().path("height").asInt()).isEqualTo(1024);
    }

    @Test
    void getsAnImageThatIsMadeOfAnother(@TempDir Path folder) throws IOException {
        byte[] png = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0};
        Path file = Files.write(folder.resolve("camel.png"), png);

        assertThat(client.edit(Question.of("sd-3", "a third hump"), file.toAbsolutePath())).startsWith(simulator.url() + "/files/").endsWith(".png");
        assertThat(input().path("prompt").asText()).isEqualTo("a third hump");
        assertThat(input().path("image").asText()).isEqualTo("data:image/png;base64," + Base64.getEncoder().encodeToString(png));
    }

    @Test
    void listsTheModels() {
        assertThat(client.models()).contains(CHAT_MODEL, TEXT_MODEL, IMAGE_MODEL).doesNotHaveDuplicates();
    }

    @Test
    void findsAModelWhoseIdHasASlash() {
        assumeTrue(client.can(Ability.RETRIEVE_MODEL));

        assertThat(client.model(CHAT_MODEL)).isEqualTo(CHAT_MODEL);
        assertThat(client.model(IMAGE_MODEL)).isEqualTo(IMAGE_MODEL);
        assertThat(failure(() -> client.model("nobody/knows/it")).status()).isEqualTo(404);
    }

    @Test
    void isToldOfAnUnknownModel() {
        Question unknown = Question.of("gpt-9", "hi");

        assertThat(failure(() -> client.chat(unknown))).returns(404, Failure::status).hasMessageContaining("gpt-9");
        assertThat(failure(() -> stream(unknown))).returns(404, Failure::status).hasMessageContaining("gpt-9");
        assertThat(failure(() -> client.image(unknown, "url"))).returns(404, Failure::status);
        assertThat(simulator.requests()).isEmpty();
    }

    @Test
    void isToldOfAWrongKey() {
        Question stranger = QUESTION.key("sk-of-a-stranger");

        assertThat(failure(() -> client.chat(stranger)).status()).isEqualTo(401);
        assertThat(failure(() -> stream(stranger)).status()).isEqualTo(401);
        assertThat(failure(() -> client.image(stranger, "url")).status()).isEqualTo(401);
        assertThat(simulator.requests()).isEmpty();
    }

    @Test
    void isToldOfAMalformedRequest() {
        assertThat(failure(() -> client.chat(QUESTION.n(2)))).returns(400, Failure::status).hasMessageContaining("n");
        assertThat(failure(() -> stream(QUESTION.n(2))).status()).isEqualTo(400);
        assertThat(simulator.requests()).isEmpty();
    }

    /** A 401 would say that the caller's own key is wrong. */
    @Test
    void isToldThatTheProviderRefusesTheKeyOfTheService() {
        simulator.always(Call.CHAT, Reply.json(401, "{\"error\":{\"message\":\"no such key\"}}"));

        assertThat(failure(() -> client.chat(QUESTION)).status()).isEqualTo(502);
        assertThat(failure(() -> stream(QUESTION)).status()).isEqualTo(502);
    }

    @Test
    void isToldOfARateLimit() {
        Question limited = Question.of(NEVER_ANSWERS, "hi");
        simulator.always(Call.CHAT, Reply.json(429, "{\"error\":{\"message\":\"slow down\"}}").header("Retry-After", "1"));

        assertThat(failure(() -> client.chat(limited)).status()).isEqualTo(429);
        assertThat(failure(() -> stream(limited)).status()).isEqualTo(429);
    }

    @Test
    void triesAgainAfterTheTimeOfARateLimit() {
        Question limited = Question.of(scarceModel, "hi").retries(2);
        AtomicLong retried = new AtomicLong();
        simulator.on(Call.CHAT, Reply.json(429, "{\"error\":{\"message\":\"slow down\"}}").header("Retry-After", "2"),
                Reply.stream("hello").chunkListener(piece -> retried.set(System.nanoTime())));

        long asked = System.nanoTime();
        assertThat(client.chat(limited).text()).isEqualTo("hello");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(2);
        if (client.can(Ability.OBEY_RETRY_AFTER)) {
            assertThat(Duration.ofNanos(retried.get() - asked)).isGreaterThan(Duration.ofMillis(1500));
        }
    }

    @Test
    void isToldOfATimeout() {
        simulator.always(Call.POLL, Reply.prediction("processing", null));

        assertThat(failure(() -> client.image(Question.of("sd-3", "a camel"), "url")).status()).isEqualTo(504);
        assertThat(failure(() -> client.chat(Question.of("llama-3-8b", "hi"))).status()).isEqualTo(504);
    }

    @Test
    void raisesAnErrorInMidStream() {
        List<String> pieces = new ArrayList<>();
        simulator.on(Call.CHAT, Reply.rawStream(PIECE + "data: {\"error\":{\"message\":\"out of humps\",\"type\":\"server_error\"}}\n\n"));

        assertThat(failure(() -> client.stream(QUESTION, pieces::add))).hasMessageContaining("out of humps");
        assertThat(pieces).containsExactly("Two ");
    }

    @Test
    void raisesTheEndOfAStreamThatBreaksOff() {
        List<String> pieces = new ArrayList<>();
        simulator.on(Call.CHAT, Reply.rawStream(PIECE + "data: {").cutAt(PIECE.length() + 3));

        assertThat(failure(() -> client.stream(QUESTION, pieces::add))).hasMessageContaining("broke off");
        assertThat(pieces).containsExactly("Two ");
    }

    @Test
    void endsTheCallUpstreamWhenItClosesTheStream() {
        simulator.on(Call.CHAT, ONE_PIECE);
        AtomicLong closed = new AtomicLong();

        client.stream(QUESTION, piece -> {
            assertThat(simulator.clientAborts()).isZero();
            closed.set(System.nanoTime());
            return false;
        });

        await().atMost(SOON).pollInterval(Duration.ofMillis(10)).until(() -> simulator.clientAborts() == 1);
        // A second, and what a busy machine needs.
        assertThat(Duration.ofNanos(System.nanoTime() - closed.get())).isLessThan(Duration.ofSeconds(5));
        assertThat(simulator.concurrent(Call.CHAT)).isZero();
    }

    @Test
    void endsTheCallUpstreamWhenItNoLongerWaits() {
        simulator.on(Call.CHAT, ONE_PIECE);

        assertThat(failure(() -> client.chat(QUESTION.seconds(1)))).returns(0, Failure::status);

        await().atMost(SOON).until(() -> simulator.clientAborts() == 1);
    }

    @Test
    void cancelsThePredictionWhenItClosesTheStream() {
        simulator.on(Call.STREAM, ONE_PIECE);
        simulator.always(Call.POLL, Reply.prediction("processing", null));

        client.stream(Question.of(TEXT_MODEL, "Humps"), piece -> false);

        await().atMost(SOON).until(() -> simulator.count(Call.CANCEL) == 1);
    }
}
