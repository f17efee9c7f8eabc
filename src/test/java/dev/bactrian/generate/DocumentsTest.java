package dev.bactrian.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.model.Kind;
import dev.bactrian.model.Model;
import dev.bactrian.model.ProviderName;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.text.ProviderJson;
import dev.bactrian.upstage.ChatStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The documents that go out, field by field in the order of docs/reference/documents.md. */
class DocumentsTest {

    private static final Model SOLAR = new Model(ProviderName.UPSTAGE, "solar-pro", Kind.TEXT, "solar-pro");
    private static final Model SD_3 = new Model(ProviderName.REPLICATE, "stability-ai/stable-diffusion-3", Kind.IMAGE, "527d");

    private static Generation generation(String id, Model model) {
        return Generation.begin(id, GenerateRequest.ofPrompt("hi"), model, true, "");
    }

    private static List<String> fields(JsonNode document) {
        List<String> names = new ArrayList<>();
        document.fieldNames().forEachRemaining(names::add);
        return names;
    }

    private static ObjectNode prediction() {
        return JsonNodeFactory.instance.objectNode().put("id", "p1");
    }

    private static GenerationFailure failed() {
        return new GenerationFailure(ErrorType.PREDICTION_FAILED, "NSFW content detected");
    }

    @Test
    void aResultOfUpstageHasTheFieldsOfTheContract() {
        String wire = """
                data: {"choices":[{"delta":{"content":"안녕"},"finish_reason":"stop"}]}

                data: {"choices":[],"usage":{"total_tokens":8}}

                data: [DONE]

                """;
        ChatStream stream = new ChatStream("greeting", new java.io.ByteArrayInputStream(wire.getBytes(StandardCharsets.UTF_8)));
        stream.forEachRemaining(piece -> { });

        ObjectNode document = Documents.result(generation("greeting", SOLAR), stream.answer());

        assertThat(fields(document)).containsExactly(
                "id", "status", "provider", "model", "kind", "text", "finishReason", "usage", "chunks", "startedAt", "durationMs");
        assertThat(Documents.text(document)).startsWith(
                "{\"id\":\"greeting\",\"status\":\"succeeded\",\"provider\":\"upstage\",\"model\":\"solar-pro\",\"kind\":\"text\",\"text\":\"안녕\",\"finishReason\":\"stop\"");
    }

    @Test
    void aResultOfReplicateHasTheFieldsOfTheContract() {
        ObjectNode answer = JsonNodeFactory.instance.objectNode().put("kind", "image").put("prompt", "a cat");
        answer.putArray("images").addObject().put("url", "https://x/out.png");
        answer.set("prediction", prediction());

        assertThat(fields(Documents.result(generation("cat", SD_3), answer))).containsExactly(
                "id", "status", "provider", "model", "kind", "prompt", "images", "prediction", "startedAt", "durationMs");
    }

    @Test
    void anErrorHasTheFieldsOfTheContract() {
        ObjectNode document = Documents.error(generation("cat", SD_3), failed(), "", prediction());

        assertThat(fields(document)).containsExactly(
                "id", "status", "provider", "model", "error", "partialText", "prediction", "startedAt", "durationMs");
        assertThat(document.path("error")).hasToString(
                "{\"type\":\"prediction-failed\",\"message\":\"NSFW content detected\",\"httpStatus\":null,\"attempts\":1,\"retryable\":false}");
    }

    @Test
    void anErrorBeforeAPredictionHasNone() {
        assertThat(fields(Documents.error(generation("cat", SD_3), failed(), "Hel", null))).containsExactly(
                "id", "status", "provider", "model", "error", "partialText", "startedAt", "durationMs");
    }

    @Test
    void anErrorKeepsWhatCame() {
        assertThat(Documents.error(generation("a", SOLAR), failed(), "Hel", null).path("partialText").asText()).isEqualTo("Hel");
    }

    @Test
    void anErrorOfARequestThatWasNeverTakenHasTheSameFields() {
        ObjectNode document = Documents.error("cat", failed(), Instant.parse("2026-11-21T01:02:03.456789Z"));

        assertThat(document).hasToString("{\"id\":\"cat\",\"status\":\"failed\",\"provider\":null,\"model\":null,\"error\":"
                + "{\"type\":\"prediction-failed\",\"message\":\"NSFW content detected\",\"httpStatus\":null,\"attempts\":1,\"retryable\":false},"
                + "\"partialText\":\"\",\"startedAt\":\"2026-11-21T01:02:03.456Z\",\"durationMs\":0}");
    }

    @Test
    void anErrorSaysStatusAttemptsAndWhetherToTryAgain() {
        GenerationFailure failure = new GenerationFailure(ErrorType.RATE_LIMITED, "slow down", 429, 4, true, null);

        assertThat(Documents.error("a", failure, Instant.now()).path("error")).hasToString(
                "{\"type\":\"rate-limited\",\"message\":\"slow down\",\"httpStatus\":429,\"attempts\":4,\"retryable\":true}");
    }

    @Test
    void aMessageIsOnOneLine() {
        assertThat(Documents.error("a", new GenerationFailure(ErrorType.TIMEOUT, "one\n\tat two\r\nthree"), Instant.now()).at("/error/message").asText())
                .isEqualTo("one at two three");
    }

    @ParameterizedTest
    @EnumSource
    void everyErrorTypeIsWrittenInLowerCaseWithDashes(ErrorType type) {
        assertThat(type.toString()).matches("[a-z]+(-[a-z]+)?").isEqualTo(type.name().toLowerCase().replace('_', '-'));
    }

    @Test
    void theTimeIsUtcAndTheDurationIsInMilliseconds() {
        JsonNode document = Documents.result(generation("a", SOLAR), JsonNodeFactory.instance.objectNode());

        assertThat(document.path("startedAt").asText()).matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{3})?Z");
        assertThat(document.path("durationMs").isIntegralNumber()).isTrue();
        assertThat(document.path("durationMs").asLong()).isBetween(0L, 60_000L);
    }

    @ParameterizedTest
    @ValueSource(strings = {"안녕하세요 🐫", "\" \\ / \b\f\n\r\t\u0000\u001F", "\u2028\u2029", "{{sys:x}} ${sysenv.HOME} $simple{x} RAW(x)", "</script>"})
    void anyTextSurvivesBeingADocument(String text) {
        String written = Documents.text(JsonNodeFactory.instance.objectNode().put("text", text));

        assertThat(ProviderJson.json(written).orElseThrow().path("text").asText()).isEqualTo(text);
        assertThat(written).hasLineCount(1);
    }

    @Test
    void theHeadersAreThoseOfTheContract() {
        assertThat(Documents.headers(generation("cat", SD_3), "image", "succeeded").toString()).isEqualTo(
                "{BactrianRequestId=cat, BactrianProvider=replicate, BactrianModel=stability-ai/stable-diffusion-3,"
                        + " BactrianKind=image, BactrianStatus=succeeded}");
    }

    @Test
    void aKindThatNobodyKnowsIsNoHeader() {
        assertThat(Documents.headers(generation("cat", SD_3), null, "failed")).doesNotContainKey("BactrianKind");
    }
}
