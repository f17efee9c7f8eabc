package dev.bactrian.routes.upstage;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.error.GenerateException;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.Exchange;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * What may stand in a chat stream, through the whole route: whole, a byte at a time, cut into two reads at every byte,
 * and broken off at every byte.
 */
class StreamVariantsTest extends RouteTestSupport {

    private static final String STOP = choice("{}", "\"stop\"");
    private static final String DONE = data("[DONE]");
    private static final int AT_ONCE = 24;

    /** Streams, the chunks they must become, and a part of the document: of a result, or of an error where one is named. */
    enum Wire {
        BOTH_ENDS(piece("a") + piece("b") + STOP + DONE, "a|b", "{'text':'ab','finishReason':'stop','chunks':2}"),
        DONE_ONLY(piece("a") + DONE, "a", "{'text':'a','finishReason':null,'chunks':1}"),
        FINISH_REASON_ONLY(piece("a") + STOP, "a", "{'text':'a','finishReason':'stop'}"),
        FINISHED_FOR_LENGTH(piece("a") + choice("{}", "\"length\"") + DONE, "a", "{'finishReason':'length'}"),
        FILTERED(piece("a") + choice("{}", "\"content_filter\"") + DONE, "a", "{'finishReason':'content_filter'}"),
        FINISH_REASON_WITH_THE_LAST_PIECE(choice("{\"content\":\"a\"}", "\"stop\""), "a", "{'text':'a','finishReason':'stop'}"),
        ROLE_FIRST(choice("{\"role\":\"assistant\",\"content\":\"\"}", "null") + piece("a") + STOP + DONE, "a", "{'text':'a','chunks':1}"),
        ROLE_AND_TEXT_FIRST(choice("{\"role\":\"assistant\",\"content\":\"a\"}", "null") + STOP, "a", "{'text':'a'}"),
        NO_TEXT_AT_ALL(STOP + DONE, "", "{'text':'','finishReason':'stop','chunks':0}"),
        DONE_ALONE(DONE, "", "{'text':'','finishReason':null}"),
        CRLF(crlf(piece("a") + piece("b") + STOP + DONE), "a|b", "{'text':'ab','finishReason':'stop'}"),
        CR((piece("a") + piece("b") + STOP + DONE).replace('\n', '\r'), "a|b", "{'text':'ab','finishReason':'stop'}"),
        LF_CR_AND_CRLF(piece("a") + piece("b").replace('\n', '\r') + crlf(piece("c")) + DONE, "a|b|c", "{'text':'abc'}"),
        NO_BLANK((piece("a") + STOP + DONE).replace("data: ", "data:"), "a", "{'text':'a','finishReason':'stop'}"),
        TWO_BLANKS((piece("a") + STOP).replace("data: ", "data:  "), "a", "{'text':'a','finishReason':'stop'}"),
        A_TAB((piece("a") + STOP).replace("data: ", "data:\t"), "a", "{'text':'a','finishReason':'stop'}"),
        COMMENTS(": ping\n\n" + piece("a") + ":\n: keep-alive\n" + STOP + ": 408\n\n" + DONE, "a", "{'text':'a'}"),
        A_COMMENT_WITHIN_AN_EVENT(": x\n" + piece("a").replaceFirst("\n", "\n: y\n") + DONE, "a", "{'text':'a'}"),
        OTHER_FIELDS("event: message\nid: 7\nretry: 10\n" + piece("a") + "id\nfoo: bar\n" + STOP, "a", "{'text':'a'}"),
        DATA_IN_SEVERAL_LINES("data: {\"choices\":[{\"delta\":\ndata: {\"content\":\ndata: \"a\"}}]}\n\n" + DONE, "a", "{'text':'a'}"),
        BYTE_ORDER_MARK("\uFEFF" + piece("a") + STOP + DONE, "a", "{'text':'a'}"),
        NO_BLANK_LINE_AT_THE_END(piece("a") + DONE.strip(), "a", "{'text':'a'}"),
        NO_LINE_END_AFTER_THE_FINISH_REASON(piece("a") + STOP.strip(), "a", "{'text':'a','finishReason':'stop'}"),
        BLANK_LINES_BETWEEN("\n\n" + piece("a") + "\n\n\n" + DONE, "a", "{'text':'a'}"),
        MORE_AFTER_DONE(piece("a") + DONE + piece("b") + "data: {\"error\":{\"message\":\"late\"}}\n\n", "a", "{'text':'a'}"),
        REASONING(choice("{\"reasoning\":\"Hm, \"}", "null") + choice("{\"reasoning_content\":\"so.\"}", "null") + piece("a") + STOP,
                "a", "{'text':'a','reasoning':'Hm, so.','chunks':1}"),
        USAGE(piece("a") + STOP + data("{\"choices\":[],\"usage\":{\"total_tokens\":8,\"x\":{\"y\":[1]}}}") + DONE,
                "a", "{'text':'a','usage':{'total_tokens':8,'x':{'y':[1]}}}"),
        USAGE_WITHOUT_CHOICES(piece("a") + STOP + data("{\"usage\":{\"total_tokens\":8}}") + DONE, "a", "{'usage':{'total_tokens':8}}"),
        NULL_USAGE(data("{\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}") + STOP, "a", "{'text':'a'}"),
        CONTENT_NULL(choice("{\"content\":null}", "null") + piece("a") + STOP, "a", "{'text':'a','chunks':1}"),
        CONTENT_EMPTY(piece("") + piece("a") + piece("") + STOP, "a", "{'text':'a','chunks':1}"),
        DELTA_NULL_OR_ABSENT(choice("null", "null") + data("{\"choices\":[{}]}") + data("{\"choices\":null}") + data("{}") + piece("a") + STOP,
                "a", "{'text':'a','chunks':1}"),
        ONLY_BLANKS(piece(" ") + piece("\\n") + piece("a") + STOP, " |\n|a", "{'text':' \\na','chunks':3}"),
        UNKNOWN_FIELDS(data("{\"x\":{\"choices\":[{\"delta\":{\"content\":\"no\"}}]},\"choices\":[{\"y\":[{}],\"delta\":{\"z\":{\"content\":\"no\"},"
                + "\"content\":\"a\"},\"logprobs\":{\"content\":[]}}]}") + STOP, "a", "{'text':'a'}"),
        NOT_JSON(piece("a") + data("{\"choices\":[{\"del") + data("oops") + piece("b") + STOP, "a|b", "{'text':'ab'}"),
        NOT_AN_OBJECT(piece("a") + data("[1]") + data("17") + data("null") + data("\"x\"") + piece("b") + STOP, "a|b", "{'text':'ab'}"),
        EMPTY_DATA(data("") + piece("a") + "data\n\n" + STOP, "a", "{'text':'a'}"),
        TORN_WITH_TEXT(piece("a") + data("{\"choices\":[{\"delta\":{\"content\":\"no\"") + piece("b") + STOP, "a|b", "{'text':'ab'}"),
        TORN_WITH_REASONING(data("{\"choices\":[{\"delta\":{\"reasoning\":\"no\"") + choice("{\"reasoning\":\"so\"}", "null") + piece("a") + STOP,
                "a", "{'text':'a','reasoning':'so'}"),
        TORN_WITH_A_TOOL_CALL(data("{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"no\"}]") + piece("a") + STOP, "a",
                "{'text':'a','toolCalls':null}"),
        TORN_WITH_USAGE(data("{\"usage\":{\"total_tokens\":1},\"choices\":[{\"delta\"") + piece("a") + STOP, "a", "{'text':'a','usage':null}"),
        TORN_WITH_A_FINISH_REASON(piece("a") + data("{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\""), "a",
                failed("the stream ended before its end", "a")),
        TOOL_CALLS(choice("{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\"\"}}]}", "null")
                + choice("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\":1}\"}}]}", "null") + choice("{}", "\"tool_calls\""), "",
                "{'text':'','finishReason':'tool_calls','toolCalls':[{'id':'c1','function':{'name':'f','arguments':'{\\\"a\\\":1}'}}]}"),
        HANGUL_AND_EMOJI(piece("안녕") + piece("🐫") + piece("\\ud55c\\uae00 \\ud83d\\udc2b") + STOP + DONE, "안녕|🐫|한글 🐫", "{'text':'안녕🐫한글 🐫'}"),
        AN_ERROR_FIRST(data("{\"error\":{\"message\":\"no humps\"}}"), "", failed("no humps", "")),
        AN_ERROR_AFTER_A_PIECE(piece("a") + data("{\"error\":{\"message\":\"no humps\",\"code\":5}}") + DONE, "a", failed("no humps", "a")),
        AN_ERROR_IN_PLAIN_TEXT(piece("a") + data("{\"error\":\"no humps\"}"), "a", failed("no humps", "a")),
        AN_ERROR_WITHOUT_WORDS(piece("a") + data("{\"error\":{\"code\":5}}"), "a", failed("{\\\"code\\\":5}", "a")),
        AN_ERROR_EVENT(piece("a") + "event: error\n" + data("{\"message\":\"no humps\"}"), "a", failed("no humps", "a")),
        AN_ERROR_EVENT_OF_TEXT(piece("a") + "event:error\n" + data("no humps"), "a", failed("no humps", "a")),
        A_NULL_ERROR(data("{\"error\":null,\"choices\":[{\"delta\":{\"content\":\"a\"}}]}") + STOP, "a", "{'text':'a'}"),
        NO_END(piece("a"), "a", failed("the stream ended before its end", "a")),
        COMMENTS_ALONE(": ping\n\n: ping\n\n", "", failed("the answer held no text and no end", "")),
        NOTHING("", "", failed("the answer held no text and no end", "")),
        HTML("<html><body>Sign in</body></html>", "", unavailable("upstage answered 200 with a page: Sign in"));

