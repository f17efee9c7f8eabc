package dev.bactrian.file;

import java.util.Collection;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

import org.slf4j.Logger;

/** What is said of a file once, however often it is met. */
final class Remarks {

    private final Logger log;
    private final Set<String> made = ConcurrentHashMap.newKeySet();

    Remarks(Logger log) {
        this.log = log;
    }

    /** Warns of that file, unless it was warned of already. */
    void once(String name, String warning, Object... arguments) {
        if (made.add(name)) {
            log.warn(warning, arguments);
        }
    }

    /** Forgets all files but those: one that comes again is another. */
    void keep(Collection<String> names) {
        made.retainAll(names);
    }
}
