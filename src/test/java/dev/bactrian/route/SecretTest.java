package dev.bactrian.route;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
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
}
