package dev.bactrian.routes.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.console.Console;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** That the console knows the requests of the door as such. */
@Timeout(60)
class DoorConsoleTest extends DoorTestSupport {

    private JsonNode done() {
        return Console.of(context()).orElseThrow().snapshot().path("done");
    }

    @Test
    void showsRequestsOfTheDoor() throws Exception {
        open(Property.HTTP_CONSOLE.key(), "full");
        simulator.on(Call.CHAT, Reply.stream("Two", " humps."), Reply.stream("One", " hump."));

        post("/requests", "{\"id\":\"whole\",\"prompt\":\"hi\"}");
        post("/requests", "{\"id\":\"events\",\"prompt\":\"hi\"}", "Accept", "text/event-stream");
        post("/requests", "{\"id\":\"later\",\"model\":\"flux-schnell\",\"prompt\":\"a cat\"}", "Prefer", "respond-async");
        post("/requests", "{\"id\":\"bad\",\"model\":\"nope\",\"prompt\":\"hi\"}");
        post("/v1/chat/completions", "{\"model\":\"solar-pro4\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");

        await().until(() -> done().size() == 5);
        assertThat(StreamSupport.stream(done().spliterator(), false).map(line -> line.path("from").asText())).containsOnly("http");
        Map<String, String> texts = StreamSupport.stream(done().spliterator(), false).filter(line -> line.has("text"))
                .collect(Collectors.toMap(line -> line.path("id").asText(), line -> line.path("text").asText()));
        assertThat(texts).containsEntry("whole", "Two humps.").containsEntry("events", "One hump.").hasSize(3);
        assertThat(Console.of(context()).orElseThrow().snapshot().path("inWork").asInt()).isZero();
    }
}
