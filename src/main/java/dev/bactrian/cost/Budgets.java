package dev.bactrian.cost;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

import dev.bactrian.ledger.Spending;
import dev.bactrian.ledger.Spending.Item;
import dev.bactrian.ledger.Spending.Sum;
import dev.bactrian.model.Cost;
import dev.bactrian.text.OneLineLogger;
import org.slf4j.Logger;

/**
 * The limits of spending, what was spent under each of them, and what the requests in work are likely to cost. Thread-safe; never waits.
 */
final class Budgets implements Spending.Watcher {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.costs");
    private static final BigDecimal HUNDRED = BigDecimal.valueOf(100);
    private static final int WARNED_AT = 80;
    private static final int REMEMBERED = 20;
    private static final int PLACES = 12;
    /** The length of a month such as {@code 2026-11}. */
    private static final int MONTH = 7;

    /**
     * A limit.
     *
     * @param name     its name for messages, such as {@code bactrian.budget.day}
     * @param scope    whose spending it limits: {@link #ALL}, {@link #account} or {@link #key}
     * @param daily    whether it is per day; else per month
     * @param amount   the limit
     * @param currency the currency of the amounts that count
     */
    record Limit(String name, String scope, boolean daily, BigDecimal amount, String currency) {
    }

    static final String ALL = "all";

    static String account(String name) {
        return "account " + name;
    }

    static String key(String shown) {
        return "key " + shown;
    }

    /** The likely cost of a request in work. */
    private record Hold(List<String> scopes, Cost likely, boolean certain, long until) {

        /** Returns the same with another key. */
        Hold of(String key) {
            List<String> others = new ArrayList<>(scopes);
            others.removeIf(scope -> scope.startsWith(key("")));
            others.add(key(key) + likely.currency());
            return new Hold(others, likely, certain, until);
        }
    }

    private final LongSupplier nanos;
    private final Supplier<String> day;
    private final Map<String, Limit> known = new LinkedHashMap<>();
    /** What was spent, by period, scope and currency. */
    private Map<String, BigDecimal> spent = new HashMap<>();
    /** What the requests in work are likely to cost, by scope and currency. */
    private final Map<String, BigDecimal> held = new HashMap<>();
    private final Map<String, Hold> holds = new HashMap<>();
    private final Map<String, Sum> averages = new HashMap<>();
    private final Set<String> said = new HashSet<>();

    Budgets() {
        this(System::nanoTime, () -> Spending.today().toString());
    }

    Budgets(LongSupplier nanos, Supplier<String> day) {
        this.nanos = nanos;
        this.day = day;
    }

    /**
     * Holds the likely cost of a request, if there is room for it.
     *
     * @param likely      the likely cost, or null if the price is unknown
     * @param certain     whether that is more than a guess
     * @param atMostNanos when the hold ends if nobody releases it, in nanoseconds from now
     * @return the limit that has no room; empty if the cost is held
     */
    synchronized Optional<Limit> hold(String request, Collection<Limit> limits, Collection<String> scopes, Cost likely, boolean certain,
            long atMostNanos) {
        forgetOld();
        release(request);
        limits.forEach(limit -> known.put(limit.name() + limit.scope(), limit));
        for (Limit limit : limits) {
            if (!hasRoom(limit, likely, certain)) {
                return Optional.of(limit);
            }
        }
        if (likely != null) {
            put(request, new Hold(scopes.stream().map(scope -> scope + likely.currency()).toList(), likely, certain,
                    nanos.getAsLong() + atMostNanos));
        }
        return Optional.empty();
    }

    private boolean hasRoom(Limit limit, Cost likely, boolean certain) {
        boolean counts = likely != null && likely.currency().equals(limit.currency());
        if (likely != null && (!counts || likely.amount().signum() == 0)) {
            return true;
        }
        BigDecimal used = spent(limit);
        BigDecimal inWork = held.getOrDefault(limit.scope() + limit.currency(), BigDecimal.ZERO);
        boolean full = used.compareTo(limit.amount()) >= 0;
        boolean over = counts && used.add(inWork).add(likely.amount()).compareTo(limit.amount()) > 0;
        // A mere guess must not keep every request from being made: one at a time shows what the model costs.
        return !full && !(over && (certain || inWork.signum() > 0));
    }

    private void put(String request, Hold hold) {
        holds.put(request, hold);
        hold.scopes().forEach(scope -> held.merge(scope, hold.likely().amount(), BigDecimal::add));
    }

    /**
     * Holds the likely cost of a request also under the limits of a key, in place of the key that was chosen for it before, if there is
     * room. If there is none, the request keeps what it has held.
     *
     * @param key       the shown part of the key
     * @param inAnyCase whether to hold it even if there is no room
     * @return the limit that has no room; empty if the cost is held, or is unknown and none of the limits is reached
     */
    synchronized Optional<Limit> holdKey(String request, String key, Collection<Limit> limits, boolean inAnyCase) {
        Hold hold = holds.get(request);
        release(request);
        Optional<Limit> without = limits.stream()
                .filter(limit -> !hasRoom(limit, hold == null ? null : hold.likely(), hold != null && hold.certain())).findFirst();
        if (hold != null) {
            put(request, without.isPresent() && !inAnyCase ? hold : hold.of(key));
        }
        return without;
    }

    /** Ends the hold of a request. */
    synchronized void release(String request) {
        Hold hold = holds.remove(request);
        if (hold != null) {
            hold.scopes().forEach(scope -> held.computeIfPresent(scope,
                    (same, sum) -> sum.compareTo(hold.likely().amount()) <= 0 ? null : sum.subtract(hold.likely().amount())));
        }
    }

