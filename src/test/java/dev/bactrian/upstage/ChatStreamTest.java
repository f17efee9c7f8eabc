package dev.bactrian.upstage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import java.io.IOException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Random;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.http.ScriptedInputStream;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The streamed answers of Upstage as they look on the wire (Upstage API reference, Chat Completions), whole, cut at every byte and in any
 * pieces: a cut answer is never taken for a shorter one.
 */
class ChatStreamTest {

    private static final String DONE = "data: [DONE]\n\n";
    private static final String STOP = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

    private static String content(String text) {
        return choice("{\"content\":" + ProviderJson.JSON.getNodeFactory().textNode(text) + "}");
    }

    private static String choice(String delta) {
        return data("{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":" + delta + ",\"finish_reason\":null}]}");
    }

    private static String other(int index, String text) {
        return content(text).replace("\"index\":0", "\"index\":" + index);
    }

    private static String finish(String reason) {
        return STOP.replace("stop", reason);
    }

    private static String data(String json) {
        return "data: " + json + "\n\n";
    }

    private static final String USAGE = data("{\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5,\"total_tokens\":8}}");

    /** Answers that end well: the wire, the finish reason, the chunks. */
    enum Wire {
        PLAIN(content("Hel") + content("lo") + STOP + DONE, "stop", "Hel", "lo"),
        ROLE_ONLY_FIRST(choice("{\"role\":\"assistant\",\"content\":\"\"}") + content("Hi") + STOP + DONE, "stop", "Hi"),
        ROLE_WITHOUT_CONTENT_FIRST(choice("{\"role\":\"assistant\"}") + content("Hi") + STOP + DONE, "stop", "Hi"),
        ROLE_AND_TEXT_FIRST(choice("{\"role\":\"assistant\",\"content\":\"Hi\"}") + content("!") + STOP + DONE, "stop", "Hi", "!"),
        NULL_CONTENT(choice("{\"content\":null}") + content("Hi") + choice("{\"content\":null}") + STOP + DONE, "stop", "Hi"),
        EMPTY_DELTA(choice("{}") + content("Hi") + choice("{}") + STOP + DONE, "stop", "Hi"),
        NULL_DELTA(choice("null") + content("Hi") + STOP + DONE, "stop", "Hi"),
        EMPTY_CHOICES(data("{\"choices\":[]}") + content("Hi") + STOP + DONE, "stop", "Hi"),
        NO_CHOICES(data("{\"id\":\"c1\"}") + content("Hi") + STOP + data("{}") + DONE, "stop", "Hi"),
        NULL_CHOICES(data("{\"choices\":null}") + content("Hi") + STOP + DONE, "stop", "Hi"),
        NULL_CHOICE(data("{\"choices\":[null]}") + content("Hi") + STOP + DONE, "stop", "Hi"),
        NULL_USAGE(data("{\"choices\":[{\"delta\":{\"content\":\"Hi\"}}],\"usage\":null}") + STOP + DONE, "stop", "Hi"),
        NULL_ERROR(data("{\"error\":null,\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}") + STOP + DONE, "stop", "Hi"),
        USAGE_CHUNK(content("Hi") + STOP + USAGE + DONE, "stop", "Hi"),
        REASONING(choice("{\"reasoning\":\"15 per\"}") + choice("{\"reasoning\":\"cent\"}") + content("12") + STOP + DONE, "stop", "12"),
        REASONING_CONTENT(choice("{\"reasoning_content\":\"15 percent\"}") + content("12") + STOP + DONE, "stop", "12"),
        REASONING_AND_CONTENT_AT_ONCE(choice("{\"reasoning\":\"15 percent\",\"content\":\"12\"}") + STOP + DONE, "stop", "12"),
        CONTENT_WITH_THE_FINISH(content("Hel") + data("{\"choices\":[{\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"stop\"}]}") + DONE, "stop", "Hel", "lo"),
        FINISH_BEFORE_CONTENT(content("Hel") + data("{\"choices\":[{\"finish_reason\":\"stop\",\"delta\":{\"content\":\"lo\"}}]}") + DONE, "stop", "Hel", "lo"),
        DONE_WITHOUT_BLANK_LINE(content("Hi") + STOP + "data: [DONE]", "stop", "Hi"),
        DONE_WITH_ONE_LINE_END(content("Hi") + STOP + "data: [DONE]\n", "stop", "Hi"),
        DONE_WITHOUT_BLANK(content("Hi") + STOP + "data:[DONE]\n\n", "stop", "Hi"),
        DONE_AFTER_COMMENT(content("Hi") + STOP + ": bye\n" + DONE, "stop", "Hi"),
        FINISH_ONLY(content("Hi") + STOP, "stop", "Hi"),
        FINISH_ONLY_WITHOUT_BLANK_LINE(content("Hi") + STOP.strip(), "stop", "Hi"),
        DONE_ONLY(content("Hi") + DONE, null, "Hi"),
        LENGTH(content("Hi") + finish("length") + DONE, "length", "Hi"),
        CONTENT_FILTER(content("Hi") + finish("content_filter") + DONE, "content_filter", "Hi"),
        UNKNOWN_FINISH(content("Hi") + finish("tired") + DONE, "tired", "Hi"),
        NO_TEXT(choice("{\"role\":\"assistant\"}") + finish("length") + DONE, "length"),
        CR((content("Hel") + content("lo") + STOP + DONE).replace("\n", "\r"), "stop", "Hel", "lo"),
        CRLF((content("Hel") + content("lo") + STOP + DONE).replace("\n", "\r\n"), "stop", "Hel", "lo"),
        NO_BLANK((content("Hel") + content("lo") + STOP + DONE).replace("data: ", "data:"), "stop", "Hel", "lo"),
        BYTE_ORDER_MARK("\uFEFF" + content("Hi") + STOP + DONE, "stop", "Hi"),
        KEEP_ALIVES(": ping\n\n" + content("Hel") + ": ping\n\n" + content("lo") + ": ping\n\n" + STOP + DONE, "stop", "Hel", "lo"),
        KOREAN_AND_EMOJI(content("안녕") + content("하세요 ") + content("🐫🇰🇷") + STOP + DONE, "stop", "안녕", "하세요 ", "🐫🇰🇷"),
        ESCAPED_KOREAN_AND_EMOJI(choice("{\"content\":\"\\uc548\\ub155 \\ud83d\\udc2b\"}") + STOP + DONE, "stop", "안녕 🐫"),
        BLANKS(content(" ") + content("\n\n") + content("a ") + STOP + DONE, "stop", " ", "\n\n", "a "),
        ODD_CHARACTERS(content("\" \\ \u0000\u0007\u2028 {{x}} ${y}") + STOP + DONE, "stop", "\" \\ \u0000\u0007\u2028 {{x}} ${y}"),
        TEXT_THAT_LOOKS_LIKE_THE_END(content("[DONE]") + content("data: [DONE]") + STOP + DONE, "stop", "[DONE]", "data: [DONE]"),
        LINE_THAT_IS_NOT_JSON(content("Hel") + data("oops") + data("<html>") + content("lo") + STOP + DONE, "stop", "Hel", "lo"),
        LINE_THAT_IS_NEARLY_JSON(content("Hel") + data("{\"choices\":[{\"delta\":{\"content\":\"no\"}},]}") + content("lo") + STOP + DONE, "stop", "Hel", "lo"),
        LINE_THAT_IS_NOT_AN_OBJECT(content("Hel") + data("5") + data("[]") + data("null") + data("") + content("lo") + STOP + DONE, "stop", "Hel", "lo"),
        OBJECT_OVER_TWO_LINES("data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"Hi\"}}]}\n\n" + STOP + DONE, "stop", "Hi"),
        KEY_GIVEN_TWICE(data("{\"model\":\"a\",\"choices\":[{\"delta\":{\"content\":\"Hi\"}}],\"model\":\"b\"}") + STOP + DONE, "stop", "Hi"),
        UNKNOWN_KEYS(data("{\"x\":{\"content\":\"no\"},\"choices\":[{\"y\":[1,{\"delta\":{\"content\":\"no\"}}],\"delta\":{\"z\":{\"content\":\"no\"},\"content\":\"Hi\"}}]}")
                + STOP + DONE, "stop", "Hi"),
        EVENT_TYPE("event: message\nid: 1\nretry: 10\n" + content("Hi") + STOP + DONE, "stop", "Hi"),
        LIST_OF_PARTS(choice("{\"content\":[{\"type\":\"text\",\"text\":\"Hel\"},{\"type\":\"text\",\"text\":\"lo\"}]}") + content("!") + STOP + DONE, "stop", "Hello", "!"),
        ONE_PART(choice("{\"content\":{\"type\":\"output_text\",\"text\":\"Hi\"}}") + STOP + DONE, "stop", "Hi"),
        PARTS_WITHOUT_TEXT(choice("{\"content\":[]}") + choice("{\"content\":[{\"type\":\"text\",\"text\":\"\"},\"Hi\"]}") + STOP + DONE, "stop", "Hi"),
        OTHER_CHOICES(choice("{\"content\":\"Hel\"}") + other(1, "Bon") + content("lo") + other(1, "jour")
                + data("{\"choices\":[{\"delta\":{\"content\":\"jour\"},\"index\":1},{\"delta\":{\"content\":\"!\"},\"index\":0}]}") + STOP + DONE, "stop", "Hel", "lo", "!"),
        OTHER_CHOICES_FIRST(other(2, "x") + other(1, "Bon") + content("Hi") + STOP + DONE, "stop", "Hi"),
        TEXT_AND_DONE_IN_ONE_EVENT(content("Hel") + content("lo").strip() + "\ndata: [DONE]\n\n", null, "Hel", "lo"),
        TWO_OBJECTS_IN_ONE_EVENT(content("Hel").strip() + "\n" + content("lo") + STOP + DONE, "stop", "Hello"),
        WHOLE_MESSAGE_AS_AN_EVENT(data("{\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}") + DONE,
                "stop", "Hi"),
        WHOLE_MESSAGE_AFTER_ITS_PIECES(content("Hel") + content("lo") + data("{\"choices\":[{\"message\":{\"content\":\"Hello\"},\"finish_reason\":\"stop\"}]}") + DONE,
                "stop", "Hel", "lo"),
        HALVES_OF_A_CHARACTER(choice("{\"content\":\"hi \\ud83d\"}") + choice("{\"content\":\"\\udc2b there\"}") + STOP + DONE, "stop", "hi ", "🐫 there"),
        HALVES_ALONE(choice("{\"content\":\"\\ud83d\"}") + choice("{\"content\":\"\\udc2b\"}") + STOP + DONE, "stop", "🐫"),
        HALF_BEFORE_PLAIN_TEXT(content("a") + choice("{\"content\":\"\\ud83d\"}") + content("b") + content("c") + STOP + DONE, "stop", "a", "\uFFFDb", "c"),
        SECOND_HALF_ALONE(choice("{\"content\":\"a\\udc2bb\"}") + STOP + DONE, "stop", "a\uFFFDb"),
        HALF_AT_THE_END(content("a") + choice("{\"content\":\"b\\ud83d\"}") + STOP + DONE, "stop", "a", "b", "\uFFFD"),
        HALF_AND_DONE(choice("{\"content\":\"\\ud83d\"}") + DONE, null, "\uFFFD"),
        TOOL_CALL(choice("{\"content\":null,\"tool_calls\":[{\"index\":0,\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"w\",\"arguments\":\"\"}}]}")
                + choice("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"city\\\":\"}}]}")
                + choice("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"\\\"서울\\\"}\"}}]}") + finish("tool_calls") + DONE, "tool_calls");

