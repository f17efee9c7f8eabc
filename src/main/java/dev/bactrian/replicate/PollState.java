package dev.bactrian.replicate;

import java.time.Duration;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.core.Poll;
import dev.bactrian.error.GenerationFailure;

/**
 * The state of a prediction. Each poll creates a new one. Immutable.
 *
 * @param prediction the prediction as of the last poll or webhook
 * @param polls      how often it was polled
 * @param times      how long it waited and ran, or null if that is unknown
 * @param delay      the wait before the next poll, or null if there is none
 * @param problem    why the last poll was not answered or the prediction is abandoned, or null
 */
public record PollState(Prediction prediction, PollCounts polls, PollTimings times, Duration delay, GenerationFailure problem)
        implements Poll {

    private static final double LONGEST_SECONDS = Duration.ofDays(365).toSeconds();

    /** Returns the state before the first poll, which follows at once. */
    static PollState first(Prediction prediction, PollTimings times) {
        return new PollState(prediction, PollCounts.NONE, times, Duration.ZERO, null);
    }

    /** Returns the state that a message contains. */
    public static PollState resume(String prediction, String rawStatus, PollCounts polls, PollTimings times) {
        return new PollState(Prediction.known(prediction, rawStatus), polls, times, Duration.ZERO, null);
    }

    /** Returns the state after a poll; {@code next} is the wait before the next poll, or null. */
    PollState seen(Prediction found, Duration next) {
        return new PollState(found, polls.plusAnswered(found.status()), timesAt(found), next, null);
    }

    /** Returns the state after a poll that was not answered; {@code next} is the wait before the next poll, or null. */
    PollState missed(GenerationFailure failure, Duration next) {
        return new PollState(prediction, polls.plusMissed(), times, next, failure);
    }

    /** Returns the state after a poll that the service's limit refused or would refuse; {@code wait} is the wait before the next poll. */
    PollState refused(Duration wait) {
        return new PollState(prediction, polls.plusRefused(wait), times, wait, null);
    }

    /** Returns the state after a poll was skipped because a webhook is expected. */
    PollState skipped(Duration next) {
        return new PollState(prediction, polls.plusSkipped(), times, next, null);
    }

    /** Returns the state after a webhook reported the end. */
    PollState webhookReceived(Prediction ended) {
        return new PollState(ended, polls, timesAt(ended), Duration.ZERO, null);
    }

    /** Returns the same state without the output of the prediction. */
    public PollState withoutOutput() {
        return new PollState(Prediction.known(prediction.id(), prediction.rawStatus()), polls, times, delay, problem);
    }

    /** Returns the same state with the polling ended for this reason. */
    public PollState givenUp(GenerationFailure reason) {
        return new PollState(prediction, polls, times, null, reason);
    }

    /**
     * Returns the state after the text was streamed; the next poll follows at once. If a chunk could not be delivered, the prediction is
     * abandoned.
     */
    PollState after(PredictionStream streamed) {
        return new PollState(prediction, polls.withoutSkipped(), streamed.seen(times), streamed.failure() == null ? Duration.ZERO : null,
                streamed.failure());
    }

    private PollTimings timesAt(Prediction found) {
        return times == null ? null : times.found(found.status());
    }

    /** Whether to poll again. */
    public boolean isPending() {
        return delay != null && !prediction.status().terminal();
    }

    /** Returns the milliseconds until the next poll. */
    public long getDelayMillis() {
        return delay.toMillis();
    }

    /** Whether the prediction has succeeded. */
    public boolean isSucceeded() {
        return prediction.status() == PredictionStatus.SUCCEEDED;
    }

    /** Whether the prediction has ended, successfully or not. */
    public boolean isEnded() {
        return prediction.status().terminal();
    }

    @Override
    public boolean isRunning() {
        return prediction.status() == PredictionStatus.PROCESSING;
    }

    /** Returns the prediction's id. */
    public String getId() {
        return prediction.id();
    }

    /** Returns the field {@code prediction} of the result and error documents. */
    public ObjectNode document() {
        ObjectNode document = JsonNodeFactory.instance.objectNode().put("id", prediction.id()).put("polls", polls.answered());
        JsonNode metrics = prediction.metrics();
        document.set("metrics", metrics.isObject() ? metrics : JsonNodeFactory.instance.objectNode());
        boolean ran = isTime(metrics.path("predict_time"));
        double seconds = metrics.path("predict_time").asDouble();
        if (ran && isTime(metrics.path("total_time"))) {
            document.put("queuedMs", Math.max(0, Math.round((metrics.path("total_time").asDouble() - seconds) * 1000)));
        } else if (times != null) {
            document.put("queuedMs", times.queued().toMillis());
        }
        if (ran) {
            document.put("predictMs", Math.round(seconds * 1000));
        } else if (times != null && times.ran() != null) {
            document.put("predictMs", times.ran().toMillis());
        }
        return document;
    }

    /** Whether it is a plausible number of seconds, 0 to one year. */
    private static boolean isTime(JsonNode seconds) {
        return seconds.isNumber() && seconds.doubleValue() >= 0 && seconds.doubleValue() <= LONGEST_SECONDS;
    }
}
