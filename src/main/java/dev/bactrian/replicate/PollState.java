package dev.bactrian.replicate;

import java.time.Duration;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.core.Poll;
import dev.bactrian.error.GenerationFailure;

/**
 * How far a prediction has come. Each poll makes a new one. Immutable.
 *
 * @param prediction as last seen
 * @param polls      how often it was polled
 * @param times      how long it waited and ran, or null where it was created before a restart
 * @param delay      the wait before the next poll, or null where none is made any more
 * @param problem    why the last poll was not answered or the prediction is given up, or null
 */
public record PollState(Prediction prediction, PollCounts polls, PollTimings times, Duration delay, GenerationFailure problem)
        implements Poll {

    private static final double LONGEST_SECONDS = Duration.ofDays(365).toSeconds();

    /** No poll has been made yet; the first comes at once. */
    static PollState first(Prediction prediction, PollTimings times) {
        return new PollState(prediction, PollCounts.NONE, times, Duration.ZERO, null);
    }

    /** The state that a message has kept. */
    public static PollState resume(String prediction, String rawStatus, PollCounts polls, PollTimings times) {
        return new PollState(Prediction.known(prediction, rawStatus), polls, times, Duration.ZERO, null);
    }

    /** After a poll; {@code next} is the wait before the next, or null. */
    PollState seen(Prediction found, Duration next) {
        return new PollState(found, polls.plusAnswered(found.status()), timesAt(found), next, null);
    }

    /** After a poll that was not answered; {@code next} is the wait before the next, or null. */
    PollState missed(GenerationFailure failure, Duration next) {
        return new PollState(prediction, polls.plusMissed(), times, next, failure);
    }

    /** After a poll that was refused by the service's limit, or in place of one: the wait before the next, as it asks for. */
    PollState refused(Duration wait) {
        return new PollState(prediction, polls.plusRefused(wait), times, wait, null);
    }

    /** In place of a poll: the webhook is awaited. */
    PollState skipped(Duration next) {
        return new PollState(prediction, polls.plusSkipped(), times, next, null);
    }

    /** In place of a poll: a webhook has reported how it ended. */
    PollState told(Prediction ended) {
        return new PollState(ended, polls, timesAt(ended), Duration.ZERO, null);
    }

    /** The same without what the prediction has put out. */
    public PollState withoutOutput() {
        return new PollState(Prediction.known(prediction.id(), prediction.rawStatus()), polls, times, delay, problem);
    }

    /** No more polls are made, for that reason. */
    public PollState givenUp(GenerationFailure reason) {
        return new PollState(prediction, polls, times, null, reason);
    }

    /** The first poll after its text was streamed comes at once. The prediction is given up where a chunk could not be passed on. */
    PollState after(PredictionStream streamed) {
        return new PollState(prediction, polls.withoutSkipped(), streamed.seen(times), streamed.failure() == null ? Duration.ZERO : null,
                streamed.failure());
    }

    private PollTimings timesAt(Prediction found) {
        return times == null ? null : times.found(found.status());
    }

    /** For the loop: whether to poll again. */
    public boolean isPending() {
        return delay != null && !prediction.status().terminal();
    }

    /** For the delay: milliseconds until the next poll. */
    public long getDelayMillis() {
        return delay.toMillis();
    }

    /** Whether the prediction ended well. */
    public boolean isSucceeded() {
        return prediction.status() == PredictionStatus.SUCCEEDED;
    }

    /** Whether the prediction ended badly, by itself. */
    public boolean isEnded() {
        return prediction.status().terminal();
    }

    /** For the cancel: the prediction's id. */
    public String getId() {
        return prediction.id();
    }

    /** The prediction as documents show it. */
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

    /** Whether it is a number of seconds that a prediction can have taken; others say nothing. */
    private static boolean isTime(JsonNode seconds) {
        return seconds.isNumber() && seconds.doubleValue() >= 0 && seconds.doubleValue() <= LONGEST_SECONDS;
    }
}
