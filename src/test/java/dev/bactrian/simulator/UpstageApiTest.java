package dev.bactrian.simulator;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Chat completions as Upstage gives them, seen by an HTTP client. */
class UpstageApiTest {

    private Simulator simulator = Simulator.builder().pause(Duration.ofMillis(1)).start();

    @AfterEach
    void close() {
        assertThat(simulator.concurrent(Call.CHAT)).isZero();
        assertThat(simulator.clientAborts()).isZero();
        simulator.close();
    }

    @Test
    void aStreamHasRoleWordsFinishReasonAndDone() throws IOException {
        HttpResponse<String> response = Web.post(simulator.chatUrl(), chat("solar-pro4", "two humps?", true, ""));

        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(response.headers().firstValue("Content-Type")).contains("text/event-stream");
        List<JsonNode> chunks = chunks(response.body());
        assertThat(chunks.get(0).at("/choices/0/delta/role").asText()).isEqualTo("assistant");
        assertThat(chunks.get(chunks.size() - 1).at("/choices/0/finish_reason").asText()).isEqualTo("stop");
        assertThat(chunks.get(chunks.size() - 1).at("/choices/0/delta")).isEmpty();
        assertThat(chunks).hasSizeGreaterThan(10).allSatisfy(chunk -> {
            assertThat(chunk.path("object").asText()).isEqualTo("chat.completion.chunk");
            assertThat(chunk.path("id")).isEqualTo(chunks.get(0).path("id"));
            assertThat(chunk.path("model").asText()).isEqualTo("solar-pro4-260806");
            assertThat(chunk.has("usage")).isFalse();
        });
        assertThat(text(chunks)).contains("two humps?");
    }

    @Test
    void theModelsAreListedToWhoeverHasAKey() throws IOException {
        HttpResponse<String> response = Web.get(simulator.url() + "/v1/models");

        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(Json.parse(response.body().getBytes(StandardCharsets.UTF_8)).path("data").findValuesAsText("id")).contains("solar-pro4", "solar-pro4-260806");
        assertThat(simulator.count(Call.MODELS)).isOne();
    }

    @Test
    void theUsageComesInAChunkWithoutChoicesWhenAskedFor() throws IOException {
        List<JsonNode> chunks = chunks(Web.post(simulator.chatUrl(),
                chat("solar-pro4", "a b c", true, ",\"stream_options\":{\"include_usage\":true}")).body());

        JsonNode last = chunks.get(chunks.size() - 1);
        assertThat(last.path("choices").isArray()).isTrue();
        assertThat(last.path("choices")).isEmpty();
        assertThat(last.at("/usage/prompt_tokens").asInt()).isEqualTo(3);
        assertThat(last.at("/usage/total_tokens").asInt())
                .isEqualTo(3 + last.at("/usage/completion_tokens").asInt());
        assertThat(chunks.subList(0, chunks.size() - 1)).allMatch(chunk -> chunk.get("usage").isNull());
    }

    @Test
    void withoutStreamTheAnswerIsOneDocument() throws IOException {
        HttpResponse<String> response = Web.post(simulator.chatUrl(), chat("solar-mini", "낙타?", false, ""));

        JsonNode body = Json.parse(response.body());
        assertThat(body.path("object").asText()).isEqualTo("chat.completion");
        assertThat(body.path("model").asText()).isEqualTo("solar-mini-250422");
        assertThat(body.at("/choices/0/message/content").asText()).contains("낙타?", "쌍봉낙타");
        assertThat(body.at("/usage/total_tokens").asInt()).isPositive();
        assertThat(response.headers().firstValue("x-upstage-ratelimit-reset-requests").orElseThrow())
                .matches("[0-9]{10}");
    }