        final byte[] bytes;
        final String finishReason;
        final List<String> chunks;

        Wire(String wire, String finishReason, String... chunks) {
            this.bytes = wire.getBytes(StandardCharsets.UTF_8);
            this.finishReason = finishReason;
            this.chunks = List.of(chunks);
        }

        String text() {
            return String.join("", chunks);
        }

        /** The first byte after the line that ends the answer. */
        int terminal() {
            String wire = new String(bytes, StandardCharsets.ISO_8859_1);
            for (int start = 0; start < wire.length();) {
                int end = start;
                while (end < wire.length() && wire.charAt(end) != '\n' && wire.charAt(end) != '\r') {
                    end++;
                }
                String line = wire.substring(start, end);
                if (line.matches("data: ?\\[DONE]") || line.contains("\"finish_reason\":\"")) {
                    return end;
                }
                start = end + 1;
            }
            return fail("no end");
        }
    }

    /** Reads as Camel's splitter does: asks, takes, leaves nulls out. */
    private static List<String> drain(ChatStream stream) {
        List<String> chunks = new ArrayList<>();
        while (stream.hasNext()) {
            String piece = stream.next();
            if (piece != null) {
                chunks.add(piece);
            }
        }
        return chunks;
    }

    private static ChatStream open(ScriptedInputStream reads) {
        return new ChatStream("test", reads);
    }

