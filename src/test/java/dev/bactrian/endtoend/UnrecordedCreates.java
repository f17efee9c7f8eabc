package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Simulator;
import org.awaitility.core.ConditionTimeoutException;

/**
 * The moment between the service's accepting a create and its answer's being remembered: what was in it. What is counted
 * is never too few; a prediction that waits in a queue for its first poll may be counted too.
 */
final class UnrecordedCreates {

    private static final Pattern LOOKED_AT = Pattern.compile("/v1/predictions/([^/?]+)");

    private final Simulator simulator;
    private final Path folder;

    UnrecordedCreates(Simulator simulator, Path folder) {
        this.simulator = simulator;
        this.folder = folder;
    }

    /** Whether what processes that stand still had sent has been read and answered. */
    boolean settled() {
        try {
            await().atMost(Duration.ofSeconds(2)).pollInterval(Duration.ofMillis(5)).until(() -> simulator.concurrent(Call.CREATE) == 0);
            int seen = simulator.count(Call.CREATE);
            await().during(Duration.ofMillis(40)).pollInterval(Duration.ofMillis(5)).atMost(Duration.ofSeconds(2))
                    .until(() -> simulator.count(Call.CREATE) == seen && simulator.concurrent(Call.CREATE) == 0);
            return true;
        } catch (ConditionTimeoutException e) {
            return false;
        }
    }

    /** How many creates were accepted whose prediction is neither remembered nor was ever polled. */
    int unremembered() {
        Set<String> known = polledAt();
        for (String name : EndToEnd.remembered(folder)) {
            try {
                known.add(Files.readString(folder.resolve("data/predictions").resolve(name)).trim());
            } catch (NoSuchFileException e) {
                // done and forgotten meanwhile, so it was polled
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return simulator.count(Call.CREATE) - known.size();
    }

    private Set<String> polledAt() {
        Set<String> ids = new HashSet<>();
        for (RecordedRequest poll : simulator.requests(Call.POLL)) {
            Matcher id = LOOKED_AT.matcher(poll.path());
            assertThat(id.matches()).isTrue();
            ids.add(id.group(1));
        }
        return ids;
    }
}
