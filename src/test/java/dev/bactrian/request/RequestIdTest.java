package dev.bactrian.request;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
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

    @Test
    void theSameNameIsMadeToFitTheSameWay() {
        assertThat(RequestId.fit("고양이 1")).isEqualTo(RequestId.fit("고양이 1"));
    }
}
