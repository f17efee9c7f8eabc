package dev.bactrian.request;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * One message of a conversation.
 *
 * @param role   {@code system}, {@code developer}, {@code user}, {@code assistant} or {@code tool}
 * @param text   its content; if the content is a list of parts, the text parts joined
 * @param fields the whole message as received, with further fields such as a tool call id
 */
public record ChatMessage(String role, String text, ObjectNode fields) {

    /** Creates a message of a role and a text. */
    public static ChatMessage of(String role, String text) {
        return new ChatMessage(role, text, JsonNodeFactory.instance.objectNode().put("role", role).put("content", text));
    }
}
