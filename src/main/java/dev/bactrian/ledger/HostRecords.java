package dev.bactrian.ledger;

import java.time.Duration;
import java.util.Map;

import org.apache.camel.spi.StateRepository;
import org.apache.camel.support.service.ServiceSupport;

/**
 * Stores records in a state repository of the application, which can only get and set. So the atomic operations are atomic in this
 * process only, and old entries are not deleted. Camel's own repositories reject null, so an empty value marks a deleted entry, and
 * the file repository rejects {@code =} in a key.
 */
final class HostRecords extends ServiceSupport implements Records {

    private static final String GONE = "";

    private final StateRepository<String, String> repository;

    HostRecords(StateRepository<String, String> repository) {
        this.repository = repository;
    }

    @Override
    public String getState(String key) {
        String value = repository.getState(named(key));
        return GONE.equals(value) ? null : value;
    }

    @Override
    public void setState(String key, String value) {
        try {
            repository.setState(named(key), value);
        } catch (NullPointerException e) {
            if (value != null) {
                throw e;
            }
            repository.setState(named(key), GONE);
        }
    }

    private static String named(String key) {
        return key.replace('=', ':');
    }

    @Override
    public synchronized String putIfAbsent(String key, String value) {
        String there = getState(key);
        if (there == null) {
            setState(key, value);
        }
        return there;
    }

    @Override
    public synchronized boolean replace(String key, String before, String after) {
        if (!before.equals(getState(key))) {
            return false;
        }
        setState(key, after);
        return true;
    }

    @Override
    public Map<String, String> list(String prefix) {
        throw new UnsupportedOperationException("a repository of the application cannot list its entries");
    }

    @Override
    public void forgetOlderThan(String prefix, Duration age) {
        // a repository cannot list its keys
    }
}
