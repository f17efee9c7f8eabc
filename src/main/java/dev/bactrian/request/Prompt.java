package dev.bactrian.request;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Formats a conversation as one text, for models that take no messages. */
public final class Prompt {

    private Prompt() {
    }

    /**
     * Returns the prompt for a text model. A single message becomes its content. Several messages become one line
     * {@code Role: content} each, without those of blank content, and a last line {@code Assistant:}.
     */
    public static String format(List<ChatMessage> messages) {
        if (messages.size() == 1) {
            return messages.get(0).text();
        }
        return messages.stream().filter(message -> !message.text().isBlank())
                .map(message -> capitalised(message.role()) + ": " + message.text())
                .collect(Collectors.joining("\n", "", "\nAssistant:"));
    }

    /** Returns the prompt for an image model: the content of the last message. */
    public static String last(List<ChatMessage> messages) {
        return messages.get(messages.size() - 1).text();
    }

    private static String capitalised(String role) {
        return role.substring(0, 1).toUpperCase(Locale.ROOT) + role.substring(1).toLowerCase(Locale.ROOT);
    }
}
