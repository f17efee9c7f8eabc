package dev.bactrian.routes.replicate;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every shape of a prediction's output (Replicate HTTP API reference, predictions.get), through to the result document and the chunks. */
class ReplicateOutputsTest extends RouteTestSupport {

    private static final String TEXT = "'model': 'gemma-2b'";
    private static final String IMAGE = "'model': 'sd-3'";
    private static final String UNKNOWN = "'model': 'somebody/something'";
    private static final String ABSENT = null;

    /** What a model of a kind puts out, and the parts of the result that it makes up; quotes are single ones. */
    private enum Shape {
        STRING(TEXT, "'Hello'", "{'kind': 'text', 'text': 'Hello', 'chunks': 1}", "Hello"),
        STRING_OF_LINES(TEXT, "'a\\n\\nb'", "{'kind': 'text', 'text': 'a\\n\\nb', 'chunks': 1}", "a\n\nb"),
        PIECES(TEXT, "['\\n\\n', 'Hel', '', 'lo', '']", "{'kind': 'text', 'text': '\\n\\nHello', 'chunks': 3}", "\n\n|Hel|lo"),
        HANGUL(TEXT, "['안녕', '하세요 🐫']", "{'kind': 'text', 'text': '안녕하세요 🐫', 'chunks': 2}", "안녕|하세요 🐫"),
        TEXT_THAT_IS_A_URL(TEXT, "'https://example.org/'", "{'kind': 'text', 'text': 'https://example.org/', 'chunks': 1}",
                "https://example.org/"),
        TEXTS_THAT_ARE_URLS(TEXT, "['https://a/', 'https://b/']", "{'kind': 'text', 'text': 'https://a/https://b/', 'chunks': 2}",
                "https://a/|https://b/"),
        NULL(TEXT, "null", "{'kind': 'text', 'text': '', 'chunks': 0}", ""),
        NOTHING(TEXT, ABSENT, "{'kind': 'text', 'text': '', 'chunks': 0}", ""),
        EMPTY_STRING(TEXT, "''", "{'kind': 'text', 'text': '', 'chunks': 0}", ""),
        EMPTY_LIST(TEXT, "[]", "{'kind': 'text', 'text': '', 'chunks': 0}", ""),
        EMPTY_PIECES(TEXT, "['', '']", "{'kind': 'text', 'text': '', 'chunks': 0}", ""),
        OBJECT(TEXT, "{'a': {'b': [1, null]}}", "{'kind': 'text', 'output': {'a': {'b': [1, null]}}}", ""),
        NUMBER(TEXT, "42", "{'kind': 'text', 'output': 42}", ""),
        EXACT_NUMBER(TEXT, "0.10000000000000000000001", "{'kind': 'text', 'output': 0.10000000000000000000001}", ""),
        BOOLEAN(TEXT, "false", "{'kind': 'text', 'output': false}", ""),
        MIXED_LIST(TEXT, "['a', 1]", "{'kind': 'text', 'output': ['a', 1]}", ""),
        LIST_OF_LISTS(TEXT, "[['a'], []]", "{'kind': 'text', 'output': [['a'], []]}", ""),
        IMAGE_URL(IMAGE, "'https://x.replicate.delivery/a.png'",
                "{'kind': 'image', 'prompt': 'p', 'images': [{'url': 'https://x.replicate.delivery/a.png'}]}", ""),
        IMAGE_URLS(IMAGE, "['https://x/a.png', 'https://x/b.png?c=d']",
                "{'kind': 'image', 'prompt': 'p', 'images': [{'url': 'https://x/a.png'}, {'url': 'https://x/b.png?c=d'}]}", ""),
        IMAGE_DATA(IMAGE, "['data:image/png;base64,iVBORw0KGgo=']",
                "{'kind': 'image', 'prompt': 'p', 'images': [{'url': 'data:image/png;base64,iVBORw0KGgo='}]}", ""),
        IMAGE_URL_AFTER_NULL(IMAGE, "[null, 'https://x/a.png', '']", "{'kind': 'image', 'prompt': 'p', 'images': [{'url': 'https://x/a.png'}]}", ""),
        IMAGE_OBJECT(IMAGE, "{'mask': 'https://x/m.png'}",
                "{'kind': 'image', 'prompt': 'p', 'images': [{'url': 'https://x/m.png'}], 'output': {'mask': 'https://x/m.png'}}", ""),
        IMAGE_OBJECT_WITHOUT_URLS(IMAGE, "{'nsfw': [true]}", "{'kind': 'image', 'prompt': 'p', 'output': {'nsfw': [true]}}", ""),
        UNKNOWN_STRING(UNKNOWN, "'Hello'", "{'kind': 'text', 'text': 'Hello', 'chunks': 1}", "Hello"),
        UNKNOWN_URL(UNKNOWN, "'https://x/a.mp4'", "{'kind': 'image', 'prompt': 'p', 'images': [{'url': 'https://x/a.mp4'}]}", ""),
        UNKNOWN_URLS(UNKNOWN, "['https://x/a', 'https://x/b']",
                "{'kind': 'image', 'prompt': 'p', 'images': [{'url': 'https://x/a'}, {'url': 'https://x/b'}]}", ""),
        UNKNOWN_DATA(UNKNOWN, "'data:image/gif;base64,R0lGOD=='",
                "{'kind': 'image', 'prompt': 'p', 'images': [{'url': 'data:image/gif;base64,R0lGOD=='}]}", ""),
        UNKNOWN_URL_AMONG_TEXT(UNKNOWN, "['see ', 'https://x/a']", "{'kind': 'text', 'text': 'see https://x/a', 'chunks': 2}",
                "see |https://x/a"),
        UNKNOWN_NULL(UNKNOWN, "null", "{'kind': 'text', 'text': '', 'chunks': 0}", ""),
        UNKNOWN_URL_AFTER_NULL(UNKNOWN, "[null, 'https://x/a']", "{'kind': 'image', 'prompt': 'p', 'images': [{'url': 'https://x/a'}]}", ""),
        UNKNOWN_FILES_INSIDE(UNKNOWN, "{'video': {'url': 'https://x/a'}, 'frames': [null, ['https://x/b', 1], 'https://x/a'], 'seed': 7}",
                "{'kind': 'image', 'prompt': 'p', 'images': [{'url': 'https://x/a'}, {'url': 'https://x/b'}],"
                        + " 'output': {'video': {'url': 'https://x/a'}, 'frames': [null, ['https://x/b', 1], 'https://x/a'], 'seed': 7}}", ""),
        OBJECT_WITH_A_URL(TEXT, "{'source': 'https://x/a'}", "{'kind': 'text', 'output': {'source': 'https://x/a'}}", ""),
        HALF_A_PAIR(TEXT, "'hi \\ud83d'", "{'kind': 'text', 'text': 'hi \uFFFD', 'chunks': 1}", "hi \uFFFD"),
        HALVES_IN_TWO_PIECES(TEXT, "['hi \\ud83d', '', '\\udc2a there', '\\ud83d', 'x\\udc2a']",
                "{'kind': 'text', 'text': 'hi 🐪 there\uFFFDx\uFFFD', 'chunks': 3}", "hi |🐪 there|\uFFFDx\uFFFD"),
        HALVES_ALONE(TEXT, "['\\ud83d', '\\udc2a', '\\ud83d']", "{'kind': 'text', 'text': '🐪\uFFFD', 'chunks': 2}", "🐪|\uFFFD"),
        HALVES_IN_A_VALUE(TEXT, "{'\\ud83d': ['\\udc2a', 1], '\\udc2a': 2}",
                "{'kind': 'text', 'output': {'\uFFFD': ['\uFFFD', 1], '\uFFFD\uFFFD': 2}}", ""),
        UNKNOWN_OBJECT(UNKNOWN, "{'a': 1}", "{'kind': 'text', 'output': {'a': 1}}", ""),
        UNKNOWN_ASKED_FOR_AS_TEXT(UNKNOWN + ", 'kind': 'text'", "'https://x/a'",
                "{'kind': 'text', 'text': 'https://x/a', 'chunks': 1}", "https://x/a");