        private final byte[] bytes;
        private final String chunks;
        private final JsonNode document;

        Wire(String stream, String chunks, String document) {
            this.bytes = stream.getBytes(UTF_8);
            this.chunks = chunks;
            this.document = ProviderJson.json(document.replace('\'', '"')).orElseThrow();
        }

        void check(JsonNode actual, String actualChunks) {
            String id = this + " " + actual;
            assertThat(actual.path("status").asText()).as(id).isEqualTo(document.has("error") ? "failed" : "succeeded");
            document.properties().forEach(field -> {
                if (field.getKey().equals("error")) {
                    field.getValue().properties().forEach(of ->
                            assertThat(actual.path("error").get(of.getKey())).as(id).isEqualTo(of.getValue()));
                } else if (field.getValue().isNull()) {
                    assertThat(actual.hasNonNull(field.getKey())).as(id).isFalse();
                } else {
                    assertThat(actual.get(field.getKey())).as(id).isEqualTo(field.getValue());
                }
            });
            assertThat(actualChunks).as(id).isEqualTo(chunks);
        }
    }

    @TestFactory
    Stream<DynamicTest> aStreamIsReadWhole() throws Exception {
        start();
        return DynamicTest.stream(Stream.of(Wire.values()), Wire::toString, wire -> check(wire, Reply.rawStream(wire.bytes)));
    }