    private static ChatStream open(String... parts) {
        return open(ScriptedInputStream.of(parts));
    }

    private static GenerationFailure failure(ChatStream stream) {
        try {
            return fail("read without a failure: " + drain(stream));
        } catch (GenerationFailure e) {
            return e;
        }
    }

    private static void assertWhole(Wire row, ScriptedInputStream reads, String how, Object... arguments) {
        ChatStream stream = open(reads);

        assertThat(drain(stream)).as(how, arguments).isEqualTo(row.chunks);
        assertThat(stream.text()).as(how, arguments).isEqualTo(row.text());
        assertThat(stream.count()).as(how, arguments).isEqualTo(row.chunks.size());
    }

    @ParameterizedTest
    @EnumSource
    void anAnswersChunksAreItsPiecesInOrderAndNeverEmpty(Wire row) {
        assertWhole(row, ScriptedInputStream.cutAt(row.bytes), "in one read");
    }

    @ParameterizedTest
    @EnumSource
    void theFinishReasonComesThroughAsItIs(Wire row) {
        ChatStream stream = open(ScriptedInputStream.cutAt(row.bytes));
        drain(stream);

        assertThat(stream.answer().path("finishReason").textValue()).isEqualTo(row.finishReason);
        assertThat(stream.answer().has("finishReason")).isTrue();
    }

