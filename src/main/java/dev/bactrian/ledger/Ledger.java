package dev.bactrian.ledger;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;

import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Poll;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Generation;
import dev.bactrian.text.OneLineLogger;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Ordered;
import org.apache.camel.RuntimeCamelException;
import org.apache.camel.spi.StateRepository;
import org.apache.camel.support.CamelContextHelper;
import org.apache.camel.support.SynchronizationAdapter;
import org.slf4j.Logger;

/**
 * Records the create of each request before it is sent, and its prediction from before the first poll until the outcome is
 * delivered, so that a request that is processed again after a stop or a crash continues with its prediction and is not paid for
 * twice. Also records which message has claimed a request id, so that a duplicate request is recognized.
 *
 * <p>Uses a file per record below {@code bactrian.data-dir}; or, if {@code bactrian.ledger} is a {@code jdbc:} URL, a row per
 * record in that database, which several instances can share; or the {@link StateRepository} bean that the property names.
 */
public final class Ledger implements CamelContextAware {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.ledger");

    /** The key of a prediction never begins with this, because it begins with a request id. */
    private static final String CLAIM = "request=";
    private static final String AGAIN = "again=";
    /** The request of a prediction, so that no other request with the same input takes it from the service's list. */
    private static final String TAKEN = "taken=";
    private static final String MADE = "made ";
    private static final String FOUND = "found ";
    /** For how long such an entry is kept. The service then deletes the inputs, so that no request finds the prediction by its input. */
    private static final Duration CLAIMED = Duration.ofMinutes(65);
    private static final int MOST_CLAIMS = 10_000;
    private static final Duration LONGEST_AGAIN = Duration.ofDays(1);

