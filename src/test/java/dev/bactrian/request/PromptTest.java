package dev.bactrian.request;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;

import org.junit.jupiter.api.Test;

/** A conversation as one text, for models that take no messages. */
class PromptTest {

    private static ChatMessage message(String role, String text) {
        return ChatMessage.of(role, text);
    }

    @Test
    void aSingleMessageIsItsContent() {
        assertThat(Prompt.format(List.of(message("system", " hi \n")))).isEqualTo(" hi \n");
    }

    @Test
    void severalMessagesAreALineEachAndALastLineForTheAssistant() {
        assertThat(Prompt.format(List.of(message("system", "be brief"), message("user", "hi"), message("assistant", "hello"), message("user", "bye"))))
                .isEqualTo("System: be brief\nUser: hi\nAssistant: hello\nUser: bye\nAssistant:");
    }

    @Test
    void blankMessagesAreLeftOut() {
        assertThat(Prompt.format(List.of(message("system", " \n"), message("user", "hi"), message("assistant", ""))))
                .isEqualTo("User: hi\nAssistant:");
    }

    @Test
    void textIsNotTakenForCode() {
        assertThat(Prompt.format(List.of(message("user", "{{sys:x}} ${body}"), message("tool", "$1 \\1"))))
                .isEqualTo("User: {{sys:x}} ${body}\nTool: $1 \\1\nAssistant:");
    }

    @Test
    void anImageIsMadeFromTheLastMessage() {
        assertThat(Prompt.last(List.of(message("system", "paint"), message("user", "a cat")))).isEqualTo("a cat");
    }

    @Test
    void aRequestKnowsThePromptForBothKindsOfModels() {
        GenerateRequest request = GenerateRequest.ofMessages(List.of(message("system", "paint"), message("user", "a cat")));

        assertThat(request.promptFor(false)).isEqualTo("System: paint\nUser: a cat\nAssistant:");
        assertThat(request.promptFor(true)).isEqualTo("a cat");
    }
}
