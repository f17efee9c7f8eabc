package dev.bactrian.ledger;

import java.time.Duration;

import org.apache.camel.spi.StateRepository;
import org.apache.camel.support.service.ServiceSupport;

/**
 * Records in a repository of the host application, which can set and get and nothing more: what is one step is so in
 * this process alone, and nothing is forgotten for its age.
 */
final class HostRecords extends ServiceSupport implements Records {

    private final StateRepository<String, String> repository;

    HostRecords(StateRepository<String, String> repository) {
        this.repository = repository;
    }

    @Override
    public String getState(String key) {
        return repository.getState(key);
    }

    @Override
    public void setState(String key, String value) {
        repository.setState(key, value);
    }

    @Override
    public synchronized String putIfAbsent(String key, String value) {
        String there = repository.getState(key);
        if (there == null) {
            repository.setState(key, value);
        }
        return there;
    }

    @Override
    public synchronized boolean replace(String key, String before, String after) {
        if (!before.equals(repository.getState(key))) {
            return false;
        }
        repository.setState(key, after);
        return true;
    }

    @Override
    public void forgetOlderThan(String prefix, Duration age) {
        // a repository doesn't list its keys
    }
}