    private final AtomicLong nextForgetting = new AtomicLong();
    private final AtomicLong nextForgettingTaken = new AtomicLong();
    private final Outage outage = new Outage();
    private CamelContext camelContext;
    private Records records;
    /** The requests of predictions. In files, apart from the records of what is in progress; null if old entries cannot be deleted. */
    private Records taken;
    /** The same in memory, for the requests of this process, not all of which are recorded. */
    private final Map<String, String> claims = Collections.synchronizedMap(new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, String> eldest) {
            return size() > MOST_CLAIMS;
        }
    });
    private Forgetting forgetting;
    private Spending spending;
    private Runnable endSharing = () -> { };
    private boolean ours;
    private Duration remember;

    /**
     * What is known of a create that was made before. One of the two is null.
     *
     * @param prediction the id of the prediction, if the create was answered
     * @param token      the name of the token that it was created with, or null if there was only one
     * @param intent     the create, if its answer is not known
     */
    public record Recalled(String prediction, String token, Intent intent) {
    }

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
    }

    /**
     * Returns the ledger of a context.
     *
     * @throws org.apache.camel.NoSuchBeanException if the application has stopped
     */
    public static Ledger of(CamelContext context) {
        // Looked up each time, because Camel creates the beans of a route file more than once.
        return CamelContextHelper.mandatoryLookup(context, "bactrianLedger", Ledger.class);
    }

    /** Opens the records. Does not fail if the database is down. */
    public void start() {
        Settings settings = Settings.of(camelContext);
        remember = settings.text(Property.JMS_REMEMBER).isEmpty() ? Duration.ZERO : settings.duration(Property.JMS_REMEMBER);
        nextForgetting.set(System.nanoTime());
        nextForgettingTaken.set(System.nanoTime());
        String where = settings.text(Property.LEDGER).map(String::trim).orElse("");
        ours = where.isEmpty() || where.startsWith("jdbc:");
        records = where.isEmpty() ? new FileRecords(Path.of(settings.require(Property.DATA_DIR), "predictions"))
                : ours ? database(settings, where) : bean(where);
        taken = where.isEmpty() ? new FileRecords(Path.of(settings.require(Property.DATA_DIR), "created"))
                : records instanceof HostRecords ? null : records;
        forgetting = new Forgetting(records, outage);
        spending = Spending.beside(settings, records);
        if (ours) {
            records.start();
        }
        if (records instanceof JdbcRecords database) {
            shareLimits(database);
        }
    }

    /** Waits for the context to start, because it gives no threads before, and creates the beans of a route file more than once. */
    private void shareLimits(JdbcRecords database) {
        try {
            camelContext.addStartupListener((context, already) -> {
                if (of(context) == this) {
                    endSharing = new LimitShares(database).start(context);
                }
            });
        } catch (Exception e) {
            throw RuntimeCamelException.wrapRuntimeCamelException(e);
        }
    }

    static Records database(Settings settings, String url) {
        try {
            return Database.open(url, settings.text(Property.LEDGER_USER).orElse(null), settings.text(Property.LEDGER_PASSWORD).orElse(null));
        } catch (NoClassDefFoundError e) {
            throw new SettingException(Property.LEDGER.key(), "a database needs HikariCP (com.zaxxer:HikariCP) on the class path");
        }
    }

    @SuppressWarnings("unchecked")
    private Records bean(String name) {
        StateRepository<String, String> bean =
                camelContext.getRegistry().lookupByNameAndType(name.replaceFirst("^#(bean:)?", ""), StateRepository.class);
        if (bean == null) {
            throw new SettingException(Property.LEDGER.key(), "no StateRepository bean is named '" + name + "'");
        }
        return bean instanceof Records own ? own : new HostRecords(bean);
    }

    /** Closes the records, unless they belong to the application. */
    public void stop() {
        if (spending != null) {
            spending.stop();
        }
        endSharing.run();
        if (forgetting != null) {
            forgetting.stop();
        }
        if (ours && records != null) {
            records.stop();
        }
    }

    /** Returns what was spent. */
    public Spending spending() {
        return spending;
    }

    /**
     * Returns the id of the prediction that was created for this request before, or null.
     *
     * @throws GenerationFailure {@code provider-unavailable} if the ledger cannot be read: creating a prediction might pay twice
     */
    public String recall(Generation generation) {
        Recalled known = recallCreate(generation);
        return known == null ? null : known.prediction();
    }

    /**
     * Returns what is known of a create that was made for this request before, or null.
     *
     * @throws GenerationFailure {@code provider-unavailable} if the ledger cannot be read: creating a prediction might pay twice
     */
    public Recalled recallCreate(Generation generation) {
        if (generation.recallKey() == null) {
            return null;
        }
        try {
            Recalled recalled = recalled(generation.recallKey());
            if (recalled == null && generation.formerKey() != null) {
                recalled = recalled(generation.formerKey());
                if (recalled != null && recalled.prediction() != null) {
                    records.setState(generation.recallKey(), written(recalled.prediction(), recalled.token()));
                    records.setState(generation.formerKey(), null);
                }
            }
            outage.isOver();
            return recalled;
        } catch (RuntimeException e) {
            throw unreadable(e);
        }
    }

    private Recalled recalled(String key) {
        forgetting.settle(key);
        String value = records.getState(key);
        if (value == null) {
            return null;
        }
        String[] parts = value.split(" ", 2);
        return Poll.isValidId(parts[0]) ? new Recalled(parts[0], parts.length > 1 ? parts[1] : null, null)
                : Intent.read(value).map(intent -> new Recalled(null, null, intent)).orElse(null);
    }

    private static String written(String prediction, String token) {
        return token == null ? prediction : prediction + " " + token;
    }

    /** Records that a create is about to be sent. If that fails, logs a warning and continues: only a crash makes the record needed. */
    public void intend(Generation generation, Intent intent) {
        if (generation.recallKey() != null) {
            try {
                forgetting.settle(generation.recallKey());
                records.setState(generation.recallKey(), intent.written());
            } catch (RuntimeException e) {
                outage.warn("intend", "{}: the create cannot be recorded before it is sent: {}", generation.id(), e.getMessage());
            }
        }
    }

    /**
     * Records the prediction that a create has returned. If that fails, logs an error and continues, because the prediction is paid for.
     *
     * @return false, and nothing is recorded, if another request with the same input has {@link #take taken} the prediction
     */
    public boolean record(Generation generation, Poll poll) {
        try {
            if (claim(generation, poll.getId(), MADE).startsWith(FOUND)) {
                return false;
            }
        } catch (RuntimeException e) {
            outage.warn("claim", "{}: another request with the same input may take prediction {}: {}", generation.id(), poll.getId(),
                    e.getMessage());
        }
        try {
            if (generation.recallKey() != null) {
                records.setState(generation.recallKey(), written(poll.getId(), generation.token()));
            }
        } catch (RuntimeException e) {
            LOG.error("{}: prediction {} cannot be remembered: {}", generation.id(), poll.getId(), e.toString());
        }
        return true;
    }

    /** Whose a prediction of the service's list is. */
    public enum Claim {
        /** It now is this request's. */
        TAKEN,
        /** It is another request's, whose create was answered with it. */
        MADE_BY_ANOTHER,
        /** It is another request's, which has found it in the list and may have created another one itself. */
        FOUND_BY_ANOTHER
    }

    /**
     * Takes a prediction of the service's list for a request whose create was not answered, and records it.
     *
     * @throws GenerationFailure {@code provider-unavailable} if the ledger cannot be used: two requests might take one prediction
     */
    public Claim take(Generation generation, String prediction) {
        try {
            String other = claim(generation, prediction, FOUND);
            if (other.isEmpty() && generation.recallKey() != null) {
                records.setState(generation.recallKey(), written(prediction, generation.token()));
            }
            outage.isOver();
            return other.isEmpty() ? Claim.TAKEN : other.startsWith(FOUND) ? Claim.FOUND_BY_ANOTHER : Claim.MADE_BY_ANOTHER;
        } catch (RuntimeException e) {
            throw unreadable(e);
        }
    }

    /**
     * Whether the prediction was claimed for this request before. It may not have been recorded, if the process ended in between.
     *
     * @throws GenerationFailure {@code provider-unavailable} if the ledger cannot be read
     */
    public boolean hasTaken(Generation generation, String prediction) {
        try {
            String key = claimKey(generation, prediction);
            String claim = taken != null && generation.recallKey() != null ? taken.getState(key) : claims.get(key);
            return claim != null && isOwn(claim, owner(generation));
        } catch (RuntimeException e) {
            throw unreadable(e);
        }
    }

    private static String claimKey(Generation generation, String prediction) {
        return TAKEN + generation.getProvider() + "-" + prediction;
    }

    private static String owner(Generation generation) {
        return generation.recallKey() != null ? generation.recallKey() : generation.id();
    }

    /**
     * Claims a prediction for a request: among the requests of this process, then among those that are recorded. Returns the claim of another
     * request, or an empty text if there is none.
     */
    private String claim(Generation generation, String prediction, String how) {
        String key = claimKey(generation, prediction);
        boolean recorded = taken != null && generation.recallKey() != null;
        String owner = owner(generation);
        String other = claims.putIfAbsent(key, how + owner);
        if (isOwn(other, owner) && (recorded || taken != null && how.equals(FOUND))) {
            // Whoever has made the prediction keeps it, even if that cannot be recorded.
            boolean own = how.equals(MADE);
            try {
                other = recorded ? taken.putIfAbsent(key, how + owner) : taken.getState(key);
                own = isOwn(other, owner);
            } finally {
                if (!own) {
                    claims.remove(key, how + owner);
                }
            }
        }
        if (recorded) {
            forgetOld(taken, TAKEN, CLAIMED, nextForgettingTaken);
        }
        return isOwn(other, owner) ? "" : other;
    }

    private static boolean isOwn(String claim, String owner) {
        return claim == null || claim.endsWith(" " + owner);
    }

    /**
     * Deletes the records of the request's predictions once the exchange is done, after all other completions. Keeps the record if the request
     * succeeded but the exchange failed, because the message may be delivered again, and if the exchange failed while the
     * application stops.
     */
    public void forgetLater(Exchange exchange, Generation generation, boolean succeeded) {
        if (generation == null || generation.recallKeys().isEmpty()) {
            return;
        }
        exchange.getExchangeExtension().addOnCompletion(new SynchronizationAdapter() {
            @Override
            public void onDone(Exchange done) {
                boolean stopping = camelContext.isStopping() || camelContext.isStopped();
                if (!done.isFailed() || !succeeded && !stopping) {
                    generation.recallKeys().forEach(Ledger.this::forget);
                }
            }

            @Override
            public int getOrder() {
                return Ordered.LOWEST;
            }
        });
    }

    /** Deletes the record with that key, later if the ledger is unavailable. Does not wait for the ledger; ignores null. */
    public void forget(String recallKey) {
        if (recallKey != null) {
            forgetting.forget(recallKey);
        }
    }

    /**
     * Claims a request id for a message for the duration of {@code bactrian.jms.remember}. Returns false if another message has
     * claimed the id; a redelivered message keeps its claim. Messages without an id (null) count as one and the same message. If
     * the duration is zero, each claim succeeds.
     *
     * @throws GenerationFailure {@code provider-unavailable} if the ledger cannot be read: continuing might pay twice
     */
    public boolean claim(String requestId, String messageId) {
        if (remember.isZero()) {
            return true;
        }
        try {
            forgetting.settle(CLAIM + requestId);
            boolean claimed = claimed(CLAIM + requestId, Generation.fingerprint(Objects.toString(messageId, "")));
            outage.isOver();
            forgetOld(records, CLAIM, remember, nextForgetting);
            return claimed;
        } catch (RuntimeException e) {
            throw unreadable(e);
        }
    }

    private boolean claimed(String key, String messageId) {
        // The time is in the value, so that every implementation of the records sees the same time.
        String claim = System.currentTimeMillis() + " " + messageId;
        String there = records.putIfAbsent(key, claim);
        while (there != null) {
            String[] parts = there.split(" ", 2);
            if (messageId.equals(parts.length > 1 ? parts[1] : "")) {
                return true;
            } else if (!isOld(parts[0])) {
                return false;
            } else if (records.replace(key, there, claim)) {
                return true;
            }
            there = records.putIfAbsent(key, claim);
        }
        return true;
    }

    private boolean isOld(String time) {
        try {
            return System.currentTimeMillis() - Long.parseLong(time) >= remember.toMillis();
        } catch (NumberFormatException e) {
            // not a claim of ours
            return true;
        }
    }

    private void forgetOld(Records from, String prefix, Duration age, AtomicLong next) {
        long due = next.get();
        long now = System.nanoTime();
        if (now - due >= 0 && next.compareAndSet(due, now + age.dividedBy(10).toNanos())) {
            try {
                from.forgetOlderThan(prefix, age);
            } catch (RuntimeException e) {
                outage.warn("forget", "entries from before {} cannot be forgotten: {}", age, e.getMessage());
            }
        }
    }

    /** Releases a claim, so that the request may be sent again. */
    public void unclaim(String requestId) {
        if (!remember.isZero()) {
            forget(CLAIM + requestId);
        }
    }

    /**
     * Counts the restarts of a message and returns their number. The broker's delivery count is higher: it also counts deliveries
     * that a stopping consumer returned at once.
     */
    public int again(String messageId) {
        String key = AGAIN + Generation.fingerprint(messageId);
        try {
            String before = records.getState(key);
            int times = before == null ? 1 : Integer.parseInt(before) + 1;
            records.setState(key, Integer.toString(times));
            if (times == 1) {
                // Not deleted when the message is done, because only later is it known to be safe. There are few such entries.
                records.forgetOlderThan(AGAIN, LONGEST_AGAIN);
            }
            return times;
        } catch (RuntimeException e) {
            outage.warn("again", "{}: how often it was begun cannot be remembered: {}", messageId, e.getMessage());
            return 1;
        }
    }

    /** Logs, once per outage, that requests wait for the ledger. */
    public void isWaitedFor(GenerationFailure failure) {
        outage.warn("wait", "The ledger is away and requests wait for it: {}", failure.getMessage());
    }

    private static GenerationFailure unreadable(RuntimeException e) {
        return new GenerationFailure(ErrorType.PROVIDER_UNAVAILABLE, "request not sent: cannot read the ledger ("
                + Property.DATA_DIR.key() + " or " + Property.LEDGER.key() + "): " + e.getMessage(), null, 0, true, e);
    }
}
