package dev.bactrian.ledger;

import java.math.BigDecimal;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.generate.Generation;
import dev.bactrian.model.Price;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.ProviderJson;

/**
 * What was spent, by day (UTC), model, account and key: one record each in the ledger's {@link Records}, to which several instances may
 * add.
 *
 * <p>Amounts are kept in memory for up to a second and then written on a thread of their own, so that no request waits for them. A process
 * that is killed loses at most the amounts of the last second; while the records are unavailable, they are kept and written later.
 */
public final class Spending {

    /** What a sum is about. {@code account} is empty for none; {@code key} is the shown part of the key. */
    public record Item(LocalDate day, String provider, String model, String account, String key, String currency) {
    }

    /** A sum and the number of requests that it is made of. */
    public record Sum(BigDecimal amount, long requests) {

        static final Sum NONE = new Sum(BigDecimal.ZERO, 0);

        /** Returns both sums together. */
        public Sum plus(Sum other) {
            return new Sum(amount.add(other.amount), requests + other.requests);
        }
    }

    /** Follows the sums of the current month. */
    public interface Watcher {

        /** Receives all sums, about every second. */
        void all(Map<Item, Sum> month);

        /** Receives an amount that is added to them. */
        void added(Item item, Sum amount);
    }

    private static final String PREFIX = "cost=";
    private static final Pattern DAYS = Pattern.compile("\\d{4}(-\\d{2}){0,2}");
    private static final Duration PAUSE = Duration.ofSeconds(1);
    private static final Duration AGAIN = Duration.ofSeconds(2);
    private static final Duration KEPT = Duration.ofDays(400);
    /** So that a record fits into a row of the database. */
    private static final int LONGEST_MODEL = 120;
    private static final int LONGEST_ACCOUNT = 40;
    private static final String FOLDER = "costs";

    private final Records records;
    private final boolean ours;
    private final Outage outage = new Outage();
    private final String writer = UUID.randomUUID().toString().substring(0, 8);
    private final Map<Item, Sum> waiting = new HashMap<>();
    private ScheduledThreadPoolExecutor worker;
    private boolean scheduled;
    private boolean closed;
    private long writes;
    private final Object writing = new Object();
    private LocalDate forgotten;
    /** Null if nobody follows the sums. */
    private volatile Watcher watcher;

    private Spending(Records records, boolean ours) {
        this.records = records;
        this.ours = ours;
    }

    /** Returns the spending beside the ledger's other records; in files below {@code bactrian.data-dir} if these cannot be listed. */
    static Spending beside(Settings settings, Records records) {
        return records instanceof JdbcRecords ? new Spending(records, false) : new Spending(files(settings), true);
    }

    private static Records files(Settings settings) {
        return new FileRecords(Path.of(settings.require(Property.DATA_DIR), FOLDER));
    }

    /**
     * Opens the spending that an application with these settings records, to read it. Close it with {@link #stop}.
     *
     * @throws SettingException if it is in a repository of the application
     */
    public static Spending open(Settings settings) {
        String where = settings.text(Property.LEDGER).map(String::trim).orElse("");
        if (where.isEmpty()) {
            return new Spending(files(settings), true);
        } else if (!where.startsWith("jdbc:")) {
            throw new SettingException(Property.LEDGER.key(),
                    "'" + where + "' is a bean of an application, which cannot be read from outside");
        }
        return new Spending(Ledger.database(settings, where), true);
    }

    /** Adds an amount. Does not wait for the records. */
    public synchronized void add(Item item, BigDecimal amount) {
        Sum sum = new Sum(amount, 1);
        waiting.merge(cut(item), sum, Sum::plus);
        if (watcher != null) {
            watcher.added(item, sum);
        }
        schedule(PAUSE);
    }

    private static Item cut(Item item) {
        return new Item(item.day(), item.provider(), OneLine.cut(item.model(), LONGEST_MODEL),
                recorded(item.account()), item.key(), item.currency());
    }

    /**
     * Has a watcher follow the sums of the current month, from now on. They include what is not written yet.
     *
     * @throws RuntimeException if the records cannot be read
     */
    public void watch(Watcher follower) {
        if (watcher == follower) {
            return;
        }
        Map<Item, Sum> month = read(month());
        synchronized (this) {
            watcher = follower;
            pass(month);
            schedule(PAUSE);
        }
    }

    private static String month() {
        return today().toString().substring(0, 7);
    }

    /** Returns the current day, by which amounts are recorded. */
    public static LocalDate today() {
        return LocalDate.now(ZoneOffset.UTC);
    }

    /** Passes what is recorded and what waits to be recorded. Called with the lock, so that nothing is added in between. */
    private void pass(Map<Item, Sum> month) {
        Map<Item, Sum> all = new HashMap<>(month);
        waiting.forEach((item, sum) -> all.merge(item, sum, Sum::plus));
        if (watcher != null) {
            watcher.all(all);
        }
    }

    /** Whether a text is a day, month or year such as {@code 2026-11-27}, {@code 2026-11} or {@code 2026}. */
    public static boolean isDays(String text) {
        return DAYS.matcher(text).matches();
    }

