package dev.bactrian.file;

import java.util.Collection;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

import org.slf4j.Logger;

/** Logs a warning about a file once, however often the file is seen. */
final class Remarks {

    private final Logger log;
    private final Set<String> made = ConcurrentHashMap.newKeySet();

    Remarks(Logger log) {
        this.log = log;
    }

    /** Logs the warning unless there was one about that file before. */
    void once(String name, String warning, Object... arguments) {
        if (made.add(name)) {
            log.warn(warning, arguments);
        }
    }

    /** Forgets all other files, so that a new file of the same name gets its own warning. */
    void keep(Collection<String> names) {
        made.retainAll(names);
    }
}
