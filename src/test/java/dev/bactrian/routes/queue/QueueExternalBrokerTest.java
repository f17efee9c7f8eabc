package dev.bactrian.routes.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.concurrent.atomic.AtomicInteger;

import dev.bactrian.config.Property;
import dev.bactrian.routes.support.RouteTestSupport;
import jakarta.jms.Connection;
import jakarta.jms.Message;
import jakarta.jms.Session;
import org.apache.activemq.artemis.api.core.Interceptor;
import org.apache.activemq.artemis.api.core.SimpleString;
import org.apache.activemq.artemis.core.config.impl.ConfigurationImpl;
import org.apache.activemq.artemis.core.protocol.core.impl.PacketImpl;
import org.apache.activemq.artemis.core.server.embedded.EmbeddedActiveMQ;
import org.apache.activemq.artemis.jms.client.ActiveMQConnectionFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A broker that is not ours, with Artemis' defaults: it creates queues when they are needed, and deletes empty ones. */
@Timeout(120)
class QueueExternalBrokerTest extends RouteTestSupport {

    private static final String URL = "vm://47998";
    private static final String DEAD = "bactrian.dead";

    private final AtomicInteger questions = new AtomicInteger();
    private EmbeddedActiveMQ broker;

    @BeforeEach
    void startBroker() throws Exception {
        broker = new EmbeddedActiveMQ();
        broker.setConfiguration(new ConfigurationImpl().setPersistenceEnabled(false).setSecurityEnabled(false)
                .addAcceptorConfiguration("vm", URL));
        broker.start();
        broker.getActiveMQServer().getRemotingService().addIncomingInterceptor((Interceptor) (packet, connection) -> {
            if (packet.getType() == PacketImpl.SESS_QUEUEQUERY || packet.getType() == PacketImpl.SESS_BINDINGQUERY) {
                questions.incrementAndGet();
            }
            return true;
        });
        start(Property.JMS_ENABLED.key(), "true", Property.JMS_URL.key(), URL);
    }

    @AfterEach
    void stopBroker() throws Exception {
        stop();
        broker.stop();
    }

    private void send(String queue, String text) throws Exception {
        try (Connection connection = new ActiveMQConnectionFactory(URL).createConnection()) {
            Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
            session.createProducer(session.createQueue(queue)).send(session.createTextMessage(text));
        }
    }

    private Message takeDeadLetter() throws Exception {
        try (Connection connection = new ActiveMQConnectionFactory(URL).createConnection()) {
            connection.start();
            Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
            return session.createConsumer(session.createQueue(DEAD)).receive(SOON.toMillis());
        }
    }

    private static String request(String id) {
        return "{\"id\": \"" + id + "\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}";
    }

    private void predict(String id) throws Exception {
        send("bactrian.requests", request(id));
        await().until(() -> !captured.results.isEmpty());
        assertThat(captured.results.remove().json().path("id").asText()).isEqualTo(id);
    }

    @Test
    void aQueueThatTheBrokerHasDeletedIsThereAgainForTheNextMessage() throws Exception {
        send("bactrian.polls", "not a prediction");
        assertThat(takeDeadLetter()).isNotNull();
        if (broker.getActiveMQServer().locateQueue(SimpleString.of(DEAD)) != null) {
            broker.getActiveMQServer().destroyQueue(SimpleString.of(DEAD));
        }

        send("bactrian.polls", "not a prediction either");

        assertThat(takeDeadLetter().getBody(String.class)).isEqualTo("not a prediction either");
    }

    /** Each question would be a round trip of a consumer, which waits for the answer. */
    @Test
    void theBrokerIsNotAskedForItsQueuesPerMessage() throws Exception {
        predict("first");
        send("bactrian.polls", "a dead letter");
        assertThat(takeDeadLetter()).isNotNull();
        await().until(() -> questions.get() > 0);
        int before = questions.get();
        for (int i = 0; i < 10; i++) {
            template().sendBody("bactrianJms:queue:bactrian.requests", request("cat-" + i));
        }
        await().until(() -> captured.results.size() == 10);
        captured.results.clear();

        assertThat(questions.get()).isEqualTo(before);
    }
}
