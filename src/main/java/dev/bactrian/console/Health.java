package dev.bactrian.console;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.config.Masked;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Provider;
import dev.bactrian.core.Provider.Access;
import dev.bactrian.cost.Costs;
import dev.bactrian.generate.Account;
import dev.bactrian.generate.Models;
import dev.bactrian.jms.QueueInspector;
import dev.bactrian.ledger.Ledger;
import dev.bactrian.ledger.Spending;
import dev.bactrian.limit.Circuits;
import dev.bactrian.limit.Keys;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.threads.RoutePool;
import org.apache.camel.CamelContext;
import org.apache.camel.health.HealthCheck;
import org.apache.camel.health.HealthCheckRegistry;
import org.slf4j.Logger;

/** The state of the providers, keys, circuit breakers, budgets and queues. Found out on a thread of its own, at most every 5 s. */
final class Health {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.console");
    private static final long FRESH = TimeUnit.SECONDS.toNanos(5);
    private static final long LONGEST_WAIT_MILLIS = 2_000;
    private static final int MOST_LETTERS = 100;
    private static final int LONGEST_BODY = 2_000;
    private static final String[] STATES = {"closed", "half-open", "open"};

    private final CamelContext context;
    private final Settings settings;
    private final String simulator;
    private final Mask mask;
    private RoutePool threads;
    private volatile ObjectNode last;
    private volatile long at;
    /** Completed when the running search ends; null if none runs. */
    private final AtomicReference<CountDownLatch> running = new AtomicReference<>();

    /**
     * Creates it.
     *
     * @param simulator the URL of the simulator that answers in place of the providers, or null
     * @param mask      masks keys in text from outside
     */
    Health(CamelContext context, String simulator, Mask mask) {
        this.context = context;
        this.settings = Settings.of(context);
        this.simulator = simulator;
        this.mask = mask;
    }

    /** Returns what is known, and finds out anew if that is not fresh. Does not wait. The same object as before if nothing has changed. */
    ObjectNode fresh() {
        begin();
        return last == null ? JsonNodeFactory.instance.objectNode() : last;
    }

