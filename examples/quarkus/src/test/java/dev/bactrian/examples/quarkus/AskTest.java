package dev.bactrian.examples.quarkus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Simulator;
import io.quarkus.test.common.QuarkusTestResource;
import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import org.apache.camel.CamelContext;
import org.apache.camel.ProducerTemplate;
import org.junit.jupiter.api.Test;

/** The application as it is, but for key and endpoint. */
@QuarkusTest
@QuarkusTestResource(AskTest.Service.class)
class AskTest {

    @Inject
    CamelContext context;

    @Inject
    ProducerTemplate camel;

    @Test
    void asksAndIsAnswered() {
        String answer = camel.requestBody("direct:ask", "Why does a camel have humps?", String.class);

        assertTrue(answer.contains("Bactrian camel"), answer);
    }

    /** The pom sets BACTRIAN_MAX_IN_FLIGHT. */
    @Test
    void isSetByTheEnvironment() {
        assertEquals(7, Settings.of(context).count(Property.MAX_IN_FLIGHT));
    }

    /** Only a request with the key is answered. */
    public static final class Service implements QuarkusTestResourceLifecycleManager {

        private Simulator simulator;

        @Override
        public Map<String, String> start() {
            simulator = Simulator.builder().requireToken("up_quarkus").start();
            return Map.of("bactrian.upstage.api-endpoint", simulator.chatUrl(), "bactrian.upstage.api-key", "up_quarkus");
        }

        @Override
        public void stop() {
            assertEquals(1, simulator.count(Call.CHAT));
            simulator.close();
        }
    }
}
