package dev.bactrian.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers are JSON where they are JSON, and lenient where the services are. */
class ProviderJsonTest {

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"", " ", "<html>busy</html>", "{", "{\"id\":", "{'id':1}"})
    void whatIsNotJsonIsNothing(String body) {
        assertThat(ProviderJson.json(body)).isEmpty();
        assertThat(ProviderJson.message(body)).isEmpty();
    }

    @Test
    void aKeyGivenTwiceIsRead() {
        assertThat(ProviderJson.json("{\"model\":\"a\",\"id\":\"p1\",\"model\":\"b\"}").orElseThrow().path("id").asText()).isEqualTo("p1");
    }

    @ParameterizedTest
    @ValueSource(strings = {"1.0", "0.30", "0.895884", "1763630200", "123456789012345678901234567890", "1E+400"})
    void aNumberKeepsItsDigits(String number) {
        assertThat(ProviderJson.json("{\"n\":" + number + "}").orElseThrow().toString()).isEqualTo("{\"n\":" + number + "}");
    }

    @Test
    void aStringOfTwentyFiveMegabytesIsRead() {
        String image = "data:image/png;base64," + "A".repeat(25_000_000);

        assertThat(ProviderJson.json("{\"output\":[\"" + image + "\"]}").orElseThrow().at("/output/0").textValue()).hasSize(image.length());
    }

    /** What other writers of JSON let pass: it may be paid for. */
    @ParameterizedTest
    @ValueSource(strings = {"{\"id\":\"p1\"}", "\uFEFF{\"id\":\"p1\"}", " \r\n\uFEFF {\"id\":\"p1\"}", "{\"n\":NaN,\"id\":\"p1\"}", "{\"n\":[-Infinity,+Infinity],\"id\":\"p1\"}",
            "{\"n\":\"a\tb\n\u0000\",\"id\":\"p1\"}", "{\"id\":\"p1\",}", "{\"n\":[1,],\"id\":\"p1\"}", "{\"n\":.5,\"m\":5.,\"o\":007,\"id\":\"p1\"}",
            "{\"n\":\"\\x\",\"id\":\"p1\"}", "{\"id\":\"p1\"} trailing", "{\"n\":1e99999999999,\"id\":\"p1\"}", "{\"n\":-1E-99999999999,\"id\":\"p1\"}"})
    void whatIsAlmostJsonIsRead(String body) {
        assertThat(ProviderJson.json(body).orElseThrow().path("id").asText()).isEqualTo("p1");
    }

    @ParameterizedTest
    @CsvSource(quoteCharacter = '|', delimiter = ';', value = {"{\"id\":\"p1\",\"sta; p1", "{\"n\":{\"id\":\"p2\"},\"id\":\"p1\",; p1", "{\"n\":[\"id\"],\"id\":\"p1\" x; p1",
        "{\"id\":\"p1; ||", "{\"n\":{\"id\":\"p1\"; ||", "[\"id\",\"p1\"; ||", "<html>id; ||", "{\"id\":7,\"a; ||", "||; ||"})
    void ofAnAnswerThatBreaksOffAFieldIsRead(String body, String id) {
        assertThat(ProviderJson.begun(body, "id").map(node -> node.path("id").asText()).orElse("")).isEqualTo(id);
    }

    @Test
    void neitherDepthNorLengthIsAnObstacle() {
        assertThat(ProviderJson.json("{\"n\":" + "[".repeat(50_000) + "]".repeat(50_000) + ",\"id\":\"p1\"}").orElseThrow().path("id").asText()).isEqualTo("p1");
        assertThat(ProviderJson.json("{\"n\":" + "7".repeat(50_000) + ",\"id\":\"p1\"}").orElseThrow().path("id").asText()).isEqualTo("p1");
        assertThat(ProviderJson.json("{\"n\":0." + "7".repeat(50_000) + ",\"id\":\"p1\"}").orElseThrow().path("id").asText()).isEqualTo("p1");
        assertThat(ProviderJson.json("{\"" + "n".repeat(200_000) + "\":1,\"id\":\"p1\"}").orElseThrow().path("id").asText()).isEqualTo("p1");
    }

    @Test
    void nestingWithoutEndIsNothing() {
        assertThat(ProviderJson.json("[".repeat(100_000))).isEmpty();
    }

    @Test
    void aMessageIsOnOneLine() {
        assertThat(OneLine.of("  one \r\n\n two\rthree \u2028 four\n")).isEqualTo("one two three four");
    }

    @Test
    void aMessageHasNoControlCharacters() {
        assertThat(OneLine.of("a\u001b[2Jb\u0000c\td\u0085e\u009b\u007ff\u0007")).isEqualTo("a\\u001b[2Jb\\u0000c d e\\u009b\\u007ff\\u0007");
    }

    @Test
    void aMessageIsNotWithoutEnd() {
        assertThat(OneLine.of("x".repeat(100_000))).hasSizeLessThan(3000).startsWith("xxx").endsWith("…");
    }

    @Test
    void aMessageIsNotCutWithinACharacter() {
        assertThat(OneLine.of("x".repeat(1999) + "🐫".repeat(10))).isEqualTo("x".repeat(1999) + "…");
    }

    @Test
    void aMessageIsValidUnicode() {
        assertThat(OneLine.of("cut \uD83D")).isEqualTo("cut \uFFFD");
    }

    @Test
    void aMegabyteOfBlanksIsNothingSpecial() {
        assertTimeoutPreemptively(Duration.ofSeconds(5), () -> OneLine.of("a" + " ".repeat(1_000_000) + "b"));
    }

    @Test
    void aShortMessageIsKeptWhole() {
        assertThat(OneLine.of("x".repeat(2000))).hasSize(2000);
    }

    @Test
    void anyTextSurvivesBeingWritten() throws JsonProcessingException {
        StringBuilder odd = new StringBuilder("\" \\ / \u2028 \u2029 \u007F 한국어 🐫 {{sys:x}} ${sysenv.HOME} RAW(x) ");
        for (char control = 0; control < 32; control++) {
            odd.append(control);
        }

        String written = ProviderJson.JSON.writeValueAsString(JsonNodeFactory.instance.objectNode().put("prompt", odd.toString()));

        assertThat(written).doesNotContain("\n", "\r");
        assertThat(ProviderJson.JSON.readTree(written).path("prompt").textValue()).isEqualTo(odd.toString());
    }
}
