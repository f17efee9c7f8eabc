package dev.bactrian.upstage;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

import dev.bactrian.http.EventStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Events that differ in their text alone are not parsed each, and say the same as if they were. */
class ChatEventTest {

    private static final String[] TEXTS = {"Why ", "do camels \\\"x\\\" ", "have 혹 🐫", " humps", "?"};

    private static int textsAlone(String before) throws IOException {
        StringBuilder stream = new StringBuilder();
        for (String text : TEXTS) {
            stream.append("data: {").append(before).append("\"choices\":[{\"index\":0,\"delta\":{\"content\":\"").append(text).append("\"}}]}\n\n");
        }
        EventStream events = new EventStream(new ByteArrayInputStream(stream.toString().getBytes(StandardCharsets.UTF_8)), null, null);
        ChatEvent event = new ChatEvent();
        int alone = 0;
        for (String text : TEXTS) {
            assertThat(events.next()).isTrue();
            assertThat(event.read(events)).isTrue();
            assertThat(event.piece()).isEqualTo(text.replace("\\\"", "\""));
            alone += event.isTextAlone() ? 1 : 0;
        }
        return alone;
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"solar\","})
    void theTextAloneIsReadOfEventsThatAreTheSameAroundIt(String before) throws IOException {
        assertThat(textsAlone(before)).isEqualTo(3);
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"model\":\"낙타\",", "\"model\":\"🐫\u00e9\","})
    void whereOtherLettersStandBeforeItEachIsParsed(String before) throws IOException {
        assertThat(textsAlone(before)).isZero();
    }
}