        private final String request;
        private final String output;
        private final String parts;
        private final String chunks;

        Shape(String request, String output, String parts, String chunks) {
            this.request = "{" + request + ", 'prompt': 'p'}";
            this.output = output;
            this.parts = parts;
            this.chunks = chunks;
        }
    }

    @TestFactory
    Stream<DynamicTest> anOutputOfThisShapeMakesUpTheResultAndTheChunks() throws Exception {
        start();
        return Arrays.stream(Shape.values()).map(shape -> dynamicTest(shape.name(), () -> {
            simulator.on(Call.CREATE, created()).on(Call.POLL, ended(shape.output));

            JsonNode result = generate(quoted(shape.request));

            assertThat((JsonNode) ((ObjectNode) result.deepCopy()).retain("kind", "prompt", "text", "chunks", "images", "output"))
                    .isEqualTo(json(shape.parts));
            assertThat(takeChunks()).isEqualTo(shape.chunks);
        }));
    }

    /** An image model that has made no image. */
    private enum Empty {
        NULL("null"), NOTHING(ABSENT), NOTHING_BUT_NULL("[null, null]"), EMPTY_STRING("''"), EMPTY_LIST("[]"), EMPTY_STRINGS("['']");

        private final String output;

        Empty(String output) {
            this.output = output;
        }
    }

