package dev.bactrian.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class UnicodeTest {

    private static final String CAMEL = "\uD83D\uDC2A";
    private static final String HIGH = "\uD83D";
    private static final String LOW = "\uDC2A";

    @Test
    void textWithoutLoneHalvesIsTheSameObject() {
        String text = "낙타 " + CAMEL + " camel";

        assertThat(Unicode.valid(text)).isSameAs(text);
    }

    @ParameterizedTest
    @CsvSource({"H, R", "L, R", "LH, RR", "HH, RR", "HHL, RC", "HLL, CR", "aHb, aRb", "aLHb, aRRb", "HLHL, CC", "HaL, RaR"})
    void eachLoneHalfIsReplaced(String halves, String expected) {
        assertThat(Unicode.valid(spell(halves))).isEqualTo(spell(expected));
    }

    @Test
    void aPairCutBetweenPiecesIsJoinedInTheSecond() {
        Unicode.Joiner joiner = new Unicode.Joiner();

        assertThat(joiner.next("hi " + HIGH)).isEqualTo("hi ");
        assertThat(joiner.next("")).isEmpty();
        assertThat(joiner.next(LOW + " there")).isEqualTo(CAMEL + " there");
        assertThat(joiner.end()).isEmpty();
    }

    @Test
    void aHalfWithoutTheOtherIsReplaced() {
        Unicode.Joiner joiner = new Unicode.Joiner();

        assertThat(joiner.next(HIGH)).isEmpty();
        assertThat(joiner.next("x" + HIGH)).isEqualTo("\uFFFDx");
        assertThat(joiner.end()).isEqualTo("\uFFFD");
        assertThat(joiner.end()).isEmpty();
    }

    @Test
    void anyCutGivesTheTextAsAWhole() {
        Random random = new Random(7);
        for (int round = 0; round < 2000; round++) {
            StringBuilder text = new StringBuilder();
            for (int i = random.nextInt(12); i > 0; i--) {
                text.append(new String[] {"a", "낙", HIGH, LOW, CAMEL}[random.nextInt(5)]);
            }
            Unicode.Joiner joiner = new Unicode.Joiner();
            StringBuilder joined = new StringBuilder();
            int from = 0;
            while (from < text.length()) {
                int to = from + 1 + random.nextInt(text.length() - from);
                String piece = joiner.next(text.substring(from, to));
                assertThat(new String(piece.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8)).isEqualTo(piece);
                joined.append(piece);
                from = to;
            }
            joined.append(joiner.end());

            assertThat(joined.toString()).isEqualTo(Unicode.valid(text.toString()));
        }
    }

    private static String spell(String letters) {
        return letters.replace("C", CAMEL).replace("H", HIGH).replace("L", LOW).replace("R", "\uFFFD");
    }
}
