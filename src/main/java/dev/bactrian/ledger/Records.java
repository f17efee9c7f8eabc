package dev.bactrian.ledger;

import java.time.Duration;

import org.apache.camel.spi.StateRepository;

/**
 * What the {@link Ledger} remembers, by key. Several processes may share the same records: what is said to be done as
 * one step is so among them all.
 */
public interface Records extends StateRepository<String, String> {

    /** The value, or null where there is none. */
    @Override
    String getState(String key);

    /** Puts the value in place of whatever was there; null takes the entry away. */
    @Override
    void setState(String key, String value);

    /** Puts the value where there is none, as one step. The value that was there, or null where this one was put. */
    String putIfAbsent(String key, String value);

    /** Puts the value in place of that one, as one step. False, and nothing done, where that one isn't there any more. */
    boolean replace(String key, String before, String after);

    /** Takes away the entries whose key begins so and that were written that long ago or longer. */
    void forgetOlderThan(String prefix, Duration age);
}
