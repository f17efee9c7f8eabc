package dev.bactrian.simulator;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** Replicate's part of the simulator: predictions through the official HTTP API and through the keyless one of its home page. */
final class ReplicateApi {

    private static final int REMEMBERED = 100_000;
    private static final int PAGE = 100;
    private static final int MOST_IMAGES = 10;
    private static final String ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
    private static final Duration SHORTEST_DEADLINE = Duration.ofSeconds(5);
    private static final Set<String> CREATE_KEYS =
            Set.of("version", "input", "stream", "webhook", "webhook_events_filter");
    private static final Set<String> MODEL_CREATE_KEYS = Set.of("input", "stream", "webhook", "webhook_events_filter");

    private static final Pattern VERSION = Pattern.compile("(?:([^/:]+/[^/:]+):)?([0-9a-f]{64})|([^/:]+/[^/:]+)");
    private static final Pattern PREFER_WAIT = Pattern.compile("wait(=[0-9]{1,2})?");
    private static final Pattern CANCEL_AFTER = Pattern.compile("(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s?)?");
    private static final Pattern IMAGE_MODEL =
            Pattern.compile("stable-diffusion|sdxl|playground|flux|imagen|image|diffusion|photo");
    private static final Pattern TEXT_MODEL =
            Pattern.compile("gemma|llama|granite|mistral|mixtral|gpt|claude|deepseek|qwen|gemini|instruct|chat");

    /** Known models by version. */
    private static final Map<String, String> MODELS = Map.of(
            "dff94eaf770e1fc211e425a50b51baa8e4cac6c39ef074681f9e39d778773626", "google-deepmind/gemma-2b-it",
            "527d2a6296facb8e47ba1eaf17f142c240c19a30894f437feee9b91cc29d8e4f", "stability-ai/stable-diffusion-3",
            "5f24084160c9089501c1b3545d9be3c27883ae2239b6f412990e82d4a6210f8f", "bytedance/sdxl-lightning-4step",
            "a45f82a1382bed5c7aeb861dac7c7d191b0fdf74d8d57c4a0e6ed7d4d0bf7d24",
            "playgroundai/playground-v2.5-1024px-aesthetic");

    private final BiConsumer<JsonNode, SimulatedPrediction> created;
    private final String base;
    private final int polls;
    private final Set<String> unofficial;
    private final Duration pause;
    private final boolean streams;
    private final boolean inputsListed;
    private final Map<String, SimulatedPrediction> predictions = new ConcurrentHashMap<>();
    private final Queue<String> oldest = new ConcurrentLinkedQueue<>();
    private final AtomicInteger remembered = new AtomicInteger();
    private final AtomicInteger accepted = new AtomicInteger();

    /**
     * @param base       the simulator's URL, without a slash at its end
     * @param polls      the number of the poll that finds a prediction ended
     * @param unofficial the {@code owner/name} of models that need a pinned version
     * @param created    called with each unscripted create of the official API and its prediction
     * @param pause      the wait between two pieces of a stream
     * @param streams    whether text models offer a stream
     * @param inputsListed whether the list shows inputs and outputs
     */
    ReplicateApi(String base, int polls, Set<String> unofficial, BiConsumer<JsonNode, SimulatedPrediction> created, Duration pause, boolean streams, boolean inputsListed) {
        this.created = created;
        this.base = base;
        this.polls = polls;
        this.unofficial = unofficial;
        this.pause = pause;
        this.streams = streams;
        this.inputsListed = inputsListed;
    }

    PreparedResponse answer(Target target, RecordedRequest request) {
        boolean homepage = target.dialect() == Target.Dialect.HOMEPAGE;
        PreparedResponse answer = switch (target.call()) {
            case CREATE -> homepage ? createAtHomepage(request) : create(target, request);
            case POLL -> {
                SimulatedPrediction prediction = predictions.get(target.name());
                yield prediction == null ? PreparedResponse.notFound() : shown(200, prediction.poll(polls), homepage);
            }
            case CANCEL -> {
                SimulatedPrediction prediction = predictions.get(target.name());
                yield prediction == null ? PreparedResponse.notFound() : shown(200, prediction.cancel(), homepage);
            }
            case LIST -> list(target.name());
            case UPLOAD -> uploaded(request);
            default -> PreparedResponse.notFound();
        };
        return homepage || answer.status() >= 400
                ? answer
                : answer.with(Map.of(
                        "ratelimit-remaining", target.call() == Call.CREATE ? "599" : "2999",
                        "ratelimit-reset", "1"));
    }

