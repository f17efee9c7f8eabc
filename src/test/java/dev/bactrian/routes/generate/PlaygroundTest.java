package dev.bactrian.routes.generate;

import static dev.bactrian.routes.support.ReplicateReplies.poll;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Reply;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** With {@code bactrian.profile=playground} Bactrian speaks as the services' keyless web playgrounds were spoken to. */
class PlaygroundTest extends RouteTestSupport {

    private static final String CONVERSATION = "'messages': [{'role': 'system', 'content': 'Be brief.'},"
            + " {'role': 'user', 'content': 'Hi'}, {'role': 'assistant', 'content': ' '}, {'role': 'user', 'content': 'Bye'}]";

    private void startPlayground(String... properties) throws Exception {
        List<String> all = new ArrayList<>(List.of("bactrian.profile", "playground",
                "bactrian.replicate.api-endpoint", simulator.homepageCreateUrl(),
                "bactrian.replicate.poll-endpoint", simulator.homepagePollUrl(),
                "bactrian.upstage.api-endpoint", simulator.playgroundChatUrl()));
        all.addAll(List.of(properties));
        start(all.toArray(String[]::new));
    }

    @Test
    void aTextIsMadeAtTheHomepage() throws Exception {
        startPlayground();

        JsonNode result = generate(quoted("{'provider': 'replicate', 'prompt': 'a camel'}"));

        RecordedRequest create = simulator.requests(Call.CREATE).get(0);
        assertThat(create.path()).isEqualTo("/api/prediction");
        assertThat(create.bodyText()).isEqualTo(quoted("{'model':'google-deepmind/gemma-2b-it',"
                + "'version':'dff94eaf770e1fc211e425a50b51baa8e4cac6c39ef074681f9e39d778773626','input':{'prompt':'a camel'}}"));
        assertThat(simulator.requests(Call.POLL)).extracting(RecordedRequest::path)
                .containsOnly("/api/poll?id=" + result.path("prediction").path("id").asText());
        assertThat(takeChunks().replace("|", "")).isNotEmpty().isEqualTo(result.path("text").asText());
    }

    @Test
    void anImageIsMadeFromTheLastMessageThere() throws Exception {
        startPlayground();

        JsonNode result = generate(quoted("{'kind': 'image', 'provider': 'replicate', 'num_outputs': 2, " + CONVERSATION + "}"));

        assertThat(simulator.requests(Call.CREATE).get(0).bodyText()).isEqualTo(quoted("{'model':'stability-ai/stable-diffusion-3',"
                + "'version':'527d2a6296facb8e47ba1eaf17f142c240c19a30894f437feee9b91cc29d8e4f','input':{'prompt':'Bye','num_outputs':2}}"));
        assertThat(result.path("images")).hasSize(2);
        assertThat(result.path("prompt").asText()).isEqualTo("Bye");
    }

    @Test
    void aConversationIsFlattenedForATextModel() throws Exception {
        startPlayground();

        generate(quoted("{'model': 'gemma-2b', " + CONVERSATION + "}"));

        assertThat(simulator.requests(Call.CREATE).get(0).json().path("input").path("prompt").asText())
                .isEqualTo("System: Be brief.\nUser: Hi\nUser: Bye\nAssistant:");
        assertThat(takeChunks()).isNotEmpty();
    }

    @Test
    void aConversationIsOneMessageOfAChat() throws Exception {
        startPlayground();
        simulator.on(Call.CHAT, Reply.stream("안녕", "하세요"));

        JsonNode result = generate(quoted("{" + CONVERSATION + "}"));

        RecordedRequest chat = simulator.requests(Call.CHAT).get(0);
        assertThat(chat.path()).isEqualTo("/v1/web/demo/chat/completions");
        assertThat(chat.json()).isEqualTo(ProviderJson.json(quoted("{'stream': true, 'model': 'solar-pro', 'messages': [{'role': 'user',"
                + " 'content': 'System: Be brief.\\nUser: Hi\\nUser: Bye\\nAssistant:'}]}")).orElseThrow());
        assertThat(result.path("text").asText()).isEqualTo("안녕하세요");
        assertThat(takeChunks()).isEqualTo("안녕|하세요");
    }