    /** Returns what is known. If it is not fresh, waits a moment for what is found out. */
    ObjectNode current() {
        CountDownLatch ended = begin();
        try {
            if (ended != null && !ended.await(LONGEST_WAIT_MILLIS, TimeUnit.MILLISECONDS)) {
                LOG.debug("The health is not known in time");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return last == null ? JsonNodeFactory.instance.objectNode() : last;
    }

    /** Begins to find out, unless that is known or has begun; returns what is completed at its end, or null. */
    private CountDownLatch begin() {
        if (last != null && System.nanoTime() - at < FRESH) {
            return null;
        }
        CountDownLatch mine = new CountDownLatch(1);
        if (!running.compareAndSet(null, mine)) {
            return running.get();
        }
        try {
            threads().execute(() -> {
                try {
                    findOut();
                } finally {
                    end(mine);
                }
            });
        } catch (RejectedExecutionException e) {
            end(mine);
        }
        return mine;
    }

    private void end(CountDownLatch mine) {
        running.set(null);
        mine.countDown();
    }

    private synchronized RoutePool threads() {
        if (threads == null || threads.isShutdown()) {
            threads = new RoutePool("bactrian-console-health");
            threads.setCamelContext(context);
        }
        return threads;
    }

    private void findOut() {
        try {
            ObjectNode found = json();
            at = System.nanoTime();
            if (!found.equals(last)) {
                last = found;
            }
        } catch (RuntimeException e) {
            at = System.nanoTime();
            LOG.debug("The health of the console: {}", e.toString());
        }
    }

    private ObjectNode json() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        ArrayNode providers = JsonNodeFactory.instance.arrayNode();
        Models.of(context).catalogue().providers().forEach(name -> {
            Provider provider = Provider.of(context, name.toString());
            if (provider != null) {
                providers.add(provider(provider));
            }
        });
        boolean simulated = false;
        boolean called = false;
        for (var provider : providers) {
            simulated |= provider.path("simulator").asBoolean();
            called |= !provider.path("simulator").asBoolean() && provider.path("configured").asBoolean();
        }
        json.put("simulator", simulated && !called);
        json.set("providers", providers);
        json.set("spending", spending());
        if (settings.flag(Property.JMS_ENABLED)) {
            json.set("queues", queues());
        }
        return json;
    }

    private ObjectNode provider(Provider provider) {
        Access access = provider.access(null);
        ObjectNode json = JsonNodeFactory.instance.objectNode().put("name", provider.name()).put("endpoint", Masked.uri(access.endpoint()))
                .put("simulator", simulator != null && access.endpoint().startsWith(simulator)).put("configured", !access.isClosed());
        HealthCheck.Result result = check(provider.name());
        if (result == null) {
            json.putNull("up").put("message", "not checked");
        } else {
            json.put("up", result.getState() == HealthCheck.State.UP).put("message", OneLine.of(settings.redact(result.getMessage().orElse(""))));
        }
        ArrayNode keys = json.putArray("keys");
        keys(keys, access, null);
        accounts().forEach((name, account) -> {
            Access own = provider.access(account.key(settings));
            if (!own.tokens().equals(access.tokens())) {
                keys(keys, own, name);
            }
            if (!own.endpoint().equals(access.endpoint())) {
                json.withArray("accounts").addObject().put("account", name).put("endpoint", Masked.uri(own.endpoint()));
            }
        });
        ArrayNode breakers = json.putArray("breakers");
        for (Circuits.State state : Circuits.states(context, provider.name())) {
            ObjectNode breaker = breakers.addObject().put("model", Lines.name(state.model())).put("state", STATES[state.state()]);
            if (state.token() != null && access.hasSeveral()) {
                breaker.put("key", access.shown(state.token()));
            }
            if (state.reason() != null) {
                breaker.put("reason", settings.redact(OneLine.of(state.reason())));
            }
        }
        return json;
    }

    private Map<String, Account> accounts() {
        return context.getRegistry().findByTypeWithName(Account.class);
    }

    private void keys(ArrayNode keys, Access access, String account) {
        for (String token : access.tokens()) {
            String why = Keys.of(context).whyAside(access, token);
            ObjectNode key = keys.addObject().put("shown", access.shown(token)).put("up", why.isEmpty());
            if (!why.isEmpty()) {
                key.put("reason", why);
            }
            if (account != null) {
                key.put("account", account);
            }
        }
    }

    private HealthCheck.Result check(String provider) {
        HealthCheckRegistry registry = HealthCheckRegistry.get(context);
        return registry == null ? null : registry.getCheck("bactrian-" + provider).map(HealthCheck::call).orElse(null);
    }

    private ObjectNode spending() {
        ObjectNode json = JsonNodeFactory.instance.objectNode().put("day", Spending.today().toString());
        try {
            List<Map.Entry<Spending.Item, Spending.Sum>> sums = new ArrayList<>(Ledger.of(context).spending().read(Spending.today().toString())
                    .entrySet());
            sums.sort(Comparator.comparing(sum -> sum.getKey().toString()));
            ArrayNode list = json.putArray("sums");
            sums.forEach(sum -> list.addObject().put("provider", sum.getKey().provider()).put("model", Lines.name(sum.getKey().model()))
                    .put("account", sum.getKey().account()).put("key", sum.getKey().key()).put("requests", sum.getValue().requests())
                    .put("amount", sum.getValue().amount()).put("currency", sum.getKey().currency()));
        } catch (RuntimeException e) {
            json.put("error", settings.redact(OneLine.of(String.valueOf(e.getMessage()))));
        }
        ArrayNode budgets = json.putArray("budgets");
        Costs costs = Costs.of(context);
        if (costs != null) {
            costs.budgets().forEach(budget -> budgets.addObject().put("name", budget.name()).put("percent", budget.percent())
                    .put("spent", budget.spent()).put("limit", budget.limit()).put("inWork", budget.inWork()).put("currency", budget.currency())
                    .put("words", budget.words()));
        }
        return json;
    }

    private ObjectNode queues() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        try {
            QueueInspector inspector = QueueInspector.of(context).orElseThrow(() -> new IllegalStateException("the queue trigger has not started"));
            ArrayNode depths = JsonNodeFactory.instance.arrayNode();
            inspector.depths().forEach(queue -> depths.addObject().put("name", queue.name()).put("use", queue.use()).put("depth", queue.depth()));
            ArrayNode letters = JsonNodeFactory.instance.arrayNode();
            inspector.deadLetters(MOST_LETTERS).forEach(letter -> letter(letters.addObject(), letter));
            json.put("up", true).set("depths", depths);
            json.set("deadLetters", letters);
        } catch (Exception | NoClassDefFoundError e) {
            json.put("up", false).put("error", settings.redact(OneLine.of(String.valueOf(e.getMessage()))));
        }
        return json;
    }

    private void letter(ObjectNode json, QueueInspector.DeadLetter letter) {
        json.put("message", letter.message());
        if (letter.id() != null) {
            json.put("id", OneLine.cut(OneLine.of(letter.id()), 200));
        }
        if (letter.reason() != null) {
            json.put("reason", settings.redact(mask.masked(OneLine.of(letter.reason()))));
        }
        if (letter.from() != null) {
            json.put("from", letter.from());
        }
        json.put("at", Lines.time(letter.at())).put("body", mask.cut(letter.body(), LONGEST_BODY));
        if (letter.body().length() > LONGEST_BODY) {
            json.put("bodyCut", true);
        }
    }

    /** Makes the next call find out anew. */
    void forget() {
        at = System.nanoTime() - FRESH;
    }
}
