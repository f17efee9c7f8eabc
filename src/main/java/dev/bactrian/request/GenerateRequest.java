package dev.bactrian.request;

import java.util.List;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.model.Kind;
import dev.bactrian.model.ProviderName;

/**
 * A validated request. Immutable as long as nobody changes {@code options}.
 *
 * @param id       the sender's id, or null
 * @param model    an id or alias, or null
 * @param provider the requested provider, or null
 * @param kind     the requested kind, or null
 * @param messages the conversation; empty if a prompt is given
 * @param prompt   sent as it is in place of the messages, or null
 * @param options  all other fields, passed on to the provider unchanged
 */
public record GenerateRequest(
        String id, String model, ProviderName provider, Kind kind, List<ChatMessage> messages, String prompt, ObjectNode options) {

    public GenerateRequest {
        messages = messages == null ? List.of() : List.copyOf(messages);
        options = options == null ? JsonNodeFactory.instance.objectNode() : options;
    }

    /** Creates a request with a single user message. */
    public static GenerateRequest ofPrompt(String prompt) {
        return new GenerateRequest(null, null, null, null, List.of(ChatMessage.of("user", prompt)), null,
                JsonNodeFactory.instance.objectNode());
    }

    /** Creates a request with a conversation. */
    public static GenerateRequest ofMessages(List<ChatMessage> messages) {
        return new GenerateRequest(null, null, null, null, messages, null, JsonNodeFactory.instance.objectNode());
    }

    /** Returns a copy with that model: an id or an alias. */
    public GenerateRequest withModel(String name) {
        return new GenerateRequest(id, name, provider, kind, messages, prompt, options);
    }

    /** Returns a copy with that id. */
    public GenerateRequest withId(String newId) {
        return new GenerateRequest(newId, model, provider, kind, messages, prompt, options);
    }

    /** Returns the text for a model that takes no messages: the prompt, or else the conversation formatted for that kind of model. */
    public String promptFor(boolean image) {
        return prompt != null ? prompt : image ? Prompt.last(messages) : Prompt.format(messages);
    }
}
