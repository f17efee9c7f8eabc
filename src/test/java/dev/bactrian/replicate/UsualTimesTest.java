package dev.bactrian.replicate;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;

import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.Test;

/** How long predictions of a model are likely to take, from those that have ended. */
class UsualTimesTest {

    private final UsualTimes times = new UsualTimes();

    private static PollState state(String status, String metrics, int age) {
        String body = "{\"id\": \"p1\", \"status\": \"" + status + "\", \"metrics\": " + metrics + "}";
        return PollState.first(Prediction.read(ProviderJson.json(body).orElseThrow(), null).orElseThrow(),
                PollTimings.resume(Instant.now().minusSeconds(age), Duration.ofSeconds(2), null));
    }

    private Duration left(int age) {
        return times.left("m", state("processing", "{}", age));
    }

    private static void isAbout(Duration left, int seconds) {
        assertThat(left).isBetween(Duration.ofSeconds(seconds - 1), Duration.ofSeconds(seconds + 1));
    }

    @Test
    void nothingIsKnownOfAModelWithoutASuccess() {
        times.learn("m", state("failed", "{\"total_time\": 9}", 9));
        times.learn("other", state("succeeded", "{\"total_time\": 9}", 9));
        assertThat(left(1)).isNull();
    }

    @Test
    void theMedianOfTheServicesTimesCounts() {
        for (int seconds : new int[] {30, 500, 31, 29, 1}) {
            times.learn("m", state("succeeded", "{\"total_time\": " + seconds + "}", 77));
        }
        isAbout(left(10), 20);
        isAbout(left(50), -20);
    }

    @Test
    void withoutATotalTimeTheWaitIsAddedOrOurOwnClockCounts() {
        times.learn("m", state("succeeded", "{\"predict_time\": 40}", 77));
        isAbout(left(10), 32);
        for (int i = 0; i < 40; i++) {
            times.learn("m", state("succeeded", "{}", 20));
        }
        isAbout(left(10), 10);
    }

    @Test
    void aNonsenseTimeIsNotLearned() {
        times.learn("m", state("succeeded", "{\"total_time\": 1e18}", 9));
        assertThat(left(1)).isNull();
    }
}
