package dev.bactrian.routes.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.bactrian.config.Property;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.support.FreePort;
import jakarta.jms.JMSConsumer;
import jakarta.jms.JMSContext;
import jakarta.jms.Message;
import jakarta.jms.Queue;
import jakarta.jms.TemporaryQueue;
import jakarta.jms.TextMessage;
import org.apache.qpid.jms.JmsConnectionFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A sender that talks AMQP to the broker inside the process. */
@Timeout(60)
class QueueAmqpTest extends RouteTestSupport {

    @Test
    void aReplyIsMatchedByTheIdOfTheSendersMessageOrItsCorrelationId() throws Exception {
        int port = FreePort.find();
        start(Property.JMS_ENABLED.key(), "true", Property.JMS_ACCEPTOR.key(), "tcp://127.0.0.1:" + port);
        try (JMSContext jms = new JmsConnectionFactory("amqp://127.0.0.1:" + port).createContext()) {
            Queue requests = jms.createQueue("bactrian.requests");
            TemporaryQueue replies = jms.createTemporaryQueue();
            TextMessage request = jms.createTextMessage("{\"model\": \"sd-3\", \"prompt\": \"a cat\"}");
            request.setJMSReplyTo(replies);
            jms.createProducer().send(requests, request);

            JMSConsumer answers = jms.createConsumer(replies);
            Message reply = answers.receive(SOON.toMillis());

            assertThat(reply).isNotNull();
            assertThat(reply.getJMSCorrelationID()).isEqualTo(request.getJMSMessageID());
            assertThat(reply.getBody(String.class)).contains("\"status\":\"succeeded\"");

            request = jms.createTextMessage("{\"model\": \"sd-3\", \"prompt\": \"a dog\"}");
            request.setJMSReplyTo(replies);
            request.setJMSCorrelationID("dog");
            jms.createProducer().send(requests, request);

            assertThat(answers.receive(SOON.toMillis()).getJMSCorrelationID()).isEqualTo("dog");
        }
        await().until(() -> captured.results.size() == 2);
        assertThat(captured.results).extracting(result -> result.json().path("id").asText()).contains("dog");
        captured.results.clear();
    }
}
