package dev.bactrian.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.Logger;
import org.slf4j.Marker;
import org.slf4j.event.Level;
import org.slf4j.helpers.AbstractLogger;
import org.slf4j.helpers.LegacyAbstractLogger;

/** Text of others on one line, in messages and in the log. */
class OneLineTest {

    private static final String HOSTILE = "a\nb\rc\u0085d\u2028e\u2029f\u001B[31mg\u009Bhi\u0000k\u007Flm\u000Bn\fo";

    private static boolean isHarmless(String text) {
        return text.chars().noneMatch(c -> Character.isISOControl(c) || c == 0x2028 || c == 0x2029);
    }

    @Test
    void nothingIsLeftThatMovesACursor() {
        assertThat(OneLine.escaped(HOSTILE)).matches(OneLineTest::isHarmless)
                .isEqualTo("a\\nb\\rc\\u0085d\\u2028e\\u2029f\\u001b[31mg\\u009bhi\\u0000k\\u007flm\\u000bn\\u000co");
        assertThat(OneLine.of(HOSTILE)).matches(OneLineTest::isHarmless).startsWith("a b c d e f\\u001b[31mg");
        assertThat(OneLine.blanked(HOSTILE)).matches(OneLineTest::isHarmless).startsWith("a b c d e f [31mg h");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "plain", "한국어 🐫 \u200D", "{}", "%s %n", "a\\nb", "\uFFFD"})
    void whatIsHarmlessStaysAsItIs(String text) {
        assertThat(OneLine.escaped(text)).isSameAs(text);
    }

    @ParameterizedTest
    @CsvSource({"2000, 2000", "2001, 2001", "100000, 2001"})
    void aMessageHasAnEnd(int length, int shown) {
        assertThat(OneLine.of("x".repeat(length))).hasSize(shown);
        assertThat(OneLine.whole("x".repeat(length))).hasSize(length);
        assertThat(OneLine.cut("🐫🐫", 3)).isEqualTo("🐫…");
    }

    /** What reaches a backend. */
    private static final class Lines extends LegacyAbstractLogger {
        private static final long serialVersionUID = 1L;
        private final transient List<String> lines = new ArrayList<>();
        private transient Throwable thrown;

        @Override
        protected void handleNormalizedLoggingCall(Level level, Marker marker, String pattern, Object[] arguments, Throwable cause) {
            assertThat(arguments).isNull();
            lines.add(level + " " + pattern);
            thrown = cause;
        }

        @Override
        protected String getFullyQualifiedCallerName() {
            return AbstractLogger.class.getName();
        }

        @Override
        public boolean isTraceEnabled() {
            return true;
        }

        @Override
        public boolean isDebugEnabled() {
            return true;
        }

        @Override
        public boolean isInfoEnabled() {
            return true;
        }

        @Override
        public boolean isWarnEnabled() {
            return true;
        }

        @Override
        public boolean isErrorEnabled() {
            return true;
        }
    }

    @Test
    void everyLineOfTheLogIsOne() {
        Lines backend = new Lines();
        Logger log = new OneLineLogger(backend);

        log.trace("{}", HOSTILE);
        log.debug("{} {}", "{}", "\n");
        log.info("a\nb");
        log.warn("{} {} {}", 1, "\r", List.of("\n"));
        log.error("{}", "\u0085", new IllegalStateException("x\nFORGED", new RuntimeException("y\u2028FORGED")));

        assertThat(backend.lines).hasSize(5).allMatch(OneLineTest::isHarmless).contains("DEBUG {} \\n", "INFO a\\nb", "WARN 1 \\r [\\n]");
        assertThat(backend.thrown).hasToString("java.lang.IllegalStateException: x\\nFORGED").hasMessage("x\\nFORGED");
        assertThat(backend.thrown.getCause()).hasToString("java.lang.RuntimeException: y\\u2028FORGED");
        assertThat(backend.thrown.getStackTrace()[0].getMethodName()).isEqualTo("everyLineOfTheLogIsOne");
    }

    @Test
    void anExceptionOfOneLineIsItself() {
        Lines backend = new Lines();
        Exception thrown = new IllegalStateException("x", new RuntimeException());

        new OneLineLogger(backend).atWarn().setCause(thrown).log("a {}", "b");

        assertThat(backend.thrown).isSameAs(thrown);
        assertThat(backend.lines).containsExactly("WARN a b");
    }
}
