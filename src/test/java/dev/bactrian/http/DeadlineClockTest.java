package dev.bactrian.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.atomic.AtomicBoolean;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Calls are cut at their deadlines, and one timer serves all of them. */
class DeadlineClockTest {

    private static final Duration SHORT = Duration.ofMillis(20);
    private static final Duration LONG = Duration.ofHours(1);

    private final ScheduledThreadPoolExecutor timer = new ScheduledThreadPoolExecutor(1);
    private final DeadlineClock clock = new DeadlineClock(timer);

    @AfterEach
    void stop() {
        timer.shutdownNow();
    }

    @Test
    void cutsACallWhoseDeadlineIsEarlierThanThoseOfCallsBeforeIt() {
        Deadline later = new Deadline(clock, () -> { });
        later.within(LONG, "late");
        AtomicBoolean cut = new AtomicBoolean();
        Deadline sooner = new Deadline(clock, () -> cut.set(true));
        sooner.within(SHORT, "late");
        await().untilTrue(cut);
        assertThat(sooner.stop()).isFalse();
        assertThat(later.stop()).isTrue();
    }

    @Test
    void cutsOneCallAfterTheOther() {
        for (int i = 0; i < 3; i++) {
            AtomicBoolean cut = new AtomicBoolean();
            new Deadline(clock, () -> cut.set(true)).within(SHORT, "late");
            await().untilTrue(cut);
        }
    }

    @Test
    void aFailureToCutACallLeavesTheOthersTheirDeadlines() {
        new Deadline(clock, () -> {
            throw new IllegalStateException("cannot be cut");
        }).within(SHORT, "late");
        AtomicBoolean cut = new AtomicBoolean();
        new Deadline(clock, () -> cut.set(true)).within(SHORT.multipliedBy(2), "late");
        await().untilTrue(cut);
    }

    @Test
    void aRestartedDeadlineCountsFromItsLastStart() {
        Deadline restarted = new Deadline(clock, () -> { });
        restarted.within(SHORT, "late");
        restarted.within(LONG, "late");
        AtomicBoolean cut = new AtomicBoolean();
        new Deadline(clock, () -> cut.set(true)).within(SHORT.multipliedBy(2), "late");
        await().untilTrue(cut);
        assertThat(restarted.stop()).isTrue();
    }

    @Test
    void aShortenedDeadlineCutsSooner() {
        AtomicBoolean cut = new AtomicBoolean();
        Deadline shortened = new Deadline(clock, () -> cut.set(true));
        shortened.within(LONG, "late");
        shortened.within(SHORT, "late");
        await().untilTrue(cut);
    }

    @Test
    void aPausedDeadlineCutsOnlyAfterItGoesOn() {
        AtomicBoolean cut = new AtomicBoolean();
        Deadline paused = new Deadline(clock, () -> cut.set(true));
        paused.within(SHORT, "late");
        paused.pause();
        AtomicBoolean other = new AtomicBoolean();
        new Deadline(clock, () -> other.set(true)).within(SHORT.multipliedBy(3), "late");
        await().untilTrue(other);
        assertThat(cut).isFalse();
        paused.goOn();
        await().untilTrue(cut);
    }

    @Test
    void callsThatEndInTimeShareOneTimer() {
        for (int i = 0; i < 1000; i++) {
            Deadline deadline = new Deadline(clock, () -> { });
            deadline.within(LONG, "late");
            deadline.within(LONG, "late");
            assertThat(deadline.stop()).isTrue();
        }
        assertThat(timer.getQueue()).hasSize(1);
    }
}
