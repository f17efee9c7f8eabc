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
 * @param fallback the models, ids or aliases, to try in this order if the model does not answer; null for those of the catalogue, empty
 *                 for none
 * @param fallbackAfterPaid whether another model is tried even if a prediction of the one before may have been paid for
 */
public record GenerateRequest(String id, String model, ProviderName provider, Kind kind, List<ChatMessage> messages, String prompt,
        ObjectNode options, List<String> fallback, Boolean fallbackAfterPaid) {

    public GenerateRequest {
        messages = messages == null ? List.of() : List.copyOf(messages);
        options = options == null ? JsonNodeFactory.instance.objectNode() : options;
        fallback = fallback == null ? null : List.copyOf(fallback);
    }

    /** Creates a request that does not say which other models to try. */
    public GenerateRequest(String id, String model, ProviderName provider, Kind kind, List<ChatMessage> messages, String prompt,
            ObjectNode options) {
        this(id, model, provider, kind, messages, prompt, options, null, null);
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
        return new GenerateRequest(id, name, provider, kind, messages, prompt, options, fallback, fallbackAfterPaid);
    }

    /** Returns a copy with that id. */
    public GenerateRequest withId(String newId) {
        return new GenerateRequest(newId, model, provider, kind, messages, prompt, options, fallback, fallbackAfterPaid);
    }

    /** Returns a copy that names those other models to try. */
    public GenerateRequest withFallback(List<String> models, Boolean afterPaid) {
        return new GenerateRequest(id, model, provider, kind, messages, prompt, options, models, afterPaid);
    }

    /**
     * Returns the text from which the key of the request in the ledger is made. It must stay as it is, because an update of Bactrian must
     * find the predictions that were created before.
     */
    public String forKey() {
        return "GenerateRequest[id=" + id + ", model=" + model + ", provider=" + provider + ", kind=" + kind + ", messages=" + messages
                + ", prompt=" + prompt + ", options=" + options + "]";
    }

    /** Returns the text for a model that takes no messages: the prompt, or else the conversation formatted for that kind of model. */
    public String promptFor(boolean image) {
        return prompt != null ? prompt : image ? Prompt.last(messages) : Prompt.format(messages);
    }
}
