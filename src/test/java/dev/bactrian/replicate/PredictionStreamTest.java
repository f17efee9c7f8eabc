package dev.bactrian.replicate;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

import dev.bactrian.core.Cancellation;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.http.ScriptedInputStream;
import dev.bactrian.model.Kind;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PredictionStreamTest {

    private static final String OUTPUT = "[\"Two\", \" humps.\\n\\n\", \"쌍봉\", \"낙타 🐫\", \"\\r\\n\", \"\", \" a\\nb \", \"!\"]";
    private static final String WHOLE = "Two humps.\n\n쌍봉낙타 🐫\n a\nb !";
    private static final String STREAM = """
            event: output\r
            id: 1:0\r
            data: Two\r
            \r
            : ping

            event: output
            data:  humps.
            data:\s
            data:

            event: logs
            data: 40%

            event: output
            data: 쌍봉

            data: no type

            event: output
            data: 낙타 🐫

            event: output
            data
            data

            event: output
            data

            event: output
            data:  a
            data: b\s
            id: 1:7

            event: output
            data: !

            event: done
            data: {}

            """;

    private static PredictionStream stream(InputStream in, Kind kind) {
        return new PredictionStream(in, kind, Duration.ofMinutes(1), new Cancellation(), () -> { });
    }

    private static List<String> pieces(PredictionStream stream) {
        List<String> pieces = new ArrayList<>();
        while (stream.hasNext()) {
            String piece = stream.next();
            if (piece != null) {
                pieces.add(piece);
            }
        }
        return pieces;
    }

    @Test
    void aCharacterThatIsCutBetweenTwoEventsIsInTheSecond() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (String hex : List.of("6869 F09F", "90AA EC95", "88 F0", "9F", "90", "AA 80", "F0 9F 41", "ED")) {
            bytes.writeBytes("event: output\ndata: ".getBytes(StandardCharsets.UTF_8));
            bytes.writeBytes(HexFormat.of().parseHex(hex.replace(" ", "")));
            bytes.writeBytes("\n\n".getBytes(StandardCharsets.UTF_8));
        }
        bytes.writeBytes("event: done\ndata: {}\n\n".getBytes(StandardCharsets.UTF_8));

        assertThat(pieces(stream(new ByteArrayInputStream(bytes.toByteArray()), Kind.TEXT))).containsExactly("hi", "🐪", "안", "🐪\uFFFD", "\uFFFDA");
    }

    private static PredictionOutput output(String json) {
        return PredictionOutput.read(ProviderJson.json(json).orElseThrow(), Kind.TEXT, "");
    }

    @Test
    void eachOutputEventIsAPiece() {
        PredictionStream stream = stream(ScriptedInputStream.oneByteEach(STREAM.getBytes(StandardCharsets.UTF_8)), null);

        assertThat(pieces(stream)).containsExactly("Two", " humps.\n\n", "쌍봉", "낙타 🐫", "\n", " a\nb ", "!");
        assertThat(stream.text()).isEqualTo(WHOLE);
        assertThat(stream.count()).isEqualTo(7);
        assertThat(stream.problem()).isNull();
    }

    /** By the end of the body, by an error of the connection, by silence: at every byte of it. */
    @ParameterizedTest
    @ValueSource(strings = {"end", "error", "stall"})
    void whereverItEndsTheRestOfTheOutputIsWhatHasNotComeYet(String how) {
        byte[] bytes = STREAM.getBytes(StandardCharsets.UTF_8);
        for (int cut = 0; cut <= bytes.length; cut++) {
            ScriptedInputStream reads = ScriptedInputStream.cutAt(Arrays.copyOf(bytes, cut));
            IOException failure = how.equals("error") ? new SocketException("reset") : new SocketTimeoutException("Read timed out");
            PredictionStream stream = stream(how.equals("end") ? reads : reads.thenFail(failure), Kind.TEXT);

            List<String> all = pieces(stream);
            PredictionOutput rest = output(OUTPUT).after(stream.text(), stream.count());

            assertThat(rest.before()).isEqualTo(all.size());
            all.addAll(rest.chunks());
            assertThat(all).as("cut at byte %d", cut).doesNotContain("");
            assertThat(String.join("", all).replace("\r\n", "\n")).as("cut at byte %d", cut).isEqualTo(WHOLE);
            assertThat(rest.answer().path("chunks").asInt()).isEqualTo(all.size());
            assertThat(rest.text()).isEqualTo(output(OUTPUT).text());
            assertThat(reads.closed()).isTrue();
        }
    }

    @ParameterizedTest
    @CsvSource(nullValues = "null", value = {
        "'', 0, 'a|bc|d'",
        "a, 1, 'bc|d'",
        "ab, 1, 'c|d'",
        "ab, 2, 'c|d'",
        "abc, 1, d",
        "abcd, 4, ''",
        "abcde, 5, ''",
        "b, 1, ''",
        "ac, 1, ''"})
    void theRestGoesOnWhereTheStreamWas(String streamed, int pieces, String rest) {
        assertThat(String.join("|", output("[\"a\", \"bc\", \"\", \"d\"]").after(streamed, pieces).chunks())).isEqualTo(rest);
    }

    @Test
    void doneEndsItThoughMoreMayCome() {
        PredictionStream stream = stream(ScriptedInputStream.of("event: output\ndata: a\n\nevent: done\ndata: {}\n\n").thenSilence(), Kind.TEXT);

        assertThat(pieces(stream)).containsExactly("a");
        assertThat(stream.problem()).isNull();
    }

    @Test
    void theFirstPieceIsReportedOnce() {
        int[] told = new int[1];
        PredictionStream stream = new PredictionStream(ScriptedInputStream.of(STREAM), Kind.TEXT, Duration.ofMinutes(1), new Cancellation(), () -> told[0]++);

        stream.next();
        assertThat(told[0]).isEqualTo(1);
        pieces(stream);
        assertThat(told[0]).isEqualTo(1);
    }

    @Test
    void aCommentThatSaysTimeoutEndsIt() {
        PredictionStream stream = stream(ScriptedInputStream.of("event: output\ndata: a\n\n: 408 Request Timeout\n").thenSilence(), Kind.TEXT);

        assertThat(pieces(stream)).containsExactly("a");
        assertThat(stream.problem()).contains("408 Request Timeout");
    }

    @Test
    void itDoesNotWaitForOutputForEver() {
        String noise = ": ping\n\nevent: logs\ndata: x\n\n";
        PredictionStream stream = new PredictionStream(ScriptedInputStream.of(noise).thenSilence(), Kind.TEXT, Duration.ZERO.minusNanos(1), new Cancellation(), () -> { });

        assertThat(pieces(stream)).isEmpty();
        assertThat(stream.problem()).isNotNull();
    }

    @ParameterizedTest
    @CsvSource(nullValues = "null", value = {
        "null, https://replicate.delivery/a.png, 0", "null, 'data:image/png;base64,AAAA', 0", "null, https, 2",
        "TEXT, https://replicate.delivery/a.png, 2", "null, 'https://a.example is a page', 2"})
    void filesAreNoText(Kind kind, String first, int pieces) {
        PredictionStream stream = stream(ScriptedInputStream.of("event: output\ndata: " + first + "\n\nevent: output\ndata: x\n\n"), kind);

        assertThat(pieces(stream)).hasSize(pieces);
    }

    @Test
    void anErrorIsKeptAndNotThrown() {
        PredictionStream stream = stream(ScriptedInputStream.of("event: error\ndata: {\"detail\":\"crashed\"}\n\nevent: done\ndata: {\"reason\":\"error\"}\n\n"), Kind.TEXT);

        assertThat(pieces(stream)).isEmpty();
        assertThat(stream.problem()).isEqualTo("brought an error: crashed");
    }

    @Test
    void aPieceThatCannotBePassedOnEndsItAndIsKept() {
        ScriptedInputStream reads = ScriptedInputStream.of("event: output\ndata: a\n\nevent: output\ndata: b\n\n").thenSilence();
        PredictionStream stream = stream(reads, Kind.TEXT);
        assertThat(stream.next()).isEqualTo("a");

        stream.fail(new GenerationFailure(ErrorType.DELIVERY_FAILED, "gone", null, 1, false, null));

        assertThat(stream.next()).isNull();
        assertThat(stream.hasNext()).isFalse();
        assertThat(stream.failure()).hasMessage("gone");
        assertThat(reads.closed()).isTrue();
    }
}
