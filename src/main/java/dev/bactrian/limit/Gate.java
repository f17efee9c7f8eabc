package dev.bactrian.limit;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import dev.bactrian.text.OneLineLogger;
import org.slf4j.Logger;

/**
 * Decides when the next call under one limit of a service may be made. A gate takes into account the configured limit, the service's own
 * ({@code ratelimit-remaining} and {@code -reset}), and the delay that a 429 asks for. After a 429 all calls wait, ordered by age; then
 * one call is let through, and one more with each call that is accepted.
 *
 * <p>A gate does not block; it returns how long to wait. Thread-safe.
 */
public final class Gate {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.limit");

    /**
     * How long after the last accepted call a 429 only means that the per-minute limit is used up: the services count calls per minute
     * and may refuse them for half a minute longer.
     */
    private static final long MINUTE = TimeUnit.SECONDS.toNanos(90);
    /** A 429 is answered at once; a call that has waited this long for its answer was accepted. */
    private static final long LET_IN = TimeUnit.SECONDS.toNanos(5);
    private static final long SOON = TimeUnit.MILLISECONDS.toNanos(50);
    /** The longest wait before asking again, so that cancellations and a stop are noticed. */
    private static final long SLICE = TimeUnit.MILLISECONDS.toNanos(500);
    private static final int IN_FRONT = 16;
    /** A ticket that is this late to ask again is considered abandoned. */
    private static final long GONE = TimeUnit.SECONDS.toNanos(10);
    private static final double OLDEST_EPOCH = 1e9;

    /**
     * A configured limit.
     *
     * @param calls  the maximum number of calls within {@code time}
     * @param time   the period
     * @param spread the interval between the calls that {@link Gate#slot} schedules, or null if calls are not spread
     */
    public record Rate(int calls, Duration time, Duration spread) {

        /** No limit. */
        public static final Rate NONE = new Rate(Integer.MAX_VALUE, Duration.ZERO, null);

        /** Returns a limit per minute that allows all calls at once, for a service that accepts bursts. */
        public static Rate perMinute(int calls) {
            return new Rate(calls, Duration.ofMinutes(1), null);
        }

        /**
         * Returns a limit whose calls are spread evenly over the minute. Late calls may coincide with those on time, so twice the average
         * number per second is allowed.
         */
        public static Rate spread(int perMinute) {
            Duration apart = Duration.ofMinutes(1).dividedBy(perMinute);
            return apart.compareTo(Duration.ofNanos(100_000)) < 0 ? NONE
                    : new Rate(Math.max(2, perMinute / 30), Duration.ofSeconds(1), apart);
        }
    }

    /** The clocks of a gate; tests use their own. */
    interface Time {

        /** Returns nanoseconds, as {@link System#nanoTime}. */
        long nanos();

        /** Returns milliseconds since 1970. */
        long epochMillis();
    }

    private final String name;
    private final String of;
    private final Rate rate;
    private final Retry retry;
    private final long longest;
    private final Time time;
    private final Slots slots;
    private final Deque<Long> made = new ArrayDeque<>();
    private final Deque<Long> open = new ArrayDeque<>();
    private final TreeMap<Ticket, Long> line = new TreeMap<>();

    private long tickets;
    /** How many calls may be unanswered at once. */
    private int room = Integer.MAX_VALUE;
    private long closedUntil;
    private boolean refusedEver;
    private long lastRefusal;
    /** Number of rounds of 429s since a call was accepted. */
    private int refusals;
    /** Number of these rounds that a per-minute limit does not explain. */
    private int refusalRounds;
    private boolean answeredEver;
    private long lastAnswer;
    /** How many more calls the service accepts until {@link #reset}, or null if that is unknown. */
    private Integer remaining;
    private long reset;

    /**
     * Creates a gate.
     *
     * @param name    the name by which a request refers to the gate
     * @param of      what is limited, for the log
     * @param retry   the delays after a 429
     * @param longest the longest delay that a service can impose
     */
    Gate(String name, String of, Rate rate, Retry retry, Duration longest, Time time) {
        this.name = name;
        this.of = of;
        this.rate = rate;
        this.retry = retry;
        this.longest = longest.toNanos();
        this.time = time;
        closedUntil = time.nanos();
        slots = rate.spread() == null ? null : new Slots(rate.spread(), closedUntil);
    }