    /** Returns the file object of an upload; the file itself is not kept. */
    private PreparedResponse uploaded(RecordedRequest request) {
        String type = request.header("Content-Type");
        if (type == null || !type.startsWith("multipart/form-data; boundary=") || !request.bodyText().contains("name=\"content\"")) {
            return PreparedResponse.problem(400, "Invalid file", "the part content is missing");
        }
        String id = newId();
        ObjectNode file = Json.object().put("id", id).put("size", request.body().length).put("created_at", Instant.now().toString())
                .put("expires_at", Instant.now().plus(Duration.ofDays(1)).toString());
        file.putObject("urls").put("get", base + "/v1/files/" + id);
        return PreparedResponse.json(201, file);
    }

    /** Returns how many predictions were created since the last {@link #reset}. */
    int accepted() {
        return accepted.get();
    }

    void reset() {
        accepted.set(0);
    }

    PreparedResponse file(String id) {
        return PreparedResponse.of(200, "image/png", SamplePicture.of(id))
                .with(Map.of("Cache-Control", "public,max-age=3600", "Accept-Ranges", "bytes"));
    }

    /**
     * Returns the output of a prediction as an event stream, with the script's pieces if it has some. The prediction ends with its stream.
     */
    PreparedResponse stream(String id, Reply reply) {
        SimulatedPrediction prediction = predictions.get(id);
        if (prediction == null) {
            return PreparedResponse.notFound();
        }
        Duration gap = reply.pause == null ? pause : reply.pause;
        List<String> pieces = prediction.stream(reply.kind == Reply.Kind.STREAM ? reply.pieces : prediction.pieces(), gap);
        String head = "event: output\nid: " + Instant.now().getEpochSecond() + ":";
        List<Frame> frames = new ArrayList<>(pieces.size() + 1);
        for (int i = 0; i < pieces.size(); i++) {
            String data = "data: " + pieces.get(i).replace("\r\n", "\n").replace('\r', '\n').replace("\n", "\ndata: ");
            frames.add(new Frame((head + i + "\n" + data + "\n\n").getBytes(StandardCharsets.UTF_8), i == 0 ? Duration.ZERO : gap, i));
        }
        frames.add(Frame.of("event: done\ndata: {}\n\n".getBytes(StandardCharsets.UTF_8)));
        return PreparedResponse.stream(frames);
    }

    /** Returns a prediction in the state that a script sets. */
    PreparedResponse scripted(Target target, RecordedRequest request, Reply reply) {
        boolean homepage = target.dialect() == Target.Dialect.HOMEPAGE;
        if (target.call() == Call.CREATE) {
            SimulatedPrediction prediction = remember(made(newId(), target, lenient(request.body()), null));
            return shown(homepage ? 200 : 201, prediction.become(reply.predictionStatus, reply.output, reply.error),
                    homepage);
        }
        String id = target.name() == null ? newId() : target.name();
        SimulatedPrediction known = predictions.get(id);
        SimulatedPrediction prediction = known == null ? made(id, target, Json.object(), null) : known;
        return shown(200, prediction.json(base, reply.predictionStatus, reply.output, reply.error), homepage);
    }

    /** Registers the prediction of a hand-written create answer, so that polls find it. */
    void adopt(Target target, RecordedRequest request, byte[] answer) {
        String id = lenient(answer).path("id").asText();
        if (!id.isEmpty()) {
            remember(made(id, target, lenient(request.body()), null));
        }
    }

