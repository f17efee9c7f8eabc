package dev.bactrian.replicate;

import java.time.Duration;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.error.GenerationFailure;

/**
 * How far the waiting for a prediction has come: the exchange variable {@code look} of {@code routes/replicate.camel.yaml},
 * replaced with each look. Immutable.
 *
 * @param prediction as last seen
 * @param count      looks that were answered
 * @param queued     how many of them found it not started yet
 * @param misses     looks in a row that were not answered
 * @param miss       the last of them, or null
 * @param delay      the wait before the next look
 * @param given      what is left to do: more looks, or none
 * @param skipped    looks that were not made, because a webhook is awaited
 * @param times      how long it waited and ran, or null where it was created before a restart
 */
public record Look(Prediction prediction, int count, int queued, int misses, GenerationFailure miss, Duration delay, boolean given,
        int skipped, Times times) {

    /** Nothing has been looked at yet; the first look comes at once. */
    static Look first(Prediction prediction, Times times) {
        return new Look(prediction, 0, 0, 0, null, Duration.ZERO, false, 0, times);
    }

    /** The waiting for a prediction as a message has kept it. */
    public static Look resume(String prediction, String rawStatus, int count, int queued, int misses, int skipped, Times times) {
        return new Look(Prediction.known(prediction, rawStatus), count, queued, misses, null, Duration.ZERO, false, skipped, times);
    }

    /** The first look after its text was streamed comes at once; given up where a piece of it could not be passed on. */
    Look after(PredictionStream streamed) {
        GenerationFailure failure = streamed.failure();
        return new Look(prediction, count, queued, misses, failure, Duration.ZERO, given || failure != null, 0, streamed.seen(times));
    }

    /** No more looks are made, for that reason. */
    public Look givenUp(GenerationFailure reason) {
        return new Look(prediction, count, queued, misses, reason, Duration.ZERO, true, skipped, times);
    }

    /** For the loop: whether to look again. */
    public boolean isPending() {
        return !given && !prediction.status().terminal();
    }

    /** For the delay: milliseconds until the next look. */
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
        ObjectNode document = JsonNodeFactory.instance.objectNode().put("id", prediction.id()).put("polls", count);
        JsonNode metrics = prediction.metrics();
        document.set("metrics", metrics.isObject() ? metrics : JsonNodeFactory.instance.objectNode());
        boolean ran = metrics.path("predict_time").isNumber();
        double seconds = metrics.path("predict_time").asDouble();
        if (ran && metrics.path("total_time").isNumber()) {
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
}
