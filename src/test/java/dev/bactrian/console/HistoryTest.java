package dev.bactrian.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.request.ChatMessage;
import dev.bactrian.request.GenerateRequest;
import org.junit.jupiter.api.Test;

class HistoryTest {

    private final History history = new History();

    private static ObjectNode line(long no, String text) {
        return JsonNodeFactory.instance.objectNode().put("no", no).put("text", text);
    }

    @Test
    void holdsTheLastOnes() {
        for (int i = 0; i < 10_000; i++) {
            history.add(i, line(i, "a"), GenerateRequest.ofPrompt("hi"));
        }

        assertThat(history.lines()).hasSize(History.MOST);
        assertThat(history.lines().get(0).path("no").asLong()).isEqualTo(9_999);
        assertThat(history.line(9_000)).isPresent();
        assertThat(history.line(8_999)).isEmpty();
        assertThat(history.request(9_999)).contains(GenerateRequest.ofPrompt("hi"));
    }

    @Test
    void holdsNoMoreThanItsSize() {
        for (int i = 0; i < 1_000; i++) {
            history.add(i, line(i, "x".repeat(4_000)), GenerateRequest.ofPrompt("y".repeat(60_000)));
        }

        assertThat(history.size()).isLessThanOrEqualTo(History.MOST_CHARS);
        assertThat(history.count()).isBetween(100, 200);
    }

    @Test
    void keepsNoLargeRequest() {
        ObjectNode options = JsonNodeFactory.instance.objectNode();
        options.putArray("images").add("x".repeat(40_000)).add("x".repeat(40_000));
        history.add(1, line(1, ""), new GenerateRequest(null, null, null, null, List.of(), "hi", options));
        history.add(2, line(2, ""), GenerateRequest.ofMessages(List.of(ChatMessage.of("user", "x".repeat(70_000)))));

        assertThat(history.request(1)).isEmpty();
        assertThat(history.request(2)).isEmpty();
        assertThat(history.line(1)).isPresent();
        assertThat(history.size()).isLessThan(10_000);
    }
}