    private PreparedResponse create(Target target, RecordedRequest request) {
        JsonNode body;
        try {
            body = Json.parse(request.body());
        } catch (JsonProcessingException e) {
            return PreparedResponse.problem(400, null, "the body is not JSON");
        }
        Set<String> keys = target.name() == null ? CREATE_KEYS : MODEL_CREATE_KEYS;
        List<Fault> faults = faults(body, target.name() == null ? List.of("version", "input") : List.of("input"));
        body.fieldNames().forEachRemaining(key -> {
            if (!keys.contains(key)) {
                faults.add(new Fault("additional_property_not_allowed", "",
                        "Additional property " + key + " is not allowed"));
            }
        });
        if (!faults.isEmpty()) {
            return invalid(faults);
        }
        if (target.name() != null && unofficial.contains(target.name())) {
            return PreparedResponse.notFound();
        }
        if (target.name() == null) {
            Matcher version = VERSION.matcher(body.get("version").asText());
            if (!version.matches() || version.group(3) != null && unofficial.contains(version.group(3))) {
                return PreparedResponse.problem(422, "Invalid version or not permitted",
                        "the version does not exist, or you may not run it");
            }
        }
        Instant deadline = null;
        String cancelAfter = request.header("Cancel-After");
        if (cancelAfter != null) {
            Duration after = duration(cancelAfter);
            if (after == null || after.compareTo(SHORTEST_DEADLINE) < 0) {
                return PreparedResponse.problem(422, "Input validation failed", "Cancel-After is not a duration of 5s or more");
            }
            deadline = Instant.now().plus(after).truncatedTo(ChronoUnit.MILLIS);
        }
        SimulatedPrediction prediction = remember(made(newId(), target, body, deadline));
        created.accept(body, prediction);
        String prefer = request.header("Prefer");
        if (prefer != null && PREFER_WAIT.matcher(prefer).matches()) {
            return waited(prediction).with("Preference-Applied", prefer);
        }
        return shown(201, polls == 0 ? prediction.poll(0) : prediction, false);
    }

    /** Returns a page of the predictions that were created within the times of the query, newest first. */
    private PreparedResponse list(String query) {
        Map<String, String> asked = parameters(query);
        Instant after;
        Instant before;
        int from;
        try {
            after = time(asked.get("created_after"), Instant.MIN);
            before = time(asked.get("created_before"), Instant.MAX);
            from = Integer.parseInt(asked.getOrDefault("cursor", "0"));
        } catch (DateTimeException | NumberFormatException e) {
            return PreparedResponse.problem(400, null, "a time or the cursor is not valid");
        }
        List<SimulatedPrediction> listed = predictions.values().stream()
                .filter(one -> one.created().isAfter(after) && one.created().isBefore(before))
                .sorted(Comparator.comparing(SimulatedPrediction::created).reversed()).toList();
        int to = Math.min(listed.size(), from + PAGE);
        String page = base + "/v1/predictions?" + query.replaceAll("(^|&)cursor=[^&]*", "") + "&cursor=";
        ObjectNode body = Json.object();
        body.put("previous", from == 0 ? null : page + Math.max(0, from - PAGE));
        body.put("next", to == listed.size() ? null : page + to);
        ArrayNode results = body.putArray("results");
        listed.subList(Math.min(from, to), to).forEach(one -> results.add(inputsListed ? one.json(base) : one.json(base).without(List.of("input", "output"))));
        return PreparedResponse.json(200, body);
    }

    private static Map<String, String> parameters(String query) {
        Map<String, String> parameters = new HashMap<>();
        for (String pair : query.split("&")) {
            String[] parts = pair.split("=", 2);
            if (parts.length == 2) {
                parameters.put(parts[0], URLDecoder.decode(parts[1], StandardCharsets.UTF_8));
            }
        }
        return parameters;
    }

    private static Instant time(String text, Instant other) {
        return text == null ? other : Instant.parse(text);
    }

    private PreparedResponse createAtHomepage(RecordedRequest request) {
        JsonNode body = lenient(request.body());
        List<Fault> faults = faults(body, List.of("model", "version", "input"));
        if (!faults.isEmpty()) {
            return invalid(faults);
        }
        Target target = new Target(Call.CREATE, Target.Dialect.HOMEPAGE, body.get("model").asText());
        SimulatedPrediction prediction = remember(made(newId(), target, body, null));
        return shown(200, polls == 0 ? prediction.poll(0) : prediction, true);
    }

    private PreparedResponse waited(SimulatedPrediction prediction) {
        ArrayNode output = Json.object().putArray("output");
        if (prediction.image()) {
            String data = "data:image/png;base64,"
                    + Base64.getEncoder().encodeToString(SamplePicture.of(prediction.id()));
            for (int i = 0; i < prediction.pieces().size(); i++) {
                output.add(data);
            }
        } else {
            prediction.pieces().forEach(output::add);
        }
        prediction.almostDone(polls);
        return PreparedResponse.json(201, prediction.waited(base, output));
    }

