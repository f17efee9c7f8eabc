package dev.bactrian.jms;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;

import dev.bactrian.config.Settings;
import dev.bactrian.simulator.Simulator;
import jakarta.jms.Connection;
import jakarta.jms.ConnectionFactory;
import jakarta.jms.Message;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import org.apache.activemq.artemis.jms.client.ActiveMQConnectionFactory;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.component.jms.JmsComponent;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An application that has a connection factory and a {@code jms} component of its own, and asks for them to be used. */
@Tag("slow")
class HostFactoryTest {

    @TempDir
    Path folder;

    @Test
    void requestsAndResultsGoByTheHostsBroker() throws Exception {
        EmbeddedBroker broker = EmbeddedBroker.start(folder.resolve("host"), Settings.of(Map.of()));
        ConnectionFactory factory = new ActiveMQConnectionFactory(broker.url());
        JmsComponent jms = JmsComponent.jmsComponentAutoAcknowledge(factory);
        Main main = new Main();
        main.configure().setRoutesIncludePattern("classpath:bactrian/*.camel.yaml");
        main.bind("hostFactory", factory);
        main.bind("jms", jms);
        try (Simulator simulator = Simulator.start(); ProducerTemplate template = start(main, simulator)) {
            template.sendBody("jms:queue:bactrian.requests", "{\"id\": \"cat\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}");

            assertThat(((TextMessage) take(factory, "results")).getText()).contains("\"id\":\"cat\"", "\"status\":\"succeeded\"");
            assertThat(main.getCamelContext().getComponent("jms")).isSameAs(jms);
            assertThat(folder.resolve("data/broker")).as("a broker of our own").doesNotExist();
        } finally {
            main.stop();
            broker.close();
        }
    }

    private ProducerTemplate start(Main main, Simulator simulator) throws Exception {
        Map.of("bactrian.jms.enabled", "true",
                "bactrian.jms.connection-factory", "hostFactory",
                "bactrian.file.enabled", "false",
                "bactrian.data-dir", folder.resolve("data").toString(),
                "bactrian.emit.result", "jms:queue:results",
                "bactrian.replicate.poll-delay", "20ms",
                "bactrian.replicate.api-endpoint", simulator.predictionsUrl(),
                "bactrian.replicate.poll-endpoint", simulator.pollUrl()).forEach(main::addProperty);
        main.start();
        return main.getCamelContext().createProducerTemplate();
    }

    private static Message take(ConnectionFactory factory, String queue) throws Exception {
        try (Connection connection = factory.createConnection()) {
            connection.start();
            Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
            return session.createConsumer(session.createQueue(queue)).receive(20_000);
        }
    }
}
