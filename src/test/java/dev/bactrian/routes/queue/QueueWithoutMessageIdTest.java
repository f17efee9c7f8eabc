package dev.bactrian.routes.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.bactrian.routes.support.RouteTestSupport;
import jakarta.jms.ConnectionFactory;
import jakarta.jms.JMSContext;
import org.apache.camel.component.jms.JmsComponent;
import org.junit.jupiter.api.Test;
import org.messaginghub.pooled.jms.JmsPoolConnectionFactory;

/** A sender may switch message ids off. */
class QueueWithoutMessageIdTest extends RouteTestSupport {

    @Test
    void twoMessagesOfOneCorrelationIdAreBothAnswered() throws Exception {
        start("bactrian.emit.chunk", "", "bactrian.jms.enabled", "true");
        JmsPoolConnectionFactory pool = (JmsPoolConnectionFactory) context().getComponent("jms", JmsComponent.class)
                .getConfiguration().getConnectionFactory();
        try (JMSContext client = ((ConnectionFactory) pool.getConnectionFactory()).createContext()) {
            for (int i = 0; i < 2; i++) {
                client.createProducer().setDisableMessageID(true).setJMSCorrelationID("same").send(client.createQueue("bactrian.requests"), "hello");
            }
        }

        await().until(() -> captured.results.size() + captured.errors.size() == 2);
        assertThat(captured.errors).isEmpty();
        captured.results.clear();
    }
}
