package dev.bactrian.routes.provider;

import java.time.Duration;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.core.Poll;
import dev.bactrian.error.GenerationFailure;

/**
 * The state of a job of Acorn, from its last poll.
 *
 * @param job     its id. A component named {@code id} would clash with {@link #getId}
 * @param status  {@code waiting}, {@code working}, {@code done} or {@code broken}
 * @param said    its text if it is done, the reason if it is broken, else empty
 * @param polls   the number of polls that were answered
 * @param misses  the number of polls that failed since the last answer
 * @param refused how long the service's limit has delayed polls since the last answer
 * @param delay   the wait before the next poll, or null if there is none
 * @param problem why the last poll failed or there is no next one, or null
 */
record AcornJob(String job, String status, String said, int polls, int misses, Duration refused, Duration delay, GenerationFailure problem)
        implements Poll {

    /** The first poll comes at once. */
    static AcornJob created(String job) {
        return new AcornJob(job, "waiting", "", 0, 0, Duration.ZERO, Duration.ZERO, null);
    }

    AcornJob answered(String newStatus, String newSaid, Duration next) {
        return new AcornJob(job, newStatus, newSaid, polls + 1, 0, Duration.ZERO, next, null);
    }

    AcornJob missed(GenerationFailure failure, Duration next) {
        return new AcornJob(job, status, said, polls, misses + 1, Duration.ZERO, next, failure);
    }

    AcornJob refused(Duration wait) {
        return new AcornJob(job, status, said, polls, misses, refused.plus(wait), wait, null);
    }

    @Override
    public AcornJob givenUp(GenerationFailure reason) {
        return new AcornJob(job, status, said, polls, misses, refused, null, reason);
    }

    @Override
    public AcornJob withoutOutput() {
        return new AcornJob(job, status, "", polls, misses, refused, delay, problem);
    }

    @Override
    public String getId() {
        return job;
    }

    @Override
    public boolean isEnded() {
        return status.equals("done") || status.equals("broken");
    }

    @Override
    public boolean isPending() {
        return delay != null && !isEnded();
    }

    @Override
    public ObjectNode document() {
        return JsonNodeFactory.instance.objectNode().put("id", job).put("polls", polls);
    }
}
