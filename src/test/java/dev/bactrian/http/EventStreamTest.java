package dev.bactrian.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Server-sent events by the rules of the HTML standard, section Server-sent events, however the bytes are cut into reads. */
class EventStreamTest {

    /** Events are written as their data, with {@code type|} in front where they have one. */
    enum Wire {
        ONE_BLANK("data: a\n\n", "a"),
        BYTE_ORDER_MARK("\uFEFFdata: a\n\n", "a"),
        SECOND_BYTE_ORDER_MARK("\uFEFF\uFEFFdata: a\n\ndata: b\n\n", "b"),
        BYTE_ORDER_MARK_IN_DATA("data: \uFEFFa\n\n", "\uFEFFa"),
        NO_ONE_AND_TWO_BLANKS("data:a\ndata: b\ndata:  c\n\n", "a\nb\n c"),
        TAB("data:\ta\n\n", "\ta"),
        NO_COLON("data\n\n", ""),
        NO_VALUE("data:\n\n", ""),
        BLANK_VALUE("data: \n\n", ""),
        TWO_EMPTY_LINES_OF_DATA("data\ndata\n\n", "\n"),
        THREE_EMPTY_LINES_OF_DATA("data\ndata:\ndata: \n\n", "\n\n"),
        TYPE_WITHOUT_DATA("event: x\nid: 7\n\ndata: a\n\n", "a"),
        TYPE("event: error\ndata: a\n\ndata: b\n\n", "error|a", "b"),
        TYPE_AFTER_DATA("data: a\nevent: x\n\n", "x|a"),
        LAST_TYPE_WINS("event: x\nevent: y\ndata: a\n\n", "y|a"),
        COMMENT_CR_AND_CRLF(": ping\n\ndata: a\r\rdata: b\r\n\r\n", "a", "b"),
        COMMENT_WITHIN_AN_EVENT("data: a\n: ping\ndata: b\n\n", "a\nb"),
        COMMENT_OF_NOTHING(":\n\n:\n\ndata: a\n\n", "a"),
        CRLF_BETWEEN_LINES_OF_DATA("data: a\r\ndata: b\r\n\r\n", "a\nb"),
        CR_BETWEEN_LINES_OF_DATA("data: a\rdata: b\r\r", "a\nb"),
        MIXED_LINE_ENDS("data: a\rdata: b\ndata: c\r\n\rdata: d\n\r\n", "a\nb\nc", "d"),
        TWO_BYTES("data: é\n\n", "é"),
        THREE_BYTES("data: 한국어\n\n", "한국어"),
        FOUR_BYTES("data: 🐫\n\n", "🐫"),
        END_AFTER_THE_LINE("data: a\n", "a"),
        END_WITHIN_THE_LINE("data: a", "a"),
        END_AFTER_CR("data: a\r", "a"),
        END_AFTER_SEVERAL_LINES("data: a\ndata: b", "a\nb"),
        END_WITHOUT_DATA("data: a\n\nevent: x\n", "a"),
        ID_WITH_NUL("id: 1\0\ndata: a\n\n", "a"),
        RETRY("retry: 10s\n\n"),
        RETRY_AND_DATA("retry: 10\ndata: a\n\n", "a"),
        CAPITAL("Data: a\n\n"),
        BLANK_BEFORE_THE_NAME(" data: a\n\n"),
        LONGER_NAME("database: a\n\n"),
        SHORTER_NAME("dat: a\n\n"),
        COLONS_IN_THE_VALUE("data: a:b: c\n\n", "a:b: c"),
        UNKNOWN_FIELD("foo: bar\ndata: a\nbar\n\n", "a"),
        EMPTY_LINES_ALONE("\n\n\r\r\r\n\r\n"),
        EMPTY_LINES_AHEAD("\n\ndata: a\n\n", "a"),
        NOTHING(""),
        ONE_CHARACTER("d"),
        MARK_ALONE("\uFEFF"),
        SEVERAL("data: a\n\ndata: b\n\ndata: c\n\n", "a", "b", "c");

        final byte[] bytes;
        final List<String> events;

        Wire(String wire, String... events) {
            this.bytes = wire.getBytes(StandardCharsets.UTF_8);
            this.events = List.of(events);
        }
    }

    private static List<String> events(ScriptedInputStream in) throws IOException {
        EventStream stream = new EventStream(in);
        List<String> events = new ArrayList<>();
        while (stream.next()) {
            String data = new String(stream.data(), stream.start(), stream.length(), StandardCharsets.UTF_8);
            assertThat(stream.text()).isEqualTo(data);
            events.add(stream.type() == null ? data : stream.type() + "|" + data);
        }
        return events;
    }

    @ParameterizedTest
    @EnumSource
    void eventsAreReadByTheTable(Wire row) throws IOException {
        assertThat(events(ScriptedInputStream.cutAt(row.bytes))).isEqualTo(row.events);
    }

