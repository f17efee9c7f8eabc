package dev.bactrian.console;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TailTest {

    private static int add(Tail tail, String piece, int most) {
        return tail.add(piece) + (tail.isFull(most) ? tail.trim(most) : 0);
    }

    @Test
    void keepsAShortTextWhole() {
        Tail tail = new Tail();
        add(tail, "one ", 100);
        add(tail, "two", 100);

        assertThat(tail.between(0, tail.length())).isEqualTo("one two");
        assertThat(tail.between(4, tail.length())).isEqualTo("two");
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
            kept += add(tail, i + " ", 8_000);
        }

        assertThat(tail.length()).isEqualTo(whole.length());
        assertThat(tail.kept()).isBetween(8_000, 10_010).isEqualTo((int) kept);
        assertThat(whole.toString()).endsWith(tail.between(0, tail.length())).startsWith(tail.head());
        assertThat(tail.head()).hasSize(Tail.HEAD);
        assertThat(tail.between(tail.length() - 3, tail.length())).isEqualTo("99 ");
    }

    @Test
    void tearsNoSurrogatePair() {
        Tail tail = new Tail();
        add(tail, "a", 5_001);
        for (int i = 0; i < 5_000; i++) {
            add(tail, "🐫", 5_001);
        }

        assertThat(tail.between(0, tail.length()).replace("🐫", "")).isEmpty();
        assertThat(tail.head()).startsWith("a🐫").endsWith("🐫");
    }

    @Test
    void staysBoundedForOneLongWord() {
        Tail tail = new Tail();

        add(tail, "x".repeat(1_000_000), 1_000);

        assertThat(tail.kept()).isEqualTo(1_000);
        assertThat(tail.before()).isEqualTo(999_000);
        assertThat(tail.head()).hasSize(Tail.HEAD);
    }
}
