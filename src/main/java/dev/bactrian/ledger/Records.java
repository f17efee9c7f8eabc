package dev.bactrian.ledger;

import java.time.Duration;
import java.util.Map;

import org.apache.camel.spi.StateRepository;

/** The key-value store of the {@link Ledger}. Several processes may share it; atomic operations are atomic among all of them. */
public interface Records extends StateRepository<String, String> {

    /** Returns the value, or null if there is none. */
    @Override
    String getState(String key);

    /** Sets the value; null deletes the entry. */
    @Override
    void setState(String key, String value);

    /** Atomically sets the value if there is none. Returns the existing value, or null if this one was set. */
    String putIfAbsent(String key, String value);

    /** Atomically replaces the value {@code before}. Returns false, and does nothing, if the entry has another value or none. */
    boolean replace(String key, String before, String after);

    /**
     * Returns the entries with that key prefix.
     *
     * @throws UnsupportedOperationException if they cannot be listed
     */
    Map<String, String> list(String prefix);

    /** Deletes the entries with that key prefix that were written at least that long ago. */
    void forgetOlderThan(String prefix, Duration age);
}
