package dev.bactrian.request;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A default id names files, so it is made to fit where it does not. */
class RequestIdTest {

    @ParameterizedTest
    @ValueSource(strings = {"a", "cat.v2", "0-_.", "ID414d5120514d31"})
    void aNameThatFitsIsLeftAsItIs(String name) {
        assertThat(RequestId.fit(name)).isEqualTo(name);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", ".hidden", "a b", "한글", "ID:host-1:2:3", "../../etc/passwd", "a/b", "a\\b", "a\u0000b", "a\nb", "${x}", "a?b=c&d", "🐫"})
    void anyOtherNameIsMadeToFit(String name) {
        assertThat(RequestId.fit(name)).matches(RequestId::isValid);
    }

    @Test
    void aLongNameIsMadeToFit() {
        assertThat(RequestId.fit("x".repeat(500))).matches(RequestId::isValid);
        assertThat(RequestId.fit("한".repeat(128))).matches(RequestId::isValid);
    }

    @Test
    void twoNamesThatAreMadeToFitStayApart() {
        assertThat(RequestId.fit("한글")).isNotEqualTo(RequestId.fit("가나"));
        assertThat(RequestId.fit("a b")).isNotEqualTo(RequestId.fit("a_b"));
        assertThat(RequestId.fit("x".repeat(200) + "1")).isNotEqualTo(RequestId.fit("x".repeat(200) + "2"));
    }

    /** Pairs whose hash codes as Java strings are the same. */
    @ParameterizedTest
    @CsvSource({"김서현, 김수란", "Aa 1, BB 1", "'AaBB?', 'BBAa?'"})
    void namesWithOneHashCodeStayApart(String one, String other) {
        assertThat(RequestId.fit(one)).isNotEqualTo(RequestId.fit(other));
    }

    @Test
    void manyNamesStayApart() {
        Set<String> ids = new HashSet<>();
        for (int i = 0; i < 300_000; i++) {
            ids.add(RequestId.fit("주문 " + i));
        }
        assertThat(ids).hasSize(300_000).allMatch(RequestId::isValid);
    }

    @Test
    void namesThatDifferInOneCharacterStayApart() {
        assertThat(List.of("가", "\u1100\u1161", "\uD83D", "\uDC2A", "\uFFFD", "?", "a ", " a", "A ", "a\u00A0", "_", "_ ").stream()
                .map(RequestId::fit).map(id -> id.toLowerCase(Locale.ROOT))).doesNotHaveDuplicates();
    }

    @Test
    void theFingerprintHasAtLeast96Bits() {
        assertThat(RequestId.fit("x y")).matches("x_y-[0-9a-f]{24}");
        assertThat(RequestId.fit("한".repeat(500))).hasSize(128);
    }

    @Test
    void theSameNameIsMadeToFitTheSameWay() {
        assertThat(RequestId.fit("고양이 1")).isEqualTo(RequestId.fit("고양이 1"));
    }
}
