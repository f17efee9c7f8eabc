package dev.bactrian.limit;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Consumer;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Thousands of calls, by the clock of a model of the services: no call is refused, and the limits are used. */
class LimitsModelTest {

    private static final long SECOND = 1_000_000_000L;
    private static final long MINUTE = 60 * SECOND;
    private static final long START = 1_795_694_400_123L;

    private final Random random = new Random(7);
    private final PriorityQueue<Event> events = new PriorityQueue<>();
    private long now;
    private long order;
    private int refused;
    private int accepted;

    private record Event(long at, long order, Runnable what) implements Comparable<Event> {
        @Override
        public int compareTo(Event other) {
            return at != other.at ? Long.compare(at, other.at) : Long.compare(order, other.order);
        }
    }

    private void after(long nanos, Runnable what) {
        events.add(new Event(now + Math.max(0, nanos), order++, what));
    }

    private void runUntil(long end) {
        while (!events.isEmpty() && events.peek().at <= end) {
            Event next = events.poll();
            now = next.at;
            next.what.run();
        }
    }

    private long between(double least, double most) {
        return (long) ((least + random.nextDouble() * (most - least)) * SECOND);
    }

    private long epochMillis() {
        return START + now / 1_000_000;
    }

    private Gate gate(Gate.Rate rate) {
        Retry retry = new Retry(Duration.ofSeconds(1), Duration.ofSeconds(30), Clock.fixed(Instant.ofEpochMilli(START), ZoneOffset.UTC), () -> 0.5);
        return new Gate("g", "the model", rate, retry, Duration.ofSeconds(30), new Gate.Time() {
            @Override
            public long nanos() {
                return now;
            }

            @Override
            public long epochMillis() {
                return LimitsModelTest.this.epochMillis();
            }
        });
    }

    /** How a service counts. */
    private enum Way { FROM_THE_FIRST_CALL, CLOCK_MINUTES, LAST_MINUTE, BUCKET }

    /** A limit as a service enforces it. */
    private final class Counter {
        private final Way way;
        private final long most;
        private final long span;
        private final Deque<long[]> last = new ArrayDeque<>();
        private long windowEnd;
        private double used;
        private long usedAt;

        Counter(Way way, long most, long span) {
            this.way = way;
            this.most = most;
            this.span = span;
        }

        private void renew() {
            if (way == Way.BUCKET) {
                used = Math.max(0, used - (double) most * (now - usedAt) / span);
                usedAt = now;
            } else if (way == Way.LAST_MINUTE) {
                while (!last.isEmpty() && now - last.getFirst()[0] >= span) {
                    used -= last.removeFirst()[1];
                }
            } else if (now >= windowEnd) {
                used = 0;
                windowEnd = way == Way.CLOCK_MINUTES ? (now / span + 1) * span : now + span;
            }
        }

        boolean fits(long units) {
            renew();
            return used + units <= most;
        }

        void take(long units) {
            renew();
            used += units;
            last.addLast(new long[] {now, units});
        }

        long left() {
            renew();
            return (long) Math.floor(most - used);
        }

        /** Returns the nanoseconds until more calls are accepted, or until all are. */
        long reset() {
            renew();
            return switch (way) {
                case BUCKET -> (long) (used * span / most);
                case LAST_MINUTE -> last.isEmpty() ? 0 : last.getFirst()[0] + span - now;
                default -> windowEnd - now;
            };
        }
    }

    private static String seconds(long nanos) {
        return Long.toString((nanos + SECOND - 1) / SECOND);
    }

    private Map<String, String> replicate(Counter counter) {
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        headers.put("ratelimit-remaining", Long.toString(Math.max(0, counter.left())));
        headers.put("ratelimit-reset", seconds(counter.reset()));
        return headers;
    }

    private void upstage(Map<String, String> headers, String of, Counter counter) {
        headers.put("X-Upstage-RateLimit-Limit-" + of, Long.toString(counter.most));
        headers.put("X-Upstage-RateLimit-Remaining-" + of, Long.toString(counter.left()));
        headers.put("X-Upstage-RateLimit-Reset-" + of, Long.toString((epochMillis() + counter.reset() / 1_000_000) / 1000));
    }

