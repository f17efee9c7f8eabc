package dev.bactrian.limit;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.TimeUnit;

import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.text.OneLineLogger;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreaker.State;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig.SlidingWindowType;
import org.slf4j.Logger;

/** Circuit breakers of resilience4j, the only class that uses it. */
final class Breakers implements Circuits.Library {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.limit");
    /** The calls that try out a half-open circuit. */
    private static final int TRIALS = 3;
    /** The longest window in seconds; each second takes memory. */
    private static final int LONGEST = 3600;

    private final CircuitBreakerConfig config;
    private final Duration openTime;

    private Breakers(CircuitBreakerConfig config, Duration openTime) {
        this.config = config;
        this.openTime = openTime;
    }

    /**
     * Returns the breakers that {@code bactrian.circuit-breaker.*} configures.
     *
     * @throws SettingException if the failure rate is more than 100
     */
    static Breakers of(Settings settings) {
        int rate = settings.count(Property.CIRCUIT_BREAKER_FAILURE_RATE);
        if (rate > 100) {
            throw new SettingException(Property.CIRCUIT_BREAKER_FAILURE_RATE.key(), "'" + rate + "' is more than 100 percent");
        }
        Duration openTime = settings.duration(Property.CIRCUIT_BREAKER_OPEN_TIME);
        // resilience4j takes no zero.
        Duration atLeast = openTime.compareTo(Duration.ofMillis(1)) < 0 ? Duration.ofMillis(1) : openTime;
        return new Breakers(CircuitBreakerConfig.custom()
                .slidingWindowType(SlidingWindowType.TIME_BASED)
                .slidingWindowSize((int) Math.max(1, Math.min(LONGEST, settings.duration(Property.CIRCUIT_BREAKER_WINDOW).toSeconds())))
                .minimumNumberOfCalls(settings.count(Property.CIRCUIT_BREAKER_CALLS))
                .failureRateThreshold(rate)
                .waitDurationInOpenState(atLeast)
                .permittedNumberOfCallsInHalfOpenState(TRIALS)
                .writableStackTraceEnabled(false)
                .build(), atLeast);
    }

    @Override
    public Circuits.Breaker breaker(String words) {
        CircuitBreaker breaker = CircuitBreaker.of(words, config);
        Circuit circuit = new Circuit(breaker, openTime);
        breaker.getEventPublisher().onStateTransition(event -> circuit.moved(event.getStateTransition().getToState()));
        return circuit;
    }

    private static final class Circuit implements Circuits.Breaker {

        private final CircuitBreaker breaker;
        private final Duration openTime;
        private volatile Instant since = Instant.EPOCH;
        private volatile String failures = "";

        Circuit(CircuitBreaker breaker, Duration openTime) {
            this.breaker = breaker;
            this.openTime = openTime;
        }

        void moved(State to) {
            if (to == State.OPEN) {
                CircuitBreaker.Metrics metrics = breaker.getMetrics();
                failures = metrics.getNumberOfFailedCalls() > 0
                        ? metrics.getNumberOfFailedCalls() + " of " + metrics.getNumberOfBufferedCalls() + " calls failed" : "too many calls failed";
                since = Instant.now();
                LOG.warn("{}; no call is made until then", open());
            } else {
                LOG.info("The circuit breaker of {} is {}", breaker.getName(), to == State.HALF_OPEN ? "half open: up to " + TRIALS
                        + " calls try it out" : "closed again");
            }
        }

        private String open() {
            Instant at = since.truncatedTo(ChronoUnit.SECONDS);
            return "the circuit breaker of " + breaker.getName() + " is open since " + at + " until "
                    + since.plus(openTime).truncatedTo(ChronoUnit.SECONDS) + ": " + failures;
        }

        @Override
        public String refusal() {
            return breaker.getState() == State.OPEN && Instant.now().isBefore(since.plus(openTime)) ? open() : null;
        }

        @Override
        public boolean begin() {
            return breaker.tryAcquirePermission();
        }

        @Override
        public void ended(long nanos, Throwable reason) {
            if (reason == null) {
                breaker.onSuccess(nanos, TimeUnit.NANOSECONDS);
            } else {
                breaker.onError(nanos, TimeUnit.NANOSECONDS, reason);
            }
        }

        @Override
        public void withdrawn() {
            breaker.releasePermission();
        }

        @Override
        public int state() {
            return switch (breaker.getState()) {
                case OPEN, FORCED_OPEN -> 2;
                case HALF_OPEN -> 1;
                default -> 0;
            };
        }
    }
}
