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

    private static void answered(Gate gate, int status, Map<String, String> headers) {
        gate.answered(gate.begin(null), status, headers);
    }

    /** Returns a gate whose service has answered before. */
    private Gate answeredGate(Gate.Rate rate) {
        Gate gate = gate(rate);
        gate.tryGo();
        answered(gate, 200, NOTHING);
        return gate;
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
        assertThat(goes(answeredGate(Gate.Rate.NONE), 1000)).isEqualTo(1000);
    }

    /** The answers arrive 300 ms after the calls. The service may count a call at any time in between. */
    private int goesAndIsAnswered(Gate gate, int most) {
        int count = goes(gate, most);
        pass(300);
        for (int i = 0; i < count; i++) {
            answered(gate, 200, NOTHING);
        }
        return count;
    }

    @Test
    void noMoreThanTheLimitGoInAnyMinute() {
        Gate gate = answeredGate(Gate.Rate.perMinute(10));
        assertThat(goesAndIsAnswered(gate, 5)).isEqualTo(5);
        pass(20_000);
        assertThat(goesAndIsAnswered(gate, 10)).isEqualTo(4);
        pass(39_400);
        assertThat(goesAndIsAnswered(gate, 10)).as("that of the service's first answer").isEqualTo(1);
        assertThat(goes(gate, 10)).isEqualTo(5);
        pass(20_300);
        assertThat(goes(gate, 10)).isEqualTo(4);
    }

    @Test
    void creditLimitedCreatesAreMadeOneByOne() {
        Gate gate = gate(Gate.Rate.perMinute(6));
        for (int i = 0; i < 20; i++) {
            assertThat(goesAndIsAnswered(gate, 9)).isEqualTo(1);
            assertThat(goes(gate, 9)).isZero();
            pass(9_900);
            assertThat(goes(gate, 9)).isZero();
            pass(100);
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 600, 1", "4, 0, 4"})
    void aFewGoBeforeTheFirstAnswerAndAllAfterOneWithoutHeaders(int first, int perMinute, int few) {
        Gate gate = gate(perMinute == 0 ? Gate.Rate.NONE : Gate.Rate.perMinute(perMinute));
        assertThat(goes(gate, 500)).isEqualTo(few).isEqualTo(first);
        answered(gate, 200, NOTHING);
        assertThat(goes(gate, 500)).isEqualTo(500);
    }

    @Test
    void aServiceThatDoesNotAnswerIsTriedWithMoreEachTime() {
        Gate gate = gate(Gate.Rate.NONE);
        assertThat(goes(gate, 9)).isEqualTo(4);
        gate.unanswered(gate.begin(null));
        assertThat(goes(gate, 9)).isEqualTo(2);
        pass(5_001);
        assertThat(goes(gate, 20)).isEqualTo(10);
    }

    private static Map<String, String> left(int calls, int seconds) {
        return Map.of("ratelimit-remaining", Integer.toString(calls), "ratelimit-reset", Integer.toString(seconds));
    }

    @Test
    void whatIsUnderWayIsSubtractedFromWhatIsLeft() {
        Gate gate = gate(Gate.Rate.NONE);
        assertThat(goes(gate, 9)).isEqualTo(4);
        answered(gate, 200, left(7, 60));

        assertThat(goes(gate, 9)).as("the other three may not be counted yet").isEqualTo(4);
    }

    @Test
    void answersThatOvertakeEachOtherDoNotMatter() {
        Gate gate = answeredGate(Gate.Rate.NONE);
        List<Gate.Call> calls = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            gate.tryGo();
            calls.add(gate.begin(null));
        }
        // The service allows 20.
        for (int i = 9; i >= 0; i--) {
            gate.answered(calls.get(i), 200, left(19 - i, 60));
        }
        assertThat(goes(gate, 99)).isEqualTo(10);
    }

    @Test
    void oneGoesAfterTheResetAndSaysWhatIsLeft() {
        Gate gate = answeredGate(Gate.Rate.NONE);
        gate.tryGo();
        answered(gate, 200, left(0, 40));
        assertThat(gate.room()).isZero();
        assertThat(gate.busyFor()).isEqualTo(Duration.ofSeconds(40));
        pass(40_000);
        assertThat(gate.room()).isEqualTo(1);
        assertThat(goes(gate, 9)).isEqualTo(1);
        answered(gate, 200, left(99, 60));
        assertThat(gate.busyFor()).isZero();
        assertThat(goes(gate, 9)).isEqualTo(2);
    }

    @Test
    void othersWhoUseTheSameLimitAreReckonedIn() {
        Gate gate = answeredGate(Gate.Rate.NONE);
        gate.tryGo();
        answered(gate, 200, left(50, 60));
        gate.tryGo();
        answered(gate, 200, left(3, 60));
        assertThat(goes(gate, 99)).isEqualTo(3);
    }

    @Test
    void theLimitIsDividedByTheInstances() {
        Gate gate = gate(Gate.Rate.perMinute(100));
        gate.divide(3);
        gate.tryGo();
        answered(gate, 200, left(90, 60));
        assertThat(goes(gate, 99)).isEqualTo(30);
        Gate polls = gate(Gate.Rate.spread(3000));
        polls.divide(2);
        polls.slot(Duration.ZERO);
        assertThat(polls.pause(0)).isBetween(Duration.ofMillis(40), Duration.ofMillis(82));
    }

    private boolean goes(Gate gate, Ticket ticket) {
        boolean goes = gate.ask(ticket) == 0;
        if (goes) {
            gate.begin(ticket.number());
        } else {
            gate.leave(ticket);
        }
        return goes;
    }

    private static Map<String, String> tokensLeft(int tokens, long epoch) {
        return new TreeMap<>(Map.of("x-upstage-ratelimit-remaining-tokens", Integer.toString(tokens), "x-upstage-ratelimit-limit-tokens", "50000",
                "x-upstage-ratelimit-reset-tokens", Long.toString(epoch)));
    }

    @Test
    void aChatWaitsIfTheTokensThatAreLeftDoNotSuffice() {
        Gate gate = gate(Gate.Rate.NONE);
        Ticket first = gate.ticket(0, 900, 0);
        assertThat(gate.ask(first)).isZero();
        gate.answered(gate.begin(first.number()), 200, tokensLeft(3000, millis / 1000 + 30));
        gate.ended(first.number(), 300, 500);

        Ticket second = gate.ticket(0, 900, 0);
        assertThat(goes(gate, second)).as("about 1050 of 2200").isTrue();
        assertThat(goes(gate, gate.ticket(0, 900, 0))).as("about 2100 of 2200").isTrue();
        assertThat(goes(gate, gate.ticket(0, 900, 0))).isFalse();
        assertThat(goes(gate, gate.ticket(0, 90, 40))).as("70").isTrue();
        gate.ended(second.number(), 300, 10);
        assertThat(goes(gate, gate.ticket(0, 900, 300))).as("takes what the other has left").isTrue();
        assertThat(goes(gate, gate.ticket(0, 900, 300))).isFalse();
        pass(31_000);
        assertThat(goes(gate, gate.ticket(0, 900, 0))).as("one goes after the reset").isTrue();
        assertThat(goes(gate, gate.ticket(0, 900, 0))).isFalse();
    }

    @ParameterizedTest
    @CsvSource({"6m0s, 60", "20s, 20", "1.5s, 1", "20ms, 0", "1d2h3m4s, 60"})
    void theHeadersOfOpenAiAreReadToo(String reset, int seconds) {
        for (String what : List.of("requests", "tokens")) {
            Gate gate = gate(Gate.Rate.NONE);
            Ticket first = gate.ticket(0, 900, 0);
            assertThat(gate.ask(first)).isZero();
            gate.answered(gate.begin(first.number()), 200, Map.of("x-ratelimit-remaining-" + what, "0", "x-ratelimit-reset-" + what, reset));
            gate.ended(first.number(), 300, 10);

            assertThat(gate.busyFor()).isBetween(Duration.ofSeconds(seconds), Duration.ofSeconds(seconds + 2));
        }
    }

    @Test
    void aRefusedChatTakesNoTokens() {
        Gate gate = gate(Gate.Rate.NONE);
        Ticket first = gate.ticket(0, 900, 0);
        gate.ask(first);
        gate.answered(gate.begin(first.number()), 400, tokensLeft(3000, millis / 1000 + 30));
        assertThat(goes(gate, gate.ticket(0, 6000, 1000))).isTrue();
    }

    @Test
    void theServicesClockCountsForEpochs() {
        Gate gate = answeredGate(Gate.Rate.NONE);
        gate.tryGo();
        long there = millis / 1000 - 300;
        answered(gate, 200, new TreeMap<>(Map.of("date", "Thu, 26 Nov 2026 11:55:00 GMT", "x-upstage-ratelimit-remaining-requests", "0",
                "x-upstage-ratelimit-reset-requests", Long.toString(there + 20))));
        assertThat(gate.busyFor()).isEqualTo(Duration.ofSeconds(21));
    }

    @Test
    void whatHasNearlyEndedIsPolledSooner() {
        Gate gate = gate(Gate.Rate.spread(3000));
        Duration second = Duration.ofSeconds(1);
        assertThat(gate.slot(second, Duration.ofSeconds(30))).as("few: as often as is set").isEqualTo(second);
        for (int i = 0; i < 500; i++) {
            gate.slot(Duration.ofSeconds(20));
        }
        assertThat(gate.slot(second, Duration.ofSeconds(30))).isBetween(Duration.ofSeconds(30), Duration.ofSeconds(31));
        assertThat(gate.slot(second, Duration.ofSeconds(2))).isBetween(Duration.ofMillis(2500), Duration.ofSeconds(3));
        assertThat(gate.slot(second, Duration.ofSeconds(-2))).isBetween(Duration.ofMillis(2500), Duration.ofSeconds(3));
        assertThat(gate.slot(second, Duration.ofHours(1))).as("eight turns").isBetween(Duration.ofSeconds(80), Duration.ofSeconds(84));
        assertThat(gate.slot(second, Duration.ofHours(-1))).as("its turn").isBetween(Duration.ofSeconds(10), Duration.ofSeconds(11));
    }

    @Test
    void slotsAreSpreadAndNotBeforeThePause() {
        Gate gate = gate(Gate.Rate.spread(3000));
        List<Long> waits = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            waits.add(gate.slot(Duration.ofSeconds(1)).toMillis());
        }

        assertThat(waits.get(0)).isEqualTo(1000);
        assertThat(waits.get(299)).isBetween(6900L, 7120L);
        for (int i = 2; i < 300; i++) {
            assertThat(waits.get(i) - waits.get(i - 1)).isBetween(19L, 21L);
        }
        assertThat(gate.slot(Duration.ZERO)).as("a first poll need not wait for those").isZero();
        assertThat(gate.pause(0)).isBetween(Duration.ofMillis(5900), Duration.ofMillis(6200));
    }

    @Test
    void slotsThatAreOverAreForgotten() {
        Gate gate = gate(Gate.Rate.spread(3000));
        for (int i = 0; i < 20_000; i++) {
            assertThat(gate.slot(Duration.ofSeconds(1))).isEqualTo(Duration.ofSeconds(1));
            pass(21);
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
        answered(gate, 200, NOTHING);
        answered(gate, 429, Map.of("Retry-After", "7"));
        answered(gate, 200, NOTHING);

        assertThat(gate.closedFor()).isEqualTo(Duration.ofSeconds(7));
        assertThat(goes(gate, 9)).isZero();
        assertThat(gate.slot(Duration.ZERO)).isEqualTo(Duration.ofSeconds(7));
        pass(7_000);
        assertThat(goes(gate, 9)).isEqualTo(1);
        answered(gate, 200, NOTHING);
        assertThat(goes(gate, 9)).isEqualTo(2);
        answered(gate, 200, NOTHING);
        answered(gate, 200, NOTHING);
        assertThat(goes(gate, 9)).isEqualTo(4);
    }

    @Test
    void refusalsInARowWaitLongerEachTime() {
        Gate gate = gate(Gate.Rate.NONE);
        List<Long> waits = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            assertThat(gate.tryGo()).isTrue();
            answered(gate, 429, NOTHING);
            waits.add(gate.closedFor().toSeconds());
            pass(gate.closedFor().toMillis());
        }
        assertThat(waits).containsExactly(1L, 1L, 2L, 4L, 8L, 15L, 15L);
    }

    @Test
    void refusalsAtOnceAreOneRound() {
        Gate gate = gate(Gate.Rate.NONE);
        Ticket ticket = gate.ticket(0);
        goes(gate, 4);
        for (int i = 0; i < 4; i++) {
            answered(gate, 429, NOTHING);
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
        answered(gate, 429, headers);

        assertThat(gate.closedFor()).isEqualTo(Duration.ofSeconds(seconds));
    }

    @Test
    void whatABodyAsksForCountsToo() {
        Gate gate = gate(Gate.Rate.NONE);
        gate.tryGo();
        answered(gate, 429, NOTHING);
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
        answered(gate, 200, Map.of("ratelimit-remaining", "3", "ratelimit-reset", "5"));

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
        answered(gate, 429, Map.of("Retry-After", "1"));
        Ticket young = gate.ticket(300);
        Ticket old = gate.ticket(100);
        assertThat(gate.ask(young)).isPositive();
        assertThat(gate.ask(old)).isPositive();
        pass(1_100);

        assertThat(gate.ask(young)).isPositive();
        assertThat(gate.ask(old)).isZero();
        assertThat(gate.ask(young)).isPositive();
        answered(gate, 200, NOTHING);
        assertThat(gate.ask(young)).isZero();
    }

    @Test
    void aCallerThatHasGoneDelaysNobody() {
        Gate gate = gate(Gate.Rate.NONE);
        gate.tryGo();
        answered(gate, 429, Map.of("Retry-After", "1"));
        gate.ask(gate.ticket(100));
        pass(20_000);

        assertThat(asks(gate, 200)).isTrue();
    }

    @Test
    void aCallThatWasNeverMadeOrNeverAnswersHoldsNobodyForLong() {
        Gate gate = gate(Gate.Rate.NONE);
        gate.tryGo();
        answered(gate, 429, Map.of("Retry-After", "1"));
        pass(1_000);
        assertThat(goes(gate, 9)).isEqualTo(1);
        pass(6_000);

        assertThat(goes(gate, 9)).isEqualTo(2);
        gate.unanswered(gate.begin(null));
        assertThat(goes(gate, 9)).isEqualTo(1);
    }

    @Test
    void aRefusalSoonAfterAnswersIsOfTheMinutesLimit() {
        Gate gate = gate(Gate.Rate.NONE);
        assertThat(gate.isMinutesLimit()).isFalse();
        goes(gate, 2);
        answered(gate, 200, NOTHING);
        Ticket ticket = gate.ticket(0);
        answered(gate, 429, NOTHING);
        assertThat(gate.isMinutesLimit()).isTrue();
        assertThat(gate.refusalRoundsSince(ticket)).isZero();
        pass(91_000);
        assertThat(gate.isMinutesLimit()).isFalse();
        gate.tryGo();
        answered(gate, 429, NOTHING);
        assertThat(gate.refusalRoundsSince(ticket)).isEqualTo(1);
    }
}
