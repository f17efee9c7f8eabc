package dev.bactrian.endtoend;

import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Enumeration;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.text.ProviderJson;
import jakarta.jms.Connection;
import jakarta.jms.JMSException;
import jakarta.jms.Message;
import jakarta.jms.MessageConsumer;
import jakarta.jms.MessageProducer;
import jakarta.jms.Session;
import org.apache.activemq.artemis.api.core.ActiveMQException;
import org.apache.activemq.artemis.api.core.SimpleString;
import org.apache.activemq.artemis.api.core.client.ClientSession;
import org.apache.activemq.artemis.jms.client.ActiveMQConnectionFactory;
import org.apache.activemq.artemis.jms.client.ActiveMQSession;

/** Somebody else at the broker: sends and takes messages, each time with a connection of its own. */
final class JmsClient implements AutoCloseable {

    private final ActiveMQConnectionFactory factory;

    private JmsClient(ActiveMQConnectionFactory factory) {
        this.factory = factory;
    }

    static JmsClient at(String url) {
        return new JmsClient(new ActiveMQConnectionFactory(url));
    }

    static JmsClient at(String url, String user, String password) {
        return new JmsClient(new ActiveMQConnectionFactory(url, user, password));
    }

    private interface Work<T> {
        T in(Session session) throws JMSException;
    }

    /** Does something in one local transaction. */
    private <T> T transact(Work<T> work) {
        try (Connection connection = factory.createConnection()) {
            connection.start();
            Session session = connection.createSession(Session.SESSION_TRANSACTED);
            T done = work.in(session);
            session.commit();
            return done;
        } catch (JMSException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Sends one; the id that it was given. */
    String send(String queue, Draft draft) {
        return sendAll(queue, List.of(draft)).get(0);
    }

    String send(String queue, String text) {
        return send(queue, Draft.text(text));
    }

    /** Sends all or none; the ids that they were given. */
    List<String> sendAll(String queue, List<Draft> drafts) {
        return transact(session -> {
            MessageProducer producer = session.createProducer(session.createQueue(queue));
            List<String> ids = new ArrayList<>();
            for (Draft draft : drafts) {
                Message message = draft.make(session);
                producer.send(message);
                ids.add(message.getJMSMessageID());
            }
            return ids;
        });
    }

    /** Takes all that is there now. */
    List<Message> drain(String queue) {
        return transact(session -> {
            MessageConsumer consumer = session.createConsumer(session.createQueue(queue));
            List<Message> messages = new ArrayList<>();
            for (Message message = consumer.receiveNoWait(); message != null; message = consumer.receiveNoWait()) {
                messages.add(message);
            }
            return messages;
        });
    }

    /** Takes the next one, once it is there. */
    Message receive(String queue, Duration within) {
        Message received = transact(session -> session.createConsumer(session.createQueue(queue)).receive(within.toMillis()));
        if (received == null) {
            throw new AssertionError("nothing in " + queue + " within " + within);
        }
        return received;
    }

    /** Waits until that many are there, and takes them with all others that came along. */
    List<Message> drain(String queue, int atLeast, Duration within) {
        await(queue).atMost(within).pollInterval(Duration.ofMillis(50)).until(() -> depth(queue) >= atLeast);
        return drain(queue);
    }

    /** How many are there, those included that are out for delivery or are to be delivered later. */
    long depth(String queue) {
        return transact(session -> {
            ClientSession core = ((ActiveMQSession) session).getCoreSession();
            try {
                return core.queueQuery(SimpleString.of(queue)).getMessageCount();
            } catch (ActiveMQException e) {
                throw (JMSException) new JMSException(e.getMessage()).initCause(e);
            }
        });
    }

    /** Whether the broker answers. */
    boolean reaches() {
        try (Connection connection = factory.createConnection()) {
            connection.start();
            return true;
        } catch (JMSException e) {
            return false;
        }
    }

    static String body(Message message) {
        try {
            return message.getBody(String.class);
        } catch (JMSException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The JSON document that it holds. */
    static JsonNode document(Message message) {
        return ProviderJson.json(body(message)).orElseThrow(() -> new AssertionError("not JSON: " + body(message)));
    }

    static Object property(Message message, String name) {
        try {
            return message.getObjectProperty(name);
        } catch (JMSException e) {
            throw new IllegalStateException(e);
        }
    }

    static String correlationId(Message message) {
        try {
            return message.getJMSCorrelationID();
        } catch (JMSException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The names of its properties, in order, those left out that belong to JMS. */
    static List<String> properties(Message message) {
        try {
            List<String> names = new ArrayList<>();
            for (Object name : Collections.list((Enumeration<?>) message.getPropertyNames())) {
                if (!name.toString().startsWith("JMSX")) {
                    names.add(name.toString());
                }
            }
            Collections.sort(names);
            return names;
        } catch (JMSException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        factory.close();
    }
}