    @TestFactory
    Stream<DynamicTest> aStreamIsReadAByteAtATime() throws Exception {
        start();
        return DynamicTest.stream(Stream.of(Wire.values()), Wire::toString, wire -> check(wire, Reply.rawStream(wire.bytes).byteByByte()));
    }

    @TestFactory
    Stream<DynamicTest> aStreamIsReadInTwoReadsCutAtEveryByte() throws Exception {
        start();
        return DynamicTest.stream(Stream.of(Wire.values()), Wire::toString, wire -> {
            Reply whole = Reply.rawStream(wire.bytes);
            check(wire, IntStream.range(1, wire.bytes.length).mapToObj(whole::splitAt).toArray(Reply[]::new));
        });
    }

    private void check(Wire wire, Reply... replies) throws Exception {
        simulator.reset().on(Call.CHAT, replies);
        List<Exchange> answers = sendAll(replies.length);
        for (Exchange answer : answers) {
            wire.check(document(answer), takeChunks(document(answer).path("id").asText()));
        }
        assertThat(simulator.count(Call.CHAT)).as("a stream that has begun is not asked for again").isEqualTo(replies.length);
        assertThat(captured.chunks).isEmpty();
    }

    @Test
    void hangulAndEmojiComeThroughWhereverTheyAreCut() throws Exception {
        start();
        String[] pieces = {"대한민국 ", "사람 👩‍👩‍👧‍👦 ", "🐫", "\u200d", "e\u0301", "각\u11a8 ", "𠮷野家", "‮rtl"};
        simulator.on(Call.CHAT, Reply.stream(pieces).byteByByte());

        JsonNode result = generate("hi");

        assertThat(takeChunks()).isEqualTo(String.join("|", pieces)).doesNotContain("\uFFFD");
        assertThat(result.path("text").asText()).isEqualTo(String.join("", pieces));
    }

