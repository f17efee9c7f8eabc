package dev.bactrian.ledger;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

import dev.bactrian.text.OneLineLogger;
import org.slf4j.Logger;

/** Logs each consequence of a ledger outage once, and once that the ledger is back. */
final class Outage {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.ledger");

    private final Set<String> said = ConcurrentHashMap.newKeySet();

    /** Logs a warning, unless that consequence has been logged since the outage began. */
    void warn(String consequence, String format, Object... arguments) {
        if (said.add(consequence)) {
            LOG.warn(format, arguments);
        }
    }

    /** Reports that the ledger responds. */
    void isOver() {
        if (!said.isEmpty()) {
            said.clear();
            LOG.info("The ledger is back");
        }
    }
}
