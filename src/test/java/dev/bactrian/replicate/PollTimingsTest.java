package dev.bactrian.replicate;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How long a prediction waited and ran: by the service's metrics, else by what was seen. */
class PollTimingsTest {

    private static PollTimings createdAgo(int seconds) {
        return PollTimings.resume(Instant.now().minusSeconds(seconds), null, null);
    }

    private static ObjectNode document(String metrics, PollTimings times) {
        Prediction prediction = Prediction.read(
                ProviderJson.json("{\"id\": \"p1\", \"status\": \"succeeded\", \"metrics\": " + metrics + "}").orElseThrow(), null).orElseThrow();
        return new PollState(prediction, new PollCounts(3, 2, 0, 0), times, Duration.ZERO, null).document();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "-", value = {
        "{'predict_time': 1.197838, 'total_time': 2.089955} | 892 | 1198",
        "{'predict_time': 2, 'total_time': 1.5} | 0 | 2000",
        "{'predict_time': 0, 'total_time': 0} | 0 | 0",
        "{'predict_time': 1.5} | - | 1500",
        "{'total_time': 1.5} | - | -",
        "{'predict_time': '1.5', 'total_time': null} | - | -",
        "{} | - | -",
        "null | - | -"})
    void theServicesMetricsSetTheTimes(String metrics, Long queued, Long predicted) {
        ObjectNode document = document(metrics.replace('\'', '"'), null);

        assertThat(document.has("queuedMs") ? document.path("queuedMs").asLong() : null).isEqualTo(queued);
        assertThat(document.has("predictMs") ? document.path("predictMs").asLong() : null).isEqualTo(predicted);
    }

    @Test
    void theMetricsBeatWhatThePollsFound() {
        ObjectNode document = document("{\"predict_time\": 1, \"total_time\": 2.5}", createdAgo(60).found(PredictionStatus.PROCESSING));

        assertThat(document.path("queuedMs").asLong()).isEqualTo(1500);
        assertThat(document.path("predictMs").asLong()).isEqualTo(1000);
    }

    @Test
    void itWaitsUntilItIsFoundRunningAndRunsUntilItIsFoundEnded() {
        PollTimings started = createdAgo(10).found(PredictionStatus.STARTING).found(PredictionStatus.UNKNOWN);
        assertThat(started.waited()).isNull();
        assertThat(started.queued()).isBetween(Duration.ofSeconds(10), Duration.ofSeconds(20));

        PollTimings running = started.found(PredictionStatus.PROCESSING);
        PollTimings ended = PollTimings.resume(running.createdAt().minusSeconds(5), running.waited(), running.ran()).found(PredictionStatus.SUCCEEDED);

        assertThat(ended.queued()).isEqualTo(running.waited()).isBetween(Duration.ofSeconds(10), Duration.ofSeconds(20));
        assertThat(ended.ran()).isBetween(Duration.ofSeconds(5), Duration.ofSeconds(15));
        assertThat(document("{}", ended).path("queuedMs").asLong()).isEqualTo(running.waited().toMillis());
        assertThat(document("{}", ended).path("predictMs").asLong()).isEqualTo(ended.ran().toMillis());
    }

    @Test
    void aPredictionFirstSeenEndedHasNoRunTime() {
        PollTimings ended = createdAgo(10).found(PredictionStatus.FAILED).found(PredictionStatus.FAILED);

        assertThat(ended.queued()).isGreaterThanOrEqualTo(Duration.ofSeconds(10));
        assertThat(document("{}", ended).has("predictMs")).isFalse();
    }
}