    /** Returns the name by which a request refers to the gate. */
    public String name() {
        return name;
    }

    /**
     * Returns a place in the queue for a request.
     *
     * @param since when the request was started, in nanoseconds
     */
    synchronized Ticket ticket(long since) {
        return new Ticket(since, tickets++, refusalRounds);
    }

    /**
     * Asks to make a call now. The oldest ticket goes first.
     *
     * @return the nanoseconds until asking again; 0 if the call must be made now
     */
    synchronized long ask(Ticket ticket) {
        long now = time.nanos();
        line.put(ticket, now);
        long wait = blocked(now);
        int before = before(ticket, wait > 0 ? 0 : Math.max(IN_FRONT, free()), now);
        if (wait == 0 && before < free()) {
            line.remove(ticket);
            go(now);
            if (slots != null) {
                slots.take(now, now);
            }
            return 0;
        }
        return wait > 0 ? Math.min(wait, slice()) : before < IN_FRONT ? SOON : slice();
    }

    /** Removes the ticket from the queue. */
    synchronized void leave(Ticket ticket) {
        line.remove(ticket);
    }

    /** Returns the number of rounds of refusals, not explained by a per-minute limit, since the ticket was issued. */
    synchronized int refusalRoundsSince(Ticket ticket) {
        return refusalRounds - ticket.refusalRounds();
    }

    private long slice() {
        return Math.max(SLICE, TimeUnit.MILLISECONDS.toNanos(line.size()));
    }

    /** Counts the tickets before this one, up to {@code most}. Removes abandoned ones. */
    private int before(Ticket ticket, int most, long now) {
        int count = 0;
        for (Iterator<Map.Entry<Ticket, Long>> older = line.headMap(ticket).entrySet().iterator(); count < most && older.hasNext();) {
            if (now - older.next().getValue() > slice() + GONE) {
                older.remove();
            } else {
                count++;
            }
        }
        return count;
    }

    /**
     * Asks to make a scheduled call now, without a ticket. If it may not be made, it must ask for another {@link #slot}.
     *
     * @return true if the call must be made now
     */
    public synchronized boolean tryGo() {
        long now = time.nanos();
        if (blocked(now) > 0 || free() <= 0) {
            return false;
        }
        go(now);
        return true;
    }

    /**
     * Reserves a time for a call, so that calls are spread evenly over the limit.
     *
     * @param pause the shortest wait
     * @return the wait, {@code pause} or longer
     */
    public synchronized Duration slot(Duration pause) {
        long now = time.nanos();
        long earliest = now + Math.max(pause.toNanos(), closedFor(now));
        return Duration.ofNanos((slots == null ? earliest : slots.take(earliest, now)) - now);
    }

    /** Returns the interval between two calls of one poller if all pollers that wait now, and {@code besides} more, take turns. */
    public synchronized Duration pause(int besides) {
        return slots == null ? Duration.ZERO : rate.spread().multipliedBy(slots.ahead(time.nanos()) + besides + 1L);
    }

    private void go(long now) {
        open.addLast(now);
        if (rate.calls() < Integer.MAX_VALUE) {
            made.addLast(now);
        }
        if (remaining != null) {
            remaining--;
        }
    }

    /** Returns the nanoseconds during which no call may be made, whatever is answered meanwhile. 0 if calls may be made. */
    private long blocked(long now) {
        while (!open.isEmpty() && now - open.getFirst() > LET_IN) {
            letIn(open.removeFirst());
            answeredEver = true;
            lastAnswer = now;
        }
        long span = rate.time().toNanos();
        while (!made.isEmpty() && now - made.getFirst() >= span) {
            made.removeFirst();
        }
        if (remaining != null && now - reset >= 0) {
            if (remaining <= 0) {
                // The service refuses calls that all arrive right after the reset.
                room = 1;
            }
            remaining = null;
        }
        long full = made.size() >= rate.calls() ? made.getFirst() + span - now : 0;
        return Math.max(full, closedFor(now));
    }

