package dev.bactrian.replicate;

import java.time.Duration;
import java.time.Instant;

/**
 * How long a prediction waited to start and how long it ran, as far as the polls show. Measured by this process's clock, because the
 * service's timestamps are unreliable. Immutable.
 *
 * @param createdNano when the create was answered, by {@link System#nanoTime()}
 * @param waited      from then until a poll first found it started, or null
 * @param ran         from then until the last poll; null if no poll found it running
 */
public record PollTimings(long createdNano, Duration waited, Duration ran) {

    /** Returns the timings of a prediction that was just created. */
    static PollTimings begin() {
        return new PollTimings(System.nanoTime(), null, null);
    }

    /** Returns the timings of a prediction created at that time, by this process or another. */
    public static PollTimings resume(Instant createdAt, Duration waited, Duration ran) {
        return new PollTimings(System.nanoTime() - Duration.between(createdAt, Instant.now()).toNanos(), waited, ran);
    }

    /** Returns when the prediction was created. */
    public Instant createdAt() {
        return Instant.now().minus(elapsed(System.nanoTime()));
    }

    /** Returns the timings after a poll found that status. */
    PollTimings found(PredictionStatus status) {
        return status == PredictionStatus.STARTING || status == PredictionStatus.UNKNOWN && waited == null ? this
                : found(System.nanoTime(), status.terminal());
    }

    /** Returns the timings after the prediction was running at that time. */
    PollTimings foundRunning(long nano) {
        return found(nano, false);
    }

    private PollTimings found(long nano, boolean ended) {
        return waited == null ? new PollTimings(createdNano, elapsed(nano), ended ? null : Duration.ZERO)
                : ran == null ? this : new PollTimings(createdNano, waited, elapsed(nano).minus(waited));
    }

    /** Returns how long it waited to start, or how long it has been waiting if it has not started. */
    Duration queued() {
        return waited != null ? waited : elapsed(System.nanoTime());
    }

    /** Returns the time since the prediction was created. */
    Duration elapsed() {
        return elapsed(System.nanoTime());
    }

    private Duration elapsed(long nano) {
        return Duration.ofNanos(nano - createdNano);
    }
}
