package dev.bactrian.simulator;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** Upstage's part of the simulator: chat completions, as one JSON document or as an event stream. */
final class UpstageApi {

    /** The number of pieces from which on a stream without pauses is encoded once and cached. */
    private static final int LONG = 1000;
    private static final int KEPT = 16;

    private static final Set<String> ARGUMENTS = Set.of("model", "messages", "stream", "stream_options", "max_tokens",
            "max_completion_tokens", "temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty",
            "reasoning_effort", "tools", "tool_choice", "parallel_tool_calls", "response_format", "prompt_cache_key",
            "seed", "logprobs", "stop", "n");
    private static final Set<String> ROLES = Set.of("system", "user", "assistant", "tool");
    private static final Map<String, String> SNAPSHOTS = Map.of(
            "solar-pro4", "solar-pro4-260806",
            "solar-mini4", "solar-mini4-260922",
            "solar-pro3", "solar-pro3-260323",
            "solar-pro2", "solar-pro2-251215",
            "solar-pro", "solar-pro-250422",
            "solar-mini", "solar-mini-250422",
            "solar-1-mini-chat", "solar-1-mini-chat-240612",
            "syn-pro", "syn-pro-251021");
    /** Models that Upstage has retired for certain; any other name is accepted. */
    private static final Set<String> RETIRED = Set.of("solar-1-mini-groundedness-check", "solar-open2",
            "solar-pro3-260126", "solar-pro2-250710", "solar-pro2-250909");

    private final Duration pause;
    private final Reply fixed;
    private final Map<Kept, byte[]> kept = new ConcurrentHashMap<>();

    /**
     * @param pause  the wait between two pieces of a stream
     * @param pieces the number of pieces of every answer; 0: a few sentences about the prompt
     */
    UpstageApi(Duration pause, int pieces) {
        this.pause = pause;
        this.fixed = pieces == 0 ? null : Reply.stream(numbered(pieces));
    }

    PreparedResponse answer(RecordedRequest request) {
        return withLimits(answered(request));
    }

    /** Returns how many tokens a chat takes that is answered without a script. */
    long tokens(RecordedRequest request) {
        try {
            JsonNode body = Json.parse(request.body());
            return usage(body, reply(body)).path("total_tokens").asLong();
        } catch (JsonProcessingException e) {
            return 0;
        }
    }

    private Reply reply(JsonNode body) {
        Reply reply = fixed == null ? Reply.stream(Words.pieces(Words.about(prompt(body.path("messages"))))) : fixed;
        return thinks(body) ? reply.reasoning("Two humps,", " so Bactrian.") : reply;
    }

    /** Returns the list of models. */
    PreparedResponse models() {
        ObjectNode body = Json.object().put("object", "list");
        ArrayNode models = body.putArray("data");
        SNAPSHOTS.forEach((alias, snapshot) -> {
            models.addObject().put("id", alias).put("object", "model");
            models.addObject().put("id", snapshot).put("object", "model");
        });
        return withLimits(PreparedResponse.json(200, body));
    }

    /** Returns the stream of a script's pieces, for the requested model. */
    PreparedResponse scripted(RecordedRequest request, Reply reply) {
        JsonNode body;
        try {
            body = Json.parse(request.body());
        } catch (JsonProcessingException e) {
            body = Json.object();
        }
        return withLimits(stream(body, reply));
    }

    static PreparedResponse error(int status, String message, String type, String code) {
        ObjectNode body = Json.object();
        body.putObject("error").put("message", message).put("type", type).put("param", "").put("code", code);
        return PreparedResponse.json(status, body);
    }

    private PreparedResponse answered(RecordedRequest request) {
        JsonNode body;
        try {
            body = Json.parse(request.body());
        } catch (JsonProcessingException e) {
            return refused("the body is not JSON");
        }
        String fault = fault(body);
        if (fault != null) {
            return refused(fault);
        }
        Reply reply = reply(body);
        return body.path("stream").asBoolean() ? stream(body, reply) : whole(body, reply);
    }

