package dev.bactrian.cost;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Cancellation;
import dev.bactrian.core.Job;
import dev.bactrian.core.PartialAnswer;
import dev.bactrian.core.Provider;
import dev.bactrian.core.Provider.Access;
import dev.bactrian.cost.Budgets.Limit;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.error.StoppedException;
import dev.bactrian.generate.Account;
import dev.bactrian.generate.Fallback.Attempt;
import dev.bactrian.generate.Generation;
import dev.bactrian.generate.Models;
import dev.bactrian.ledger.Ledger;
import dev.bactrian.ledger.Spending;
import dev.bactrian.limit.Keys;
import dev.bactrian.model.Catalogue;
import dev.bactrian.model.Cost;
import dev.bactrian.model.Price;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.threads.RoutePool;
import dev.bactrian.threads.ScheduledPool;
import org.apache.camel.AsyncCallback;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.support.AsyncProcessorSupport;
import org.apache.camel.support.SynchronizationAdapter;
import org.slf4j.Logger;

/**
 * The bean {@code bactrianCosts}: reckons what each request has cost, records it, and keeps the budgets. As a step of the routes it lets a
 * request pass if the budgets have room for its likely cost; otherwise the request fails or waits, without a thread unless its exchange
 * must stay on its thread. Without a budget the step does nothing.
 */
public final class Costs extends AsyncProcessorSupport implements CamelContextAware {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.costs");
    private static final Logger REQUESTS = OneLineLogger.of("dev.bactrian.requests");
    private static final long PAUSE_MILLIS = 200;
    private static final String WAIT = "wait";
    private static final String UNNAMED = "account-";
    private static final int SHOWN_OF_A_FINGERPRINT = 8;

    /**
     * A limit of spending, and how much of it is spent.
     *
     * @param name    its name, such as {@code bactrian.budget.day}
     * @param account the name of the account whose spending it limits, or null
     * @param percent how much is spent, in percent
     * @param inWork  what the requests in work are likely to cost
     * @param words   the same in words
     */
    public record Budget(String name, String account, int percent, BigDecimal spent, BigDecimal limit, BigDecimal inWork, String currency,
            String words) {
    }

    /** What the instances of this bean share, because Camel creates the beans of a route file more than once. */
    private static final class Shared {
        private final Budgets budgets = new Budgets();
        private final Map<String, String> accounts = new ConcurrentHashMap<>();
    }