    @ParameterizedTest
    @CsvSource({"solar-mini, upstage/solar-1-mini-chat-ja", "upstage/solar-1-mini-chat-ja, upstage/solar-1-mini-chat-ja",
        "upstage/solar-1-mini-chat, upstage/solar-1-mini-chat", "solar-pro, solar-pro", "no-such-model, solar-pro"})
    void aChatsModelIsTheOneOfThatNameOrTheDefault(String asked, String sent) throws Exception {
        startPlayground();
        simulator.on(Call.CHAT, Reply.stream("a"));

        JsonNode result = generate(quoted("{'provider': 'upstage', 'model': '" + asked + "', 'prompt': 'hi'}"));

        assertThat(result.path("model").asText()).isEqualTo(sent);
        assertThat(simulator.requests(Call.CHAT).get(0).json().path("model").asText()).isEqualTo(sent);
        assertThat(takeChunks()).isEqualTo("a");
    }

    @Test
    void neitherATokenNorADeadlineIsSent() throws Exception {
        startPlayground();

        generate(quoted("{'provider': 'replicate', 'prompt': 'hi'}"));
        generate("hi");

        assertThat(simulator.requests()).hasSize(5).allSatisfy(request -> {
            assertThat(request.header("Authorization")).isNull();
            assertThat(request.header("Cancel-After")).isNull();
        });
        assertThat(takeChunks()).isNotEmpty();
    }

    @Test
    void aPlaygroundAnswerIsReadThoughItsTypeIsPlainText() throws Exception {
        startPlayground();
        simulator.on(Call.CREATE, Reply.body(200, "text/plain;charset=UTF-8", quoted("{'id': 'p1'}").getBytes()))
                .on(Call.POLL, Reply.body(200, "text/plain;charset=UTF-8", quoted("{'id': 'p1', 'status': 'processing'}").getBytes()),
                        Reply.body(200, "text/plain", quoted("{'id': 'p1', 'status': 'succeeded', 'output': ['a', 'b']}").getBytes()));

        assertThat(generate(quoted("{'model': 'gemma-2b', 'prompt': 'hi'}")).path("text").asText()).isEqualTo("ab");
        assertThat(takeChunks()).isEqualTo("a|b");
    }

    @Test
    void thirtyPollsAreTheBudgetAndNothingIsCancelled() throws Exception {
        startPlayground();
        simulator.always(Call.POLL, poll("processing"));

        JsonNode error = generateFails(quoted("{'model': 'gemma-2b', 'prompt': 'hi'}")).path("error");

        assertThat(error.path("type").asText()).isEqualTo("timeout");
        assertThat(simulator.count(Call.POLL)).isEqualTo(30);
        await().during(Duration.ofMillis(300)).until(() -> simulator.requests().size() == 31);
    }

    @Test
    void eachDefaultOfThePlaygroundCanBeSet() throws Exception {
        startPlayground("bactrian.replicate.poll-max-attempts", "2", "bactrian.upstage.prompt-style", "messages",
                "bactrian.upstage.api-key", "up_key", "bactrian.default-model", "solar-mini");
        simulator.always(Call.POLL, poll("processing")).on(Call.CHAT, Reply.stream("a"));

        generateFails(quoted("{'model': 'gemma-2b', 'prompt': 'hi'}"));
        generate(quoted("{" + CONVERSATION + "}"));

        RecordedRequest chat = simulator.requests(Call.CHAT).get(0);
        assertThat(simulator.count(Call.POLL)).isEqualTo(2);
        assertThat(chat.json().path("messages")).hasSize(4);
        assertThat(chat.json().path("model").asText()).isEqualTo("upstage/solar-1-mini-chat-ja");
        assertThat(chat.header("Authorization")).isEqualTo("Bearer up_key");
        assertThat(takeChunks()).isEqualTo("a");
    }

    private static String quoted(String json) {
        return json.replace('\'', '"');
    }
}