    private SimulatedPrediction made(String id, Target target, JsonNode body, Instant deadline) {
        String asked = body.path("version").asText();
        Matcher version = VERSION.matcher(asked);
        String hash = version.matches() ? version.group(2) : null;
        String model = target.name();
        if (target.call() != Call.CREATE || model == null) {
            model = hash == null ? asked : version.group(1) != null ? version.group(1) : MODELS.get(hash);
        }
        if (model == null || model.isEmpty()) {
            model = "simulator/model";
        }
        JsonNode input = body.path("input").isObject() ? body.get("input") : Json.object();
        boolean image = makesImages(MODELS.getOrDefault(hash == null ? "" : hash, model), input);
        List<String> output = new ArrayList<>();
        if (image) {
            int count = Math.max(1, Math.min(MOST_IMAGES, input.path("num_outputs").asInt(1)));
            for (int i = 0; i < count; i++) {
                output.add(base + "/files/" + id + "/out-" + i + ".png");
            }
        } else {
            output.addAll(Words.pieces(Words.about(input.path("prompt").asText())));
            output.add("");
        }
        return new SimulatedPrediction(id, model, hash == null ? "hidden" : hash, input,
                target.dialect() == Target.Dialect.HOMEPAGE, List.copyOf(output), image, deadline, streams && !image,
                body.path("webhook").textValue());
    }

    private static boolean makesImages(String model, JsonNode input) {
        if (IMAGE_MODEL.matcher(model).find()) {
            return true;
        }
        return !TEXT_MODEL.matcher(model).find()
                && (input.has("width") || input.has("height") || input.has("num_outputs"));
    }

    private SimulatedPrediction remember(SimulatedPrediction prediction) {
        predictions.put(prediction.id(), prediction);
        accepted.incrementAndGet();
        oldest.add(prediction.id());
        if (remembered.incrementAndGet() > REMEMBERED) {
            remembered.decrementAndGet();
            String forgotten = oldest.poll();
            if (forgotten != null) {
                predictions.remove(forgotten);
            }
        }
        return prediction;
    }

    private PreparedResponse shown(int status, SimulatedPrediction prediction, boolean homepage) {
        return shown(status, prediction.json(base), homepage);
    }

    private static PreparedResponse shown(int status, ObjectNode prediction, boolean homepage) {
        return homepage
                ? PreparedResponse.of(status, "text/plain;charset=UTF-8", Json.bytes(prediction))
                : PreparedResponse.json(status, prediction);
    }

    private static List<Fault> faults(JsonNode body, List<String> required) {
        List<Fault> faults = new ArrayList<>();
        for (String key : required) {
            if (!body.hasNonNull(key)) {
                faults.add(new Fault("required", "", key + " is required"));
            } else if (key.equals("input") ? !body.get(key).isObject() : !body.get(key).isTextual()) {
                faults.add(new Fault("invalid_type", key, key.equals("input") ? "must be an object" : "must be a string"));
            }
        }
        return faults;
    }

    private static PreparedResponse invalid(List<Fault> faults) {
        ObjectNode body = Json.object();
        StringBuilder detail = new StringBuilder();
        ArrayNode fields = Json.object().putArray("fields");
        for (Fault fault : faults) {
            detail.append("- ").append(fault.field.isEmpty() ? "(root)" : fault.field).append(": ")
                    .append(fault.description).append('\n');
            fields.addObject().put("type", fault.type).put("field", fault.field).put("description", fault.description);
        }
        body.put("title", "Input validation failed").put("detail", detail.toString()).put("status", 422);
        body.set("invalid_fields", fields);
        return PreparedResponse.of(422, "application/problem+json", Json.bytes(body));
    }

    /** Parses a number with the units h, m and s, largest first; a bare number is seconds. Returns null for other text. */
    private static Duration duration(String text) {
        Matcher parts = CANCEL_AFTER.matcher(text);
        if (text.isEmpty() || !parts.matches()) {
            return null;
        }
        return Duration.ofHours(number(parts.group(1)))
                .plusMinutes(number(parts.group(2)))
                .plusSeconds(number(parts.group(3)));
    }

    private static int number(String digits) {
        return digits == null ? 0 : Integer.parseInt(digits);
    }

    private static JsonNode lenient(byte[] body) {
        try {
            return Json.parse(body);
        } catch (JsonProcessingException e) {
            return Json.object();
        }
    }

    private static String newId() {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        StringBuilder id = new StringBuilder(26);
        for (int i = 0; i < 26; i++) {
            id.append(ID_LETTERS.charAt(random.nextInt(ID_LETTERS.length())));
        }
        return id.toString();
    }

    private record Fault(String type, String field, String description) {
    }
}
