package dev.bactrian.jms;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.core.Poll;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Generation;
import dev.bactrian.model.Kind;
import dev.bactrian.model.Model;
import dev.bactrian.model.ProviderName;
import dev.bactrian.replicate.PollCounts;
import dev.bactrian.replicate.PollState;
import dev.bactrian.replicate.PollTimings;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.text.ProviderJson;

/**
 * The content of a message on {@code bactrian.polls}: all that any instance needs to poll a prediction and to finish its request.
 * Of the request itself it only contains the prompt of an image, which the result repeats.
 *
 * @param generation the request
 * @param poll       the state of its prediction
 */
record PollMessage(Generation generation, PollState poll) {

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9._-]*");

    /** Returns the text of the message, JSON. */
    String write() {
        Model model = generation.model();
        PollCounts polls = poll.polls();
        ObjectNode state = JsonNodeFactory.instance.objectNode()
                .put("id", generation.id()).put("model", model.id()).put("version", model.version())
                .put("kind", model.kind() == null ? null : model.kind().toString())
                .put("startedAt", generation.startedAt().toString()).put("recallKey", generation.recallKey())
                .put("prediction", poll.getId()).put("status", poll.prediction().rawStatus())
                .put("looks", polls.answered()).put("queued", polls.queued()).put("misses", polls.misses()).put("skipped", polls.skipped());
        if (generation.token() != null) {
            state.put("token", generation.token());
        }
        if (polls.refused() > 0) {
            state.put("refusedMs", polls.refused());
        }
        PollTimings times = poll.times();
        if (times != null) {
            state.put("createdAt", times.createdAt().toString());
            put(state, "waitedMs", times.waited());
            put(state, "ranMs", times.ran());
        }
        if (model.kind() != Kind.TEXT) {
            state.put("prompt", generation.request().promptFor(model.isImage()));
        }
        return Documents.text(state);
    }

    /** Parses the text of a message; empty if it is not a valid poll message. */
    static Optional<PollMessage> read(String text) {
        JsonNode state = ProviderJson.json(text).orElse(JsonNodeFactory.instance.nullNode());
        try {
            Kind kind = state.path("kind").isTextual() ? Kind.of(state.path("kind").textValue()).orElseThrow() : null;
            Model model = new Model(ProviderName.REPLICATE, required(state, "model"), kind, state.path("version").textValue());
            GenerateRequest request = new GenerateRequest(null, null, null, kind, List.of(), state.path("prompt").asText(""),
                    JsonNodeFactory.instance.objectNode());
            Generation generation = Generation.resume(name(state, "id"), request, model, state.path("recallKey").isNull() ? null : name(state, "recallKey"),
                    Instant.parse(required(state, "startedAt"))).using(state.path("token").textValue());
            PollCounts polls = new PollCounts(state.path("looks").asInt(), state.path("queued").asInt(), state.path("misses").asInt(),
                    state.path("skipped").asInt(), state.path("refusedMs").asLong());
            return Optional.of(new PollMessage(generation, PollState.resume(prediction(state), required(state, "status"), polls, times(state))));
        } catch (IllegalArgumentException | ArithmeticException | DateTimeException | NoSuchElementException e) {
            return Optional.empty();
        }
    }

    /** Validates a name that becomes part of a URL, a file name or a header: anybody may have written the message. */
    private static String name(JsonNode state, String field) {
        String name = required(state, field);
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(field);
        }
        return name;
    }

    private static void put(ObjectNode state, String field, Duration duration) {
        if (duration != null) {
            state.put(field, duration.toMillis());
        }
    }

    private static PollTimings times(JsonNode state) {
        return !state.has("createdAt") ? null
                : PollTimings.resume(Instant.parse(required(state, "createdAt")), duration(state, "waitedMs"), duration(state, "ranMs"));
    }

    private static Duration duration(JsonNode state, String field) {
        return state.has(field) ? Duration.ofMillis(state.path(field).asLong()) : null;
    }

    private static String prediction(JsonNode state) {
        String id = required(state, "prediction");
        if (!Poll.isValidId(id)) {
            throw new IllegalArgumentException("prediction");
        }
        return id;
    }

    private static String required(JsonNode state, String field) {
        if (!state.path(field).isTextual()) {
            throw new IllegalArgumentException(field);
        }
        return state.path(field).textValue();
    }
}
