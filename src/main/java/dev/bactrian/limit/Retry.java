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
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.text.ProviderJson;

/**
 * Computes the delay before a call is repeated: the one that the provider asks for, or else an exponential delay with jitter, both up to
 * a maximum. Jitter never makes it shorter than the provider asks for.
 */
public final class Retry {

    /** Unix seconds. Only seen in Upstage's answer 429. */
    private static final String[] EPOCH_HEADERS = {
        "X-Upstage-RateLimit-Retry-After-Requests", "X-Upstage-RateLimit-Retry-After-Tokens"};
    private static final int MOST_DIGITS = 15;
    private static final Pattern NUMBER = Pattern.compile("-?\\d{1," + MOST_DIGITS + "}(\\.\\d{1,9})?");
    private static final Pattern IN_WORDS = Pattern.compile("~ ?(\\d{1,6}) ?s\\b");
    private static final int LONGEST_TEXT = 10_000;
    private static final double JITTER = 0.1;
    /** With the default maximum of 30 s, half an hour. The service deletes the output of a prediction an hour after its end. */
    private static final int REFUSALS = 60;

    private final Duration delay;
    private final Duration maxDelay;
    private final Clock clock;
    private final DoubleSupplier random;

    /**
     * Creates the computation.
     *
     * @param delay    the first delay, which doubles with each attempt
     * @param maxDelay the longest delay
     * @param random   supplies numbers from 0 to 1
     */
    public Retry(Duration delay, Duration maxDelay, Clock clock, DoubleSupplier random) {
        this.delay = delay;
        this.maxDelay = maxDelay;
        this.clock = clock;
        this.random = random;
    }

    /** Returns the delays that {@code bactrian.retry.delay} and {@code bactrian.retry.max-delay} configure. */
    public static Retry of(Settings settings) {
        return new Retry(settings.duration(Property.RETRY_DELAY), settings.duration(Property.RETRY_MAX_DELAY),
                Clock.systemUTC(), () -> ThreadLocalRandom.current().nextDouble());
    }

    /** Returns the delay after failed attempt number {@code attempt}, from 1, which was answered with these headers and this body. */
    public Duration before(int attempt, Map<String, String> headers, String body) {
        return asked(headers, body).orElseGet(() -> exponential(attempt));
    }

    /** Returns the delay that the provider asks for, slightly extended by jitter and up to the maximum; empty if it asks for none. */
    public Optional<Duration> asked(Map<String, String> headers, String body) {
        return said(headers, body).map(this::jittered);
    }

    /** Returns how long the limit of a service may refuse the calls of one request before the request fails: 60 times the maximum delay. */
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

    /**
     * Returns the delay that the provider asks for, by decreasing reliability: Retry-After, the body's {@code retry_after}, the body's
     * text, the epoch headers.
     */
    private Optional<Duration> said(Map<String, String> headers, String body) {
        Optional<Duration> asked = header(headers, "Retry-After").flatMap(this::secondsOrDate);
        if (asked.isEmpty()) {
            asked = ProviderJson.number(body, "retry_after").flatMap(Retry::positive);
        }
        if (asked.isEmpty() && header(headers, "ratelimit-reset").isEmpty()) {
            asked = inWords(body);
        }
        return asked.isPresent() ? asked : Arrays.stream(EPOCH_HEADERS)
                .flatMap(name -> header(headers, name).flatMap(Retry::number).stream())
                .flatMap(epoch -> positive(epoch - clock.millis() / 1000.0).stream())
                .max(Comparator.naturalOrder());
    }

    /** Returns the delay that the text of a 429 names as {@code ~7s}. */
    private static Optional<Duration> inWords(String body) {
        Matcher seconds = IN_WORDS.matcher(body == null || body.length() > LONGEST_TEXT ? "" : body);
        return seconds.find() ? positive(Double.parseDouble(seconds.group(1))) : Optional.empty();
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

    /** Returns the number in a header, or empty if the text is not a number. */
    public static Optional<Double> number(String value) {
        return isDigits(value) || NUMBER.matcher(value).matches() ? Optional.of(Double.valueOf(value)) : Optional.empty();
    }

    /** Whether the text is a whole number, as most are. */
    private static boolean isDigits(String value) {
        return !value.isEmpty() && value.length() <= MOST_DIGITS && value.chars().allMatch(c -> c >= '0' && c <= '9');
    }

    private static Optional<String> header(Map<String, String> headers, String name) {
        return headers.entrySet().stream().filter(header -> name.equalsIgnoreCase(header.getKey()) && header.getValue() != null)
                .map(header -> header.getValue().trim()).findFirst();
    }
}
