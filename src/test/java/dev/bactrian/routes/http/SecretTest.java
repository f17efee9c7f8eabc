package dev.bactrian.routes.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A token goes to its provider, and to it alone, exactly as it was set. */
class SecretTest extends RouteTestSupport {

    /** Tokens with characters that somebody decodes, splits at or evaluates. */
    enum Token {
        USUAL("r8_abcdefABCDEF0123456789"),
        PERCENT("up_a%2Bb%zz%"),
        PLUS("up_a+b+"),
        URL("up_a&b?c#d=e@f:g/h"),
        PLACEHOLDER_BEGIN("up_{{a"),
        PLACEHOLDER_END("up_a}}"),
        EXPRESSION("up_${sysenv.HOME}$simple{body}"),
        RAW("RAW(up_a)"),
        QUOTES("up_\"a'b"),
        SHORT("k"),
        LONG("up_" + "x".repeat(4000));

        private final String value;

        Token(String value) {
            this.value = value;
        }
    }

    @ParameterizedTest
    @EnumSource
    void theVeryFirstRequestCarriesTheTokenExactlyAsItWasSet(Token token) throws Exception {
        start("bactrian.upstage.api-key", token.value, "bactrian.replicate.api-token", token.value);
        simulator.on(Call.CHAT, Reply.stream("a"));

        generate("hi");
        generate("{\"model\": \"gemma-2b\", \"prompt\": \"hi\"}");

        assertThat(simulator.requests()).hasSizeGreaterThanOrEqualTo(3);
        assertThat(simulator.requests()).allSatisfy(request ->
                assertThat(request.headers().get("Authorization")).containsExactly("Bearer " + token.value));
        captured.chunks.clear();
    }

    @Test
    void eachProviderGetsItsOwnToken() throws Exception {
        start("bactrian.upstage.api-key", "up_key", "bactrian.replicate.api-token", "r8_token");
        simulator.on(Call.CHAT, Reply.stream("a"));

        generate("hi");
        generate("{\"model\": \"gemma-2b\", \"prompt\": \"hi\"}");

        assertThat(simulator.requests(Call.CHAT)).allSatisfy(request -> assertThat(request.header("Authorization")).isEqualTo("Bearer up_key"));
        assertThat(simulator.requests(Call.CREATE)).allSatisfy(request -> assertThat(request.header("Authorization")).isEqualTo("Bearer r8_token"));
        assertThat(simulator.requests(Call.POLL)).allSatisfy(request -> assertThat(request.header("Authorization")).isEqualTo("Bearer r8_token"));
        captured.chunks.clear();
    }

    @Test
    void anErrorCutToItsLongestMessageHoldsNoPartOfTheToken() throws Exception {
        start("bactrian.upstage.api-key", "up_abcdefghijklmnopqrstuvwxyz");
        for (int before = 1960; before < 2010; before += 5) {
            simulator.on(Call.CHAT, Reply.json(401, "{\"error\":{\"message\":\"" + "x".repeat(before) + "up_abcdefghijklmnopqrstuvwxyz\"}}"));

            JsonNode error = generateFails("hi").path("error");

            assertThat(error.path("message").asText()).as("token after %d characters", before).doesNotContain("up_abc");
        }
    }

    private static final String UPSTAGE = "up_abcdefghijk\"/+=lmnop";
    private static final String REPLICATE = "r8_ABCDEFGHIJK/+=LMNOP";

    private void startWithTokens() throws Exception {
        start("bactrian.upstage.api-key", UPSTAGE, "bactrian.replicate.api-token", REPLICATE);
    }

    private static String json(String text) {
        return JsonNodeFactory.instance.textNode(text).toString();
    }

    /** As some writers of JSON have it. */
    private static String escaped(String text) {
        StringBuilder escaped = new StringBuilder();
        text.chars().forEach(c -> escaped.append(String.format("\\u%04x", c)));
        return escaped.toString();
    }

