package dev.bactrian.replicate;

import java.time.Duration;

/**
 * How often a prediction has been polled. Immutable.
 *
 * @param answered polls that were answered
 * @param queued   how many of them found it not started yet
 * @param misses   polls in a row that were not answered
 * @param skipped  polls that were not made, because a webhook is awaited
 * @param refused  milliseconds waited because of the service's limit, since a poll was answered otherwise
 */
public record PollCounts(int answered, int queued, int misses, int skipped, long refused) {

    static final PollCounts NONE = new PollCounts(0, 0, 0, 0);

    /** Without a wait for the service's limit. */
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

    /** After a 429, which is neither a poll nor a miss, or in place of a poll that would meet one. */
    PollCounts plusRefused(Duration wait) {
        return new PollCounts(answered, queued, misses, skipped, refused + wait.toMillis());
    }

    PollCounts withoutSkipped() {
        return new PollCounts(answered, queued, misses, 0);
    }

    /** Of {@code bactrian.replicate.poll-max-attempts}. A poll that was not answered does not count. */
    int counted() {
        return answered + skipped;
    }
}
