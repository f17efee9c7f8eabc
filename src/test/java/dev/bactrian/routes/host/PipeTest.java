package dev.bactrian.routes.host;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;

import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.apache.camel.Exchange;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;
import org.junit.jupiter.api.Test;

/** Kamelets in a Pipe, whose properties Camel 4.18 hands over percent-encoded. */
class PipeTest extends RouteTestSupport {

    private Exchange through(String kamelet, String properties, String body) throws Exception {
        String pipe = """
                apiVersion: camel.apache.org/v1
                kind: Pipe
                metadata:
                  name: ask
                spec:
                  source:
                    uri: direct:asked
                  steps:
                    - ref:
                        kind: Kamelet
                        apiVersion: camel.apache.org/v1
                        name: %s
                      properties:
                %s
                  sink:
                    uri: log:answers?level=OFF
                """.formatted(kamelet, properties.indent(8).stripTrailing());
        PluginHelper.getRoutesLoader(context()).loadRoutes(ResourceHelper.fromBytes("ask-pipe.yaml", pipe.getBytes(StandardCharsets.UTF_8)));
        return template().request("direct:asked", exchange -> exchange.getMessage().setBody(body));
    }

    @Test
    void anEndpointIsTheOneThatWasWritten() throws Exception {
        start("bactrian.upstage.api-endpoint", "http://127.0.0.1:9/", "bactrian.emit.chunk", "");
        simulator.on(Call.CHAT, Reply.stream("a", "b"));

        Exchange answer = through("upstage-chat-action", """
                endpoint: %s?a=b%%20c&d=e
                model: solar-mini
                apiKey: up_0123-4
                temperature: 0.5
                chunkEndpoint: "bean:captured?method=chunk | bean:captured?method=chunk"
                """.formatted(simulator.chatUrl()), "hi");

        assertThat(answer.getException()).isNull();
        assertThat(answer.getMessage().getBody(String.class)).contains("\"text\":\"ab\"");
        assertThat(takeChunks()).isEqualTo("a|a|b|b");
        var request = simulator.requests(Call.CHAT).get(0);
        assertThat(request.header("Authorization")).isEqualTo("Bearer up_0123-4");
        assertThat(request.json().path("model").asText()).isEqualTo("solar-mini");
    }

    @Test
    void aModelAndThePlaceOfAnIdAreTheOnesThatWereWritten() throws Exception {
        start("bactrian.replicate.api-endpoint", "http://127.0.0.1:9/", "bactrian.replicate.poll-endpoint", "http://127.0.0.1:9/{id}");
        simulator.on(Call.CREATE, created()).on(Call.POLL, succeeded("\"a\""));

        Exchange answer = through("replicate-text-action", """
                endpoint: %s
                pollEndpoint: "%s"
                pollDelay: 20ms
                model: meta/llama-3
                """.formatted(simulator.predictionsUrl(), simulator.pollUrl()), "hi");

        assertThat(answer.getException()).isNull();
        assertThat(answer.getMessage().getBody(String.class)).contains("\"model\":\"meta/llama-3\"", "\"text\":\"a\"");
        takeChunks();
    }

    /** A key may hold anything; those of the two services need no encoding. */
    @Test
    void aKeyIsNotTouched() throws Exception {
        start();

        through("upstage-chat-action/key", "apiKey: up_%41", "hi");

        assertThat(simulator.requests(Call.CHAT)).allMatch(request -> !request.header("Authorization").equals("Bearer up_A"));
        takeChunks();
    }
}