    @Test
    void aStreamThatIsBrokenOffBeforeItsFinishReasonIsNeverASuccess() throws Exception {
        start();
        byte[] stream = (piece("가") + piece("🐫") + piece("b") + STOP + data("{\"choices\":[],\"usage\":{\"total_tokens\":3}}") + DONE).getBytes(UTF_8);
        int finished = (piece("가") + piece("🐫") + piece("b") + STOP).getBytes(UTF_8).length;

        for (int n = 0; n < stream.length; n++) {
            JsonNode document = cut(Reply.rawStream(stream).cutAt(n));
            if (n < finished - 1) {
                assertInterrupted(document, n);
            } else if (n >= finished) {
                assertThat(document.path("text").asText()).as("cut after %d bytes: %s", n, document).isEqualTo("가🐫b");
            }
        }
    }

    @Test
    void aStreamThatJustEndsBeforeItsFinishReasonIsNeverASuccess() throws Exception {
        start();
        byte[] stream = (piece("가") + piece("🐫") + piece("b") + STOP + DONE).getBytes(UTF_8);
        int finished = (piece("가") + piece("🐫") + piece("b") + STOP.strip()).getBytes(UTF_8).length;

        for (int n = 0; n < stream.length; n++) {
            JsonNode document = cut(Reply.rawStream(Arrays.copyOf(stream, n)));
            if (n < finished) {
                assertInterrupted(document, n);
            } else {
                assertThat(document.path("text").asText()).as("ended after %d bytes: %s", n, document).isEqualTo("가🐫b");
            }
        }
    }

    @Test
    void aStreamCutBeforeDoneAndFinishReasonIsNeverASuccess() throws Exception {
        start();
        byte[] stream = (piece("가") + piece("🐫") + piece("b") + DONE + ": more\n\n").getBytes(UTF_8);
        int done = (piece("가") + piece("🐫") + piece("b") + DONE).getBytes(UTF_8).length;

        for (int n = 0; n < stream.length; n++) {
            JsonNode document = cut(Reply.rawStream(stream).cutAt(n));
            if (n < done - 1) {
                assertInterrupted(document, n);
            } else if (n >= done) {
                assertThat(document.path("text").asText()).as("cut after %d bytes: %s", n, document).isEqualTo("가🐫b");
            }
        }
    }

    private JsonNode cut(Reply reply) {
        simulator.reset().on(Call.CHAT, reply);
        JsonNode document = document(template().request("direct:generate", exchange -> exchange.getMessage().setBody("hi")));
        String text = document.path(document.has("text") ? "text" : "partialText").asText();
        assertThat(takeChunks().replace("|", "")).as("chunks emitted").isEqualTo(text);
        assertThat(simulator.count(Call.CHAT)).as("%s", document).isEqualTo(1);
        return document;
    }

    private static void assertInterrupted(JsonNode document, int bytes) {
        assertThat(document.path("error").path("type").asText()).as("after %d bytes: %s", bytes, document).isEqualTo("stream-interrupted");
        assertThat(document.path("partialText").asText()).as("after %d bytes", bytes).isIn("", "가", "가🐫", "가🐫b");
    }

