package dev.bactrian.ledger;

import java.time.Duration;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

import dev.bactrian.limit.Gates;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.threads.ScheduledPool;
import org.apache.camel.CamelContext;
import org.slf4j.Logger;

/**
 * Divides the providers' limits among the instances that share a database: those that use a limit now. Each of them has a row per limit,
 * which it writes again every few seconds. No call waits for the database. While it is down, the last division applies.
 */
final class LimitShares implements Gates.Sharing {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.ledger");
    private static final String LIMIT = "limit=";
    private static final long EVERY_SECONDS = 5;
    /** After that time without a sign of life an instance no longer counts. The clocks of the instances may differ by less. */
    private static final Duration ALIVE = Duration.ofSeconds(30);
    private static final Duration FORGOTTEN = Duration.ofHours(1);

    private final JdbcRecords records;
    private final String instance = UUID.randomUUID().toString();
    private final Set<String> rows = ConcurrentHashMap.newKeySet();

    LimitShares(JdbcRecords records) {
        this.records = records;
    }

    /** Begins to count the instances, in a thread of its own. */
    Runnable start(CamelContext context) {
        Gates gates = Gates.of(context);
        ScheduledPool pool = new ScheduledPool(context, "bactrian-limits", 1);
        gates.shareWith(this, pool);
        pool.scheduleWithFixedDelay(gates::divide, EVERY_SECONDS, EVERY_SECONDS, TimeUnit.SECONDS);
        return () -> {
            gates.shareWith(null, null);
            pool.shutdownNow();
            leave();
        };
    }

    @Override
    public int instances(String limit) {
        String key = LIMIT + limit + "=";
        try {
            if (rows.isEmpty()) {
                records.forgetOlderThan(LIMIT, FORGOTTEN);
            }
            records.setState(key + instance, "");
            rows.add(key + instance);
            return records.count(key, ALIVE);
        } catch (RuntimeException e) {
            LOG.debug("the instances that use a limit can't be counted: {}", e.getMessage());
            return 0;
        }
    }

    /** Removes this instance, so that the others need not wait until it counts no longer. */
    void leave() {
        try {
            rows.forEach(row -> records.setState(row, null));
        } catch (RuntimeException e) {
            LOG.debug("this instance can't be removed from those that use a limit: {}", e.getMessage());
        }
        rows.clear();
    }
}
