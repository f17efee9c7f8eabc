package dev.bactrian.ledger;

import java.nio.file.Path;
import java.time.Duration;
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
import org.apache.camel.spi.StateRepository;
import org.apache.camel.support.CamelContextHelper;
import org.apache.camel.support.SynchronizationAdapter;
import org.slf4j.Logger;

/**
 * Remembers which prediction a request has been given, from before the first poll until the request's outcome is safe,
 * so that a request done again after a stop or a crash continues with it and nothing is paid for twice. Remembers which
 * message claimed a request's id, so that a request that was sent twice is recognised.
 *
 * <p>A file each under {@code bactrian.data-dir}; or a row each in the database whose {@code jdbc:} URL
 * {@code bactrian.ledger} is, for several instances; or the {@link StateRepository} bean that it names.
 */
public final class Ledger implements CamelContextAware {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.ledger");

    /** No key of a prediction begins so: it begins with a request's id. */
    private static final String CLAIM = "request=";
    private static final String AGAIN = "again=";
    private static final Duration LONGEST_AGAIN = Duration.ofDays(1);

    private final AtomicLong nextForgetting = new AtomicLong();
    private final Outage outage = new Outage();
    private CamelContext camelContext;
    private Records records;
    private Forgetting forgetting;
    private boolean ours;
    private Duration remember;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
    }

    /**
     * That of a context.
     *
     * @throws org.apache.camel.NoSuchBeanException once the application has stopped
     */
    public static Ledger of(CamelContext context) {
        // Not kept: Camel makes the beans of a route file more than once.
        return CamelContextHelper.mandatoryLookup(context, "bactrianLedger", Ledger.class);
    }

    /** Opens the records. A database that is away is no obstacle. */
    public void start() {
        Settings settings = Settings.of(camelContext);
        remember = settings.text(Property.JMS_REMEMBER).isEmpty() ? Duration.ZERO : settings.duration(Property.JMS_REMEMBER);
        nextForgetting.set(System.nanoTime());
        String where = settings.text(Property.LEDGER).map(String::trim).orElse("");
        ours = where.isEmpty() || where.startsWith("jdbc:");
        records = where.isEmpty() ? new FileRecords(Path.of(settings.require(Property.DATA_DIR), "predictions"))
                : ours ? database(settings, where) : bean(where);
        forgetting = new Forgetting(records, outage);
        if (ours) {
            records.start();
        }
    }

    private static Records database(Settings settings, String url) {
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

    /** Closes the records, except those of the host. */
    public void stop() {
        if (forgetting != null) {
            forgetting.stop();
        }
        if (ours && records != null) {
            records.stop();
        }
    }

    /**
     * The id of the prediction that this request was given before, or null.
     *
     * @throws GenerationFailure {@code provider-unavailable} where that can't be known: to go on might pay twice
     */
    public String recall(Generation generation) {
        if (generation.recallKey() == null) {
            return null;
        }
        try {
            String id = prediction(generation.recallKey());
            if (id == null && generation.formerKey() != null) {
                id = prediction(generation.formerKey());
                if (id != null) {
                    records.setState(generation.recallKey(), id);
                    records.setState(generation.formerKey(), null);
                }
            }
            outage.isOver();
            return id;
        } catch (RuntimeException e) {
            throw unreadable(e);
        }
    }

    private String prediction(String key) {
        forgetting.settle(key);
        String id = records.getState(key);
        return id != null && Poll.isValidId(id) ? id : null;
    }

    /** Remembers the prediction. Where that fails the request goes on: it is paid for. */
    public void record(Generation generation, Poll poll) {
        if (generation.recallKey() != null) {
            try {
                records.setState(generation.recallKey(), poll.getId());
            } catch (RuntimeException e) {
                LOG.error("{}: prediction {} cannot be remembered: {}", generation.id(), poll.getId(), e.toString());
            }
        }
    }

    /**
     * Forgets the prediction of a request once the exchange that asked for it is done, after everything else that
     * happens then. Where the request succeeded but the exchange failed it is remembered: the exchange's message was
     * not handled to its end and may come again. The same where the application stops, which makes requests fail.
     */
    public void forgetLater(Exchange exchange, Generation generation, boolean succeeded) {
        if (generation == null || generation.recallKey() == null) {
            return;
        }
        exchange.getExchangeExtension().addOnCompletion(new SynchronizationAdapter() {
            @Override
            public void onDone(Exchange done) {
                boolean stopping = camelContext.isStopping() || camelContext.isStopped();
                if (!done.isFailed() || !succeeded && !stopping) {
                    forget(generation.recallKey());
                }
            }

            @Override
            public int getOrder() {
                return Ordered.LOWEST;
            }
        });
    }

    /**
     * Forgets what is remembered under that key. Null is no key. Where the ledger is away that is made good later; nobody waits for it.
     */
    public void forget(String recallKey) {
        if (recallKey != null) {
            forgetting.forget(recallKey);
        }
    }

    /**
     * Claims a request's id for a message, for as long as {@code bactrian.jms.remember} says. False where another
     * message has claimed it; a message that comes again keeps its claim. Messages without an id, null, are told apart
     * from those with one, not from each other. Where nothing is to be remembered, each claim succeeds.
     *
     * @throws GenerationFailure {@code provider-unavailable} where it can't be known: to go on might pay twice
     */
    public boolean claim(String requestId, String messageId) {
        if (remember.isZero()) {
            return true;
        }
        try {
            forgetting.settle(CLAIM + requestId);
            boolean claimed = claimed(CLAIM + requestId, Generation.fingerprint(Objects.toString(messageId, "")));
            outage.isOver();
            forgetOldClaims();
            return claimed;
        } catch (RuntimeException e) {
            throw unreadable(e);
        }
    }

    private boolean claimed(String key, String messageId) {
        // The time is in the value: whatever keeps it, all see the same.
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
            // Not ours.
            return true;
        }
    }

    private void forgetOldClaims() {
        long due = nextForgetting.get();
        long now = System.nanoTime();
        if (now - due >= 0 && nextForgetting.compareAndSet(due, now + remember.dividedBy(10).toNanos())) {
            try {
                records.forgetOlderThan(CLAIM, remember);
            } catch (RuntimeException e) {
                outage.warn("forget", "requests from before {} cannot be forgotten: {}", remember, e.getMessage());
            }
        }
    }

    /** Takes a claim back: the request may come again. */
    public void unclaim(String requestId) {
        if (!remember.isZero()) {
            forget(CLAIM + requestId);
        }
    }

    /**
     * Counts that a message is begun again, and says how often that has been. (The broker counts more: each time that a
     * consumer had the message in its hands, if only to give it back because it stops.)
     */
    public int again(String messageId) {
        String key = AGAIN + Generation.fingerprint(messageId);
        try {
            String before = records.getState(key);
            int times = before == null ? 1 : Integer.parseInt(before) + 1;
            records.setState(key, Integer.toString(times));
            if (times == 1) {
                // Not when the message is done: that is known to be safe only later. They are few.
                records.forgetOlderThan(AGAIN, LONGEST_AGAIN);
            }
            return times;
        } catch (RuntimeException e) {
            outage.warn("again", "{}: how often it was begun cannot be remembered: {}", messageId, e.getMessage());
            return 1;
        }
    }

    /** Says once, until it is back, that requests wait for the ledger. */
    public void isWaitedFor(GenerationFailure failure) {
        outage.warn("wait", "The ledger is away and requests wait for it: {}", failure.getMessage());
    }

    private static GenerationFailure unreadable(RuntimeException e) {
        return new GenerationFailure(ErrorType.PROVIDER_UNAVAILABLE, "nothing was sent: what is under way can't be read from "
                + Property.DATA_DIR.key() + " or " + Property.LEDGER.key() + ": " + e.getMessage(), null, 0, true, e);
    }
}