    @Test
    void bytesThatAreNotUtf8SpoilNothingButThemselves() throws Exception {
        start();
        String stream = data("{\"choices\":[{\"delta\":{\"reasoning\":\"Hm\",\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"x\"}}],"
                + "\"content\":\"a@b\"}}]}") + STOP;
        byte[] bytes = stream.getBytes(UTF_8);
        bytes[stream.indexOf('@')] = (byte) 0xFF;
        simulator.on(Call.CHAT, Reply.rawStream(bytes));

        JsonNode result = generate("hi");

        assertThat(result.path("text").asText()).isEqualTo("a\uFFFDb");
        assertThat(result.path("reasoning").asText()).isEqualTo("Hm");
        assertThat(result.path("toolCalls").path(0).path("function").path("arguments").asText()).isEqualTo("x");
        assertThat(takeChunks()).isEqualTo("a\uFFFDb");
    }

    @Test
    void anEventOfFourMegabytesIsOneChunk() throws Exception {
        start();
        String large = "가나다라".repeat(1 << 20);
        simulator.on(Call.CHAT, Reply.rawStream(piece(large.substring(0, 1 << 20)) + piece("b") + DONE));

        assertThat(generate("hi").path("text").asText()).hasSize((1 << 20) + 1).endsWith("라b");
        assertThat(captured.chunks).hasSize(2);
        takeChunks();
    }

    @Test
    void tenThousandPiecesAreTenThousandChunksInOrder() throws Exception {
        start();
        String[] pieces = IntStream.range(0, 10_000).mapToObj(i -> i + " ").toArray(String[]::new);
        simulator.on(Call.CHAT, Reply.stream(pieces));

        assertThat(generate("hi").path("chunks").asInt()).isEqualTo(10_000);

        int index = 0;
        for (Emitted chunk : captured.chunks) {
            assertThat(chunk.text()).isEqualTo(pieces[index]);
            assertThat(chunk.headers().get("BactrianChunkIndex")).isEqualTo(index++);
        }
        assertThat(index).isEqualTo(10_000);
        takeChunks();
    }

    private List<Exchange> sendAll(int count) throws Exception {
        ExecutorService senders = Executors.newFixedThreadPool(AT_ONCE);
        try {
            List<Future<Exchange>> sent = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                String id = "r" + i;
                sent.add(senders.submit(() -> template().request("direct:generate",
                        exchange -> exchange.getMessage().setBody("{\"id\":\"" + id + "\",\"prompt\":\"hi\"}"))));
            }
            List<Exchange> answers = new ArrayList<>();
            for (Future<Exchange> answer : sent) {
                answers.add(answer.get(30, TimeUnit.SECONDS));
            }
            return answers;
        } finally {
            senders.shutdownNow();
        }
    }

    private static JsonNode document(Exchange exchange) {
        String document = exchange.getException() instanceof GenerateException failure ? failure.getDocument()
                : exchange.getMessage().getBody(String.class);
        JsonNode json = ProviderJson.json(document).orElseThrow(() -> new AssertionError(exchange.getException()));
        assertThat(json).isInstanceOf(ObjectNode.class);
        return json;
    }

    private String takeChunks(String id) {
        List<Emitted> of = captured.chunks.stream().filter(chunk -> id.equals(chunk.headers().get("BactrianRequestId"))).toList();
        captured.chunks.removeAll(of);
        return of.stream().map(Emitted::text).collect(Collectors.joining("|"));
    }

    private static String piece(String content) {
        return data("{\"choices\":[{\"delta\":{\"content\":\"" + content + "\"}}]}");
    }

    private static String choice(String delta, String finishReason) {
        return data("{\"choices\":[{\"delta\":" + delta + ",\"finish_reason\":" + finishReason + "}]}");
    }

    private static String data(String data) {
        return "data: " + data + "\n\n";
    }

    private static String crlf(String text) {
        return text.replace("\n", "\r\n");
    }

    private static String unavailable(String message) {
        return failed(message, "").replace("stream-interrupted", "provider-unavailable");
    }

    private static String failed(String message, String partialText) {
        return "{'error':{'type':'stream-interrupted','message':'" + message + "','httpStatus':200,'attempts':1},'partialText':'" + partialText + "'}";
    }
}
