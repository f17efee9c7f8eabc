package dev.bactrian.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;

import org.junit.jupiter.api.Test;

class LongTextTest {

    @Test
    void isWhatWasAppended() {
        Random random = new Random(9);
        LongText text = new LongText();
        StringBuilder expected = new StringBuilder();
        for (int i = 0; i < 2_000; i++) {
            String piece = (i % 3 == 0 ? "낙타" : "camel").repeat(random.nextInt(i % 100 == 0 ? 20_000 : 50));
            text.append(piece);
            expected.append(piece);
            if (i % 700 == 0) {
                assertThat(text.toString()).isEqualTo(expected.toString());
            }
        }
        assertThat(text.toString()).isEqualTo(expected.toString()).isSameAs(text.toString());
        assertThat(text.bytes()).isEqualTo(2L * expected.length());
        text.clear();
        assertThat(text.isEmpty()).isTrue();
        assertThat(text.toString()).isEmpty();
    }
}