    /** Returns what is wrong with a request, or null. */
    private static String fault(JsonNode body) {
        if (!body.isObject()) {
            return "the body is not a JSON object";
        }
        for (Iterator<String> names = body.fieldNames(); names.hasNext(); ) {
            String name = names.next();
            if (!ARGUMENTS.contains(name)) {
                return "unrecognized request argument supplied: " + name;
            }
        }
        String model = body.path("model").asText();
        if (model.isEmpty()) {
            return "model is required";
        }
        if (RETIRED.contains(model)) {
            return "requested model is not available";
        }
        if (SNAPSHOTS.get("solar-mini").equals(snapshot(model)) && body.hasNonNull("reasoning_effort")) {
            return "reasoning_effort is not supported by " + model;
        }
        JsonNode messages = body.path("messages");
        if (!messages.isArray() || messages.isEmpty()) {
            return "messages must be a non-empty list";
        }
        for (JsonNode message : messages) {
            String role = message.path("role").asText();
            if (!ROLES.contains(role)) {
                return "unknown role '" + role + "'; expected one of system, user, assistant, tool";
            }
            for (JsonNode part : message.path("content")) {
                if (!part.path("type").asText().equals("text")) {
                    return "only text content is supported";
                }
            }
        }
        return null;
    }

    private static PreparedResponse refused(String message) {
        return error(400, message, "invalid_request_error", "invalid_request_body");
    }

    private static PreparedResponse withLimits(PreparedResponse answer) {
        String reset = Long.toString(Instant.now().getEpochSecond() + 60);
        return answer.with(Map.of(
                "X-Upstage-RateLimit-Limit-Requests", "10000000",
                "X-Upstage-RateLimit-Remaining-Requests", "9999999",
                "X-Upstage-RateLimit-Reset-Requests", reset,
                "X-Upstage-RateLimit-Interval-Requests", "60",
                "X-Upstage-RateLimit-Limit-Tokens", "1000000000000",
                "X-Upstage-RateLimit-Remaining-Tokens", "999999999000",
                "X-Upstage-RateLimit-Reset-Tokens", reset,
                "X-Upstage-RateLimit-Interval-Tokens", "60"));
    }

    private PreparedResponse whole(JsonNode body, Reply reply) {
        ObjectNode json = Json.object();
        json.put("id", UUID.randomUUID().toString());
        json.put("object", "chat.completion");
        json.put("created", Instant.now().getEpochSecond());
        json.put("model", snapshot(body.path("model").asText()));
        ObjectNode choice = json.putArray("choices").addObject().put("index", 0);
        ObjectNode message = choice.putObject("message");
        message.put("role", "assistant").put("content", String.join("", reply.pieces));
        if (!reply.reasoning.isEmpty()) {
            message.put("reasoning", String.join("", reply.reasoning));
        }
        choice.putNull("logprobs").put("finish_reason", "stop");
        json.set("usage", usage(body, reply));
        return PreparedResponse.json(200, json);
    }

    private PreparedResponse stream(JsonNode body, Reply reply) {
        Duration gap = reply.pause == null ? pause : reply.pause;
        boolean usage = body.path("stream_options").path("include_usage").asBoolean();
        if (reply.pieces.size() >= LONG && gap.isZero() && reply.listener == null) {
            if (kept.size() > KEPT) {
                kept.clear();
            }
            Kept key = new Kept(reply, snapshot(body.path("model").asText()), usage);
            byte[] bytes = kept.computeIfAbsent(key, k -> {
                ByteArrayOutputStream all = new ByteArrayOutputStream();
                frames(body, reply, gap, usage).forEach(frame -> all.writeBytes(frame.bytes()));
                return all.toByteArray();
            });
            return PreparedResponse.stream(List.of(Frame.of(bytes)));
        }
        return PreparedResponse.stream(frames(body, reply, gap, usage));
    }

