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
 * What one key may ask of a service: when its next call may be made. It knows the limit that is configured, what the
 * service says of its own limit ({@code ratelimit-remaining} and {@code -reset}), and what a 429 has asked for. After a 429
 * all calls wait, the oldest in front; then one goes, and more with each that is answered.
 *
 * <p>It holds nobody: it says how long to wait. Safe to use from any thread.
 */
public final class Gate {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.limit");

    /**
     * The services count calls by the minute, and may refuse them for half a minute more (PROVIDERS.md 3.7): a 429 so soon
     * after an answer says no more than that the limit is used up.
     */
    private static final long MINUTE = TimeUnit.SECONDS.toNanos(90);
    /** A 429 comes at once: a call that has waited longer for its answer has been let in. */
    private static final long LET_IN = TimeUnit.SECONDS.toNanos(5);
    private static final long SOON = TimeUnit.MILLISECONDS.toNanos(50);
    /** The longest wait before asking again, so that a cancel and a stop are noticed. */
    private static final long SLICE = TimeUnit.MILLISECONDS.toNanos(500);
    private static final int IN_FRONT = 16;
    /** Who has not asked for that long beyond what it was told is not there any more. */
    private static final long GONE = TimeUnit.SECONDS.toNanos(10);
    private static final double OLDEST_EPOCH = 1e9;

    /**
     * A limit that is configured.
     *
     * @param calls  that many calls at most in any such time
     * @param time   that time
     * @param spread how far calls are apart for which {@link Gate#slot} is asked, or null where they are not spread
     */
    public record Rate(int calls, Duration time, Duration spread) {

        /** None. */
        public static final Rate NONE = new Rate(Integer.MAX_VALUE, Duration.ZERO, null);

        /** All of them at once where it must be: the service takes bursts. */
        public static Rate perMinute(int calls) {
            return new Rate(calls, Duration.ofMinutes(1), null);
        }

        /** Spread over the minute. What comes late may come with what is in time: twice as many as there should be in a second. */
        public static Rate spread(int perMinute) {
            Duration apart = Duration.ofMinutes(1).dividedBy(perMinute);
            return apart.compareTo(Duration.ofNanos(100_000)) < 0 ? NONE
                    : new Rate(Math.max(2, perMinute / 30), Duration.ofSeconds(1), apart);
        }
    }

    /** What the gate goes by; the tests have clocks of their own. */
    interface Time {

        /** Nanoseconds, as {@link System#nanoTime}. */
        long nanos();

        /** Milliseconds since 1970. */
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
    /** How many rounds of 429s there were since a call was let in. */
    private int refusals;
    /** The same of rounds that can't be explained by a minute's limit. */
    private int vain;
    private boolean answeredEver;
    private long lastAnswer;
    /** How many more calls the service takes until {@link #reset}, or null where that is not known. */
    private Integer remaining;
    private long reset;

    /**
     * @param name    by which a request names it
     * @param of      what is limited, for the log
     * @param retry   how long to wait after a 429
     * @param longest the longest wait that a service can ask for
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

    /** By which a request names it. */
    public String name() {
        return name;
    }

    /** A place in the line, for a request that was taken then, in nanoseconds. */
    synchronized Ticket ticket(long since) {
        return new Ticket(since, tickets++, vain);
    }

    /**
     * Asks for a call to be made now: the oldest goes first.
     *
     * @return nanoseconds until it should ask again; 0: it has to be made now
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

    /** Who waits there waits no longer. */
    synchronized void leave(Ticket ticket) {
        line.remove(ticket);
    }

    /** How many rounds of refusals a ticket has seen that can't be explained by a minute's limit. */
    synchronized int seenInVain(Ticket ticket) {
        return vain - ticket.vain();
    }

    private long slice() {
        return Math.max(SLICE, TimeUnit.MILLISECONDS.toNanos(line.size()));
    }

    /** How many are in front of it, counted up to {@code most}. */
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
     * Whether a call that comes at its time may be made now, which it then has to be. It does not stand in line: another
     * {@link #slot} is its place where it may not.
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
     * When to make a call, the pause before it included: calls are spread over what is allowed.
     *
     * @param pause the shortest wait
     * @return the wait, {@code pause} or longer
     */
    public synchronized Duration slot(Duration pause) {
        long now = time.nanos();
        long earliest = now + Math.max(pause.toNanos(), closedFor(now));
        return Duration.ofNanos((slots == null ? earliest : slots.take(earliest, now)) - now);
    }

    /** How long the pause between two calls of each is, where as many others wait for theirs as do now, and these besides. */
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

    /** How long nothing goes, whatever is answered meanwhile. */
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
                // To come back all at once just then is known to be refused.
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
            vain = 0;
        }
    }

    /** A call was not answered. */
    public synchronized void unanswered() {
        open.pollFirst();
    }

    /**
     * A call was answered.
     *
     * @param headers of the answer, to be found by their names in any case
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
            // Those that are under way may not be counted in it yet; that matters where there was a 429 before.
            remaining = (int) Math.max(0, Math.min(left.get(), 1e6)) - (refusedEver ? open.size() : 0);
            reset = now + again.get().toNanos();
        }
    }

    private void refused(long since, Map<String, String> headers, long now) {
        boolean anew = !refusedEver || since - lastRefusal > 0;
        if (anew) {
            refusals++;
            vain += isMinutesLimit(now) ? 0 : 1;
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

    /** A 429 has asked for that wait in its body. */
    public synchronized void told(Duration wait) {
        close(time.nanos(), wait);
    }

    private void close(long now, Duration wait) {
        long until = now + Math.min(longest, wait.toNanos());
        closedUntil = until - closedUntil > 0 ? until : closedUntil;
    }

    /** How long no call is made. */
    public synchronized Duration closedFor() {
        return Duration.ofNanos(closedFor(time.nanos()));
    }

    /** Whether a 429 says no more than that a minute's limit is used up: others were answered shortly before. */
    public synchronized boolean isMinutesLimit() {
        return isMinutesLimit(time.nanos());
    }

    private boolean isMinutesLimit(long now) {
        return answeredEver && now - lastAnswer < MINUTE;
    }

    /** When the service counts anew: seconds from now, or since 1970 (PROVIDERS.md 1.9, 3.7). */
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
