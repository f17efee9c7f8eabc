package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Map;

import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Simulator;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** An application of camel-main that has the jar and its required libraries, logs everything, and includes no route. */
@Tag("slow")
class KameletHostTest {

    @Test
    void usesAKameletAndShowsNoKeyInAnyLog() throws Exception {
        try (Simulator simulator = Simulator.start()) {
            ProcessBuilder builder = LightHost.of(Host.class, "trace", simulator.chatUrl(), simulator.predictionsUrl());
            // The first three are nobody's business: a parameter that is not given is not taken from the environment.
            builder.environment().putAll(Map.of("MODEL", "no-such-model", "ENDPOINT", "http://127.0.0.1:9/", "APIKEY", "up_environment",
                    "CAMEL_KAMELET_UPSTAGE_CHAT_ACTION_APIKEY", "up_secret+%", "CAMEL_KAMELET_REPLICATE_IMAGE_ACTION_API_TOKEN", "r8_secret&"));
            Process host = builder.start();
            String said = new String(host.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

            assertThat(host.waitFor()).as(said.lines().filter(line -> line.contains("Exception") || line.contains("ERROR")).toList().toString()).isZero();
            assertThat(said).contains("CHUNK", "ANSWER {\"id\"", "IMAGE {\"id\"", "TRACE ");
            assertThat(said.lines().filter(line -> line.contains("up_secret") || line.contains("r8_secret"))).isEmpty();
            assertThat(simulator.requests(Call.CHAT)).extracting(KameletHostTest::token).containsExactly("Bearer up_secret+%");
            assertThat(simulator.requests(Call.CREATE)).extracting(KameletHostTest::token).containsExactly("Bearer r8_secret&");
        }
    }

    private static String token(RecordedRequest request) {
        return request.header("Authorization");
    }

    /** The application. */
    static final class Host {

        private Host() {
        }

        public static void main(String[] args) throws Exception {
            Main main = new Main();
            main.addProperty("bactrian.upstage.api-endpoint", args[0]);
            main.configure().addRoutesBuilder(new RouteBuilder() {
                @Override
                public void configure() {
                    from("direct:ask").kamelet("upstage-chat-action").log("CHUNK ${body}").end();
                    from("direct:image").toF("kamelet:replicate-image-action?endpoint=%s&pollDelay=10ms", args[1]);
                }
            });
            main.start();
            try (ProducerTemplate template = main.getCamelContext().createProducerTemplate()) {
                System.out.println("ANSWER " + template.requestBody("direct:ask", "Hello", String.class));
                System.out.println("IMAGE " + template.requestBody("direct:image", "a cat", String.class));
            } finally {
                main.stop();
            }
        }
    }
}
