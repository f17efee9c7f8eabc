package dev.bactrian.replicate;

import java.time.Duration;
import java.time.Instant;

/**
 * How long a prediction waited to start and how long it ran, as far as what is seen of it from here tells. By this
 * process's clock: the service's timestamps are no measure (PROVIDERS.md 1.6). Immutable.
 *
 * @param createdNano when its create was answered
 * @param waited      from then until it was first found started, or null
 * @param ran         from there until it was last found; null where it has not been found running
 */
public record PollTimings(long createdNano, Duration waited, Duration ran) {

    /** Of a prediction created just now. */
    static PollTimings begin() {
        return new PollTimings(System.nanoTime(), null, null);
    }

    /** Of one that was created at that time, by this process or another. */
    public static PollTimings resume(Instant createdAt, Duration waited, Duration ran) {
        return new PollTimings(System.nanoTime() - Duration.between(createdAt, Instant.now()).toNanos(), waited, ran);
    }

    /** When it was created. */
    public Instant createdAt() {
        return Instant.now().minus(elapsed(System.nanoTime()));
    }

    /** After it was found in that state. */
    PollTimings found(PredictionStatus status) {
        return status == PredictionStatus.STARTING || status == PredictionStatus.UNKNOWN && waited == null ? this
                : found(System.nanoTime(), status.terminal());
    }

    /** After it was found running at that moment. */
    PollTimings foundRunning(long nano) {
        return found(nano, false);
    }

    private PollTimings found(long nano, boolean ended) {
        return waited == null ? new PollTimings(createdNano, elapsed(nano), ended ? null : Duration.ZERO)
                : ran == null ? this : new PollTimings(createdNano, waited, elapsed(nano).minus(waited));
    }

    /** How long it waited to start; where it has not been found started, how long it has been waiting. */
    Duration queued() {
        return waited != null ? waited : elapsed(System.nanoTime());
    }

    private Duration elapsed(long nano) {
        return Duration.ofNanos(nano - createdNano);
    }
}
