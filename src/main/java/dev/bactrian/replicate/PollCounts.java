package dev.bactrian.replicate;

import java.time.Duration;

/**
 * How often a prediction was polled. Immutable.
 *
 * @param answered polls that were answered
 * @param queued   how many of them found the prediction not started
 * @param misses   polls in a row that were not answered
 * @param skipped  polls that were not made because a webhook is expected
 * @param refused  milliseconds waited because of the service's limit since the last poll that it did not refuse
 */
public record PollCounts(int answered, int queued, int misses, int skipped, long refused) {

    static final PollCounts NONE = new PollCounts(0, 0, 0, 0);

    /** Creates counts without a wait for the service's limit. */
    public PollCounts(int answered, int queued, int misses, int skipped) {
        this(answered, queued, misses, skipped, 0);
    }

    PollCounts plusAnswered(PredictionStatus found) {
        return new PollCounts(answered + 1, queued + (found == PredictionStatus.STARTING ? 1 : 0), 0, skipped);
    }

    PollCounts plusMissed() {
        return new PollCounts(answered, queued, misses + 1, skipped);
    }

    PollCounts plusSkipped() {
        return new PollCounts(answered, queued, 0, skipped + 1);
    }

    /** Adds a wait for the service's limit. It is neither a poll nor a miss. */
    PollCounts plusRefused(Duration wait) {
        return new PollCounts(answered, queued, misses, skipped, refused + wait.toMillis());
    }

    PollCounts withoutSkipped() {
        return new PollCounts(answered, queued, misses, 0);
    }

    /** Returns the number that {@code bactrian.replicate.poll-max-attempts} limits. Polls that were not answered do not count. */
    int counted() {
        return answered + skipped;
    }
}