    /** Returns the name under which the spending of an account is recorded. */
    public static String recorded(String account) {
        return OneLine.cut(account, LONGEST_ACCOUNT);
    }

    /**
     * Returns the recorded sums of the days that begin with this text, such as {@code 2026-11}; all if it is empty.
     *
     * @throws RuntimeException if the records cannot be read
     */
    public Map<Item, Sum> read(String days) {
        Map<Item, Sum> sums = new HashMap<>();
        records.list(PREFIX + days).values().forEach(
                value -> Row.read(value).ifPresent(row -> sums.merge(row.item(), row.sum(), Sum::plus)));
        return sums;
    }

    private void schedule(Duration delay) {
        if (scheduled || closed) {
            return;
        }
        if (worker == null) {
            worker = new ScheduledThreadPoolExecutor(1, work -> {
                Thread thread = new Thread(work, "bactrian-costs");
                thread.setDaemon(true);
                return thread;
            });
        }
        scheduled = true;
        worker.schedule(this::work, delay.toMillis(), TimeUnit.MILLISECONDS);
    }

    private void work() {
        Duration next = PAUSE;
        try {
            flush();
            outage.isOver();
        } catch (RuntimeException e) {
            outage.warn("costs", "What was spent cannot be recorded and is kept in memory: {}", e.getMessage());
            next = AGAIN;
        }
        synchronized (this) {
            scheduled = false;
            if (!waiting.isEmpty() || watcher != null) {
                schedule(next);
            }
        }
    }

    /** Writes what waits, and tells the watcher. What could not be written waits again. */
    private void flush() {
        synchronized (writing) {
            write();
        }
    }

    private void write() {
        List<Map.Entry<Item, Sum>> sums;
        synchronized (this) {
            sums = new ArrayList<>(waiting.entrySet().stream().map(entry -> Map.entry(entry.getKey(), entry.getValue())).toList());
        }
        for (Map.Entry<Item, Sum> sum : sums) {
            write(sum.getKey(), sum.getValue());
            synchronized (this) {
                waiting.computeIfPresent(sum.getKey(), (item, now) -> now.requests() == sum.getValue().requests() ? null
                        : new Sum(now.amount().subtract(sum.getValue().amount()), now.requests() - sum.getValue().requests()));
            }
        }
        if (watcher != null) {
            Map<Item, Sum> month = read(month());
            synchronized (this) {
                pass(month);
            }
        }
        if (!sums.isEmpty() && !today().equals(forgotten)) {
            forgotten = today();
            records.forgetOlderThan(PREFIX, KEPT);
        }
    }

    /** Adds to the record, whoever else adds to it at the same time. */
    private void write(Item item, Sum sum) {
        String key = PREFIX + item.day() + "-" + Generation.fingerprint(item.toString());
        String mark = writer + writes++;
        String there = records.getState(key);
        while (true) {
            Row before = there == null ? null : Row.read(there).orElse(null);
            if (before != null && before.mark().equals(mark)) {
                // Written although the connection broke before the answer.
                return;
            }
            String after = new Row(item, before == null ? sum : before.sum().plus(sum), mark).written();
            if (there == null ? records.putIfAbsent(key, after) == null : records.replace(key, there, after)) {
                return;
            }
            there = records.getState(key);
        }
    }

    /** Writes what waits, if that is possible, and ends. */
    public void stop() {
        ScheduledThreadPoolExecutor ended;
        synchronized (this) {
            closed = true;
            watcher = null;
            ended = worker;
        }
        if (ended != null) {
            // Not interrupted: a write whose outcome is not known would be made twice.
            ended.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
            ended.shutdown();
            try {
                ended.awaitTermination(AGAIN.toMillis(), TimeUnit.MILLISECONDS);
                flush();
            } catch (InterruptedException | RejectedExecutionException e) {
                Thread.currentThread().interrupt();
            } catch (RuntimeException e) {
                outage.warn("stop", "What was spent in the last second is not recorded: {}", e.getMessage());
            }
        }
        if (ours) {
            records.stop();
        }
    }

    /**
     * A record.
     *
     * @param mark the write that has made it
     */
    private record Row(Item item, Sum sum, String mark) {

        String written() {
            return JsonNodeFactory.instance.objectNode().put("day", item.day().toString()).put("amount", sum.amount().toPlainString())
                    .put("currency", item.currency()).put("requests", sum.requests()).put("provider", item.provider())
                    .put("model", item.model())
                    .put("account", item.account()).put("key", item.key()).put("mark", mark).toString();
        }

        /** Returns empty if the record is not one of ours. */
        static Optional<Row> read(String text) {
            JsonNode json = ProviderJson.json(text).orElse(JsonNodeFactory.instance.nullNode());
            try {
                return Price.amount(json.path("amount").asText()).map(amount -> new Row(new Item(LocalDate.parse(json.path("day").asText()),
                        json.path("provider").asText(), json.path("model").asText(), json.path("account").asText(),
                        json.path("key").asText(), json.path("currency").asText()), new Sum(amount, json.path("requests").asLong()), json.path("mark").asText()));
            } catch (DateTimeException e) {
                return Optional.empty();
            }
        }
    }
}
