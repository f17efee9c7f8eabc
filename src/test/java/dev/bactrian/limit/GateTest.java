package dev.bactrian.limit;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** When calls may be made, by a clock that stands still. */
class GateTest {

    private static final Instant START = Instant.parse("2026-11-26T12:00:00Z");
    private static final Map<String, String> NOTHING = Map.of();

    private long nanos = Long.MAX_VALUE - 5_000_000_000L;
    private long millis = START.toEpochMilli();

    private Gate gate(Gate.Rate rate) {
        Retry retry = new Retry(Duration.ofSeconds(1), Duration.ofSeconds(30), wall(), () -> 0);
        return new Gate("g", "a test", rate, retry, Duration.ofSeconds(30), new Gate.Time() {
            @Override
            public long nanos() {
                return nanos;
            }

            @Override
            public long epochMillis() {
                return millis;
            }
        });
    }

    private Clock wall() {
        return new Clock() {
            @Override
            public ZoneId getZone() {
                return ZoneOffset.UTC;
            }

            @Override
            public Clock withZone(ZoneId zone) {
                return this;
            }

            @Override
            public Instant instant() {
                return Instant.ofEpochMilli(millis);
            }
        };
    }

    private void pass(long ms) {
        nanos += ms * 1_000_000;
        millis += ms;
    }

    private static boolean asks(Gate gate, long since) {
        Ticket ticket = gate.ticket(since);
        boolean goes = gate.ask(ticket) == 0;
        gate.leave(ticket);
        return goes;
    }

    private static int goes(Gate gate, int most) {
        int count = 0;
        while (count < most && gate.tryGo()) {
            count++;
        }
        return count;
    }

    @Test
    void callsGoAsTheyComeWhereNothingIsLimited() {
        assertThat(goes(gate(Gate.Rate.NONE), 1000)).isEqualTo(1000);
    }

    @Test
    void noMoreThanTheLimitGoInAnyMinute() {
        Gate gate = gate(Gate.Rate.perMinute(5));
        assertThat(goes(gate, 3)).isEqualTo(3);
        pass(20_000);
        assertThat(goes(gate, 10)).isEqualTo(2);
        pass(39_000);
        assertThat(goes(gate, 10)).isZero();
        pass(1_000);
        assertThat(goes(gate, 10)).isEqualTo(3);
        pass(20_000);
        assertThat(goes(gate, 10)).isEqualTo(2);
    }

    @Test
    void slotsAreSpreadAndNotBeforeThePause() {
        Gate gate = gate(Gate.Rate.spread(3000));
        List<Long> waits = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            waits.add(gate.slot(Duration.ofSeconds(1)).toMillis());
        }