    @ParameterizedTest
    @EnumSource
    void twoReadsGiveTheSameEventsWhereverTheyAreCut(Wire row) throws IOException {
        for (int cut = 0; cut <= row.bytes.length; cut++) {
            assertThat(events(ScriptedInputStream.cutAt(row.bytes, cut))).as("cut at byte %d", cut).isEqualTo(row.events);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aByteAtATimeGivesTheSameEvents(Wire row) throws IOException {
        assertThat(events(ScriptedInputStream.oneByteEach(row.bytes))).isEqualTo(row.events);
    }

    @ParameterizedTest
    @ValueSource(strings = {"\n\n", "\r\r", "\r\n\r\n"})
    void anEventIsThereAsSoonAsItsBlankLineIs(String end) throws IOException {
        EventStream stream = new EventStream(ScriptedInputStream.of("data: a" + end).thenSilence());

        assertThat(stream.next()).isTrue();
        assertThat(stream.text()).isEqualTo("a");
    }

    @Test
    void aCarriageReturnEndsTheEventAndItsLineFeedIsSkipped() throws IOException {
        EventStream stream = new EventStream(ScriptedInputStream.of("data: a\r", "\n\r", "\ndata: b\r\n\r\n"));

        assertThat(stream.next()).isTrue();
        assertThat(stream.text()).isEqualTo("a");
        assertThat(stream.next()).isTrue();
        assertThat(stream.text()).isEqualTo("b");
        assertThat(stream.next()).isFalse();
    }

    @Test
    void bytesThatAreNotUtf8BecomeReplacementCharacters() throws IOException {
        byte[] wire = "data: aXb\n\n".getBytes(StandardCharsets.US_ASCII);
        wire[7] = (byte) 0xE9;

        assertThat(events(ScriptedInputStream.cutAt(wire))).containsExactly("a\uFFFDb");
    }

    @Test
    void theBeginningOfDataCanBeAskedFor() throws IOException {
        EventStream stream = new EventStream(ScriptedInputStream.of("data: [DONE]\n\ndata: [DO\n\n"));

        stream.next();
        assertThat(stream.startsWith("[DONE]")).isTrue();
        stream.next();
        assertThat(stream.startsWith("[DONE]")).isFalse();
    }

    @Test
    void anEndStaysAnEnd() throws IOException {
        EventStream stream = new EventStream(ScriptedInputStream.of("data: a\n\n"));

        assertThat(stream.next()).isTrue();
        assertThat(stream.next()).isFalse();
        assertThat(stream.next()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(ints = {8180, 8186, 8192, 8193, 16_369, 16_374, 16_375, 16_376, 16_377, 16_378, 16_379, 16_384, 16_385, 32_768, 100_000})
    void dataOfAnyLengthIsKeptWhole(int length) throws IOException {
        String data = "x".repeat(length - 1) + "y";
        byte[] wire = ("data: first\n\ndata: " + data + "\n\ndata: a\ndata: " + data + "\ndata: b\n\ndata: last\n\n").getBytes(StandardCharsets.UTF_8);

        assertThat(events(ScriptedInputStream.cutAt(wire)).equals(List.of("first", data, "a\n" + data + "\nb", "last"))).isTrue();
    }

    @Test
    void anySplittingOfTheSameBytesGivesTheSameEvents() throws IOException {
        long seed = Long.getLong("bactrian.test.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            List<String> expected = new ArrayList<>();
            byte[] wire = randomWire(random, expected).getBytes(StandardCharsets.UTF_8);

            assertThat(events(ScriptedInputStream.atRandom(wire, random, random.nextBoolean() ? 7 : 20_000)).equals(expected))
                    .as("-Dbactrian.test.seed=%d, round %d", seed, round).isTrue();
        }
    }

    private static String randomWire(Random random, List<String> expected) {
        StringBuilder wire = new StringBuilder(random.nextBoolean() ? "\uFEFF" : "");
        String[] ends = {"\n", "\r", "\r\n"};
        String[] letters = {"a", "é", "한", "🐫", " ", ":", "{\"x\":1}", "data", ""};
        for (int event = 0; event < 20; event++) {
            String end = ends[random.nextInt(3)];
            String type = random.nextInt(4) == 0 ? "t" + event : null;
            List<String> lines = new ArrayList<>();
            for (int line = random.nextInt(4); line > 0; line--) {
                lines.add("x" + letters[random.nextInt(letters.length)].repeat(random.nextInt(random.nextInt(20) == 0 ? 9000 : 30)));
            }
            if (type != null) {
                wire.append("event: ").append(type).append(end);
            }
            lines.forEach(line -> {
                wire.append(random.nextBoolean() ? "data:" : "data: ").append(line).append(end);
                wire.append(random.nextInt(5) == 0 ? ": ping" + end : "");
            });
            wire.append(end);
            if (!lines.isEmpty()) {
                expected.add((type == null ? "" : type + "|") + String.join("\n", lines));
            }
        }
        return wire.toString();
    }
}