    private static List<Frame> frames(JsonNode body, Reply reply, Duration gap, boolean usage) {
        String head = "data: {\"id\":\"" + UUID.randomUUID() + "\",\"object\":\"chat.completion.chunk\",\"created\":"
                + Instant.now().getEpochSecond() + ",\"model\":" + Json.quoted(snapshot(body.path("model").asText()))
                + ",\"choices\":[";
        String delta = head + "{\"index\":0,\"delta\":{";
        String tail = usage ? "],\"usage\":null}\n\n" : "]}\n\n";
        String open = "},\"finish_reason\":null}" + tail;
        List<Frame> frames = new ArrayList<>(reply.pieces.size() + 4);
        frames.add(frame(delta + "\"role\":\"assistant\",\"content\":\"\"" + open, Duration.ZERO, -1));
        for (String thought : reply.reasoning) {
            frames.add(frame(delta + "\"reasoning\":" + Json.quoted(thought) + open,
                    frames.size() == 1 ? Duration.ZERO : gap, -1));
        }
        for (int i = 0; i < reply.pieces.size(); i++) {
            frames.add(frame(delta + "\"content\":" + Json.quoted(reply.pieces.get(i)) + open,
                    frames.size() == 1 ? Duration.ZERO : gap, i));
        }
        for (int i = 0; i < reply.toolCalls.size(); i++) {
            Reply.ToolCall call = reply.toolCalls.get(i);
            String start = delta + "\"tool_calls\":[{\"index\":" + i + ",";
            frames.add(frame(start + "\"id\":" + Json.quoted(call.id()) + ",\"type\":\"function\",\"function\":{\"name\":"
                    + Json.quoted(call.name()) + ",\"arguments\":\"\"}}]" + open, frames.size() == 1 ? Duration.ZERO : gap, -1));
            for (String arguments : call.arguments()) {
                frames.add(frame(start + "\"function\":{\"arguments\":" + Json.quoted(arguments) + "}}]" + open, gap, -1));
            }
        }
        String reason = reply.toolCalls.isEmpty() ? "stop" : "tool_calls";
        frames.add(frame(delta + "},\"finish_reason\":\"" + reason + "\"}" + tail, Duration.ZERO, -1));
        if (usage) {
            frames.add(frame(head + "],\"usage\":" + usage(body, reply) + "}\n\n", Duration.ZERO, -1));
        }
        frames.add(frame("data: [DONE]\n\n", Duration.ZERO, -1));
        return frames;
    }

    private static Frame frame(String event, Duration gap, int piece) {
        return new Frame(event.getBytes(StandardCharsets.UTF_8), gap, piece);
    }

    /** Counts words and pieces in place of tokens. */
    private static ObjectNode usage(JsonNode body, Reply reply) {
        int words = 0;
        for (JsonNode message : body.path("messages")) {
            words += text(message.path("content")).split("\\s+").length;
        }
        int thoughts = reply.reasoning.size();
        int completion = reply.pieces.size() + thoughts + reply.toolCalls.stream().mapToInt(call -> 1 + call.arguments().size()).sum();
        ObjectNode usage = Json.object();
        usage.put("prompt_tokens", words).put("completion_tokens", completion).put("total_tokens", words + completion);
        usage.putObject("prompt_tokens_details").put("cached_tokens", 0);
        usage.putObject("completion_tokens_details").put("reasoning_tokens", thoughts);
        return usage;
    }

    private static boolean thinks(JsonNode body) {
        String effort = body.path("reasoning_effort").asText();
        return switch (snapshot(body.path("model").asText())) {
            case "solar-pro4-260806" -> Set.of("low", "medium", "high", "xhigh", "max").contains(effort);
            case "solar-pro3-260323" -> Set.of("medium", "high").contains(effort);
            default -> false;
        };
    }

    private static String prompt(JsonNode messages) {
        String prompt = "";
        for (JsonNode message : messages) {
            if (message.path("role").asText().equals("user")) {
                prompt = text(message.path("content"));
            }
        }
        return prompt;
    }

    private static String text(JsonNode content) {
        if (!content.isArray()) {
            return content.isTextual() ? content.asText() : "";
        }
        StringBuilder text = new StringBuilder();
        content.forEach(part -> text.append(part.path("text").asText()));
        return text.toString();
    }

    private static String snapshot(String model) {
        return SNAPSHOTS.getOrDefault(model, model.isEmpty() ? "solar-pro4-260806" : model);
    }

    private static List<String> numbered(int pieces) {
        List<String> list = new ArrayList<>(pieces);
        for (int i = 0; i < pieces; i++) {
            list.add(i + " ");
        }
        return List.copyOf(list);
    }

    /** The key of a cached stream; replies are compared by identity. */
    private record Kept(Reply reply, String model, boolean usage) {
    }
}
