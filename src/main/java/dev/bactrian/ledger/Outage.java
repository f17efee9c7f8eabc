package dev.bactrian.ledger;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

import dev.bactrian.text.OneLineLogger;
import org.slf4j.Logger;

/** Says once of each consequence that the ledger can't be reached, and once that it can be again. */
final class Outage {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.ledger");

    private final Set<String> said = ConcurrentHashMap.newKeySet();

    /** A warning, unless that consequence has been named since the ledger was last reached. */
    void warn(String consequence, String format, Object... arguments) {
        if (said.add(consequence)) {
            LOG.warn(format, arguments);
        }
    }

    /** The ledger was reached. */
    void isOver() {
        if (!said.isEmpty()) {
            said.clear();
            LOG.info("The ledger is back");
        }
    }
}