    private final RoutePool calls = new RoutePool("bactrian-budget");
    private final ScheduledPool timer = new ScheduledPool("bactrian-budget-timer", 1);
    private final ConcurrentLinkedQueue<Waiting> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean scheduled = new AtomicBoolean();
    private CamelContext camelContext;
    private Shared shared;
    private Settings settings;
    private Catalogue catalogue;
    private boolean waits;
    private boolean limited;
    private List<Limit> all = List.of();
    private Map<String, List<Limit>> keys = Map.of();
    private final Map<String, List<Limit>> accountLimits = new ConcurrentHashMap<>();
    /** The budgets of single keys, of which a request gets one later. */
    private final Keys.KeyBudgets keyBudgets = new Keys.KeyBudgets() {
        @Override
        public boolean isSpent(String token) {
            return isKeySpent(token);
        }

        @Override
        public boolean hold(Job job, String token, boolean required) {
            String key = Settings.shown(token);
            List<Limit> limits = keys.getOrDefault(key, List.of());
            Optional<Limit> spent = shared.budgets.holdKey(id(job.generation()), key, limits, required && waits);
            if (required && spent.isPresent() && !waits) {
                if (!isPaid(job)) {
                    throw new GenerationFailure(ErrorType.BUDGET_EXCEEDED, words(spent.get()), null, job.attempts().failures(), true, null);
                }
                shared.budgets.holdKey(id(job.generation()), key, limits, true);
            }
            return spent.isEmpty();
        }
    };

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        if (this.camelContext == camelContext) {
            return;
        }
        this.camelContext = camelContext;
        calls.setCamelContext(camelContext);
        timer.setCamelContext(camelContext);
        Costs other = of(camelContext);
        shared = other == null ? new Shared() : other.shared;
        camelContext.getCamelContextExtension().addContextPlugin(Costs.class, this);
    }

    /** Returns an instance of a context, even while the context stops and its beans are gone; null if its routes are not loaded. */
    public static Costs of(CamelContext context) {
        return context.getCamelContextExtension().getContextPlugin(Costs.class);
    }

    /**
     * Reads the prices and budgets.
     *
     * @throws SettingException if a budget has no currency although the prices have several, or no price has its currency
     */
    public void initialize() throws Exception {
        settings = Settings.of(camelContext);
        catalogue = Models.of(camelContext).catalogue();
        waits = settings.require(Property.BUDGET_WHEN_SPENT).equals(WAIT);
        List<Limit> limits = new ArrayList<>();
        settings.budget(Property.BUDGET_DAY).ifPresent(budget -> limits.add(limit(Property.BUDGET_DAY, "", Budgets.ALL, budget)));
        settings.budget(Property.BUDGET_MONTH).ifPresent(budget -> limits.add(limit(Property.BUDGET_MONTH, "", Budgets.ALL, budget)));
        all = List.copyOf(limits);
        Map<String, List<Limit>> byKey = new ConcurrentHashMap<>();
        for (Property property : List.of(Property.BUDGET_DAY_KEYS, Property.BUDGET_MONTH_KEYS)) {
            settings.budgets(property).forEach((key, budget) -> byKey.computeIfAbsent(key, none -> new ArrayList<>())
                    .add(limit(property, " (" + key + ")", Budgets.key(key), budget)));
        }
        keys = Map.copyOf(byKey);
        if (!keys.isEmpty()) {
            Keys.of(camelContext).spend(keyBudgets);
        }
        limited = !all.isEmpty() || !keys.isEmpty();
        all.forEach(shared.budgets::know);
        keys.values().forEach(of -> of.forEach(shared.budgets::know));
        camelContext.addStartupListener((context, already) -> begin());
    }

    private Limit limit(Property property, String suffix, String scope, Settings.Budget budget) {
        boolean daily = property == Property.BUDGET_DAY || property == Property.BUDGET_DAY_KEYS;
        return new Limit(property.key() + suffix, scope, daily, budget.amount(), currency(property.key() + suffix, budget));
    }

    private String currency(String name, Settings.Budget budget) {
        if (budget.currency() == null && catalogue.currencies().size() == 1) {
            return catalogue.currencies().iterator().next();
        } else if (budget.currency() == null && !catalogue.currencies().isEmpty()) {
            throw new SettingException(name, "has no currency, and the catalogue has prices in "
                    + String.join(", ", catalogue.currencies()));
        } else if (budget.currency() == null || !catalogue.currencies().contains(budget.currency())) {
            throw new SettingException(name, "nothing would count: no model of the catalogue has a price"
                    + (budget.currency() == null ? "" : " in " + budget.currency()));
        }
        return budget.currency();
    }

    private void begin() throws Exception {
        boolean accounts = camelContext.getRegistry().findByType(Account.class).stream().anyMatch(Account::hasBudget);
        if (limited || accounts) {
            BudgetHealth.register(camelContext, shared.budgets);
            try {
                watch();
            } catch (RuntimeException e) {
                LOG.warn("What was spent cannot be read yet: {}", e.getMessage());
            }
        }
    }

    private void watch() {
        Ledger.of(camelContext).spending().watch(shared.budgets);
    }

    /** Returns the budgets and how much of each is spent. That of an account is known from its first request on. */
    public List<Budget> budgets() {
        return shared.budgets.all();
    }

    /** Returns the price of a request's model; empty if it is unknown. */
    public Optional<Price> price(Generation generation) {
        return catalogue.price(generation.model().provider(), generation.model().id());
    }

    /** A request before the step: the limits that it comes under, and its likely cost. */
    private record Request(Job job, String id, List<Limit> limits, List<String> scopes, Cost likely, boolean certain, long atMostNanos) {
    }

    /** A request that waits in the step. */
    private record Waiting(Exchange exchange, AsyncCallback callback, Request request) {
    }

    @Override
    public boolean process(Exchange exchange, AsyncCallback callback) {
        try {
            Job job = Job.of(exchange);
            name(exchange, job.generation());
            List<Limit> limits = limits(job);
            if ((!limits.isEmpty() || isKeyLimited(job)) && !pass(exchange, callback, request(job, limits))) {
                return false;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            exchange.setException(new RejectedExecutionException("interrupted while waiting for a budget", e));
        } catch (RuntimeException e) {
            exchange.setException(e);
        }
        callback.done(true);
        return true;
    }

    /** Returns false if the request waits; the callback is called later. */
    private boolean pass(Exchange exchange, AsyncCallback callback, Request request) throws InterruptedException {
        watchOrFail();
        exchange.getExchangeExtension().addOnCompletion(new SynchronizationAdapter() {
            @Override
            public void onDone(Exchange done) {
                if (request.job().deliveryCount() == null || !request.job().isPending()) {
                    release(request.id());
                }
            }
        });
        Optional<Limit> spent = hold(request);
        if (spent.isEmpty() || isPaid(request.job())) {
            return true;
        } else if (!waits || exchange.isTransacted() && !request.job().generation().fallback().tried().isEmpty()) {
            // A queued request that goes on to another model holds a consumer that polls.
            throw new GenerationFailure(ErrorType.BUDGET_EXCEEDED, words(spent.get()), null, 0, true, null);
        }
        REQUESTS.info("{}: waits for {}", request.job().generation().id(), words(spent.get()));
        if (exchange.isTransacted()) {
            while (!mayGo(request)) {
                TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
            }
            return true;
        }
        waiting.add(new Waiting(exchange, callback, request));
        schedule(PAUSE_MILLIS);
        return false;
    }

    private String words(Limit limit) {
        return limit.name() + ": " + shared.budgets.words(limit);
    }

    private void watchOrFail() {
        try {
            watch();
        } catch (RuntimeException e) {
            throw new GenerationFailure(ErrorType.PROVIDER_UNAVAILABLE, "request not sent: cannot read what was spent ("
                    + Property.DATA_DIR.key() + " or " + Property.LEDGER.key() + "): " + e.getMessage(), null, 0, true, e);
        }
    }

    private Optional<Limit> hold(Request request) {
        return shared.budgets.hold(request.id(), request.limits(), request.scopes(), request.likely(), request.certain(),
                request.atMostNanos());
    }

    /**
     * Whether the request continues with a prediction, or with a create that may have made one. Only asked if there is no room. After a
     * failed call the record is that of the request's own create, which has made none.
     */
    private boolean isPaid(Job job) {
        return job.provider() != null && job.provider().isPolled() && job.attempts().failures() == 0
                && Ledger.of(camelContext).recallCreate(job.generation()) != null;
    }

    /** Whether a request that waits may go on. By now it may come under the budget of no key, because another key has room. */
    private boolean mayGo(Request request) {
        if (camelContext.isStopping()) {
            throw new StoppedException();
        } else if (request.job().isCancelled()) {
            throw Cancellation.failure(request.job().provider(), request.job().attempts().failures());
        }
        return hold(request(request.job(), limits(request.job()))).isEmpty();
    }

    private void schedule(long millis) {
        if (scheduled.compareAndSet(false, true)) {
            timer.schedule(this::letGo, millis, TimeUnit.MILLISECONDS);
        }
    }

    private void letGo() {
        scheduled.set(false);
        for (Waiting one : waiting) {
            try {
                if (!mayGo(one.request())) {
                    continue;
                }
            } catch (Throwable e) {
                one.exchange().setException(e);
            }
            waiting.remove(one);
            goOn(one);
        }
        if (!waiting.isEmpty()) {
            schedule(PAUSE_MILLIS);
        }
    }

    private void goOn(Waiting one) {
        try {
            calls.execute(() -> one.callback().done(false));
        } catch (RejectedExecutionException | Error e) {
            // Such as an OutOfMemoryError because no thread can be created.
            one.exchange().setException(e);
            one.callback().done(false);
        }
    }

    private void release(String id) {
        shared.budgets.release(id);
        if (!waiting.isEmpty()) {
            schedule(0);
        }
    }

    private static String id(Generation generation) {
        return generation.id() + " " + generation.startedAt();
    }

    /** Returns the limits that a request comes under; empty if there are none. */
    private List<Limit> limits(Job job) {
        Generation generation = job.generation();
        List<Limit> own = generation.account() == null ? List.of() : accountLimits.computeIfAbsent(generation.account(), this::ofAccount);
        if (!limited && own.isEmpty()) {
            return List.of();
        }
        List<Limit> limits = new ArrayList<>(all);
        limits.addAll(own);
        String key = keys.isEmpty() ? null : keyLimited(job);
        if (key != null) {
            limits.addAll(keys.getOrDefault(key, List.of()));
        }
        return limits;
    }

    /** An account without a budget of its own has that of the application, which its spending counts towards anyway. */
    private List<Limit> ofAccount(String key) {
        String name = shared.accounts.get(key);
        List<Limit> limits = new ArrayList<>();
        for (Property property : List.of(Property.BUDGET_DAY, Property.BUDGET_MONTH)) {
            Optional<Settings.Budget> budget = settings.account(key).budget(property);
            if (!budget.equals(settings.budget(property))) {
                limits.add(limit(property, " of account " + name, Budgets.account(name), budget.orElseThrow()));
            }
        }
        return List.copyOf(limits);
    }

    private Request request(Job job, List<Limit> limits) {
        Generation generation = job.generation();
        List<String> scopes = new ArrayList<>(List.of(Budgets.ALL));
        String key = keys.isEmpty() ? null : keyLimited(job);
        if (key != null) {
            scopes.add(Budgets.key(key));
        }
        if (generation.account() != null) {
            scopes.add(Budgets.account(shared.accounts.get(generation.account())));
        }
        Optional<Price> price = price(generation);
        Optional<Cost> usual = price.flatMap(known -> Reckoning.likely(known, generation.request()));
        if (usual.isEmpty()) {
            if (settings.isFirst("unpriced " + generation.model().id())) {
                LOG.warn("{} has no price; what it costs does not count towards any budget", generation.model().id());
            }
            return new Request(job, id(generation), limits, scopes, null, false, 0);
        }
        Cost guess = usual.get();
        boolean bounded = guess.basis() == Cost.Basis.OUTPUTS
                || guess.basis() == Cost.Basis.TOKENS && Reckoning.mostTokens(generation.request()).isPresent();
        Optional<BigDecimal> average = guess.basis() == Cost.Basis.OUTPUTS ? Optional.empty()
                : shared.budgets.average(generation.model().id(), guess.currency());
        BigDecimal amount = average.map(usually -> bounded ? usually.min(guess.amount()) : usually).orElse(guess.amount());
        Duration most = settings.account(generation.account()).cancelAfter().orElse(Duration.ofHours(1));
        return new Request(job, id(generation), limits, scopes, new Cost(amount, guess.currency(), guess.basis(), true),
                bounded || average.isPresent(), most.toNanos());
    }

    /** Remembers the name of a request's account. */
    private void name(Exchange exchange, Generation generation) {
        if (generation.account() != null && !shared.accounts.containsKey(generation.account())) {
            Object account = exchange.getVariable(Account.VARIABLE);
            shared.accounts.putIfAbsent(generation.account(), named(account, generation.account()));
        }
    }

    private String named(Object account, String key) {
        Object bean = account instanceof String name ? camelContext.getRegistry().lookupByName(name) : account;
        if (bean instanceof Account own && own.name() != null) {
            return own.name();
        } else if (account instanceof String name) {
            return name;
        }
        return camelContext.getRegistry().findByTypeWithName(Account.class).entrySet().stream().filter(entry -> entry.getValue() == bean)
                .map(Map.Entry::getKey).findFirst().orElse(UNNAMED + key.substring(0, SHOWN_OF_A_FINGERPRINT));
    }

    /** Returns the shown part of the key that a request's calls use. */
    private static String keyUsed(Job job) {
        Provider provider = job.provider();
        Generation generation = job.generation();
        return Settings.shown(provider == null ? null : provider.access(generation.account()).only(generation.token()).token());
    }

    /**
     * Returns the shown part of the key whose budgets a request must have room in; null if it may use another key. Of several keys, those
     * whose budget is spent are not chosen, so the request comes under such a budget only if all are spent.
     */
    private String keyLimited(Job job) {
        Access access = job.provider() == null ? null : job.provider().access(job.generation().account());
        if (access == null || !access.hasSeveral()) {
            return keyUsed(job);
        }
        List<String> usable = Keys.of(camelContext).inUse(access, job.generation().getModelId());
        List<String> tokens = usable.isEmpty() ? access.tokens() : usable;
        return tokens.stream().allMatch(this::isKeySpent) ? Settings.shown(tokens.get(0)) : null;
    }

    /** Whether the request may come under the budget of one of several keys. */
    private boolean isKeyLimited(Job job) {
        Access access = keys.isEmpty() || job.provider() == null ? null : job.provider().access(job.generation().account());
        return access != null && access.hasSeveral() && access.tokens().stream().anyMatch(token -> keys.containsKey(Settings.shown(token)));
    }

    /** Whether the budget of a key is spent. */
    private boolean isKeySpent(String key) {
        return shared.budgets.isSpent(Settings.shown(key));
    }

    /**
     * Returns what a request, or one attempt of it, has cost; empty if that is unknown.
     *
     * @param document its result or error document
     * @param part     what has arrived of its answer, or null
     */
    public Optional<Cost> reckon(Job job, ObjectNode document, PartialAnswer part) {
        Generation generation = job.generation();
        return price(generation).flatMap(price -> Reckoning.of(price, document)
                .or(() -> part == null || part.usage() == null ? Optional.empty() : Reckoning.usage(price, part.usage()))
                .or(() -> part == null || !document.has("error") || job.provider() == null || job.provider().isPolled() ? Optional.empty()
                        : Reckoning.partial(price, generation.request(), part.count())));
    }

    /**
     * Returns what an attempt of a request has cost that has failed, and records it; null if that is unknown.
     *
     * @param document the error document that the attempt would have had
     */
    public Cost failed(Job job, ObjectNode document) {
        try {
            Cost cost = job.arrived() == null && job.poll() == null ? null : reckon(job, document, job.arrived()).orElse(null);
            if (cost != null) {
                paid(job.generation(), job.generation().model().id(), keyUsed(job), cost);
            }
            return cost;
        } catch (RuntimeException e) {
            LOG.warn("{}: the cost of an attempt is not recorded: {}", job.generation().id(), e.getMessage());
            return null;
        }
    }

    /**
     * Records a cost under the account of a request.
     *
     * @param model the model that was paid for
     * @param key   the shown part of the key that was used ({@link Settings#shown})
     */
    public void paid(Generation generation, String model, String key, Cost cost) {
        String account = generation.account() == null ? "" : shared.accounts.getOrDefault(generation.account(), UNNAMED);
        Spending.Item item = new Spending.Item(Spending.today(), generation.getProvider(), model, account, key, cost.currency());
        Ledger.of(camelContext).spending().add(item, cost.amount());
    }

    /** Adds the cost to the attempt of the last model, and that of all attempts to the document. */
    private static void addTo(ObjectNode document, Generation generation, Cost last) {
        if (last != null && document.path("attempts") instanceof ArrayNode attempts) {
            ((ObjectNode) attempts.get(attempts.size() - 1)).set("cost", last.document());
        }
        Cost sum = last;
        for (Attempt attempt : generation.fallback().tried()) {
            sum = sum == null ? attempt.cost() : attempt.cost() == null ? sum : sum.plus(attempt.cost());
        }
        if (sum != null) {
            document.set("cost", sum.document());
        }
    }

    /**
     * Ends a request: adds the field {@code cost} to its result or error document if the cost is known, and records it once. Never fails.
     *
     * @param part what has arrived of its answer, or null
     */
    public void ended(Job job, ObjectNode document, PartialAnswer part) {
        Generation generation = job.generation();
        try {
            Cost before = job.cost();
            Optional<Cost> cost = before != null ? Optional.of(before) : reckon(job, document, part);
            if (cost.isPresent() && before == null) {
                job.cost(cost.get());
                paid(generation, generation.model().id(), keyUsed(job), cost.get());
            }
            addTo(document, generation, cost.orElse(null));
        } catch (RuntimeException e) {
            LOG.warn("{}: its cost is not recorded: {}", generation.id(), e.getMessage());
        } finally {
            release(id(generation));
        }
    }
}