    /** Makes a call of Replicate: it arrives, is counted or refused, and is answered, at random times. */
    private void replicateCall(Gate gate, Gate.Call call, Counter counter, Consumer<Boolean> answered) {
        after(between(0.005, 0.1), () -> {
            boolean ok = counter.fits(1);
            if (ok) {
                counter.take(1);
            }
            Map<String, String> headers = replicate(counter);
            after(between(0.02, 0.3), () -> {
                count(ok);
                gate.answered(call, ok ? 200 : 429, headers);
                answered.accept(ok);
            });
        });
    }

    private void count(boolean ok) {
        accepted += ok ? 1 : 0;
        refused += ok ? 0 : 1;
    }

    private void turn(Gate gate, Ticket ticket, Runnable go) {
        long wait = gate.ask(ticket);
        if (wait > 0) {
            // In the routes it asks more often, in case it was cancelled.
            after(Math.max(wait, gate.busyFor().toNanos() - SECOND / 5), () -> turn(gate, ticket, go));
        } else {
            go.run();
        }
    }

    /** Predictions: as many in flight as there may be, each replaced by another when it has ended. */
    private final class Predictions {
        private final Gate creates = gate(Gate.Rate.perMinute(600));
        private final Gate polls = gate(Gate.Rate.spread(3000));
        private final Counter createCounter;
        private final Counter pollCounter;
        private final boolean learns;
        private final Map<Boolean, List<Long>> times = new HashMap<>();
        private final List<Long> lateness = new ArrayList<>();
        private int inFlight;
        private int mostInFlight;
        private int polled;

        Predictions(Way way, boolean learns) {
            createCounter = new Counter(way, 600, MINUTE);
            pollCounter = new Counter(way, 3000, MINUTE);
            this.learns = learns;
        }

        void begin() {
            Ticket ticket = creates.ticket(now);
            turn(creates, ticket, () -> replicateCall(creates, creates.begin(ticket.number()), createCounter, ok -> {
                if (ok) {
                    created();
                } else {
                    begin();
                }
            }));
        }

        private void created() {
            mostInFlight = Math.max(mostInFlight, ++inFlight);
            boolean fast = random.nextBoolean();
            long takes = fast ? between(50, 70) : between(150, 210);
            long created = now;
            poll(fast, created, takes, polls.slot(Duration.ZERO));
        }

        private void poll(boolean fast, long created, long takes, Duration delay) {
            after(delay.toNanos(), () -> {
                if (!polls.tryGo()) {
                    poll(fast, created, takes, polls.slot(polls.busyFor()));
                    return;
                }
                polled++;
                replicateCall(polls, polls.begin(null), pollCounter, ok -> {
                    if (now - created >= takes) {
                        lateness.add(now - created - takes);
                        times.computeIfAbsent(fast, none -> new ArrayList<>()).add(takes);
                        inFlight--;
                        begin();
                    } else if (random.nextInt(2000) == 0) {
                        Ticket ticket = polls.ticket(now);
                        turn(polls, ticket, () -> replicateCall(polls, polls.begin(ticket.number()), pollCounter, cancelled -> {
                            inFlight--;
                            begin();
                        }));
                    } else {
                        poll(fast, created, takes, polls.slot(Duration.ofSeconds(1), left(fast, created)));
                    }
                });
            });
        }

        private Duration left(boolean fast, long created) {
            List<Long> known = times.get(fast);
            if (!learns || known == null) {
                return null;
            }
            long[] last = known.subList(Math.max(0, known.size() - 31), known.size()).stream().mapToLong(Long::longValue).sorted().toArray();
            return Duration.ofNanos(last[last.length / 2] - (now - created));
        }

        double meanLateness() {
            return lateness.stream().mapToLong(Long::longValue).average().orElseThrow() / SECOND;
        }
    }