        assertThat(waits.get(0)).isEqualTo(1000);
        assertThat(waits.get(299)).isBetween(6900L, 7000L);
        for (int i = 2; i < 300; i++) {
            assertThat(waits.get(i) - waits.get(i - 1)).isBetween(19L, 21L);
        }
        assertThat(gate.slot(Duration.ZERO)).as("a first poll need not wait for those").isZero();
        assertThat(gate.pause(0)).isBetween(Duration.ofMillis(5900), Duration.ofMillis(6100));
    }

    @Test
    void slotsThatAreOverAreForgotten() {
        Gate gate = gate(Gate.Rate.spread(3000));
        for (int i = 0; i < 20_000; i++) {
            assertThat(gate.slot(Duration.ofSeconds(1))).isEqualTo(Duration.ofSeconds(1));
            pass(20);
        }
        assertThat(gate.pause(0)).isLessThan(Duration.ofMillis(1200));
    }

    @Test
    void aLongBreakAndAHugeLimitAreNoMatter() {
        Gate gate = gate(Gate.Rate.spread(3000));
        gate.slot(Duration.ofHours(1));
        pass(10 * 3_600_000L);
        assertThat(gate.slot(Duration.ZERO)).isZero();
        assertThat(gate(Gate.Rate.spread(Integer.MAX_VALUE)).slot(Duration.ofSeconds(1))).isEqualTo(Duration.ofSeconds(1));
        assertThat(gate(Gate.Rate.spread(1)).slot(Duration.ZERO)).isZero();
    }

    @Test
    void aRefusalStopsAllAsLongAsItAsksAndThenOneGoesFirst() {
        Gate gate = gate(Gate.Rate.NONE);
        goes(gate, 3);
        gate.answered(200, NOTHING);
        gate.answered(429, Map.of("Retry-After", "7"));
        gate.answered(200, NOTHING);

        assertThat(gate.closedFor()).isEqualTo(Duration.ofSeconds(7));
        assertThat(goes(gate, 9)).isZero();
        assertThat(gate.slot(Duration.ZERO)).isEqualTo(Duration.ofSeconds(7));
        pass(7_000);
        assertThat(goes(gate, 9)).isEqualTo(1);
        gate.answered(200, NOTHING);
        assertThat(goes(gate, 9)).isEqualTo(2);
        gate.answered(200, NOTHING);
        gate.answered(200, NOTHING);
        assertThat(goes(gate, 9)).isEqualTo(4);
    }

    @Test
    void refusalsInARowWaitLongerEachTime() {
        Gate gate = gate(Gate.Rate.NONE);
        List<Long> waits = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            assertThat(gate.tryGo()).isTrue();
            gate.answered(429, NOTHING);
            waits.add(gate.closedFor().toSeconds());
            pass(gate.closedFor().toMillis());
        }
        assertThat(waits).containsExactly(1L, 1L, 2L, 4L, 8L, 15L, 15L);
    }

    @Test
    void refusalsAtOnceAreOneRound() {
        Gate gate = gate(Gate.Rate.NONE);
        Ticket ticket = gate.ticket(0);
        goes(gate, 20);
        for (int i = 0; i < 20; i++) {
            gate.answered(429, NOTHING);
            pass(100);
        }
        assertThat(gate.refusalRoundsSince(ticket)).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({
        "Retry-After, 86400, 30",
        "X-Upstage-RateLimit-Retry-After-Requests, 1795694410, 10",
        "X-Upstage-RateLimit-Reset-Requests, 1795694410, 10",
        "ratelimit-reset, 4, 4",
        "ratelimit-reset, -4, 1",
        "ratelimit-reset, soon, 1",
        "X-Upstage-RateLimit-Reset-Requests, 9999999999, 30"})
    void aRefusalAsksInManyForms(String header, String value, long seconds) {
        millis = 1_795_694_400_000L;
        Gate gate = gate(Gate.Rate.NONE);
        gate.tryGo();
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        headers.put(header, value);
        gate.answered(429, headers);

        assertThat(gate.closedFor()).isEqualTo(Duration.ofSeconds(seconds));
    }

    @Test
    void whatABodyAsksForCountsToo() {
        Gate gate = gate(Gate.Rate.NONE);
        gate.tryGo();
        gate.answered(429, NOTHING);
        gate.askedToWait(Duration.ofSeconds(9));
        gate.askedToWait(Duration.ofSeconds(2));

        assertThat(gate.closedFor()).isEqualTo(Duration.ofSeconds(9));
        gate.askedToWait(Duration.ofDays(9));
        assertThat(gate.closedFor()).isEqualTo(Duration.ofSeconds(30));
    }

    @Test
    void noMoreGoThanTheServiceSaysAreLeft() {
        Gate gate = gate(Gate.Rate.NONE);
        gate.tryGo();
        gate.answered(200, Map.of("ratelimit-remaining", "3", "ratelimit-reset", "5"));

        assertThat(goes(gate, 9)).isEqualTo(3);
        pass(4_000);
        assertThat(goes(gate, 9)).isZero();
        assertThat(gate.slot(Duration.ZERO)).isEqualTo(Duration.ofSeconds(1));
        pass(1_001);
        assertThat(goes(gate, 9)).as("not all at once just then").isLessThanOrEqualTo(1);
    }

    @Test
    void theOldestGoesFirst() {
        Gate gate = gate(Gate.Rate.NONE);
        gate.tryGo();
        gate.answered(429, Map.of("Retry-After", "1"));
        Ticket young = gate.ticket(300);
        Ticket old = gate.ticket(100);
        assertThat(gate.ask(young)).isPositive();
        assertThat(gate.ask(old)).isPositive();
        pass(1_100);

        assertThat(gate.ask(young)).isPositive();
        assertThat(gate.ask(old)).isZero();
        assertThat(gate.ask(young)).isPositive();
        gate.answered(200, NOTHING);
        assertThat(gate.ask(young)).isZero();
    }

    @Test
    void aCallerThatHasGoneDelaysNobody() {
        Gate gate = gate(Gate.Rate.NONE);
        gate.tryGo();
        gate.answered(429, Map.of("Retry-After", "1"));
        gate.ask(gate.ticket(100));
        pass(20_000);

        assertThat(asks(gate, 200)).isTrue();
    }

    @Test
    void aCallThatWasNeverMadeOrNeverAnswersHoldsNobodyForLong() {
        Gate gate = gate(Gate.Rate.NONE);
        gate.tryGo();
        gate.answered(429, Map.of("Retry-After", "1"));
        pass(1_000);
        assertThat(goes(gate, 9)).isEqualTo(1);
        pass(6_000);

        assertThat(goes(gate, 9)).isEqualTo(2);
        gate.unanswered();
        assertThat(goes(gate, 9)).isEqualTo(1);
    }

    @Test
    void aRefusalSoonAfterAnswersIsOfTheMinutesLimit() {
        Gate gate = gate(Gate.Rate.NONE);
        assertThat(gate.isMinutesLimit()).isFalse();
        goes(gate, 2);
        gate.answered(200, NOTHING);
        Ticket ticket = gate.ticket(0);
        gate.answered(429, NOTHING);
        assertThat(gate.isMinutesLimit()).isTrue();
        assertThat(gate.refusalRoundsSince(ticket)).isZero();
        pass(91_000);
        assertThat(gate.isMinutesLimit()).isFalse();
        gate.tryGo();
        gate.answered(429, NOTHING);
        assertThat(gate.refusalRoundsSince(ticket)).isEqualTo(1);
    }
}