    @ParameterizedTest
    @EnumSource
    void twoReadsGiveTheSameChunksWhereverTheyAreCut(Wire row) {
        for (int cut = 0; cut <= row.bytes.length; cut++) {
            assertWhole(row, ScriptedInputStream.cutAt(row.bytes, cut), "cut at byte %d", cut);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aByteAtATimeGivesTheSameChunks(Wire row) {
        assertWhole(row, ScriptedInputStream.oneByteEach(row.bytes), "a byte at a time");
    }

    @ParameterizedTest
    @EnumSource
    void anySplittingOfTheSameBytesGivesTheSameChunks(Wire row) {
        long seed = Long.getLong("bactrian.test.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int round = 0; round < 20; round++) {
            assertWhole(row, ScriptedInputStream.atRandom(row.bytes, random, 50), "-Dbactrian.test.seed=%d, round %d", seed, round);
        }
    }

    @ParameterizedTest
    @EnumSource
    void anAnswerCutBeforeItsEndIsInterrupted(Wire row) {
        for (int cut = 0; cut < row.terminal(); cut++) {
            ChatStream stream = open(ScriptedInputStream.cutAt(Arrays.copyOf(row.bytes, cut)));
            try {
                fail("cut at byte %d of %d: success with %s", cut, row.terminal(), drain(stream));
            } catch (GenerationFailure e) {
                assertThat(e.type()).isEqualTo(ErrorType.STREAM_INTERRUPTED);
                assertThat(row.text()).as("cut at byte %d", cut).startsWith(stream.text());
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void anAnswerCutAfterItsEndIsWhole(Wire row) {
        for (int cut = row.terminal(); cut <= row.bytes.length; cut++) {
            assertWhole(row, ScriptedInputStream.cutAt(Arrays.copyOf(row.bytes, cut)), "cut at byte %d", cut);
        }
    }

    @Test
    void usageLandsInTheResult() {
        ChatStream stream = open(content("Hi") + STOP + USAGE + DONE);
        drain(stream);

        assertThat(stream.answer().path("usage").toString()).isEqualTo("{\"prompt_tokens\":3,\"completion_tokens\":5,\"total_tokens\":8}");
    }

    @Test
    void withoutUsageTheResultHasNone() {
        ChatStream stream = open(content("Hi") + STOP + DONE);
        drain(stream);

        assertThat(stream.answer().has("usage")).isFalse();
    }

    @ParameterizedTest
    @EnumSource(names = {"REASONING", "REASONING_CONTENT", "REASONING_AND_CONTENT_AT_ONCE"})
    void reasoningIsKeptApartFromTheText(Wire row) {
        ChatStream stream = open(ScriptedInputStream.cutAt(row.bytes));
        drain(stream);

        assertThat(stream.answer().path("reasoning").textValue()).isEqualTo("15 percent");
        assertThat(stream.answer().path("text").textValue()).isEqualTo("12");
    }

    @Test
    void reasoningBesideBytesThatAreNotUtf8IsKeptOnce() {
        byte[] wire = (choice("{\"reasoning\":\"abc\",\"content\":\"X\"}") + STOP + DONE).getBytes(StandardCharsets.UTF_8);
        wire[new String(wire, StandardCharsets.ISO_8859_1).indexOf('X')] = (byte) 0xE9;
        ChatStream stream = open(ScriptedInputStream.cutAt(wire));
        drain(stream);

        assertThat(stream.answer().path("reasoning").textValue()).isEqualTo("abc");
    }

    @Test
    void theResultHasTheFieldsOfTheContractInTheirOrder() {
        ChatStream stream = open(choice("{\"reasoning\":\"r\"}") + content("Hi") + STOP + USAGE + DONE);
        drain(stream);

        assertThat(fields(stream.answer())).containsExactly("kind", "text", "reasoning", "finishReason", "usage", "chunks");
    }

    private static List<String> fields(ObjectNode document) {
        List<String> names = new ArrayList<>();
        document.fieldNames().forEachRemaining(names::add);
        return names;
    }

    @Test
    void aToolCallInPiecesIsPutTogether() {
        ChatStream stream = open(ScriptedInputStream.oneByteEach(Wire.TOOL_CALL.bytes));
        drain(stream);

        assertThat(stream.answer().path("toolCalls").toString()).isEqualTo(
                "[{\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"w\",\"arguments\":\"{\\\"city\\\":\\\"서울\\\"}\"}}]");
    }

    @Test
    void aPieceOfAToolCallWhoseNameIsNullLeavesTheNameAlone() {
        ChatStream stream = open(
                choice("{\"tool_calls\":[{\"index\":0,\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"w\",\"arguments\":\"{\"}}]}")
                + choice("{\"tool_calls\":[{\"index\":0,\"id\":null,\"type\":null,\"function\":{\"name\":null,\"arguments\":null}}]}")
                + choice("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"}\"}}]}") + finish("tool_calls") + DONE);
        drain(stream);

        assertThat(stream.answer().path("toolCalls").toString()).isEqualTo(
                "[{\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"w\",\"arguments\":\"{}\"}}]");
    }

    @Test
    void twoToolCallsAreDistinguishedByTheirIndex() {
        ChatStream stream = open(
                choice("{\"tool_calls\":[{\"index\":0,\"id\":\"t1\",\"function\":{\"name\":\"a\",\"arguments\":\"1\"}},{\"index\":1,\"id\":\"t2\",\"function\":{\"name\":\"b\",\"arguments\":\"2\"}}]}")
                + choice("{\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"2\"}}]}")
                + choice("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"1\"}}]}") + finish("tool_calls") + DONE);
        drain(stream);

        assertThat(stream.answer().at("/toolCalls/0/function/arguments").asText()).isEqualTo("11");
        assertThat(stream.answer().at("/toolCalls/1/function/arguments").asText()).isEqualTo("22");
    }

    /** Pieces of calls of tools as services send them, and what they add up to: id, name and arguments of each. */
    enum Tools {
        BLANK_LATER(calls(call(0, "'id':'t1','type':'function'", "'name':'a','arguments':'1'"), call(0, "'id':'','type':''", "'name':'','arguments':'2'")), "t1 a 12"),
        FROM_ONE(calls(call(1, "'id':'t1'", "'name':'a','arguments':'1'"), call(2, "'id':'t2'", "'name':'b','arguments':'2'"), call(1, "'id':null", "'arguments':'1'")),
                "t1 a 11", "t2 b 2"),
        IN_WORDS(calls(call(0, "'id':'t1'", "'name':'a','arguments':'1'"), call(1, "'id':'t2'", "'name':'b','arguments':'2'"), call(0, "", "'arguments':'1'"))
                .replaceAll("(tool_calls\":\\[\\{\"index\":)(\\d)", "$1\"$2\""), "t1 a 11", "t2 b 2"),
        WITH_A_GAP(calls(call(3, "'id':'t1'", "'name':'a','arguments':''"), call(7, "'id':'t2'", "'name':'b','arguments':'2'")), "t1 a ", "t2 b 2"),
        ALL_ZERO(calls(call(0, "'id':'t1'", "'name':'a','arguments':'1'"), call(0, "'id':'t2'", "'name':'b','arguments':'2'"), call(0, "", "'arguments':'2'"),
                call(0, "'id':'t1'", "'arguments':'1'")), "t1 a 11", "t2 b 22"),
        ALL_ZERO_IN_ONE(calls(call(0, "'id':'t1'", "'name':'a','arguments':'1'") + "," + call(0, "'id':'t2'", "'name':'a','arguments':'2'")), "t1 a 1", "t2 a 2"),
        ALL_ZERO_WITHOUT_IDS(calls(call(0, "'id':''", "'name':'a','arguments':'1'"), call(0, "'id':''", "'name':'b','arguments':'2'")), " a 1", " b 2"),
        WITHOUT_INDEX(calls(call(null, "'id':'t1'", "'name':'a','arguments':'1'"), call(null, "", "'arguments':'1'"), call(null, "'id':'t2'", "'name':'b'"),
                call(null, "'id':null", "'arguments':'2'")), "t1 a 11", "t2 b 2"),
        LATER_WITHOUT_INDEX(calls(call(0, "'id':'t1'", "'name':'a'"), call(1, "'id':'t2'", "'name':'b'"), call(null, "", "'arguments':'2'")), "t1 a ", "t2 b 2"),
        WHOLE_WITHOUT_INDEX_AND_ID(calls(call(null, "", "'name':'a','arguments':'1'") + "," + call(null, "", "'name':'a','arguments':'2'")), " a 1", " a 2"),
        NAME_IN_EACH_PIECE(calls(call(0, "'id':'t1'", "'name':'a','arguments':'1'"), call(0, "'id':'t1'", "'name':'a','arguments':'2'"), call(0, "", "'name':'a','arguments':'3'")), "t1 a 123"),
        OUT_OF_ORDER(calls(call(1, "'id':'t2'", "'name':'b','arguments':'2'"), call(0, "'id':'t1'", "'name':'a','arguments':'1'")), "t1 a 1", "t2 b 2"),
        OF_A_SECOND_CHOICE(calls(call(0, "'id':'t1'", "'name':'a','arguments':'1'"))
                + calls(call(0, "'id':'t2'", "'name':'b','arguments':'2'")).replace("\"index\":0,\"delta\"", "\"index\":1,\"delta\""), "t1 a 1");

        final String wire;
        final List<String> calls;

        Tools(String wire, String... calls) {
            this.wire = wire;
            this.calls = List.of(calls);
        }

        private static String calls(String... pieces) {
            StringBuilder wire = new StringBuilder();
            for (String piece : pieces) {
                wire.append(choice("{\"tool_calls\":[" + piece + "]}"));
            }
            return wire.toString();
        }

        private static String call(Integer index, String fields, String function) {
            return ("{" + (index == null ? "" : "'index':" + index + ",") + (fields.isEmpty() ? "" : fields + ",")
                    + "'function':{" + function + "}}").replace('\'', '"');
        }
    }

    @ParameterizedTest
    @EnumSource
    void toolCallsAreJoinedHoweverTheyAreSplit(Tools row) {
        ChatStream stream = open(row.wire + finish("tool_calls") + DONE);
        drain(stream);

        List<String> calls = new ArrayList<>();
        stream.answer().path("toolCalls").forEach(call -> calls.add(call.path("id").asText() + " "
                + call.path("function").path("name").asText() + " " + call.path("function").path("arguments").asText()));
        assertThat(calls).isEqualTo(row.calls);
    }

    @Test
    void toolCallsAreBounded() {
        StringBuilder wire = new StringBuilder();
        for (int i = 0; i < 1000; i++) {
            wire.append(choice("{\"tool_calls\":[{\"index\":" + i + ",\"id\":\"t" + i + "\",\"function\":{\"name\":\"a\",\"arguments\":\"x\"}}]}"));
        }
        ChatStream stream = open(wire + finish("tool_calls") + DONE);
        drain(stream);

        assertThat(stream.answer().path("toolCalls")).hasSize(128);
    }

    /** Answers in which the model refuses: what stands in the result. */
    enum Refused {
        IN_PIECES(choice("{\"refusal\":\"I \",\"content\":null}") + choice("{\"refusal\":\"can't.\"}") + STOP + DONE, "I can't.", "refusal", ""),
        WITHOUT_FINISH_REASON(choice("{\"refusal\":\"No.\"}") + DONE, "No.", "refusal", ""),
        FILTERED(choice("{\"refusal\":\"No.\"}") + finish("content_filter") + DONE, "No.", "content_filter", ""),
        AS_A_PART(choice("{\"content\":[{\"type\":\"text\",\"text\":\"Well, \"},{\"type\":\"refusal\",\"refusal\":\"no.\"}]}") + STOP, "no.", "refusal", "Well, "),
        IN_A_DOCUMENT("{\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"No.\"},\"finish_reason\":\"stop\"}]}", "No.", "refusal", ""),
        CUT_IN_A_CHARACTER(choice("{\"refusal\":\"No \\ud83d\"}") + choice("{\"refusal\":\"\\udc2b\\ud83d\"}") + STOP, "No 🐫\uFFFD", "refusal", ""),
        NOT_AT_ALL(choice("{\"refusal\":\"\",\"content\":\"Hi\"}") + choice("{\"refusal\":null}") + STOP + DONE, null, "stop", "Hi");

        final String wire;
        final String refusal;
        final String finishReason;
        final String text;

        Refused(String wire, String refusal, String finishReason, String text) {
            this.wire = wire;
            this.refusal = refusal;
            this.finishReason = finishReason;
            this.text = text;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aRefusalIsInTheResultAndItsFinishReasonSaysSo(Refused row) {
        ChatStream stream = open(row.wire);
        drain(stream);

        assertThat(stream.answer().path("refusal").textValue()).isEqualTo(row.refusal);
        assertThat(stream.answer().path("finishReason").textValue()).isEqualTo(row.finishReason);
        assertThat(stream.answer().path("text").textValue()).isEqualTo(row.text);
    }

    private static final String COMPLETION = "{\"id\":\"c1\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello 🐫\","
            + "\"reasoning\":\"Hm\"},\"finish_reason\":\"stop\"}],\"usage\":{\"total_tokens\":8}}";

    /** One completion in place of a stream. */
    enum Whole {
        AS_IT_IS(COMPLETION),
        WITH_A_LINE_END(COMPLETION + "\n"),
        AFTER_BLANK_LINES("\r\n\n  " + COMPLETION),
        WITH_A_BYTE_ORDER_MARK("\uFEFF" + COMPLETION),
        PRETTY(pretty(COMPLETION)),
        PRETTY_WITH_CRLF(pretty(COMPLETION).replace("\n", "\r\n")),
        AFTER_COMMENTS(": PROCESSING\n\n: PROCESSING\n\n" + COMPLETION),
        PARTS(COMPLETION.replace("\"Hello 🐫\"", "[{\"type\":\"text\",\"text\":\"Hello \"},{\"type\":\"text\",\"text\":\"🐫\"}]")),
        ANOTHER_CHOICE_BESIDE(COMPLETION.replace("\"choices\":[", "\"choices\":[{\"message\":{\"content\":\"no\"},\"index\":1,\"finish_reason\":\"length\"},")),
        A_NULL_ERROR(COMPLETION.replace("{\"id\"", "{\"error\":null,\"id\""));

        final byte[] bytes;

        Whole(String body) {
            bytes = body.getBytes(StandardCharsets.UTF_8);
        }

        private static String pretty(String json) {
            return ProviderJson.json(json).orElseThrow().toPrettyString();
        }
    }

    @ParameterizedTest
    @EnumSource
    void oneCompletionInPlaceOfAStreamIsTheAnswerInOnePiece(Whole row) {
        for (ScriptedInputStream reads : List.of(ScriptedInputStream.cutAt(row.bytes), ScriptedInputStream.oneByteEach(row.bytes))) {
            ChatStream stream = open(reads);

            assertThat(drain(stream)).containsExactly("Hello 🐫");
            assertThat(stream.answer().toString()).isEqualTo("{\"kind\":\"text\",\"text\":\"Hello 🐫\",\"reasoning\":\"Hm\",\"finishReason\":\"stop\","
                    + "\"usage\":{\"total_tokens\":8},\"chunks\":1}");
            assertThat(reads.closed()).isTrue();
        }
    }

    @Test
    void oneCompletionInPlaceOfAStreamMayCallToolsAlone() {
        ChatStream stream = open("{\"choices\":[{\"message\":{\"content\":null,\"tool_calls\":[{\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"a\",\"arguments\":\"{}\"}},"
                + "{\"id\":\"t2\",\"type\":\"function\",\"function\":{\"name\":\"a\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}]}");

        assertThat(drain(stream)).isEmpty();
        assertThat(stream.answer().path("toolCalls")).hasSize(2);
        assertThat(stream.answer().path("finishReason").asText()).isEqualTo("tool_calls");
    }

    @Test
    void oneCompletionThatBreaksOffIsNoAnswer() {
        byte[] whole = COMPLETION.getBytes(StandardCharsets.UTF_8);
        for (int cut = 0; cut < whole.length - 1; cut++) {
            ChatStream stream = open(ScriptedInputStream.cutAt(Arrays.copyOf(whole, cut)));

            assertThat(failure(stream).retryable()).as("cut at byte %d", cut).isTrue();
            assertThat(stream.text()).isEmpty();
        }
    }

    /** Bodies that came with status 200 and are no answer: their type, whether they may be asked for again, their words. */
    enum InPlace {
        NOTHING("", ErrorType.STREAM_INTERRUPTED, true, "the answer held no text and no end"),
        BLANKS(" \r\n\n", ErrorType.STREAM_INTERRUPTED, true, "the answer held no text and no end"),
        PAGE("<!DOCTYPE html><html><head><title>Just a\n moment</title><style>p {}</style></head></html>", ErrorType.PROVIDER_UNAVAILABLE, true,
                "upstage answered 200 with a page: Just a moment"),
        PAGE_WITHOUT_TITLE("<html><head><script>if (1 < 2) x()</script></head><body><h1>Sign&nbsp;in</h1></body></html>", ErrorType.PROVIDER_UNAVAILABLE, true, "with a page: Sign"),
        TEXT("upstream connect error\n", ErrorType.PROVIDER_UNAVAILABLE, true, "upstage answered 200: upstream connect error"),
        ERROR("{\"error\":{\"message\":\"no humps\"}}", ErrorType.PROVIDER_UNAVAILABLE, true, "upstage answered 200: no humps"),
        ERROR_TEXT("{\"error\":\"no humps\"}", ErrorType.PROVIDER_UNAVAILABLE, true, "no humps"),
        ERROR_PRETTY("{\n  \"error\": {\n    \"message\": \"no humps\",\n    \"code\": \"rate_limit_exceeded\"\n  }\n}\n", ErrorType.RATE_LIMITED, true, "no humps"),
        ERROR_STATUS("{\"error\":{\"message\":\"no humps\",\"code\":429}}", ErrorType.RATE_LIMITED, true, "no humps"),
        ERROR_KEY("{\"error\":{\"message\":\"no humps\",\"type\":\"invalid_request_error\",\"param\":\"\",\"code\":\"invalid_api_key\"}}", ErrorType.AUTHENTICATION, false, "no humps"),
        ERROR_CREDIT("{\"error\":{\"message\":\"no humps\",\"type\":\"insufficient_quota\"}}", ErrorType.AUTHENTICATION, false, "no humps"),
        ERROR_REQUEST("{\"error\":{\"message\":\"no humps\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"context_length_exceeded\"}}", ErrorType.PROVIDER_REJECTED, false, "no humps"),
        ERROR_SERVER("{\"error\":{\"message\":\"no humps\",\"type\":\"server_error\"}}", ErrorType.PROVIDER_UNAVAILABLE, true, "no humps"),
        OBJECT_ERROR("{\"object\":\"error\",\"message\":\"no humps\",\"type\":\"BadRequestError\",\"param\":null,\"code\":400}", ErrorType.PROVIDER_REJECTED, false, "no humps"),
        OBJECT_ERROR_WITHOUT_CODE("{\"object\":\"error\",\"message\":\"no humps\"}", ErrorType.PROVIDER_UNAVAILABLE, true, "no humps"),
        DETAIL("{\"detail\":[{\"loc\":[\"body\",\"n\"],\"msg\":\"no humps\"}],\"status\":422}", ErrorType.PROVIDER_REJECTED, false, "body.n: no humps"),
        LIST("[{\"error\":{\"code\":503,\"message\":\"no humps\",\"status\":\"UNAVAILABLE\"}}]", ErrorType.PROVIDER_UNAVAILABLE, true, "no humps"),
        ERROR_BESIDE_CHOICES("{\"choices\":[],\"error\":{\"message\":\"no humps\",\"code\":\"429\"}}", ErrorType.RATE_LIMITED, true, "no humps"),
        NO_CHOICES("{\"id\":\"c1\",\"choices\":[]}", ErrorType.PROVIDER_UNAVAILABLE, true, "no answer"),
        EMPTY_OBJECT("{}", ErrorType.PROVIDER_UNAVAILABLE, true, "{}"),
        ANOTHER_CHOICE_ALONE("{\"choices\":[{\"index\":1,\"message\":{\"content\":\"no\"},\"finish_reason\":\"stop\"}]}", ErrorType.PROVIDER_UNAVAILABLE, true, ""),
        PIECES_WITHOUT_EVENTS("{\"choices\":[{\"delta\":{\"content\":\"no\"},\"finish_reason\":null}]}\n{\"choices\":[{\"delta\":{\"content\":\"no\"}}]}\n", ErrorType.PROVIDER_UNAVAILABLE, true, "");

        final byte[] bytes;
        final ErrorType type;
        final boolean retryable;
        final String said;

        InPlace(String body, ErrorType type, boolean retryable, String said) {
            this.bytes = body.getBytes(StandardCharsets.UTF_8);
            this.type = type;
            this.retryable = retryable;
            this.said = said;
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatCameInPlaceOfAnAnswerHasATypeAndItsOwnWords(InPlace row) {
        for (ScriptedInputStream reads : List.of(ScriptedInputStream.cutAt(row.bytes), ScriptedInputStream.oneByteEach(row.bytes))) {
            ChatStream stream = open(reads);
            GenerationFailure failure = failure(stream);

            assertThat(failure.type()).isEqualTo(row.type);
            assertThat(failure.retryable()).isEqualTo(row.retryable);
            assertThat(failure).hasMessageContaining(row.said).message().hasLineCount(1).hasSizeLessThan(3000).doesNotContain("<");
            assertThat(stream.text()).isEmpty();
            assertThat(reads.closed()).isTrue();
            assertThat(stream.hasNext()).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 128, 2_000_000_000})
    void anIndexOutOfRangeDoesNoHarm(int index) {
        assertThat(drain(open(choice("{\"tool_calls\":[{\"index\":" + index + ",\"id\":\"t\"}]}") + content("Hi") + STOP + DONE))).containsExactly("Hi");
    }

    /** Answers that do not end well: the wire, what came before, what the message must hold. */
    enum Broken {
        ROLE_ONLY(choice("{\"role\":\"assistant\"}"), "", ""),
        NO_END(content("Hel") + content("lo"), "Hello", ""),
        HALF_A_LINE(content("Hel") + "data: {\"choi", "Hel", ""),
        HALF_A_DONE(content("Hel") + "data: [DON", "Hel", ""),
        EMPTY_FINISH_IS_NONE(content("Hel") + choice("{}"), "Hel", ""),
        BLANK_FINISH_IS_NONE(content("Hel") + finish(""), "Hel", ""),
        FINISH_IN_HALF_A_LINE(content("Hel") + "data: {\"choices\":[{\"finish_reason\":\"stop\",\"delta\":{\"con", "Hel", ""),
        ERROR_OBJECT_FIRST(data("{\"error\":{\"message\":\"too many tokens\",\"type\":\"x\"}}") + DONE, "", "too many tokens"),
        ERROR_OBJECT_LATER(content("Hel") + data("{\"error\":{\"message\":\"too many tokens\"}}") + content("lo") + STOP + DONE, "Hel", "too many tokens"),
        ERROR_STRING(content("Hel") + data("{\"error\":\"overloaded\"}") + DONE, "Hel", "overloaded"),
        ERROR_WITHOUT_WORDS(content("Hel") + data("{\"error\":{\"code\":77}}") + DONE, "Hel", "77"),
        ERROR_AFTER_CHOICES(content("Hel") + data("{\"choices\":[],\"error\":{\"message\":\"overloaded\"}}") + DONE, "Hel", "overloaded"),
        ERROR_OBJECT_BESIDE_ITS_WORDS(content("Hel") + data("{\"message\":\"overloaded\",\"object\":\"error\",\"code\":50001}") + DONE, "Hel", "overloaded"),
        ERROR_OBJECT_AFTER_DONE(content("Hel") + "data: [DONE]\ndata: {\"object\":\"error\",\"message\":\"overloaded\"}\n\n", "Hel", "overloaded"),
        ERROR_WORDS_IN_PLACE_OF_CHOICES(data("{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"overloaded\"}]}") + DONE, "", "body: overloaded"),
        ERROR_EVENT_IN_CAPITALS("event: Error\n" + data("{\"code\":7,\"reason\":\"overloaded\"}") + DONE, "", "overloaded"),
        ERROR_EVENT_FIRST("event: error\n" + data("{\"detail\":\"overloaded\"}") + DONE, "", "overloaded"),
        ERROR_EVENT_LATER(content("Hel") + "event: error\n" + data("{\"error\":{\"message\":\"overloaded\"}}") + STOP + DONE, "Hel", "overloaded"),
        ERROR_EVENT_IN_WORDS(content("Hel") + "event: error\n" + data("overloaded, try later") + DONE, "Hel", "overloaded, try later"),
        ERROR_EVENT_AS_STRING(content("Hel") + "event: error\n" + data("\"overloaded\"") + DONE, "Hel", "overloaded"),
        ERROR_EVENT_OVER_LINES(content("Hel") + "event: error\ndata: over\ndata: loaded\n\n", "Hel", "over loaded"),
        ERROR_BEFORE_DONE_IN_ONE_EVENT(content("Hel") + "data: {\"error\":{\"message\":\"overloaded\"}}\ndata: [DONE]\n\n", "Hel", "overloaded"),
        ERROR_AFTER_DONE_IN_ONE_EVENT(content("Hel") + STOP + "data: [DONE]\ndata: {\"error\":{\"message\":\"overloaded\"}}\n\n", "Hel", "overloaded"),
        ERROR_ON_THE_LINE_OF_DONE(content("Hel") + STOP + data("[DONE] {\"error\":\"overloaded\"}"), "Hel", "overloaded"),
        ERROR_EVENT_THAT_SAYS_DONE(content("Hel") + STOP + "event: error\n" + data("[DONE]"), "Hel", "error"),
        ERROR_EVENT_WITH_WORDS_AND_DONE(content("Hel") + "event: error\ndata: {\"message\":\"overloaded\"}\ndata: [DONE]\n\n", "Hel", "overloaded"),
        ERROR_BESIDE_TEXT(content("Hel") + data("{\"choices\":[{\"delta\":{\"content\":\"lo\"}}],\"error\":{\"message\":\"overloaded\"}}") + DONE,
                "Hello", "overloaded"),
        ERROR_IN_A_CHOICE(content("Hel") + data("{\"choices\":[{\"delta\":{},\"error\":{\"code\":502,\"message\":\"overloaded\"},\"finish_reason\":\"error\"}]}") + DONE,
                "Hel", "overloaded"),
        FINISH_REASON_ERROR(content("Hel") + finish("error") + USAGE + DONE, "Hel", "finish reason \"error\""),
        FINISH_REASON_ERROR_WITH_TEXT(content("Hel") + data("{\"choices\":[{\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"error\"}]}"), "Hello", "error"),
        ERROR_OUTSIDE_OF_EVENTS(content("Hel") + "{\"error\":{\"message\":\"overloaded\"}}\n", "Hel", "overloaded"),
        CUT_IN_THE_HALF_OF_A_CHARACTER(choice("{\"content\":\"Hel\"}") + choice("{\"content\":\"\\ud83d\"}"), "Hel", ""),
        ERROR_EVENT_AT_THE_END_OF_THE_STREAM(content("Hel") + "event: error\ndata: {\"error\":{\"message\":\"overloaded\"}}", "Hel", "overloaded");

        final byte[] bytes;
        final String text;
        final String said;

        Broken(String wire, String text, String said) {
            this.bytes = wire.getBytes(StandardCharsets.UTF_8);
            this.text = text;
            this.said = said;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aBrokenAnswerIsInterruptedAndKeepsWhatCame(Broken row) {
        for (ScriptedInputStream reads : List.of(ScriptedInputStream.cutAt(row.bytes), ScriptedInputStream.oneByteEach(row.bytes))) {
            ChatStream stream = open(reads);
            GenerationFailure failure = failure(stream);

            assertThat(failure.type()).isEqualTo(ErrorType.STREAM_INTERRUPTED);
            assertThat(failure).hasMessageContaining(row.said).message().isNotBlank().hasLineCount(1);
            assertThat(stream.text()).isEqualTo(row.text);
            assertThat(reads.closed()).isTrue();
        }
    }

    @Test
    void aStalledStreamSaysSo() {
        ChatStream stream = open(ScriptedInputStream.of(content("Hel")).thenFail(new SocketTimeoutException("Read timed out")));

        assertThat(failure(stream)).hasMessageContaining("bactrian.stall-timeout");
        assertThat(stream.text()).isEqualTo("Hel");
    }

    @Test
    void aBrokenConnectionSaysSo() {
        assertThat(failure(open(ScriptedInputStream.of(content("Hel")).thenFail(new SocketException("Connection reset"))))).hasMessageContaining("Connection reset");
    }

    @ParameterizedTest
    @EnumSource
    void onceTheReasonToFinishIsThereTheConnectionMayDoWhatItLikes(Loss row) {
        ChatStream stream = open(ScriptedInputStream.of(content("Hi") + STOP).thenFail(row.how));

        assertThat(drain(stream)).containsExactly("Hi");
        assertThat(stream.answer().path("finishReason").asText()).isEqualTo("stop");
    }

    enum Loss {
        STALLED(new SocketTimeoutException("Read timed out")),
        RESET(new SocketException("Connection reset"));

        final IOException how;

        Loss(IOException how) {
            this.how = how;
        }
    }

    @Test
    void askingForMoreNeverWaits() {
        ChatStream stream = open(ScriptedInputStream.of(content("Hel")).thenSilence());

        assertThat(stream.hasNext()).isTrue();
        assertThat(stream.next()).isEqualTo("Hel");
        assertThat(stream.hasNext()).isTrue();
    }

    @Test
    void aPieceIsThereBeforeTheNextOneIs() {
        ChatStream stream = open(ScriptedInputStream.of(content("Hel"), content("lo")).thenSilence());

        assertThat(stream.next()).isEqualTo("Hel");
        assertThat(stream.next()).isEqualTo("lo");
    }

    @Test
    void doneEndsTheStreamAtOnceThoughTheConnectionStaysOpen() {
        ScriptedInputStream reads = ScriptedInputStream.of(content("Hi"), STOP, DONE).thenSilence();
        ChatStream stream = open(reads);

        assertThat(drain(stream)).containsExactly("Hi");
        assertThat(stream.hasNext()).isFalse();
        assertThat(reads.closed()).isTrue();
    }

    @Test
    void whatComesAfterDoneIsNotRead() {
        assertThat(drain(open(content("Hi") + DONE + content("more") + data("{\"error\":{\"message\":\"x\"}}")))).containsExactly("Hi");
    }

    @Test
    void afterItsEndThereIsNothing() {
        ChatStream stream = open(content("Hi") + STOP + DONE);
        drain(stream);

        assertThatThrownBy(stream::next).isInstanceOf(NoSuchElementException.class);
    }

    @Test
    void aStreamThatIsFailedFromOutsideEndsWithThatFailure() {
        ScriptedInputStream reads = ScriptedInputStream.of(content("Hel"), content("lo")).thenSilence();
        ChatStream stream = open(reads);
        stream.next();
        GenerationFailure reason = new GenerationFailure(ErrorType.DELIVERY_FAILED, "a chunk could not be emitted");

        stream.fail(reason);

        assertThat(reads.closed()).isTrue();
        assertThat(stream.hasNext()).isTrue();
        assertThatThrownBy(stream::next).isSameAs(reason);
        assertThat(stream.hasNext()).isFalse();
        assertThat(stream.text()).isEqualTo("Hel");
    }

    @Test
    void theFirstFailureCounts() {
        ChatStream stream = open(content("Hel"));
        GenerationFailure first = new GenerationFailure(ErrorType.DELIVERY_FAILED, "first");

        stream.fail(first);
        stream.fail(new GenerationFailure(ErrorType.DELIVERY_FAILED, "second"));

        assertThatThrownBy(stream::next).isSameAs(first);
    }

    @Test
    void aStreamThatIsClosedHasNothingMore() {
        ScriptedInputStream reads = ScriptedInputStream.of(content("Hel"), content("lo"));
        ChatStream stream = open(reads);
        stream.next();

        stream.close();
        stream.close();

        assertThat(reads.closed()).isTrue();
        assertThat(stream.hasNext()).isFalse();
        assertThat(stream.text()).isEqualTo("Hel");
    }

    @Test
    void anEventOfFourMegabytesIsNothingSpecial() {
        String text = "가나다라 ".repeat(4 * 1024 * 1024 / 13);

        List<String> chunks = drain(open(content("a") + content(text) + content("b") + STOP + DONE));

        assertThat(chunks.size()).isEqualTo(3);
        assertThat(chunks.get(1).equals(text)).isTrue();
    }

    @Test
    void bytesThatAreNotUtf8CostACharacterAndNotTheLine() {
        byte[] wire = (content("aXb") + STOP + DONE).getBytes(StandardCharsets.UTF_8);
        wire[new String(wire, StandardCharsets.ISO_8859_1).indexOf('X')] = (byte) 0xE9;

        assertThat(drain(open(ScriptedInputStream.cutAt(wire)))).containsExactly("a\uFFFDb");
    }

    /** Events that look like the one before but for their text are not parsed; these are the ones that must be. */
    @ParameterizedTest
    @ValueSource(strings = {"say \"no\"", "back\\slash", "new\nline", "tab\t", "\u0000", "안녕 🐫", "\",\"finish_reason\":\"stop", "}", "a"})
    void textThatLooksLikeTheLastEventIsReadAsItIs(String text) {
        String wire = content("first") + content(text) + content("last") + STOP + DONE;

        assertThat(chunks(wire)).containsExactly("first", text, "last");
    }

    @Test
    void anEventOfAnotherShapeIsParsedAgain() {
        String other = data("{\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"b\"}}]}");

        assertThat(chunks(content("a") + other + content("c") + other + STOP + DONE)).containsExactly("a", "b", "c", "b");
    }

    @Test
    void aTornEventOfTheSameShapeIsSkipped() {
        String torn = content("torn").replace("null}]}", "null}");

        assertThat(chunks(content("a") + torn + content("b") + STOP + DONE)).containsExactly("a", "b");
    }

    private static List<String> chunks(String wire) {
        List<String> chunks = new ArrayList<>();
        ChatStream stream = new ChatStream("r1", new java.io.ByteArrayInputStream(wire.getBytes(StandardCharsets.UTF_8)));
        while (stream.hasNext()) {
            String chunk = stream.next();
            if (chunk != null) {
                chunks.add(chunk);
            }
        }
        return chunks;
    }
}