    @Test
    void aModelThatIsToldToThinkShowsItsThoughtsFirst() throws IOException {
        List<JsonNode> chunks = chunks(Web.post(simulator.chatUrl(),
                chat("solar-pro4", "x", true, ",\"reasoning_effort\":\"low\"")).body());

        assertThat(chunks.get(1).at("/choices/0/delta/reasoning").asText()).isNotEmpty();
        assertThat(text(chunks)).doesNotContain("so Bactrian");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{'model':'solar-pro4','messages':[{'role':'developer','content':'x'}]} | developer",
        "{'model':'solar-pro4','messages':[{'role':'user','content':'x'}],'store':true} | store",
        "{'model':'solar-pro4','messages':[]} | messages",
        "{'messages':[{'role':'user','content':'x'}]} | model",
        "{'model':'solar-open2','messages':[{'role':'user','content':'x'}]} | not available",
        "{'model':'solar-mini','messages':[{'role':'user','content':'x'}],'reasoning_effort':'low'} | reasoning_effort",
        "{'model':'solar-pro4','messages':[{'role':'user','content':[{'type':'image_url'}]}]} | text",
        "nonsense | JSON",
        "[] | object",
    })
    void aBadRequestIsRefusedByName(String body, String named) throws IOException {
        HttpResponse<String> response = Web.post(simulator.chatUrl(), body.replace('\'', '"'));

        assertThat(response.statusCode()).isEqualTo(400);
        JsonNode error = Json.parse(response.body()).path("error");
        assertThat(error.path("message").asText()).contains(named);
        assertThat(error.path("type").asText()).isEqualTo("invalid_request_error");
        assertThat(error.path("code").asText()).isEqualTo("invalid_request_body");
    }

    @Test
    void aWrongKeyIsRefusedExceptAtThePlayground() throws IOException {
        simulator.close();
        simulator = Simulator.builder().requireToken("up_test").pause(Duration.ZERO).start();
        String body = chat("solar-pro", "x", true, "");

        HttpResponse<String> refused = Web.post(simulator.chatUrl(), body);
        assertThat(refused.statusCode()).isEqualTo(401);
        assertThat(Json.parse(refused.body()).at("/error/code").asText()).isEqualTo("invalid_api_key");
        assertThat(Web.post(simulator.chatUrl(), body, "Authorization", "Bearer up_test").statusCode()).isEqualTo(200);
        assertThat(Web.post(simulator.playgroundChatUrl(), body).body()).endsWith("data: [DONE]\n\n");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(3);
    }

    @ParameterizedTest
    @ValueSource(strings = {"upstage/solar-1-mini-chat", "some-model"})
    void aModelWithoutASnapshotKeepsItsName(String model) throws IOException {
        assertThat(chunks(Web.post(simulator.playgroundChatUrl(), chat(model, "x", true, "")).body()).get(0)
                .path("model").asText()).isEqualTo(model);
    }

    @Test
    void aScriptedStreamSaysExactlyItsPieces() throws IOException {
        simulator.on(Call.CHAT, Reply.stream("안", "", "\"\n\\", " 🐫").reasoning("hm"));

        List<JsonNode> chunks = chunks(Web.post(simulator.chatUrl(), chat("solar-pro4", "x", true, "")).body());

        assertThat(chunks).hasSize(7);
        assertThat(text(chunks)).isEqualTo("안\"\n\\ 🐫");
        assertThat(chunks.get(1).at("/choices/0/delta/reasoning").asText()).isEqualTo("hm");
    }

    @Test
    void callsOfToolsComeInPiecesAfterTheText() throws IOException {
        simulator.on(Call.CHAT, Reply.stream("hm").toolCall("call_1", "weather", "{\"city\":", "\"서울\"}").toolCall("call_2", "time"));

        List<JsonNode> chunks = chunks(Web.post(simulator.chatUrl(), chat("solar-pro4", "x", true, "")).body());
        assertThat(chunks).extracting(chunk -> chunk.at("/choices/0/delta").toString()).containsExactly(
                "{\"role\":\"assistant\",\"content\":\"\"}", "{\"content\":\"hm\"}",
                "{\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"weather\",\"arguments\":\"\"}}]}",
                "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"city\\\":\"}}]}",
                "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"\\\"서울\\\"}\"}}]}",
                "{\"tool_calls\":[{\"index\":1,\"id\":\"call_2\",\"type\":\"function\",\"function\":{\"name\":\"time\",\"arguments\":\"\"}}]}",
                "{}");
        assertThat(chunks.get(6).at("/choices/0/finish_reason").asText()).isEqualTo("tool_calls");
    }

    @Test
    void aFixedNumberOfPiecesComesCompleteAndInOrder() throws IOException {
        simulator.close();
        simulator = Simulator.builder().pieces(100_000).pause(Duration.ZERO).recording(false).start();
        String body = chat("solar-pro4", "x", true, ",\"stream_options\":{\"include_usage\":true}");

        for (int run = 0; run < 2; run++) {
            List<JsonNode> chunks = chunks(Web.post(simulator.chatUrl(), body).body());
            assertThat(chunks).hasSize(100_003);
            String[] numbers = text(chunks).split(" ");
            assertThat(numbers).hasSize(100_000);
            assertThat(numbers[0] + numbers[99_999]).isEqualTo("099999");
        }
        assertThat(simulator.requests()).isEmpty();
        assertThat(simulator.count(Call.CHAT)).isEqualTo(2);
    }

    static String chat(String model, String prompt, boolean stream, String more) {
        return "{\"model\":\"" + model + "\",\"messages\":[{\"role\":\"user\",\"content\":\"" + prompt
                + "\"}],\"stream\":" + stream + more + "}";
    }

    /** The data of the events but the last, which must be {@code [DONE]}. */
    private static List<JsonNode> chunks(String stream) throws IOException {
        List<JsonNode> chunks = new ArrayList<>();
        String[] events = stream.split("\n\n");
        for (int i = 0; i < events.length - 1; i++) {
            if (!events[i].startsWith("data: ")) {
                throw new AssertionError("not a data event: " + events[i]);
            }
            chunks.add(Json.parse(events[i].substring(6)));
        }
        assertThat(events[events.length - 1]).isEqualTo("data: [DONE]");
        return chunks;
    }

    private static String text(List<JsonNode> chunks) {
        StringBuilder text = new StringBuilder();
        chunks.forEach(chunk -> text.append(chunk.at("/choices/0/delta/content").asText()));
        return text.toString();
    }
}
