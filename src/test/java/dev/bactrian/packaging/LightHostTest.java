package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;

import dev.bactrian.simulator.Simulator;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** An application that has none of the optional libraries on its class path: no JMS, no broker, no database, nothing that observes. */
@Tag("slow")
class LightHostTest {

    @Test
    void loadsTheRoutesAndIsAnswered() throws Exception {
        try (Simulator simulator = Simulator.start()) {
            Process host = LightHost.of(Host.class, "warn", simulator.chatUrl()).start();
            String said = new String(host.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(host.waitFor()).as(said).isZero();
            assertThat(said).contains("\"status\":\"succeeded\"");
        }
    }

    /** The application. */
    static final class Host {

        private Host() {
        }

        public static void main(String[] args) throws Exception {
            Main main = new Main();
            main.configure().setRoutesIncludePattern("classpath:bactrian/*.camel.yaml");
            main.addProperty("bactrian.upstage.api-endpoint", args[0]);
            main.start();
            if (main.getCamelContext().getRoute("bactrian-from-file") != null) {
                throw new IllegalStateException("files are taken that nobody has asked to take");
            }
            try (ProducerTemplate template = main.getCamelContext().createProducerTemplate()) {
                System.out.println(template.requestBody("direct:generate", "Hello", String.class));
            } finally {
                main.stop();
            }
        }
    }
}
