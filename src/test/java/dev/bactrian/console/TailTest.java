package dev.bactrian.console;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TailTest {

    @Test
    void keepsAShortTextWhole() {
        Tail tail = new Tail();
        tail.add("one ", 100);
        tail.add("two", 100);

        assertThat(tail.from(0)).isEqualTo("one two");
        assertThat(tail.from(4)).isEqualTo("two");
        assertThat(tail.head()).isEqualTo("one two");
        assertThat(tail.before()).isZero();
    }

    @Test
    void keepsBeginningAndEndOfALongOne() {
        Tail tail = new Tail();
        StringBuilder whole = new StringBuilder();
        long kept = 0;
        for (int i = 0; i < 20_000; i++) {
            whole.append(i).append(' ');
            kept += tail.add(i + " ", 8_000);
        }

        assertThat(tail.length()).isEqualTo(whole.length());
        assertThat(tail.kept()).isBetween(8_000, 10_010).isEqualTo((int) kept);
        assertThat(whole.toString()).endsWith(tail.from(0)).startsWith(tail.head());
        assertThat(tail.head()).hasSize(Tail.HEAD);
        assertThat(tail.from(tail.length() - 3)).isEqualTo("99 ");
    }

    @Test
    void tearsNoSurrogatePair() {
        Tail tail = new Tail();
        tail.add("a", 5_001);
        for (int i = 0; i < 5_000; i++) {
            tail.add("🐫", 5_001);
        }

        assertThat(tail.from(0).replace("🐫", "")).isEmpty();
        assertThat(tail.head()).startsWith("a🐫").endsWith("🐫");
    }

    @Test
    void staysBoundedForOneLongWord() {
        Tail tail = new Tail();

        tail.add("x".repeat(1_000_000), 1_000);

        assertThat(tail.kept()).isEqualTo(1_000);
        assertThat(tail.before()).isEqualTo(999_000);
        assertThat(tail.head()).hasSize(Tail.HEAD);
    }
}