    private long closedFor(long now) {
        long used = remaining != null && remaining <= 0 ? reset - now : 0;
        return Math.max(0, Math.max(used, closedUntil - now));
    }

    private int free() {
        int free = Math.min(room - open.size(), rate.calls() - made.size());
        return remaining == null ? free : Math.min(free, remaining);
    }

    private void letIn(long since) {
        if (!refusedEver || since - lastRefusal > 0) {
            room = room == Integer.MAX_VALUE ? room : room + 1;
            refusals = 0;
            refusalRounds = 0;
        }
    }

    /** Records that a call failed without an answer. */
    public synchronized void unanswered() {
        open.pollFirst();
    }

    /**
     * Records the answer to a call.
     *
     * @param headers the headers of the answer, with case-insensitive names
     */
    public synchronized void answered(int status, Map<String, String> headers) {
        long now = time.nanos();
        Long since = open.pollFirst();
        if (status == 429) {
            refused(since == null ? now : since, headers, now);
            return;
        }
        if (status < 400) {
            answeredEver = true;
            lastAnswer = now;
        }
        if (status < 500 && since != null) {
            letIn(since);
        }
        Optional<Double> left = number(headers, "ratelimit-remaining", "x-upstage-ratelimit-remaining-requests");
        Optional<Duration> again = reset(headers);
        if (left.isPresent() && again.isPresent()) {
            // The service may not have counted the calls in progress yet. That only matters after a 429.
            remaining = (int) Math.max(0, Math.min(left.get(), 1e6)) - (refusedEver ? open.size() : 0);
            reset = now + again.get().toNanos();
        }
    }

    private void refused(long since, Map<String, String> headers, long now) {
        boolean anew = !refusedEver || since - lastRefusal > 0;
        if (anew) {
            refusals++;
            refusalRounds += isMinutesLimit(now) ? 0 : 1;
        }
        refusedEver = true;
        lastRefusal = now;
        room = 1;
        remaining = null;
        close(now, retry.asked(headers, null).or(() -> reset(headers)).orElseGet(() -> retry.before(refusals, Map.of(), null)));
        if (anew) {
            LOG.info("The limit of {} is used up: calls wait for {} ms", of, TimeUnit.NANOSECONDS.toMillis(closedFor(now)));
        }
    }

    /** Records the delay that the body of a 429 asks for. */
    public synchronized void askedToWait(Duration wait) {
        close(time.nanos(), wait);
    }

    private void close(long now, Duration wait) {
        long until = now + Math.min(longest, wait.toNanos());
        closedUntil = until - closedUntil > 0 ? until : closedUntil;
    }

    /** Returns how long a call that is prepared now would have to wait at least. */
    synchronized Duration busyFor() {
        return Duration.ofNanos(blocked(time.nanos()));
    }

    /** Returns the number of calls that are not answered yet or wait. */
    synchronized int load() {
        return open.size() + line.size();
    }

    /** Returns how long no call may be made. */
    public synchronized Duration closedFor() {
        return Duration.ofNanos(closedFor(time.nanos()));
    }

    /** Whether a 429 now only means that the per-minute limit is used up, because other calls were accepted shortly before. */
    public synchronized boolean isMinutesLimit() {
        return isMinutesLimit(time.nanos());
    }

    private boolean isMinutesLimit(long now) {
        return answeredEver && now - lastAnswer < MINUTE;
    }

    /** Returns the time until the service's limit is reset. The header holds seconds from now or since 1970. */
    private Optional<Duration> reset(Map<String, String> headers) {
        return number(headers, "ratelimit-reset", "x-upstage-ratelimit-reset-requests")
                .map(seconds -> seconds > OLDEST_EPOCH ? seconds - time.epochMillis() / 1000.0 : seconds)
                .filter(seconds -> seconds > 0)
                .map(seconds -> Duration.ofNanos((long) Math.min(longest, seconds * 1e9)));
    }

    private static Optional<Double> number(Map<String, String> headers, String... names) {
        return Stream.of(names).map(headers::get).filter(Objects::nonNull).findFirst().flatMap(value -> Retry.number(value.trim()));
    }
}
