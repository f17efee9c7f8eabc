package dev.bactrian.request;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.model.Kind;
import dev.bactrian.model.ProviderName;
import dev.bactrian.request.RequestReader.Format;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a request may look like, and what is said about one that is wrong: docs/reference/requests.md, row by row. */
class RequestReaderTest {

    private static final String BOM = "\uFEFF";

    private final RequestReader reader = new RequestReader(1_000_000);

    private GenerateRequest json(String text) {
        return reader.read(text, Format.JSON);
    }

    private static GenerationFailure failure(Runnable read) {
        try {
            read.run();
        } catch (GenerationFailure e) {
            assertThat(e.type()).isEqualTo(ErrorType.INVALID_REQUEST);
            assertThat(e.retryable()).isFalse();
            return e;
        }
        return fail("read without a failure");
    }

    @Test
    void plainTextIsAMessageOfTheUser() {
        GenerateRequest request = reader.read("hello", Format.TEXT);

        assertThat(request.messages()).containsExactly(ChatMessage.of("user", "hello"));
        assertThat(request.prompt()).isNull();
        assertThat(request.id()).isNull();
        assertThat(request.model()).isNull();
        assertThat(request.options()).isEmpty();
    }

    @Test
    void plainTextIsKeptAsItIs() {
        String text = "  two\r\n lines, 한국어 🐫, {{sys:x}} ${sysenv.HOME} RAW(x) ?a=b&c ../ \u0000 \u2028 end \n";

        assertThat(reader.read(text.getBytes(StandardCharsets.UTF_8), Format.TEXT).promptFor(false)).isEqualTo(text);
    }

    /** Whether a body is read as JSON. */
    enum Body {
        TEXT_AS_TEXT("hello", Format.TEXT, "hello"),
        JSON_AS_TEXT("{\"prompt\":\"a\"}", Format.TEXT, "{\"prompt\":\"a\"}"),
        JSON_AS_JSON("{\"prompt\":\"a\"}", Format.JSON, "a"),
        JSON_WITH_BLANKS_AS_JSON(" \n {\"prompt\":\"a\"} \n", Format.JSON, "a"),
        BRACE_FIRST("{\"prompt\":\"a\"}", Format.UNKNOWN, "a"),
        BRACE_AFTER_BLANK(" {\"prompt\":\"a\"}", Format.UNKNOWN, " {\"prompt\":\"a\"}"),
        TEXT("hello {x}", Format.UNKNOWN, "hello {x}"),
        LIST("[1]", Format.UNKNOWN, "[1]"),
        MARK_BEFORE_TEXT(BOM + "hello", Format.TEXT, "hello"),
        MARK_BEFORE_JSON(BOM + "{\"prompt\":\"a\"}", Format.JSON, "a"),
        MARK_BEFORE_BRACE(BOM + "{\"prompt\":\"a\"}", Format.UNKNOWN, "a"),
        SECOND_MARK_IS_TEXT(BOM + BOM + "hello", Format.TEXT, BOM + "hello");

        final String body;
        final Format format;
        final String prompt;