    @TestFactory
    Stream<DynamicTest> anImageModelWithoutAnImageIsAnError() throws Exception {
        start();
        return Arrays.stream(Empty.values()).map(empty -> dynamicTest(empty.name(), () -> {
            simulator.on(Call.CREATE, created()).on(Call.POLL, ended(empty.output));

            JsonNode document = generateFails(quoted("{" + IMAGE + ", 'prompt': 'p'}"));

            assertThat(document.path("error").path("type").asText()).isEqualTo("empty-output");
            assertThat(document.path("prediction").path("id").asText()).isEqualTo("p1");
        }));
    }

    @Test
    void anUnknownModelAskedForAsImageWithoutAnImageIsAnError() throws Exception {
        start();
        simulator.on(Call.CREATE, created()).on(Call.POLL, ended("null"));

        assertThat(generateFails(quoted("{" + UNKNOWN + ", 'kind': 'image', 'prompt': 'p'}")).path("error").path("type").asText())
                .isEqualTo("empty-output");
    }

    @Test
    void tenThousandPiecesAreTenThousandChunksInOrder() throws Exception {
        start();
        List<String> pieces = IntStream.range(0, 10_000).mapToObj(i -> " " + i).toList();
        simulator.on(Call.CREATE, created())
                .on(Call.POLL, ended(pieces.stream().map(piece -> "'" + piece + "'").collect(Collectors.joining(",", "[", "]"))));

        JsonNode result = generate(quoted("{" + TEXT + ", 'prompt': 'p'}"));

        assertThat(result.path("text").asText()).isEqualTo(String.join("", pieces));
        assertThat(result.path("chunks").asInt()).isEqualTo(10_000);
        assertThat(captured.chunks).extracting(chunk -> chunk.headers().get("BactrianChunkIndex"))
                .containsExactlyElementsOf(IntStream.range(0, 10_000).boxed().toList());
        assertThat(takeChunks()).isEqualTo(String.join("|", pieces));
    }

    @Test
    void anImageOfMegabytesInADataUrlArrivesWhole() throws Exception {
        start();
        String url = "data:image/png;base64," + "iVBORw0KGgo".repeat(700_000);
        simulator.on(Call.CREATE, created()).on(Call.POLL, succeeded("\"" + url + "\""));

        JsonNode result = generate(quoted("{" + IMAGE + ", 'prompt': 'p'}"));

        assertThat(result.path("images").path(0).path("url").asText()).isEqualTo(url);
    }

    private static Reply ended(String output) {
        return Reply.json(200, quoted("{'id': 'p1', 'status': 'succeeded'" + (output == null ? "" : ", 'output': " + output) + "}"));
    }

    private static String quoted(String json) {
        return json.replace('\'', '"');
    }

    private static JsonNode json(String json) {
        return ProviderJson.json(quoted(json)).orElseThrow();
    }
}