    /** A prediction in the queue may have been finished by another instance. */
    private void forgetOld() {
        if (!holds.isEmpty()) {
            long now = nanos.getAsLong();
            List<String> old = holds.entrySet().stream().filter(hold -> now - hold.getValue().until() > 0).map(Map.Entry::getKey).toList();
            old.forEach(this::release);
        }
    }

    /** Returns the average cost of a model's requests, if it is known. */
    synchronized Optional<BigDecimal> average(String model, String currency) {
        return Optional.ofNullable(averages.get(model + " " + currency))
                .map(sum -> sum.amount().divide(BigDecimal.valueOf(sum.requests()), PLACES, RoundingMode.UP));
    }

    @Override
    public synchronized void all(Map<Item, Sum> month) {
        Map<String, BigDecimal> sums = new HashMap<>();
        month.forEach((item, sum) -> add(sums, item, sum.amount()));
        boolean first = averages.isEmpty();
        if (first) {
            month.forEach(this::learn);
        }
        spent = sums;
        warn();
    }

    @Override
    public synchronized void added(Item item, Sum amount) {
        add(spent, item, amount.amount());
        learn(item, amount);
        warn();
    }

    private static void add(Map<String, BigDecimal> sums, Item item, BigDecimal amount) {
        String today = item.day().toString();
        List<String> scopes = new ArrayList<>(List.of(ALL, key(item.key())));
        if (!item.account().isEmpty()) {
            scopes.add(account(item.account()));
        }
        for (String scope : scopes) {
            sums.merge(today + scope + item.currency(), amount, BigDecimal::add);
            sums.merge(today.substring(0, MONTH) + scope + item.currency(), amount, BigDecimal::add);
        }
    }

    /** The average is that of the last requests, because prompts change. */
    private void learn(Item item, Sum sum) {
        averages.merge(item.model() + " " + item.currency(), limited(sum), (before, more) -> limited(before.plus(more)));
    }

    private static Sum limited(Sum sum) {
        return sum.requests() <= REMEMBERED ? sum : new Sum(sum.amount().multiply(BigDecimal.valueOf(REMEMBERED))
                .divide(BigDecimal.valueOf(sum.requests()), PLACES, RoundingMode.UP), REMEMBERED);
    }

    /** Adds a limit that is shown even before a request has come under it. */
    synchronized void know(Limit limit) {
        known.put(limit.name() + limit.scope(), limit);
    }

    /** Whether a limit of that key is reached, or will be by the requests in work. */
    synchronized boolean isSpent(String shownKey) {
        return known.values().stream().filter(limit -> limit.scope().equals(key(shownKey))).anyMatch(limit -> spent(limit)
                .add(held.getOrDefault(limit.scope() + limit.currency(), BigDecimal.ZERO)).compareTo(limit.amount()) >= 0);
    }

    private String period(Limit limit) {
        return limit.daily() ? day.get() : day.get().substring(0, MONTH);
    }

    private BigDecimal spent(Limit limit) {
        return spent.getOrDefault(period(limit) + limit.scope() + limit.currency(), BigDecimal.ZERO);
    }

    private void warn() {
        for (Limit limit : known.values()) {
            int percent = percent(limit);
            boolean full = percent >= HUNDRED.intValue();
            if (percent >= WARNED_AT && said.add((full ? "all " : "most ") + period(limit) + limit.name() + limit.scope())) {
                LOG.warn("{}: {}", limit.name(), words(limit));
            }
        }
    }

    private int percent(Limit limit) {
        return limit.amount().signum() == 0 ? HUNDRED.intValue()
                : spent(limit).multiply(HUNDRED).divide(limit.amount(), 0, RoundingMode.DOWN)
                        .min(BigDecimal.valueOf(Integer.MAX_VALUE)).intValue();
    }

    /** Returns how much of a limit is spent, such as {@code 83 % spent (8.3 of 10 USD), about 0.4 USD more in work}. */
    synchronized String words(Limit limit) {
        BigDecimal inWork = held.getOrDefault(limit.scope() + limit.currency(), BigDecimal.ZERO);
        return percent(limit) + " % spent (" + plain(spent(limit)) + " of " + plain(limit.amount()) + " " + limit.currency() + ")"
                + (inWork.signum() == 0 ? "" : ", about " + plain(inWork) + " " + limit.currency() + " more in work");
    }

    private static String plain(BigDecimal amount) {
        BigDecimal stripped = amount.stripTrailingZeros();
        return stripped.signum() == 0 ? "0" : stripped.toPlainString();
    }

    /** Returns how much of each limit is spent, by its name. */
    synchronized Map<String, String> state() {
        Map<String, String> state = new LinkedHashMap<>();
        known.values().forEach(limit -> state.put(limit.name(), words(limit)));
        return state;
    }

    /** Returns each limit and how much of it is spent. */
    synchronized List<Costs.Budget> all() {
        return known.values().stream().map(limit -> new Costs.Budget(limit.name(), account(limit), percent(limit), spent(limit), limit.amount(),
                held.getOrDefault(limit.scope() + limit.currency(), BigDecimal.ZERO), limit.currency(), words(limit))).toList();
    }

    private static String account(Limit limit) {
        return limit.scope().startsWith(account("")) ? limit.scope().substring(account("").length()) : null;
    }

    /** Returns the limits of which most is spent. */
    synchronized List<String> warnings() {
        return known.values().stream().filter(limit -> percent(limit) >= WARNED_AT)
                .map(limit -> limit.name() + ": " + words(limit)).toList();
    }
}