    private void assertNowhere(JsonNode document, String token) {
        assertThat(document.toString()).contains("***").doesNotContain(token.substring(0, 11), token.substring(11),
                URLEncoder.encode(token, StandardCharsets.UTF_8));
        captured.chunks.forEach(chunk -> assertThat(chunk.text()).doesNotContain(token));
        captured.chunks.clear();
    }

    @Test
    void aChatThatEchoesTheTokenShowsItNowhere() throws Exception {
        startWithTokens();
        String usage = "{\"total_tokens\":1,\"who\":" + json(UPSTAGE) + ",\"" + escaped(UPSTAGE) + "\":true}";
        for (String token : List.of(json(UPSTAGE), '"' + escaped(UPSTAGE) + '"', json("https://x/?key=" + URLEncoder.encode(UPSTAGE, StandardCharsets.UTF_8)))) {
            simulator.on(Call.CHAT, Reply.rawStream("data: {\"choices\":[{\"delta\":{\"content\":" + token + "}}]}\n\ndata: {\"choices\":[{\"delta\":{\"reasoning\":" + token + ",\"tool_calls\":[{\"index\":0,\"id\":" + token
                            + ",\"function\":{\"name\":\"f\",\"arguments\":" + token + "}}]},\"finish_reason\":" + token + "}],\"usage\":" + usage + "}\n\ndata: [DONE]\n\n"));

            JsonNode document = generate("hi");

            assertThat(document.path("text").asText()).contains("***");
            assertThat(document.path("usage").path("who").asText()).isEqualTo("***");
            assertNowhere(document, UPSTAGE);
        }
    }

    @Test
    void aTokenThatComesInPiecesIsMaskedInTheResult() throws Exception {
        startWithTokens();
        simulator.on(Call.CHAT, Reply.stream("it is ", UPSTAGE.substring(0, 9), UPSTAGE.substring(9), "."));

        assertThat(generate("hi").path("text").asText()).isEqualTo("it is ***.");
        captured.chunks.clear();
    }

    @Test
    void aPredictionThatEchoesTheTokenShowsItNowhere() throws Exception {
        startWithTokens();
        String echo = json(REPLICATE);
        for (String ended : List.of(
                "\"status\":\"succeeded\",\"output\":[\"a \"," + echo + "],\"metrics\":{\"predict_time\":1,\"who\":" + echo + "}",
                "\"status\":\"succeeded\",\"output\":{\"" + escaped(REPLICATE) + "\":\"" + escaped(REPLICATE) + "\"}",
                "\"status\":\"failed\",\"error\":" + echo,
                "\"status\":\"failed\",\"logs\":" + json("x\nKey " + REPLICATE + " is bad\n"))) {
            simulator.on(Call.CREATE, Reply.json(201, "{\"id\":\"p1\",\"status\":" + echo + "}"));
            simulator.on(Call.POLL, Reply.json(200, "{\"id\":\"p1\",\"status\":\"" + escaped(REPLICATE) + "\"}"), Reply.json(200, "{\"id\":\"p1\"," + ended + "}"));
            String request = "{\"model\":\"gemma-2b\",\"prompt\":\"hi\"}";

            assertNowhere(ended.contains("failed") ? generateFails(request) : generate(request), REPLICATE);
        }
    }

    @Test
    void everyErrorThatIsCutThroughTheTokenHoldsNoPartOfIt() throws Exception {
        startWithTokens();
        for (int before = 1980; before < 2005; before += 4) {
            String said = json("x".repeat(before) + UPSTAGE);
            simulator.on(Call.CHAT, Reply.rawStream("data: {\"error\":{\"message\":" + said + "}}\n\n"),
                    Reply.json(200, "{\"error\":{\"message\":\"" + "x".repeat(before) + escaped(UPSTAGE) + "\"}}"));

            for (int i = 0; i < 2; i++) {
                assertThat(generateFails("hi").path("error").path("message").asText()).as("token after %d characters", before).doesNotContain("up_abcd");
            }
        }
    }
}
