package dev.bactrian.jms;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.core.Poll;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Fallback;
import dev.bactrian.generate.Generation;
import dev.bactrian.model.Cost;
import dev.bactrian.model.Kind;
import dev.bactrian.model.Model;
import dev.bactrian.model.ProviderName;
import dev.bactrian.replicate.PollCounts;
import dev.bactrian.replicate.PollState;
import dev.bactrian.replicate.PollTimings;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.request.RequestReader;
import dev.bactrian.text.ProviderJson;

/**
 * The content of a message on {@code bactrian.polls}: all that any instance needs to poll a prediction and to finish its request.
 * Of the request itself it only contains the prompt of an image, which the result repeats; and all that is sent to a model if another
 * one may be tried when the prediction does not end.
 *
 * @param generation the request
 * @param poll       the state of its prediction
 */
record PollMessage(Generation generation, PollState poll) {

    /** Reads what this class has written; the size of a request was limited when it was received. */
    private static final RequestReader READER = new RequestReader(Integer.MAX_VALUE);
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
        if (generation.fallback() != Fallback.NONE) {
            state.set("fallback", fallback());
        }
        return Documents.text(state);
    }

    private ObjectNode fallback() {
        Fallback fallback = generation.fallback();
        ObjectNode state = JsonNodeFactory.instance.objectNode();
        if (fallback.afterPaid() && fallback.hasNext()) {
            state.put("key", fallback.key());
            fallback.next().forEach(model -> state.withArray("next").addObject().put("model", model.id())
                    .put("provider", model.provider().toString()).put("kind", model.kind() == null ? null : model.kind().toString()));
            ObjectNode request = state.putObject("request").setAll(generation.request().options());
            request.put("prompt", generation.request().prompt());
            generation.request().messages().forEach(message -> request.withArray("messages").add(message.fields()));
        }
        fallback.tried().forEach(attempt -> {
            ObjectNode tried = state.withArray("tried").addObject().put("model", attempt.model()).put("provider", attempt.provider())
                    .put("type", attempt.type()).put("message", attempt.message());
            if (attempt.cost() != null) {
                tried.set("cost", attempt.cost().document());
            }
        });
        fallback.keys().forEach(state.withArray("keys")::add);
        return state;
    }

    private static Fallback fallback(JsonNode state) {
        List<Model> next = new ArrayList<>();
        for (JsonNode model : state.path("next")) {
            next.add(new Model(ProviderName.of(required(model, "provider")).orElseThrow(), required(model, "model"),
                    model.path("kind").isTextual() ? Kind.of(model.path("kind").textValue()).orElseThrow() : null, null));
        }
        List<Fallback.Attempt> tried = new ArrayList<>();
        for (JsonNode attempt : state.path("tried")) {
            tried.add(new Fallback.Attempt(required(attempt, "model"), required(attempt, "provider"), required(attempt, "type"),
                    required(attempt, "message"), Cost.read(attempt.path("cost"))));
        }
        List<String> keys = new ArrayList<>();
        state.path("keys").forEach(key -> keys.add(name(key)));
        return new Fallback(next, !next.isEmpty(), state.path("key").isTextual() ? name(state.path("key")) : null, tried, keys);
    }

    private static GenerateRequest request(JsonNode state, Kind kind) {
        if (state.path("fallback").path("request") instanceof ObjectNode sent) {
            return READER.read((JsonNode) sent.without(List.of("id", "model", "provider", "kind", "fallback", "fallback-after-paid")));
        }
        return new GenerateRequest(null, null, null, kind, List.of(), state.path("prompt").asText(""), JsonNodeFactory.instance.objectNode());
    }

    /** Parses the text of a message; empty if it is not a valid poll message. */
    static Optional<PollMessage> read(String text) {
        JsonNode state = ProviderJson.json(text).orElse(JsonNodeFactory.instance.nullNode());
        try {
            Kind kind = state.path("kind").isTextual() ? Kind.of(state.path("kind").textValue()).orElseThrow() : null;
            Model model = new Model(ProviderName.REPLICATE, required(state, "model"), kind, state.path("version").textValue());
            GenerateRequest request = request(state, kind);
            Generation resumed = Generation.resume(name(state, "id"), request, model, state.path("recallKey").isNull() ? null : name(state, "recallKey"),
                    Instant.parse(required(state, "startedAt"))).using(state.path("token").textValue());
            Generation generation = state.has("fallback") ? resumed.with(fallback(state.path("fallback"))) : resumed;
            PollCounts polls = new PollCounts(state.path("looks").asInt(), state.path("queued").asInt(), state.path("misses").asInt(),
                    state.path("skipped").asInt(), state.path("refusedMs").asLong());
            return Optional.of(new PollMessage(generation, PollState.resume(prediction(state), required(state, "status"), polls, times(state))));
        } catch (IllegalArgumentException | ArithmeticException | DateTimeException | NoSuchElementException | GenerationFailure e) {
            return Optional.empty();
        }
    }

    /** Validates a name that becomes part of a URL, a file name or a header: anybody may have written the message. */
    private static String name(JsonNode state, String field) {
        required(state, field);
        return name(state.path(field));
    }

    private static String name(JsonNode value) {
        String name = value.asText("");
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("not a name");
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
