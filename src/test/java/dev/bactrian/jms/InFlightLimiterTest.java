package dev.bactrian.jms;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;

import org.junit.jupiter.api.Test;

class InFlightLimiterTest {

    private final InFlightLimiter inFlight = new InFlightLimiter(2);

    private CompletableFuture<Void> another() {
        return CompletableFuture.runAsync(() -> inFlight.begin(() -> false));
    }

    @Test
    void oneMoreWaitsUntilAConsumerHasDone() {
        inFlight.begin(() -> false);
        inFlight.begin(() -> false);
        CompletableFuture<Void> third = another();
        await().during(Duration.ofMillis(300)).until(() -> !third.isDone());

        inFlight.end();

        assertThat(third).succeedsWithin(Duration.ofSeconds(30));
    }

    @Test
    void aPredictionUnderWayCountsUntilItHasEnded() {
        inFlight.waiting("p1", 60_000);
        inFlight.waiting("p2", 60_000);
        inFlight.waiting("p2", 60_000);
        CompletableFuture<Void> third = another();
        await().during(Duration.ofMillis(300)).until(() -> !third.isDone());

        inFlight.ended("p1");

        assertThat(third).succeedsWithin(Duration.ofSeconds(30));
    }

    @Test
    void aPredictionThatAnotherInstanceGoesOnWithIsForgotten() {
        inFlight.waiting("p1", -10_001);
        inFlight.waiting("p2", 60_000);

        assertThat(inFlight.waiting()).as("what the meters show").isOne();
        inFlight.waiting("p1", -10_001);
        assertThat(another()).succeedsWithin(Duration.ofSeconds(30));
    }

    @Test
    void nobodyWaitsWhereTheApplicationStops() {
        inFlight.waiting("p1", 60_000);
        inFlight.waiting("p2", 60_000);

        assertThatThrownBy(() -> inFlight.begin(() -> true)).isInstanceOf(RejectedExecutionException.class).hasMessageContaining("stays in its queue");
    }
}
