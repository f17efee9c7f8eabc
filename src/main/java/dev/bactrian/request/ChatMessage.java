package dev.bactrian.request;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * One message of a conversation.
 *
 * @param role   {@code system}, {@code developer}, {@code user}, {@code assistant} or {@code tool}
 * @param text   its content; of a list of parts the text ones joined
 * @param fields the message as it came, for what else it carries (a tool's call id, say)
 */
public record ChatMessage(String role, String text, ObjectNode fields) {

    /** A message of role and text alone. */
    public static ChatMessage of(String role, String text) {
        return new ChatMessage(role, text, JsonNodeFactory.instance.objectNode().put("role", role).put("content", text));
    }
}
