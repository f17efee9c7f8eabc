package dev.bactrian.jms;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.generate.Headers;
import dev.bactrian.text.Unicode;
import jakarta.jms.Connection;
import jakarta.jms.JMSException;
import jakarta.jms.Message;
import jakarta.jms.MessageConsumer;
import jakarta.jms.Queue;
import jakarta.jms.QueueBrowser;
import jakarta.jms.Session;
import org.apache.activemq.artemis.api.core.ActiveMQException;
import org.apache.activemq.artemis.api.core.SimpleString;
import org.apache.activemq.artemis.jms.client.ActiveMQSession;
import org.apache.camel.CamelContext;
import org.messaginghub.pooled.jms.JmsPoolSession;

/** Looks into the queues: how many messages wait, and which are dead letters. Calls to the broker may take seconds while it is down. */
public final class QueueInspector {

    /**
     * A queue and how many messages are in it.
     *
     * @param use {@code requests}, {@code polls}, {@code deliveries} or {@code dead}
     */
    public record Depth(String name, String use, long depth) {
    }

    /**
     * A dead letter.
     *
     * @param message the JMS message id
     * @param id      the id of the request, or null
     * @param reason  why it is dead, or null
     * @param from    the queue that it came from, or null
     * @param body    the beginning of its body, a few thousand characters
     */
    public record DeadLetter(String message, String id, String reason, String from, Instant at, String body) {
    }

    private static final Pattern MESSAGE_ID = Pattern.compile("[A-Za-z0-9:._-]{1,200}");
    private static final int MOST_COUNTED = 10_000;
    private static final int READ = 4_000;
    private static final long PATIENCE_MILLIS = 3_000;

    private final Connections connections;
    private final Map<String, String> uses = new LinkedHashMap<>();
    private final String dead;

    private QueueInspector(Connections connections, Settings settings) {
        this.connections = connections;
        dead = settings.require(Property.JMS_DEAD_LETTERS);
        uses.put(settings.require(Property.JMS_REQUESTS), "requests");
        uses.put(settings.require(Property.JMS_POLLS), "polls");
        uses.put(settings.require(Property.JMS_DELIVERIES), "deliveries");
        uses.put(dead, "dead");
    }

    /** Returns the inspector of a context; empty if the queue trigger is off. */
    public static Optional<QueueInspector> of(CamelContext context) {
        Settings settings = Settings.of(context);
        if (!settings.flag(Property.JMS_ENABLED)) {
            return Optional.empty();
        }
        return Optional.ofNullable(context.hasService(Connections.class)).map(connections -> new QueueInspector(connections, settings));
    }

    private interface Work<T> {
        T with(Session session) throws JMSException;
    }

    private <T> T in(boolean transacted, Work<T> work) throws JMSException {
        try (Connection connection = connections.factory().createConnection()) {
            connection.start();
            try (Session session = connection.createSession(transacted, transacted ? Session.SESSION_TRANSACTED : Session.AUTO_ACKNOWLEDGE)) {
                return work.with(session);
            }
        }
    }

    /**
     * Returns the queues. The count of a broker other than Artemis has no delayed messages, and ends at {@value #MOST_COUNTED}.
     *
     * @throws JMSException if the broker cannot be asked
     */
    public List<Depth> depths() throws JMSException {
        return in(false, session -> {
            List<Depth> depths = new ArrayList<>();
            for (Map.Entry<String, String> queue : uses.entrySet()) {
                depths.add(new Depth(queue.getKey(), queue.getValue(), depth(session, queue.getKey())));
            }
            return depths;
        });
    }

    private static long depth(Session session, String queue) throws JMSException {
        Session inner = session instanceof JmsPoolSession pooled ? pooled.getInternalSession() : session;
        if (inner instanceof ActiveMQSession artemis) {
            try {
                return Math.max(0, artemis.getCoreSession().queueQuery(SimpleString.of(queue)).getMessageCount());
            } catch (ActiveMQException e) {
                throw (JMSException) new JMSException(e.getMessage()).initCause(e);
            }
        }
        try (QueueBrowser browser = session.createBrowser(session.createQueue(queue))) {
            return Collections.list(browser.getEnumeration()).stream().limit(MOST_COUNTED).count();
        }
    }

    /**
     * Returns the dead letters, the oldest first.
     *
     * @throws JMSException if the broker cannot be asked
     */
    public List<DeadLetter> deadLetters(int most) throws JMSException {
        return in(false, session -> {
            List<DeadLetter> letters = new ArrayList<>();
            try (QueueBrowser browser = session.createBrowser(session.createQueue(dead))) {
                var messages = browser.getEnumeration();
                while (letters.size() < most && messages.hasMoreElements()) {
                    letters.add(letter((Message) messages.nextElement()));
                }
            }
            return letters;
        });
    }

    private static DeadLetter letter(Message message) throws JMSException {
        Body body = Body.of(message, READ);
        String text = body.text() != null ? body.text() : body.bytes() != null ? new String(body.bytes(), StandardCharsets.UTF_8) : "";
        String id = QueueMessages.property(message, Headers.REQUEST_ID);
        return new DeadLetter(message.getJMSMessageID(), id != null ? id : message.getJMSCorrelationID(),
                QueueMessages.property(message, Headers.REASON), QueueMessages.property(message, Headers.QUEUE),
                Instant.ofEpochMilli(message.getJMSTimestamp()), Unicode.valid(text));
    }

    /**
     * Moves a dead letter back to the queue that it came from, in one transaction.
     *
     * @return false if there is no such dead letter, or it does not say that it came from one of our queues
     * @throws JMSException if the broker cannot do it; nothing is changed then
     */
    public boolean sendBack(String messageId) throws JMSException {
        if (!MESSAGE_ID.matcher(messageId).matches()) {
            return false;
        }
        return in(true, session -> {
            Queue queue = session.createQueue(dead);
            try (MessageConsumer consumer = session.createConsumer(queue, "JMSMessageID = '" + messageId + "'")) {
                Message letter = consumer.receive(PATIENCE_MILLIS);
                String from = letter == null ? null : QueueMessages.property(letter, Headers.QUEUE);
                if (from == null || from.equals(dead) || !uses.containsKey(from)) {
                    session.rollback();
                    return false;
                }
                alive(letter);
                session.createProducer(session.createQueue(from)).send(letter);
                session.commit();
                return true;
            }
        });
    }

    /** Removes what makes a message a dead letter. A received message's properties can only be set after all are removed. */
    private static void alive(Message letter) throws JMSException {
        Map<String, Object> kept = new LinkedHashMap<>();
        for (Object name : Collections.list(letter.getPropertyNames())) {
            boolean ours = Stream.of("JMS", "_AMQ", Headers.REASON, Headers.QUEUE).anyMatch(name.toString()::startsWith);
            if (!ours) {
                kept.put(name.toString(), letter.getObjectProperty(name.toString()));
            }
        }
        letter.clearProperties();
        for (Map.Entry<String, Object> property : kept.entrySet()) {
            letter.setObjectProperty(property.getKey(), property.getValue());
        }
    }
}
