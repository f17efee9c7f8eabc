package dev.bactrian.limit;

import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.DoubleSupplier;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.text.ProviderJson;

/**
 * How long to wait before a call is made again: what the provider asks for, else an exponential delay with jitter,
 * both up to a maximum. Jitter never goes below what was asked for.
 */
public final class Retry {

    /** Unix seconds; seen on Upstage's 429 only (PROVIDERS.md 3.7). */
    private static final String[] EPOCH_HEADERS = {
        "X-Upstage-RateLimit-Retry-After-Requests", "X-Upstage-RateLimit-Retry-After-Tokens"};
    private static final double JITTER = 0.1;
    /** With 30 s, half an hour. What a prediction has put out is deleted an hour after its end. */
    private static final int REFUSALS = 60;

    private final Duration delay;
    private final Duration maxDelay;
    private final Clock clock;
    private final DoubleSupplier random;

    /**
     * @param delay    the first delay, doubled with each further one
     * @param maxDelay the longest
     * @param random   numbers from 0 to 1
     */
    public Retry(Duration delay, Duration maxDelay, Clock clock, DoubleSupplier random) {
        this.delay = delay;
        this.maxDelay = maxDelay;
        this.clock = clock;
        this.random = random;
    }

    /** As {@code bactrian.retry.delay} and {@code bactrian.retry.max-delay} say. */
    public static Retry of(Settings settings) {
        return new Retry(settings.duration(Property.RETRY_DELAY), settings.duration(Property.RETRY_MAX_DELAY),
                Clock.systemUTC(), () -> ThreadLocalRandom.current().nextDouble());
    }

    /** The wait before try number {@code attempt + 1}, where {@code attempt} (from 1) has failed with that answer. */
    public Duration before(int attempt, Map<String, String> headers, String body) {
        return asked(headers, body).orElseGet(() -> exponential(attempt));
    }

    /** What the provider asks for, and a little longer, up to the maximum; empty where it asks for nothing. */
    public Optional<Duration> asked(Map<String, String> headers, String body) {
        return said(headers, body).map(this::jittered);
    }

    /** How long a service may refuse calls of one request by its limit before that is no passing trouble: 60 times the maximum. */
    public Duration longestRefusal() {
        return maxDelay.multipliedBy(REFUSALS);
    }

    private Duration exponential(int attempt) {
        double base = Math.max(1, delay.toMillis());
        double full = Math.min(maxDelay.toMillis(), base * Math.pow(2, Math.max(0, attempt - 1)));
        double least = Math.min(Math.max(base, full / 2), full);
        return Duration.ofMillis(Math.round(least + random.getAsDouble() * (full - least)));
    }

    private Duration jittered(Duration asked) {
        Duration longer = asked.plusMillis(Math.round(asked.toMillis() * JITTER * random.getAsDouble()));
        return longer.compareTo(maxDelay) > 0 ? maxDelay : longer;
    }

    /** What the provider asks for, in order of trust: Retry-After, the body's {@code retry_after}, the epoch headers. */
    private Optional<Duration> said(Map<String, String> headers, String body) {
        Optional<Duration> asked = header(headers, "Retry-After").flatMap(this::secondsOrDate);
        if (asked.isEmpty()) {
            asked = ProviderJson.number(body, "retry_after").flatMap(Retry::positive);
        }
        return asked.isPresent() ? asked : Arrays.stream(EPOCH_HEADERS)
                .flatMap(name -> header(headers, name).flatMap(Retry::number).stream())
                .flatMap(epoch -> positive(epoch - clock.millis() / 1000.0).stream())
                .max(Comparator.naturalOrder());
    }

    private Optional<Duration> secondsOrDate(String value) {
        Optional<Double> seconds = number(value);
        if (seconds.isPresent()) {
            return positive(seconds.get());
        }
        try {
            Instant date = ZonedDateTime.parse(value, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
            return positive(Duration.between(clock.instant(), date).toMillis() / 1000.0);
        } catch (DateTimeException e) {
            return Optional.empty();
        }
    }

    private static Optional<Duration> positive(double seconds) {
        return seconds > 0 ? Optional.of(Duration.ofMillis((long) Math.ceil(Math.min(seconds, 1e9) * 1000))) : Optional.empty();
    }

    /** A number as headers have it; empty for anything else. */
    public static Optional<Double> number(String value) {
        return value.matches("-?\\d{1,15}(\\.\\d{1,9})?") ? Optional.of(Double.valueOf(value)) : Optional.empty();
    }

    private static Optional<String> header(Map<String, String> headers, String name) {
        return headers.entrySet().stream().filter(header -> name.equalsIgnoreCase(header.getKey()) && header.getValue() != null)
                .map(header -> header.getValue().trim()).findFirst();
    }
}
