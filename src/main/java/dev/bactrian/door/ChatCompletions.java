package dev.bactrian.door;

import java.util.List;
import java.util.Map;
import java.util.Set;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Steps;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Models;
import dev.bactrian.model.Model;
import dev.bactrian.model.ProviderName;
import dev.bactrian.request.RequestReader;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;

/** Chat completions of OpenAI's API: makes our request of one, and its answer of our result (OpenAI API reference, Chat). */
public final class ChatCompletions implements CamelContextAware {

    /** The fields beside model and messages that Upstage knows (its API reference, Chat Completions); it refuses others. */
    private static final Set<String> OF_UPSTAGE = Set.of("max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "frequency_penalty",
            "presence_penalty", "reasoning_effort", "tools", "tool_choice", "parallel_tool_calls", "response_format", "prompt_cache_key", "seed", "stop");
    /** The inputs that most of Replicate's text models have. */
    private static final Set<String> OF_REPLICATE = Set.of("max_tokens", "temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "seed");
    private static final Set<String> TEXT_PARTS = Set.of("text", "refusal");
    /** What says how the answer is sent, and our own fields. */
    private static final Set<String> OURS = Set.of("model", "messages", "id", "provider", "fallback", "fallback-after-paid");

    private CamelContext camelContext;
    private Models models;
    private RequestReader reader;
    private Door door;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        camelContext = context;
        models = Models.of(context);
        reader = new RequestReader(Settings.of(context).bytes(Property.MAX_REQUEST_BYTES), models.catalogue().providers());
        Steps.of(context, "bactrianChatCompletions", ChatCompletions.class).step("request", ChatCompletions::request)
                .step("answer", ChatCompletions::answer);
    }

    /** Sets the door, which keeps the connection of a silent stream open. */
    public void setDoor(Door door) {
        this.door = door;
    }

    /**
     * Sets the body to our request.
     *
     * @throws GenerationFailure {@code invalid-request} or {@code unsupported-model}
     */
    public void request(Exchange exchange) {
        byte[] body = exchange.getMessage().getBody(byte[].class);
        ObjectNode asked = reader.object(body);
        Model model = ModelList.resolve(models, exchange, Fields.text(asked, "model"), reader.provider(Fields.text(asked, "provider")), null);
        if (model.isImage()) {
            throw Fields.invalid("model: " + model.id() + " makes images, by /v1/images/generations");
        }
        if (!asked.path("messages").isArray()) {
            throw Fields.invalid("messages: required, a list");
        }
        JsonNode stream = asked.path("stream");
        if (!stream.isBoolean() && !stream.isNull() && !stream.isMissingNode()) {
            throw Fields.invalid("stream: not true or false");
        }
        requireOneAnswer(asked.path("n"));
        requireTextAlone(asked.path("messages"), model);
        Call call = Call.of(exchange);
        call.name(asked.path("id").textValue());
        ChatEvents events = null;
        if (stream.asBoolean()) {
            boolean usage = asked.path("stream_options").path("include_usage").asBoolean();
            events = new ChatEvents(call.client(), call.eventHeaders(), completionId(call.id()), model.id(), usage, call.isKeyed());
            door.follow(events);
        }
        exchange.getMessage().setBody(ProviderJson.bytes(ours(asked, model)));
        exchange.getMessage().setHeader(Exchange.CONTENT_TYPE, Answers.JSON);
        call.ask(exchange, "chat", body, events, null);
    }

    private static void requireOneAnswer(JsonNode n) {
        if (!n.isMissingNode() && !n.isNull() && !(n.isNumber() && n.doubleValue() == 1)) {
            throw Fields.invalid("n: not 1: a request has one answer");
        }
    }

    /** Upstage and Replicate take text alone; what providers of the catalogue take is theirs to say. */
    private static void requireTextAlone(JsonNode messages, Model model) {
        if (!model.provider().equals(ProviderName.UPSTAGE) && !model.provider().equals(ProviderName.REPLICATE)) {
            return;
        }
        for (int i = 0; i < messages.size(); i++) {
            for (JsonNode part : messages.get(i).path("content")) {
                if (part.isObject() && !TEXT_PARTS.contains(part.path("type").asText("text"))) {
                    throw Fields.invalid("messages[" + i + "].content: " + model.id() + " takes text alone");
                }
            }
        }
    }

