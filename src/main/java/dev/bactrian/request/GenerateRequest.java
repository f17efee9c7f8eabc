package dev.bactrian.request;

import java.util.List;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.model.Kind;
import dev.bactrian.model.ProviderName;

/**
 * A request as its sender wrote it, checked. Immutable as long as nobody changes {@code options}.
 *
 * @param id       the sender's id, or null
 * @param model    an id or alias, or null
 * @param provider the provider asked for, or null
 * @param kind     the kind asked for, or null
 * @param messages the conversation; empty where a prompt is given
 * @param prompt   used as it is in place of the messages, or null
 * @param options  every other field, passed on to the provider untouched
 */
public record GenerateRequest(
        String id, String model, ProviderName provider, Kind kind, List<ChatMessage> messages, String prompt, ObjectNode options) {

    public GenerateRequest {
        messages = messages == null ? List.of() : List.copyOf(messages);
        options = options == null ? JsonNodeFactory.instance.objectNode() : options;
    }

    /** A request of a prompt alone. */
    public static GenerateRequest ofPrompt(String prompt) {
        return new GenerateRequest(null, null, null, null, List.of(ChatMessage.of("user", prompt)), null,
                JsonNodeFactory.instance.objectNode());
    }

    /** A request of messages alone. */
    public static GenerateRequest ofMessages(List<ChatMessage> messages) {
        return new GenerateRequest(null, null, null, null, messages, null, JsonNodeFactory.instance.objectNode());
    }

    /** The same for that model: an id or an alias. */
    public GenerateRequest withModel(String name) {
        return new GenerateRequest(id, name, provider, kind, messages, prompt, options);
    }

    /** The same under that id. */
    public GenerateRequest withId(String newId) {
        return new GenerateRequest(newId, model, provider, kind, messages, prompt, options);
    }

    /** The text for a model that takes one text: the prompt, else the conversation formatted for that kind of model. */
    public String promptFor(boolean image) {
        return prompt != null ? prompt : image ? Prompt.last(messages) : Prompt.format(messages);
    }
}
