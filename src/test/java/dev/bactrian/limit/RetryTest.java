package dev.bactrian.limit;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How long a retry waits, to the millisecond, by a clock that stands still and dice that are known. */
class RetryTest {

    private static final Instant NOW = Instant.parse("2026-11-21T01:02:03Z");
    private static final Duration DELAY = Duration.ofSeconds(1);
    private static final Duration MAX = Duration.ofSeconds(30);

    private static Retry retry(double dice) {
        return new Retry(DELAY, MAX, Clock.fixed(NOW, ZoneOffset.UTC), () -> dice);
    }

    private static Duration asked(String header, String value) {
        return retry(0).before(1, Map.of(header, value), null);
    }

    @ParameterizedTest
    @CsvSource({"1, 1000, 1000", "2, 1000, 2000", "3, 2000, 4000", "4, 4000, 8000", "5, 8000, 16000", "6, 15000, 30000",
        "7, 15000, 30000", "1000, 15000, 30000", "2147483647, 15000, 30000"})
    void theDelayDoublesWithJitterUpToTheMaximum(int attempt, long least, long most) {
        assertThat(retry(0).before(attempt, Map.of(), null)).hasMillis(least);
        assertThat(retry(1).before(attempt, Map.of(), null)).hasMillis(most);
    }

    @Test
    void twoRequestsThatFailTogetherDoNotComeBackTogether() {
        assertThat(retry(0.2).before(3, Map.of(), null)).isNotEqualTo(retry(0.7).before(3, Map.of(), null));
    }

    @Test
    void aDelayAboveTheMaximumIsTheMaximum() {
        Retry retry = new Retry(Duration.ofMinutes(5), MAX, Clock.fixed(NOW, ZoneOffset.UTC), () -> 1);

        assertThat(retry.before(1, Map.of(), null)).isEqualTo(MAX);
    }

    /** What a Retry-After may hold, and the wait it asks for; null where the exponential delay counts. */
    enum RetryAfter {
        SECONDS("6", 6000L),
        ONE_SECOND("1", 1000L),
        FRACTION("0.5", 500L),
        BLANKS(" 6 ", 6000L),
        DATE("Sat, 21 Nov 2026 01:02:13 GMT", 10_000L),
        DATE_WITH_ONE_DIGIT("Sat, 21 Nov 2026 01:02:09 GMT", 6000L),
        DATE_IN_THE_PAST("Sat, 21 Nov 2026 01:02:00 GMT", null),
        DATE_NOW("Sat, 21 Nov 2026 01:02:03 GMT", null),
        DATE_A_DAY_AHEAD("Sun, 22 Nov 2026 01:02:03 GMT", 30_000L),
        SECONDS_OF_A_DAY("86400", 30_000L),
        EPOCH_TAKEN_FOR_SECONDS("1795222923", 30_000L),
        ZERO("0", null),
        NEGATIVE("-5", null),
        GARBAGE("soon", null),
        INFINITY("Infinity", null),
        NOT_A_NUMBER("NaN", null),
        HEXADECIMAL("0x10", null),
        WITH_UNIT("6s", null),
        EMPTY("", null);

        final String value;
        final Long millis;

        RetryAfter(String value, Long millis) {
            this.value = value;
            this.millis = millis;
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatTheProviderAsksForCounts(RetryAfter row) {
        assertThat(asked("Retry-After", row.value)).hasMillis(row.millis == null ? DELAY.toMillis() : row.millis);
    }

    @ParameterizedTest
    @EnumSource
    void jitterNeverGoesBelowWhatWasAskedNorAboveTheMaximum(RetryAfter row) {
        long least = row.millis == null ? DELAY.toMillis() : row.millis;

        for (double dice : new double[] {0, 0.01, 0.5, 0.999, 1}) {
            assertThat(retry(dice).before(1, Map.of("Retry-After", row.value), null)).isBetween(Duration.ofMillis(least), MAX);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"Retry-After", "retry-after", "RETRY-AFTER"})
    void aHeadersNameMayBeWrittenInAnyCase(String name) {
        assertThat(asked(name, "6")).hasSeconds(6);
    }

    @Test
    void theBodyMayAsk() {
        assertThat(retry(0).before(1, Map.of(), "{\"detail\":\"throttled\",\"status\":429,\"retry_after\":7}")).hasSeconds(7);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "<html>429</html>", "{}", "{\"retry_after\":null}", "{\"retry_after\":0}", "{\"retry_after\":-1}", "{\"retry_after\":{}}", "[7]", "7"})
    void aBodyThatAsksForNothingLeavesTheExponentialDelay(String body) {
        assertThat(retry(0).before(1, Map.of(), body)).isEqualTo(DELAY);
    }

    @Test
    void theBodyIsCappedToo() {
        assertThat(retry(0).before(1, Map.of(), "{\"retry_after\":1e300}")).isEqualTo(MAX);
    }

    @Test
    void theHeaderComesBeforeTheBody() {
        assertThat(retry(0).before(1, Map.of("Retry-After", "6"), "{\"retry_after\":7}")).hasSeconds(6);
    }

    @Test
    void theBodyComesBeforeAHeaderThatSaysNothing() {
        assertThat(retry(0).before(1, Map.of("Retry-After", "soon"), "{\"retry_after\":7}")).hasSeconds(7);
    }

    @ParameterizedTest
    @ValueSource(strings = {"X-Upstage-RateLimit-Retry-After-Requests", "X-Upstage-RateLimit-Retry-After-Tokens", "x-upstage-ratelimit-retry-after-tokens"})
    void theEpochHeadersOfUpstageCount(String name) {
        assertThat(asked(name, String.valueOf(NOW.getEpochSecond() + 12))).hasSeconds(12);
    }

    @Test
    void ofTwoEpochsTheLaterCounts() {
        assertThat(retry(0).before(1, Map.of("X-Upstage-RateLimit-Retry-After-Requests", String.valueOf(NOW.getEpochSecond() + 2),
                "X-Upstage-RateLimit-Retry-After-Tokens", String.valueOf(NOW.getEpochSecond() + 12)), null)).hasSeconds(12);
    }

    @Test
    void anEpochInThePastAsksForNothing() {
        assertThat(asked("X-Upstage-RateLimit-Retry-After-Requests", String.valueOf(NOW.getEpochSecond() - 12))).isEqualTo(DELAY);
    }

    @Test
    void anEpochIsNeverTakenForSeconds() {
        assertThat(asked("X-Upstage-RateLimit-Retry-After-Tokens", String.valueOf(NOW.getEpochSecond() + 3600))).isEqualTo(MAX);
    }

    @Test
    void whatIsAskedCountsForEveryAttempt() {
        assertThat(retry(0).before(5, Map.of("Retry-After", "2"), null)).hasSeconds(2);
    }
}