    /** Returns the request with the fields that the provider knows. */
    private static ObjectNode ours(ObjectNode asked, Model model) {
        ObjectNode request = JsonNodeFactory.instance.objectNode();
        boolean replicate = model.provider().equals(ProviderName.REPLICATE);
        boolean upstage = model.provider().equals(ProviderName.UPSTAGE);
        for (Map.Entry<String, JsonNode> field : asked.properties()) {
            String name = field.getKey();
            boolean known = replicate ? OF_REPLICATE.contains(name) : upstage ? OF_UPSTAGE.contains(name)
                    : !List.of("stream", "stream_options", "n", "kind", "prompt").contains(name);
            if (!field.getValue().isNull() && (known || OURS.contains(name))) {
                request.set(name, field.getValue());
            }
        }
        if (replicate) {
            requireNone(asked, "tools", model);
            requireText(asked, model);
            JsonNode most = asked.path("max_completion_tokens");
            if (most.isNumber() && !request.has("max_tokens")) {
                request.set("max_tokens", most);
            }
        }
        return request;
    }

    private static void requireNone(ObjectNode asked, String field, Model model) {
        if (!asked.path(field).isEmpty()) {
            throw Fields.invalid(field + ": " + model.id() + " takes none");
        }
    }

    private static void requireText(ObjectNode asked, Model model) {
        String format = asked.path("response_format").path("type").asText("text");
        if (!format.equals("text")) {
            throw Fields.invalid("response_format: " + model.id() + " answers with text alone");
        }
    }

    private static String completionId(String requestId) {
        return "chatcmpl-" + requestId;
    }

    /** Answers with the outcome in the body: the end of the stream, or the completion as a whole. */
    public void answer(Exchange exchange) throws InterruptedException {
        JsonNode document = ProviderJson.json(exchange.getMessage().getBody(String.class)).orElseThrow();
        Call call = Call.of(exchange);
        if (call.endEvents(exchange, document)) {
            return;
        } else if (document.has("error")) {
            call.fail(exchange, document);
        } else {
            call.answer(exchange, 200, Answers.JSON, Answers.bytes(completion(document)));
        }
    }

    private static ObjectNode completion(JsonNode document) {
        ObjectNode completion = JsonNodeFactory.instance.objectNode()
                .put("id", completionId(document.path("id").asText())).put("object", "chat.completion")
                .put("created", System.currentTimeMillis() / 1000).put("model", document.path("model").asText());
        ObjectNode choice = completion.putArray("choices").addObject().put("index", 0);
        ObjectNode message = choice.putObject("message").put("role", "assistant").put("content", content(document));
        message.put("refusal", document.path("refusal").isTextual() ? document.path("refusal").asText() : null);
        if (document.has("reasoning")) {
            message.set("reasoning_content", document.get("reasoning"));
        }
        if (document.has("toolCalls")) {
            message.set("tool_calls", document.get("toolCalls"));
        }
        choice.putNull("logprobs").put("finish_reason", finishReason(document));
        if (document.path("usage").isObject()) {
            completion.set("usage", document.get("usage"));
        }
        List.of("provider", "cost", "attempts").stream().filter(document::has).forEach(field -> completion.set(field, document.get(field)));
        return completion;
    }

    /** Returns the text of the answer, or null if it has only tool calls or a refusal. A model may answer with other JSON than text. */
    static String content(JsonNode document) {
        JsonNode output = document.has("text") ? document.get("text") : document.path("output");
        String text = output.isTextual() ? output.textValue() : output.isMissingNode() ? "" : Documents.text(output);
        return text.isEmpty() && (document.has("toolCalls") || document.has("refusal")) ? null : text;
    }

    /** Returns the finish reason of a result; a text from Replicate has none. */
    static String finishReason(JsonNode document) {
        return document.path("finishReason").asText(document.has("toolCalls") ? "tool_calls" : "stop");
    }
}