        Body(String body, Format format, String prompt) {
            this.body = body;
            this.format = format;
            this.prompt = prompt;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aBodyIsTextOrJson(Body row) throws IOException {
        byte[] bytes = row.body.getBytes(StandardCharsets.UTF_8);

        assertThat(reader.read(row.body, row.format).promptFor(false)).isEqualTo(row.prompt);
        assertThat(reader.read(bytes, row.format).promptFor(false)).isEqualTo(row.prompt);
        assertThat(reader.read(new ByteArrayInputStream(bytes), row.format).promptFor(false)).isEqualTo(row.prompt);
    }

    @ParameterizedTest
    @CsvSource({"a.json, JSON", "a.JSON, JSON", "한글.json, JSON", "a.txt, TEXT", "a.json.txt, TEXT", "a.jsonl, JSON_LINES", "a.NDJSON, JSON_LINES", "a.md, TEXT", "a, UNKNOWN", ".json, UNKNOWN"})
    void aFilesNameSaysWhatItHolds(String name, Format format) {
        assertThat(Format.ofFileName(name)).isEqualTo(format);
    }

    @ParameterizedTest
    @CsvSource({
        "application/json, JSON", "application/json;charset=utf-8, JSON", "Application/JSON, JSON", "application/problem+json, JSON",
        "text/plain, TEXT", "text/plain; charset=EUC-KR, TEXT", "application/x-ndjson, JSON_LINES", "application/jsonl; charset=utf-8, JSON_LINES", "application/octet-stream, UNKNOWN", "'', UNKNOWN"})
    void aContentTypeSaysWhatABodyHolds(String type, Format format) {
        assertThat(Format.ofContentType(type)).isEqualTo(format);
    }

    @Test
    void linesOfJsonAreNoRequest() {
        assertThatThrownBy(() -> reader.read("{\"prompt\": \"a\"}\n{\"prompt\": \"b\"}", Format.JSON_LINES)).isInstanceOf(GenerationFailure.class)
                .hasMessageContaining("a batch");
    }

    @Test
    void everyFieldOfARequestIsRead() {
        GenerateRequest request = json("""
                {"id": "cat-1", "model": "sd-3", "provider": "replicate", "kind": "image", "prompt": "a cat", "stream": true}""");

        assertThat(request.id()).isEqualTo("cat-1");
        assertThat(request.model()).isEqualTo("sd-3");
        assertThat(request.provider()).isEqualTo(ProviderName.REPLICATE);
        assertThat(request.kind()).isEqualTo(Kind.IMAGE);
        assertThat(request.prompt()).isEqualTo("a cat");
        assertThat(request.options()).isEmpty();
    }

    @Test
    void everyFieldButThePromptMayBeNull() {
        GenerateRequest request = json("""
                {"id": null, "model": null, "provider": null, "kind": null, "messages": null, "stream": null, "prompt": "a"}""");

        assertThat(request).isEqualTo(json("{\"prompt\": \"a\"}"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"system", "developer", "user", "assistant", "tool"})
    void aMessageHasOneOfFiveRoles(String role) {
        assertThat(json("{\"messages\": [{\"role\": \"" + role + "\", \"content\": \"x\"}]}").messages().get(0).role()).isEqualTo(role);
    }

    @Test
    void messagesStayInTheirOrder() {
        assertThat(json("""
                {"messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]}""").messages())
                .containsExactly(ChatMessage.of("system", "be brief"), ChatMessage.of("user", "hi"));
    }

    @Test
    void ofAListOfPartsTheTextOnesCount() {
        assertThat(json("""
                {"messages": [{"role": "user", "content": [{"type": "text", "text": "what is "},
                  {"type": "image_url", "image_url": {"url": "https://x/y.png"}}, {"type": "text", "text": "this?"}]}]}""").messages().get(0).text())
                .isEqualTo("what is this?");
    }

    @Test
    void aPromptIsUsedInPlaceOfTheMessages() {
        GenerateRequest request = json("""
                {"prompt": "this", "messages": [{"role": "user", "content": "not this"}]}""");

        assertThat(request.promptFor(false)).isEqualTo("this");
        assertThat(request.promptFor(true)).isEqualTo("this");
        assertThat(request.messages()).isEmpty();
    }

    @Test
    void aCallOfAToolAndItsAnswerKeepAllTheirFields() {
        GenerateRequest request = json("""
                {"messages": [{"role": "user", "content": "weather?"},
                  {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "w", "arguments": "{}"}}]},
                  {"role": "tool", "tool_call_id": "c1", "name": "w", "content": "rain"}]}""");

        assertThat(request.messages().get(1).text()).isEmpty();
        assertThat(request.messages().get(1).fields().at("/tool_calls/0/function/name").asText()).isEqualTo("w");
        assertThat(request.messages().get(2).fields().path("tool_call_id").asText()).isEqualTo("c1");
        assertThat(request.messages().get(2).text()).isEqualTo("rain");
    }

    @Test
    void anAssistantThatCallsAToolNeedsNoContent() {
        assertThat(json("{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": [{\"id\": \"c1\"}]}]}").messages()).hasSize(1);
    }

    @Test
    void anyOtherFieldIsPassedOnUntouched() {
        assertThat(json("""
                {"prompt": "a", "temperature": 0.30, "stop": ["x", null], "nested": {"a": [1, {"b": false}]}, "none": null}""").options().toString())
                .isEqualTo("{\"temperature\":0.30,\"stop\":[\"x\",null],\"nested\":{\"a\":[1,{\"b\":false}]},\"none\":null}");
    }

    @Test
    void ourOwnFieldsAreNotPassedOn() {
        assertThat(json("""
                {"id": "a", "model": "b", "provider": "upstage", "kind": "text", "stream": false, "prompt": "c", "seed": 1}""").options().toString())
                .isEqualTo("{\"seed\":1}");
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "1.0", "0.30", "1.10", "-0.0", "123456789012345678901234567890", "0.1234567890123456789012345678901234567890", "100"})
    void aNumberKeepsItsDigits(String number) {
        assertThat(json("{\"prompt\": \"a\", \"x\": " + number + "}").options().toString()).isIn("{\"x\":" + number + "}",
                "{\"x\":" + number.replace("-0.0", "0.0") + "}");
    }

    @ParameterizedTest
    @ValueSource(strings = {"1e400", "1e-400", "1E5", "2.50e3"})
    void aNumberKeepsItsValueHoweverLarge(String number) {
        assertThat(json("{\"prompt\": \"a\", \"x\": " + number + "}").options().get("x").decimalValue()).isEqualTo(new BigDecimal(number));
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", "A.b_c-9", "0", "_x", "-x", "a.json"})
    void anIdIsLettersDigitsDotsDashesAndUnderscores(String id) {
        assertThat(json("{\"prompt\": \"a\", \"id\": \"" + id + "\"}").id()).isEqualTo(id);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".a", "..", "a/b", "../a", "a b", "한글", "a\\u0000", "a\\n", "a:b", "${x}", "a?b", "a#b", "a%b", "a\\\\b"})
    void aBadIdIsRefusedAndNotUsed(String id) {
        GenerationFailure failure = failure(() -> json("{\"prompt\": \"a\", \"id\": \"" + id + "\"}"));

        assertThat(failure).hasMessageStartingWith("id: ");
        assertThat(failure.requestId()).isNull();
    }

    @Test
    void anIdHasAtMost128Characters() {
        assertThat(json("{\"prompt\": \"a\", \"id\": \"" + "x".repeat(128) + "\"}").id()).hasSize(128);
        assertThat(failure(() -> json("{\"prompt\": \"a\", \"id\": \"" + "x".repeat(129) + "\"}"))).hasMessageStartingWith("id: ");
    }

    /** A JSON request that is wrong, and what its message must name. */
    enum Wrong {
        EMPTY("", ""),
        LIST("[{\"prompt\": \"a\"}]", "object"),
        STRING("\"a\"", "object"),
        NULL("null", "object"),
        NO_PROMPT("{}", "prompt"),
        NULL_PROMPT("{\"prompt\": null}", "prompt"),
        BLANK_PROMPT("{\"prompt\": \" \\n\"}", "prompt"),
        BLANK_MESSAGES("{\"messages\": [{\"role\": \"user\", \"content\": \" \"}, {\"role\": \"user\", \"content\": []}]}", "blank"),
        PROMPT_IS_A_NUMBER("{\"prompt\": 5}", "prompt"),
        PROMPT_IS_A_LIST("{\"prompt\": [\"a\"]}", "prompt"),
        ID_IS_A_NUMBER("{\"prompt\": \"a\", \"id\": 5}", "id"),
        MODEL_IS_A_LIST("{\"prompt\": \"a\", \"model\": [\"solar\"]}", "model"),
        PROVIDER_IS_A_NUMBER("{\"prompt\": \"a\", \"provider\": 1}", "provider"),
        PROVIDER_IS_UNKNOWN("{\"prompt\": \"a\", \"provider\": \"openai\"}", "provider"),
        KIND_IS_UNKNOWN("{\"prompt\": \"a\", \"kind\": \"video\"}", "kind"),
        STREAM_IS_TEXT("{\"prompt\": \"a\", \"stream\": \"yes\"}", "stream"),
        MESSAGES_IS_TEXT("{\"messages\": \"a\"}", "messages"),
        MESSAGES_IS_AN_OBJECT("{\"messages\": {\"role\": \"user\", \"content\": \"a\"}}", "messages"),
        MESSAGES_IS_EMPTY("{\"messages\": []}", "messages"),
        MESSAGE_IS_TEXT("{\"messages\": [\"a\"]}", "messages[0]"),
        MESSAGE_WITHOUT_ROLE("{\"messages\": [{\"content\": \"a\"}]}", "messages[0].role"),
        ROLE_IS_NULL("{\"messages\": [{\"role\": null, \"content\": \"a\"}]}", "messages[0].role"),
        ROLE_IS_UNKNOWN("{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"bot\", \"content\": \"a\"}]}", "messages[1].role"),
        MESSAGE_WITHOUT_CONTENT("{\"messages\": [{\"role\": \"user\"}]}", "messages[0].content"),
        CONTENT_IS_A_NUMBER("{\"messages\": [{\"role\": \"user\", \"content\": 5}]}", "messages[0].content"),
        CONTENT_IS_AN_OBJECT("{\"messages\": [{\"role\": \"user\", \"content\": {\"text\": \"a\"}}]}", "messages[0].content"),
        PART_IS_TEXT("{\"messages\": [{\"role\": \"user\", \"content\": [\"a\"]}]}", "messages[0].content"),
        WRONG_MESSAGES_BESIDE_A_PROMPT("{\"prompt\": \"a\", \"messages\": 5}", "messages"),
        DUPLICATE_KEY("{\"prompt\": \"a\", \"prompt\": \"b\"}", "prompt"),
        DUPLICATE_KEY_DEEP_DOWN("{\"prompt\": \"a\", \"x\": {\"y\": 1, \"y\": 2}}", "y"),
        TRAILING_TOKEN("{\"prompt\": \"a\"} {}", "JSON"),
        TRAILING_BRACE("{\"prompt\": \"a\"}}", "JSON"),
        SINGLE_QUOTES("{'prompt': 'a'}", "JSON"),
        NUMBER_WITHOUT_END("{\"prompt\": \"a\", \"n\": 1e99999999999}", "JSON"),
        TRAILING_COMMA("{\"prompt\": \"a\",}", "JSON"),
        COMMENT("{\"prompt\": \"a\" /* x */}", "JSON"),
        NAN("{\"prompt\": \"a\", \"x\": NaN}", "JSON"),
        HALF("{\"prompt\": \"a", "JSON"),
        RAW_LINE_BREAK("{\"prompt\": \"a\nb\"}", "JSON");

        final String json;
        final String named;

        Wrong(String json, String named) {
            this.json = json;
            this.named = named;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aWrongRequestIsRefusedInOneLineThatNamesWhatIsWrong(Wrong row) {
        assertThat(failure(() -> json(row.json))).hasMessageContaining(row.named).message().hasLineCount(1);
    }

    @Test
    void whatIsNotJsonIsNamedByLineAndColumn() {
        assertThat(failure(() -> json("{\"id\": \"a\",\n \"prompt\": oops}"))).hasMessageContaining("line 2").hasMessageContaining("column 1");
    }

    @Test
    void anEmptyTextIsNoPrompt() {
        assertThat(failure(() -> reader.read("", Format.UNKNOWN))).hasMessageContaining("empty");
        assertThat(failure(() -> reader.read(" \n\t ", Format.TEXT))).hasMessageContaining("empty");
        assertThat(failure(() -> reader.read(BOM, Format.TEXT))).hasMessageContaining("empty");
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "{\"id\": \"good\"}", "{\"id\": \"good\", \"prompt\": 5}", "{\"prompt\": \"a\", \"kind\": \"video\", \"id\": \"good\"}",
        "{\"id\": \"good\", \"messages\": []}", "{\"id\": \"good\", \"prompt\": \"a\", \"provider\": \"x\"}"})
    void aFailureCarriesTheRequestsOwnIdWhereThatIsGood(String json) {
        assertThat(failure(() -> json(json)).requestId()).isEqualTo("good");
    }

    @ParameterizedTest
    @EnumSource
    void bytesThatAreNotUtf8AreRefused(NotUtf8 row) {
        assertThat(failure(() -> reader.read(row.bytes, Format.UNKNOWN))).hasMessageContaining("UTF-8");
    }

    enum NotUtf8 {
        LATIN_1(new byte[] {'c', 'a', 'f', (byte) 0xE9}),
        HALF_A_SYLLABLE(new byte[] {(byte) 0xED, (byte) 0x95}),
        EUC_KR(new byte[] {(byte) 0xC7, (byte) 0xD1, (byte) 0xB1, (byte) 0xDB}),
        UTF_16(new byte[] {(byte) 0xFF, (byte) 0xFE, 'a', 0}),
        OVERLONG(new byte[] {(byte) 0xC0, (byte) 0x80}),
        SURROGATE(new byte[] {(byte) 0xED, (byte) 0xA0, (byte) 0x80}),
        INSIDE_JSON(new byte[] {'{', '"', 'p', 'r', 'o', 'm', 'p', 't', '"', ':', '"', (byte) 0xE9, '"', '}'});

        final byte[] bytes;

        NotUtf8(byte... bytes) {
            this.bytes = bytes;
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", "é", "한", "🐫"})
    void theLimitCountsBytes(String character) throws IOException {
        String text = character.repeat(10);
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        RequestReader exact = new RequestReader(bytes.length);
        RequestReader less = new RequestReader(bytes.length - 1);

        assertThat(exact.read(text, Format.TEXT).promptFor(false)).isEqualTo(text);
        assertThat(exact.read(bytes, Format.TEXT).promptFor(false)).isEqualTo(text);
        assertThat(exact.read(new ByteArrayInputStream(bytes), Format.TEXT).promptFor(false)).isEqualTo(text);
        assertThat(failure(() -> less.read(text, Format.TEXT))).hasMessageContaining("bactrian.max-request-bytes");
        assertThat(failure(() -> less.read(bytes, Format.TEXT))).hasMessageContaining("bactrian.max-request-bytes");
        assertThat(failure(() -> stream(less, new ByteArrayInputStream(bytes)))).hasMessageContaining("bactrian.max-request-bytes");
    }

    @Test
    void aStreamIsReadNoFurtherThanTheLimit() {
        Endless endless = new Endless();

        assertThat(failure(() -> stream(new RequestReader(1000), endless))).hasMessageContaining("1000");
        assertThat(endless.read).isEqualTo(1001);
        assertThat(endless.closed).isTrue();
    }

    private static GenerateRequest stream(RequestReader reader, InputStream in) {
        try {
            return reader.read(in, Format.TEXT);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static final class Endless extends InputStream {
        private int read;
        private boolean closed;

        @Override
        public int read() {
            read++;
            return 'a';
        }

        @Override
        public int read(byte[] buffer, int offset, int length) {
            Arrays.fill(buffer, offset, offset + length, (byte) 'a');
            read += length;
            return length;
        }

        @Override
        public void close() {
            closed = true;
        }
    }

    @Test
    void aMapHasTheSameFields() {
        GenerateRequest request = reader.read(Map.of("id", "m", "model", "solar",
                "messages", List.of(Map.of("role", "user", "content", "hi")), "temperature", new BigDecimal("0.30")));

        assertThat(request.id()).isEqualTo("m");
        assertThat(request.model()).isEqualTo("solar");
        assertThat(request.messages()).containsExactly(ChatMessage.of("user", "hi"));
        assertThat(request.options()).isEqualTo(new JsonNodeFactory(true).objectNode().put("temperature", new BigDecimal("0.30")));
    }

    @Test
    void aMapIsCheckedLikeJson() {
        assertThat(failure(() -> reader.read(Map.of("prompt", 5)))).hasMessageContaining("prompt");
        assertThat(failure(() -> reader.read(Map.of()))).hasMessageContaining("prompt");
        assertThat(failure(() -> reader.read(Map.of("id", "good", "prompt", 5))).requestId()).isEqualTo("good");
    }

    @Test
    void aMapThatIsNotJsonIsRefused() {
        Map<String, Object> map = new HashMap<>();
        map.put("prompt", "a");
        map.put("thread", new Object());

        assertThat(failure(() -> reader.read(map))).message().hasLineCount(1);
    }

    @Test
    void aMapIsNotChanged() {
        Map<String, Object> map = new HashMap<>(Map.of("prompt", "a", "id", "b", "seed", 1));

        reader.read(map);

        assertThat(map).isEqualTo(Map.of("prompt", "a", "id", "b", "seed", 1));
    }

    @Test
    void anyTextSurvivesBeingJson() {
        StringBuilder odd = new StringBuilder("\" \\ / \u2028 \u2029 \u007F 한국어 🐫 {{sys:x}} ${sysenv.HOME} $simple{x} RAW(x) ?a=b&c ../ ");
        for (char control = 0; control < 32; control++) {
            odd.append(control);
        }
        String written = JsonNodeFactory.instance.objectNode().put("prompt", odd.toString()).toString();

        assertThat(json(written).prompt()).isEqualTo(odd.toString());
    }

    @Test
    void aPromptOfAMegabyteIsNothingSpecial() {
        String prompt = "가나다\"\\\n".repeat(150_000);
        String written = JsonNodeFactory.instance.objectNode().put("prompt", prompt).toString();

        assertThat(new RequestReader(10_000_000).read(written, Format.JSON).prompt()).isEqualTo(prompt);
    }

    @Test
    void theLimitOfRequestsIsTheOnlyOneOnAString() {
        String image = "A".repeat(21_000_000);

        assertThat(new RequestReader(64 << 20).read("{\"prompt\": \"p\", \"image\": \"" + image + "\"}", Format.JSON).options().path("image").asText())
                .hasSize(image.length());
    }

    @Test
    void aMapThatHoldsItselfOrIsTooDeepIsRefused() {
        List<Object> endless = new ArrayList<>();
        endless.add(endless);
        Object deep = "x";
        for (int i = 0; i < 100_000; i++) {
            deep = Map.of("a", deep);
        }
        for (Object value : new Object[] {endless, deep}) {
            GenerationFailure failure = failure(() -> reader.read(Map.of("prompt", "hi", "tools", value)));

            assertThat(failure.type()).isEqualTo(ErrorType.INVALID_REQUEST);
            assertThat(failure).message().startsWith("the map is not JSON: ").doesNotContain("\n");
        }
    }

    @Test
    void aMapThatIsTooLargeIsRefused() {
        assertThat(failure(() -> new RequestReader(100).read(Map.of("prompt", "x".repeat(100))))).hasMessageContaining("bactrian.max-request-bytes");
    }

    @Test
    void aMapWithTwoKeysOfOneNameIsRefused() {
        assertThat(failure(() -> reader.read(Map.of("prompt", "hi", 7, "a", "7", "b")))).hasMessageContaining("Duplicate field '7'");
    }

    @ParameterizedTest
    @ValueSource(strings = {"1e9999999999", "-1e-9999999999", "0.1E+99999999999999999999"})
    void aNumberThatNobodyCanHoldIsRefused(String number) {
        GenerationFailure failure = failure(() -> reader.read("{\"prompt\":\"hi\",\"seed\":" + number + "}", Format.JSON));

        assertThat(failure.type()).isEqualTo(ErrorType.INVALID_REQUEST);
        assertThat(failure).hasMessageContaining("number");
    }
}
