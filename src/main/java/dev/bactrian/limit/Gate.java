package dev.bactrian.limit;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import dev.bactrian.text.OneLineLogger;
import org.slf4j.Logger;

/**
 * Decides when the next call under one limit of a service may be made. A gate takes into account the configured limit, the service's own
 * (how many calls and tokens are left until when, as the headers of its answers say), the calls that are under way, and the delay that a
 * 429 asks for. Before the first answer only a few calls are made at once. After a 429 all calls wait, ordered by age; then one call is
 * let through, and one more with each call that is accepted.
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
    private static final Pattern SPAN = Pattern.compile("(?:(\\d{1,9})d)?(?:(\\d{1,9})h)?(?:(\\d{1,9})m)?(?:(\\d{1,9}(?:\\.\\d{1,9})?)s)?(?:(\\d{1,9}(?:\\.\\d{1,9})?)ms)?");
    /** An epoch second may be rounded down. */
    private static final long EPOCH_MARGIN = TimeUnit.SECONDS.toNanos(1);
    /** The longest time until a limit per minute is reset. */
    private static final long WINDOW = TimeUnit.SECONDS.toNanos(61);
    private static final double LARGEST_LIMIT = 1e6;
    /** The number of polls a minute up to which they are counted; more are only limited per second. */
    private static final int MOST_COUNTED = 50_000;
    /** How many calls, and for how long, are waited for until their answers end and their tokens are known. */
    private static final int KEPT = 10_000;
    private static final long LONGEST = TimeUnit.MINUTES.toNanos(15);
    /** How many times its turn a poll is put off if its work will take that long. */
    private static final int TURNS = 8;
    /** At most this part of the tokens per minute is reserved for an answer that is longer than the last ones were on average. */
    private static final int RESERVE = 10;
    /** A poll of work that should have ended comes after this part of its turn. */
    private static final int SOONER = 4;

    /**
     * A configured limit.
     *
     * @param calls  the maximum number of calls within {@code time}
     * @param time   the period
     * @param spread the interval between the calls that {@link Gate#slot} schedules, or null if calls are not spread
     * @param first  the number of calls that may be unanswered before the first answer
     */
    public record Rate(int calls, Duration time, Duration spread, int first) {

        /** No limit. */
        public static final Rate NONE = new Rate(Integer.MAX_VALUE, Duration.ZERO, null, 4);

        /** The limit per minute up to which calls do not come at once: that of an account with little credit, which allows no bursts. */
        private static final int LITTLE_CREDIT = 6;
        /** Slots are this much further apart than the limit allows, because calls are made late at times. */
        private static final double APART = 1.02;
        private static final int POLLS = 8;

        /**
         * Returns a limit per minute that allows all calls at once, for a service that accepts bursts. Up to 6 a minute, the calls are made
         * one by one, as far apart as that.
         */
        public static Rate perMinute(int calls) {
            return calls <= LITTLE_CREDIT ? new Rate(1, Duration.ofMinutes(1).dividedBy(calls), null, 1)
                    : new Rate(calls, Duration.ofMinutes(1), null, 1);
        }

        /** Returns a limit whose calls are spread evenly over the minute. Up to twice the average number per second is allowed. */
        public static Rate spread(int perMinute) {
            Duration apart = Duration.ofNanos((long) (Duration.ofMinutes(1).toNanos() * APART / perMinute));
            return apart.compareTo(Duration.ofNanos(100_000)) < 0 ? NONE : new Rate(perMinute, Duration.ofMinutes(1), apart, POLLS);
        }

        /** Returns the part of the limit that one of several instances may use. */
        Rate dividedBy(int instances) {
            return instances == 1 || calls == Integer.MAX_VALUE ? this
                    : calls < instances ? new Rate(1, time.multipliedBy(instances).dividedBy(calls), spread == null ? null : spread.multipliedBy(instances), first)
                    : new Rate(calls / instances, time, spread == null ? null : spread.multipliedBy(instances), first);
        }

        private int perSecond() {
            return spread == null ? Integer.MAX_VALUE : Math.max(2, calls / 30);
        }
    }

    /** A call that was let through. */
    static final class Call {

        private final long number;
        private final long at;
        private final long bytes;
        private long tokens;
        private long begun;
        private long countedBefore;
        private long tokensCountedBefore;
        /** When the service has counted it at the latest. */
        private long countedBy;

        private Call(long number, long at, long bytes, long tokens) {
            this.number = number;
            this.at = at;
            this.bytes = bytes;
            this.tokens = tokens;
            countedBy = at + LET_IN;
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
    private final Rate whole;
    private final Retry retry;
    private final long longest;
    private final Time time;
    /** The calls of the last minute, if their number is limited. */
    private final Deque<Call> made = new ArrayDeque<>();
    /** The times of the calls of the last second, if calls are spread. */
    private final Deque<Long> justMade = new ArrayDeque<>();
    /** The calls that are not answered yet, the oldest first. */
    private final Set<Call> open = new LinkedHashSet<>();
    /** The calls without a ticket that were let through and not made yet. */
    private final Deque<Call> unnamed = new ArrayDeque<>();
    /** The calls with a ticket, by its number, until they are made or, if they take tokens, until their answer has ended. */
    private final Map<Long, Call> named = new LinkedHashMap<>();
    private final TreeMap<Ticket, Long> line = new TreeMap<>();
    private final Quota calls = new Quota(LET_IN);
    private final Quota tokens = new Quota(LET_IN);
    private final TokenUse tokenUse = new TokenUse();

    private int instances = 1;
    private Rate rate;
    private Slots slots;
    private long tickets;
    /** How many calls may be unanswered at once. */
    private int room;
    /** Whether no call was answered yet. */
    private boolean starting = true;
    private long closedUntil;
    private boolean refusedEver;
    private long lastRefusal;
    /** Number of rounds of 429s since a call was accepted. */
    private int refusals;
    /** Number of these rounds that a per-minute limit does not explain. */
    private int refusalRounds;
    private boolean used;
    private long lastUse;
    private boolean answeredEver;
    private long lastAnswer;
    /** The limits that headers have named, or the largest number. */
    private int limit = Integer.MAX_VALUE;
    private long limitSpan;
    private long tokenLimit = Long.MAX_VALUE;
    /** The last {@code Date} header and its time. Many answers have the same one, and parsing it takes microseconds. */
    private String lastDate;
    private long lastDateSeconds;

    /**
     * Creates a gate.
     *
     * @param name    the name by which a request refers to the gate
     * @param of      what is limited, for the log
     * @param retry   the delays after a 429
     * @param longest the longest delay that a 429 can impose
     */
    Gate(String name, String of, Rate rate, Retry retry, Duration longest, Time time) {
        this.name = name;
        this.of = of;
        this.whole = rate;
        this.rate = rate;
        this.retry = retry;
        this.longest = longest.toNanos();
        this.time = time;
        closedUntil = time.nanos();
        room = rate.first();
        slots = rate.spread() == null ? null : new Slots(rate.spread(), closedUntil);
    }

    /** Sets among how many instances the service's limits are divided. */
    synchronized void divide(int among) {
        if (among != instances) {
            instances = among;
            rate = whole.dividedBy(among);
            slots = rate.spread() == null ? null : new Slots(rate.spread(), time.nanos());
        }
    }

    /** Whether a call was made or waited for within the last minute, or is scheduled. */
    synchronized boolean isUsed() {
        long now = time.nanos();
        return !line.isEmpty() || used && now - lastUse < TimeUnit.MINUTES.toNanos(1) || slots != null && slots.ahead(now) > 0;
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
        return ticket(since, -1, 0);
    }

    /**
     * Returns a place in the queue for a request whose tokens the service limits.
     *
     * @param bytes the size of its body, or -1 if its tokens are not limited
     * @param most  the maximum length of its answer in tokens; 0 if it is not limited
     */
    synchronized Ticket ticket(long since, long bytes, long most) {
        return new Ticket(since, tickets++, refusalRounds, bytes, most);
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
        int free = wait > 0 ? 0 : free(now);
        int before = before(ticket, wait > 0 ? 0 : Math.max(IN_FRONT, free), now);
        long size = ticket.bytes() < 0 ? 0 : Math.min(tokenUse.estimate(ticket.bytes(), ticket.most()), tokenLimit);
        if (wait == 0 && size > 0) {
            long reserve = Math.min(tokenUse.reserve(ticket.most()), tokenLimit / RESERVE);
            wait = tokens.waitFor(Math.min(tokenLimit, size * (before + 1) + reserve), now);
        }
        if (wait == 0 && before < free) {
            line.remove(ticket);
            Call call = new Call(ticket.number(), now, ticket.bytes(), size);
            go(call, now);
            keep(call);
            if (slots != null) {
                slots.take(now, now);
            }
            return 0;
        }
        return wait > 0 ? Math.min(wait, slice()) : before < IN_FRONT ? SOON : slice();
    }

    private void keep(Call call) {
        named.put(call.number, call);
        for (Iterator<Call> oldest = named.values().iterator(); oldest.hasNext();) {
            Call old = oldest.next();
            if (named.size() <= KEPT && call.at - old.at < LONGEST) {
                break;
            }
            oldest.remove();
            tokens.counted(old.tokens);
        }
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
        if (blocked(now) > 0 || free(now) <= 0) {
            return false;
        }
        Call call = new Call(-1, now, -1, 0);
        go(call, now);
        unnamed.addLast(call);
        return true;
    }

    /** Returns how many calls may be made now besides those that wait; 0 if none may. The largest number means without a known limit. */
    public synchronized int room() {
        long now = time.nanos();
        return busy(now) > 0 ? 0 : Math.max(0, free(now) - line.size());
    }

    /** Returns how long no call may be made for certain. Zero if one may be made now, or as soon as another is answered. */
    public synchronized Duration busyFor() {
        return Duration.ofNanos(busy(time.nanos()));
    }

    private long busy(long now) {
        return Math.max(blocked(now), tokens.waitFor(1, now));
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

    /**
     * Reserves a time for a poll. If the polls are further apart than the shortest wait because there are many, the poll of work that has
     * nearly ended comes sooner than one of work that has just begun.
     *
     * @param pause the shortest wait
     * @param left  how long the work is likely to take, negative if it should have ended by now; null if that is unknown
     * @return the wait, {@code pause} or longer
     */
    public synchronized Duration slot(Duration pause, Duration left) {
        Duration turn = pause(0);
        if (left == null || turn.compareTo(pause) <= 0) {
            return slot(pause);
        }
        Duration wait;
        if (left.compareTo(turn) > 0) {
            Duration most = turn.multipliedBy(TURNS);
            wait = left.compareTo(most) < 0 ? left : most;
        } else {
            boolean overdue = left.plus(turn.multipliedBy(TURNS)).isNegative();
            wait = overdue ? turn : turn.dividedBy(SOONER);
        }
        return slot(wait.compareTo(pause) > 0 ? wait : pause);
    }

    /** Returns the interval between two calls of one poller if all pollers that wait now, and {@code besides} more, take turns. */
    public synchronized Duration pause(int besides) {
        return slots == null ? Duration.ZERO : rate.spread().multipliedBy(slots.ahead(time.nanos()) + besides + 1L);
    }

    private void go(Call call, long now) {
        call.begun = now;
        call.countedBefore = calls.counted();
        call.tokensCountedBefore = tokens.counted();
        used = true;
        lastUse = now;
        calls.go(1, now);
        tokens.go(call.tokens, now);
        open.add(call);
        if (most() < Integer.MAX_VALUE) {
            made.addLast(call);
        }
        if (rate.spread() != null) {
            justMade.addLast(now);
        }
    }

    /** Returns the nanoseconds during which no call may be made, whatever is answered meanwhile. 0 if calls may be made. */
    private long blocked(long now) {
        for (Iterator<Call> oldest = open.iterator(); oldest.hasNext();) {
            Call call = oldest.next();
            if (now - call.at <= LET_IN) {
                break;
            }
            oldest.remove();
            if (unnamed.peekFirst() == call) {
                unnamed.removeFirst();
            }
            calls.counted(1);
            letIn(call.at);
            answeredEver = true;
            lastAnswer = now;
        }
        long span = Math.max(rate.time().toNanos(), limitSpan);
        while (!made.isEmpty() && now - made.getFirst().countedBy >= span) {
            made.removeFirst();
        }
        while (!justMade.isEmpty() && now - justMade.getFirst() >= TimeUnit.SECONDS.toNanos(1)) {
            justMade.removeFirst();
        }
        if (calls.isRenewed(now)) {
            // The service refuses calls that all arrive right after the reset.
            room = 1;
        }
        long full = made.size() >= most() ? made.getFirst().countedBy + span - now : 0;
        long busy = justMade.size() >= rate.perSecond() ? justMade.getFirst() + TimeUnit.SECONDS.toNanos(1) - now : 0;
        return Math.max(Math.max(full, busy), closedFor(now));
    }

    private long closedFor(long now) {
        return Math.max(0, Math.max(calls.waitFor(1, now), closedUntil - now));
    }

    /** Returns how many calls the configured limit and the one that headers have named allow. */
    private int most() {
        return Math.min(rate.spread() != null && rate.calls() > MOST_COUNTED ? Integer.MAX_VALUE : rate.calls(), limit);
    }

    private int free(long now) {
        long left = calls.isRenewed(now) ? 1 : calls.left();
        long free = Math.min(Math.min(room - open.size(), left), Math.min(most() - made.size(), rate.perSecond() - justMade.size()));
        return (int) Math.min(free, Integer.MAX_VALUE);
    }

    private void letIn(long since) {
        if (!refusedEver || since - lastRefusal > 0) {
            room = room == Integer.MAX_VALUE ? room : room + 1;
            refusals = 0;
            refusalRounds = 0;
        }
    }

    /**
     * Records that a call is made now.
     *
     * @param number the number of its ticket, or null if it has none
     * @return the call
     */
    synchronized Call begin(Long number) {
        long now = time.nanos();
        Call call = number == null ? unnamed.pollFirst() : named.get(number);
        if (call == null) {
            call = new Call(-1, now, -1, 0);
            go(call, now);
        } else if (number != null && call.bytes < 0) {
            named.remove(number);
        }
        call.begun = now;
        call.countedBefore = calls.counted();
        call.tokensCountedBefore = tokens.counted();
        call.countedBy = now + LET_IN;
        return call;
    }

    /** Records that a call failed without an answer. */
    synchronized void unanswered(Call call) {
        close(call, time.nanos());
        takesNoTokens(call);
        if (starting && room < Integer.MAX_VALUE) {
            room++;
        }
    }

    private void close(Call call, long now) {
        if (open.remove(call)) {
            calls.counted(1);
        }
        call.countedBy = now - call.countedBy < 0 ? now : call.countedBy;
    }

    private void takesNoTokens(Call call) {
        if (named.remove(call.number) != null) {
            tokens.correct(-call.tokens);
        }
    }

    /**
     * Records that the answer to a call has ended, and what it has taken.
     *
     * @param number     the number of the call's ticket
     * @param prompt     the tokens of the prompt; negative if that is unknown
     * @param completion the tokens of the answer
     */
    synchronized void ended(long number, long prompt, long completion) {
        Call call = named.remove(number);
        if (call != null) {
            if (prompt >= 0) {
                tokens.correct(prompt + completion - call.tokens);
                call.tokens = prompt + completion;
                tokenUse.learn(call.bytes, prompt, completion);
            }
            tokens.counted(call.tokens);
        }
    }

    /**
     * Records the answer to a call.
     *
     * @param headers the headers of the answer, with case-insensitive names
     */
    synchronized void answered(Call call, int status, Map<String, String> headers) {
        long now = time.nanos();
        boolean accepted = status != 429;
        close(call, now);
        if (status >= 300) {
            takesNoTokens(call);
        }
        if (!accepted) {
            refused(call.at, headers, now);
        } else if (status < 400) {
            answeredEver = true;
            lastAnswer = now;
        }
        if (accepted && status < 500) {
            if (starting) {
                starting = false;
                room = refusedEver ? room : Integer.MAX_VALUE;
            }
            letIn(call.at);
        }
        told(call, accepted, status < 400, headers, now);
    }

    private void told(Call call, boolean accepted, boolean answered, Map<String, String> headers, long now) {
        if (headers.isEmpty()) {
            if (answered) {
                calls.forget();
                tokens.forget();
            }
            return;
        }
        boolean recent = now - call.begun < LET_IN;
        Optional<Double> left = number(headers, "ratelimit-remaining", "x-upstage-ratelimit-remaining-requests", "x-ratelimit-remaining-requests");
        if (left.isPresent()) {
            calls.told(share(left.get()), call.countedBefore + (accepted ? 1 : 0),
                    now + reset(headers, "ratelimit-reset", "x-upstage-ratelimit-reset-requests", "x-ratelimit-reset-requests"), call.begun, recent);
        } else if (answered) {
            calls.forget();
        }
        number(headers, "x-upstage-ratelimit-limit-requests").filter(most -> most >= 1).ifPresent(most -> {
            limit = most > LARGEST_LIMIT ? Integer.MAX_VALUE : Math.max(1, (int) (most / instances));
            limitSpan = TimeUnit.SECONDS.toNanos(number(headers, "x-upstage-ratelimit-interval-requests")
                    .filter(span -> span >= 1 && span <= 600).orElse(60.0).longValue());
        });
        number(headers, "x-upstage-ratelimit-limit-tokens", "x-ratelimit-limit-tokens").filter(most -> most >= 1)
                .ifPresent(most -> tokenLimit = Math.max(1, (long) (most / instances)));
        Optional<Double> tokensLeft = number(headers, "x-upstage-ratelimit-remaining-tokens", "x-ratelimit-remaining-tokens");
        if (tokensLeft.isPresent()) {
            tokens.told(share(tokensLeft.get()), call.tokensCountedBefore, now + reset(headers, "x-upstage-ratelimit-reset-tokens",
                    "x-ratelimit-reset-tokens"), call.begun, recent);
        } else if (answered) {
            tokens.forget();
        }
    }

    private long share(double left) {
        return (long) Math.floor(Math.max(-1e12, Math.min(left, 1e12)) / instances);
    }

    private void refused(long since, Map<String, String> headers, long now) {
        boolean anew = !refusedEver || since - lastRefusal > 0;
        if (anew) {
            refusals++;
            refusalRounds += isMinutesLimit(now) ? 0 : 1;
        }
        refusedEver = true;
        lastRefusal = now;
        starting = false;
        room = 1;
        calls.forget();
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

    /** Returns the time after which a 429 is over. The header holds seconds from now or since 1970. */
    private Optional<Duration> reset(Map<String, String> headers) {
        return seconds(headers, "ratelimit-reset", "x-upstage-ratelimit-reset-requests", "x-ratelimit-reset-requests")
                .map(seconds -> seconds > OLDEST_EPOCH ? seconds - epochSeconds(headers) : seconds)
                .filter(seconds -> seconds > 0)
                .map(seconds -> Duration.ofNanos((long) Math.min(longest, seconds * 1e9)));
    }

    /** Returns the nanoseconds until the limit of that header is reset, up to {@link #WINDOW}; a second if the header does not say. */
    private long reset(Map<String, String> headers, String... names) {
        double seconds = seconds(headers, names).orElse(0.0);
        double left = seconds > OLDEST_EPOCH ? seconds - epochSeconds(headers) + EPOCH_MARGIN / 1e9 : seconds;
        return left <= 0 ? EPOCH_MARGIN : (long) Math.min(Math.max(WINDOW, longest), left * 1e9);
    }

    /** Returns the seconds that a header holds as a number or, as OpenAI and Groq write them, as {@code 6m0s}, {@code 1.5s} or {@code 20ms}. */
    private static Optional<Double> seconds(Map<String, String> headers, String... names) {
        return number(headers, names).or(() -> Stream.of(names).map(headers::get).filter(Objects::nonNull).findFirst().map(String::trim)
                .filter(text -> !text.isEmpty()).map(SPAN::matcher).filter(Matcher::matches)
                .map(span -> part(span, 1) * 86_400 + part(span, 2) * 3_600 + part(span, 3) * 60 + part(span, 4) + part(span, 5) / 1_000));
    }

    private static double part(Matcher span, int group) {
        return span.group(group) == null ? 0 : Double.parseDouble(span.group(group));
    }

    /** Returns the time by the service's clock, or else by this one's. */
    private double epochSeconds(Map<String, String> headers) {
        String date = headers.get("date");
        if (date != null && date.equals(lastDate)) {
            return lastDateSeconds;
        }
        try {
            if (date != null) {
                lastDateSeconds = ZonedDateTime.parse(date, DateTimeFormatter.RFC_1123_DATE_TIME).toEpochSecond();
                lastDate = date;
                return lastDateSeconds;
            }
        } catch (DateTimeException e) {
            LOG.debug("not a date: {}", e.getMessage());
        }
        return time.epochMillis() / 1000.0;
    }

    private static Optional<Double> number(Map<String, String> headers, String... names) {
        for (String name : names) {
            String value = headers.get(name);
            if (value != null) {
                return Retry.number(value.trim());
            }
        }
        return Optional.empty();
    }
}