    @ParameterizedTest
    @EnumSource(Way.class)
    void aThousandPredictionsInFlightAreNeverRefused(Way way) {
        Predictions predictions = new Predictions(way, true);
        for (int i = 0; i < 1000; i++) {
            predictions.begin();
        }
        runUntil(7 * MINUTE);

        assertThat(refused).as("answers 429 of %d", accepted).isZero();
        assertThat(predictions.mostInFlight).as("from the second minute on").isBetween(900, 1000);
        assertThat(predictions.polled).as("polls in seven minutes").isBetween(14_000, 21_000);
    }

    @Test
    void whatHasNearlyEndedIsPolledSooner() {
        double[] late = new double[2];
        for (int i = 0; i < 2; i++) {
            events.clear();
            now = 0;
            random.setSeed(7);
            Predictions predictions = new Predictions(Way.LAST_MINUTE, i == 1);
            for (int j = 0; j < 1000; j++) {
                predictions.begin();
            }
            runUntil(9 * MINUTE);
            late[i] = predictions.meanLateness();
        }
        assertThat(late[1]).as("mean seconds from an end to the poll that finds it").isLessThan(0.8 * late[0]);
    }

    @ParameterizedTest
    @CsvSource({"1, 10", "6, 60"})
    void anAccountWithLittleCreditIsNeverRefused(int calls, int seconds) {
        Counter counter = new Counter(calls == 1 ? Way.BUCKET : Way.FROM_THE_FIRST_CALL, calls, seconds * SECOND);
        Gate creates = gate(Gate.Rate.perMinute(600));
        for (int i = 0; i < 60; i++) {
            Ticket ticket = creates.ticket(i);
            turn(creates, ticket, () -> replicateCall(creates, creates.begin(ticket.number()), counter, ok -> { }));
        }
        runUntil(14 * MINUTE);

        assertThat(refused).isZero();
        assertThat(accepted).isEqualTo(60);
    }

    /**
     * Upstage at tier 0: 100 calls and so many tokens a minute. The tokens are counted when the chat arrives or when its answer ends.
     */
    @ParameterizedTest
    @CsvSource({"FROM_THE_FIRST_CALL, true, 50000", "LAST_MINUTE, false, 50000", "CLOCK_MINUTES, false, 250000"})
    void fiveThousandChatsAreNeverRefused(Way way, boolean atOnce, int perMinute) {
        Counter requests = new Counter(way, 100, MINUTE);
        Counter tokens = new Counter(way, perMinute, MINUTE);
        Gate gate = gate(Gate.Rate.NONE);
        long[] end = new long[1];
        long[] sum = new long[1];
        for (int i = 0; i < 5000; i++) {
            int prompt = 20 + random.nextInt(400);
            int completion = (int) Math.min(4000, 30 + Math.exp(5.6 + random.nextGaussian() * 0.7));
            Ticket ticket = gate.ticket(i, prompt * 4L + random.nextInt(200), random.nextInt(10) == 0 ? 4000 : 0);
            sum[0] += prompt + completion;
            turn(gate, ticket, () -> {
                Gate.Call call = gate.begin(ticket.number());
                after(between(0.005, 0.1), () -> {
                    boolean ok = requests.fits(1) && tokens.fits(atOnce ? prompt + completion : 1);
                    if (ok) {
                        requests.take(1);
                        tokens.take(atOnce ? prompt + completion : 0);
                    }
                    Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
                    upstage(headers, "Requests", requests);
                    upstage(headers, "Tokens", tokens);
                    after(between(0.1, 1), () -> {
                        count(ok);
                        gate.answered(call, ok ? 200 : 429, headers);
                    });
                    after(SECOND + between(0.5, 15), () -> {
                        end[0] = now;
                        if (ok && !atOnce) {
                            tokens.take(prompt + completion);
                        }
                        gate.ended(ticket.number(), ok ? prompt : -1, completion);
                    });
                });
            });
        }
        runUntil(300 * MINUTE);

        double minutes = (double) end[0] / MINUTE;
        double least = Math.max(49, (double) sum[0] / perMinute);
        assertThat(refused).as("answers 429").isZero();
        assertThat(accepted).isEqualTo(5000);
        assertThat(minutes).isLessThan(1.45 * least);
    }
}
