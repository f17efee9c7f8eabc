package dev.bactrian.routes.queue;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;

import dev.bactrian.config.Property;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.support.CapturedLog;
import jakarta.jms.BytesMessage;
import jakarta.jms.Connection;
import jakarta.jms.ConnectionFactory;
import jakarta.jms.JMSConsumer;
import jakarta.jms.JMSContext;
import jakarta.jms.JMSException;
import jakarta.jms.MapMessage;
import jakarta.jms.Message;
import jakarta.jms.MessageConsumer;
import jakarta.jms.Queue;
import jakarta.jms.Session;
import jakarta.jms.StreamMessage;
import jakarta.jms.TextMessage;
import org.apache.activemq.artemis.api.core.ActiveMQBuffer;
import org.apache.activemq.artemis.api.core.SimpleString;
import org.apache.activemq.artemis.api.core.client.ClientMessage;
import org.apache.activemq.artemis.api.core.client.ClientProducer;
import org.apache.activemq.artemis.api.core.client.ClientSession;
import org.apache.activemq.artemis.core.config.impl.ConfigurationImpl;
import org.apache.activemq.artemis.core.server.embedded.EmbeddedActiveMQ;
import org.apache.activemq.artemis.jms.client.ActiveMQConnectionFactory;
import org.apache.activemq.artemis.jms.client.ActiveMQSession;
import org.apache.camel.component.jms.JmsComponent;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.messaginghub.pooled.jms.JmsPoolConnectionFactory;
import org.springframework.jms.connection.CachingConnectionFactory;

/** Messages that can't be read, made by hand with the broker's own client: each is a dead letter, and all else goes on. */
@Timeout(120)
class QueueUnreadableTest extends RouteTestSupport {

    private static final int LARGE = 300_000;
    private static final String COMPRESSED = "_AMQ_LARGE_COMPRESSED";

    /** The types of messages at the broker. */
    private static final byte TEXT = 3;
    private static final byte OBJECT = 2;
    private static final byte BYTES = 4;
    private static final byte MAP = 5;
    private static final byte STREAM = 6;

    private CapturedLog log;

    /** What can't be read, and the words that say why. */
    enum Bad implements Draft {
        TEXT_THAT_IS_NOT_COMPRESSED(TEXT, text("a camel"), "compressed", COMPRESSED, true),
        TEXT_THAT_IS_NOT_COMPRESSED_EITHER(TEXT, text("a camel"), "compressed", COMPRESSED, "true"),
        BYTES_THAT_ARE_NOT_COMPRESSED(BYTES, body -> body.writeBytes("a camel".getBytes(UTF_8)), "compressed", COMPRESSED, true, "_AMQ_LARGE_SIZE", 7L),
        NOTHING_COMPRESSED(TEXT, body -> { }, "its body", COMPRESSED, true),
        LARGE_TEXT_THAT_IS_NOT_COMPRESSED(TEXT, body -> body.writeBytes(new byte[LARGE]), "compressed", COMPRESSED, true),
        LARGE_BYTES_THAT_ARE_NOT_COMPRESSED(BYTES, body -> body.writeBytes(new byte[LARGE]), "compressed", COMPRESSED, true),
        TEXT_THAT_ENDS_EARLY(TEXT, body -> lengthAnd(body, 1000), "1000 bytes"),
        TEXT_OF_TWO_GIGABYTES(TEXT, body -> lengthAnd(body, Integer.MAX_VALUE), "2147483647"),
        TEXT_OF_LESS_THAN_NOTHING(TEXT, body -> lengthAnd(body, -1), "-1"),
        TEXT_WITHOUT_A_BODY(TEXT, body -> { }, "a text message"),
        LARGE_TEXT_THAT_ENDS_EARLY(TEXT, body -> {
            lengthAnd(body, LARGE * 2);
            body.writeBytes(new byte[LARGE]);
        }, "600000"),
        OBJECT_OF_TWO_GIGABYTES(OBJECT, body -> body.writeInt(Integer.MAX_VALUE), "2147483647"),
        OBJECT_OF_LESS_THAN_NOTHING(OBJECT, body -> body.writeInt(-5), "-5"),
        MAP_OF_TWO_BILLION(MAP, body -> {
            body.writeByte((byte) 1);
            body.writeInt(Integer.MAX_VALUE);
        }, "a map message"),
        MAP_WITH_A_LONG_KEY(MAP, body -> {
            body.writeByte((byte) 1);
            body.writeInt(1);
            body.writeInt(Integer.MAX_VALUE);
        }, "2147483647"),
        STREAM_OF_TWO_GIGABYTES(STREAM, body -> {
            body.writeByte((byte) 4);
            body.writeInt(Integer.MAX_VALUE);
        }, "2147483647"),
        STREAM_OF_AN_UNKNOWN_TYPE(STREAM, body -> body.writeByte((byte) 77), "77"),
        AN_UNKNOWN_TYPE((byte) 9, text("a camel"), "unknown type"),
        REPLY_TO_BYTES(TEXT, text("a camel"), "a property", "JMSReplyTo", new byte[] {5});

        final byte type;
        final Consumer<ActiveMQBuffer> body;
        final String reason;
        final Object[] properties;

        Bad(byte type, Consumer<ActiveMQBuffer> body, String reason, Object... properties) {
            this.type = type;
            this.body = body;
            this.reason = reason;
            this.properties = properties;
        }

        private static void lengthAnd(ActiveMQBuffer body, int length) {
            body.writeByte((byte) 1);
            body.writeInt(length);
            body.writeBytes(new byte[] {'x', 0});
        }

        private static Consumer<ActiveMQBuffer> text(String text) {
            return body -> body.writeNullableSimpleString(SimpleString.of(text));
        }

        @Override
        public ClientMessage in(ClientSession session) {
            ClientMessage message = session.createMessage(type, true);
            body.accept(message.getBodyBuffer());
            message.putStringProperty("JMSCorrelationID", name());
            for (int i = 0; i < properties.length; i += 2) {
                message.putObjectProperty((String) properties[i], properties[i + 1]);
            }
            return message;
        }
    }

    private final ActiveMQConnectionFactory hosts = new ActiveMQConnectionFactory("vm://47999");
    private final JmsPoolConnectionFactory pool = new JmsPoolConnectionFactory();

    @Override
    protected void configure(Main main) {
        main.bind("hostsOwn", hosts);
        pool.setConnectionFactory(hosts);
        main.bind("hostsPool", pool);
        main.bind("hostsCache", new CachingConnectionFactory(hosts));
    }

    @BeforeEach
    void listen() {
        log = new CapturedLog();
    }

    @AfterEach
    void stopListening() {
        pool.stop();
        hosts.close();
        log.close();
        System.err.print(log);
    }

    private ActiveMQConnectionFactory artemis() {
        ConnectionFactory factory = context().getComponent("bactrianJms", JmsComponent.class).getConfiguration().getConnectionFactory();
        return factory instanceof JmsPoolConnectionFactory pool ? (ActiveMQConnectionFactory) pool.getConnectionFactory() : hosts;
    }

    private interface Draft {
        ClientMessage in(ClientSession session);
    }

    private void send(String queue, Draft... drafts) throws Exception {
        try (Connection connection = artemis().createConnection()) {
            ClientSession session = ((ActiveMQSession) connection.createSession()).getCoreSession();
            try (ClientProducer producer = session.createProducer(queue)) {
                for (Draft one : drafts) {
                    producer.send(one.in(session));
                }
            }
        }
    }

    private List<Message> takeDead(int count) throws Exception {
        try (Connection connection = artemis().createConnection()) {
            connection.start();
            Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
            MessageConsumer consumer = session.createConsumer(session.createQueue("bactrian.dead"));
            List<Message> dead = new ArrayList<>();
            while (dead.size() < count) {
                Message message = consumer.receive(SOON.toMillis());
                assertThat(message).as("dead letter %d; %s", dead.size() + 1, log.toString()).isNotNull();
                dead.add(message);
            }
            assertThat(consumer.receiveNoWait()).isNull();
            return dead;
        }
    }

    private void request(String id, Map<String, Object> properties) {
        template().sendBodyAndHeaders("bactrianJms:queue:bactrian.requests", "{\"id\": \"" + id + "\", \"model\": \"solar-pro4\", \"prompt\": \"x\"}", properties);
    }

    private List<String> logged(String text) {
        return log.lines(text);
    }

    /** A chat is in work; there is nothing that would make it begin again. */
    private void eachIsADeadLetterAndAChatInWorkGoesOn(List<String> queues, Bad... sent) throws Exception {
        simulator.reset().always(Call.CHAT, Reply.stream("a", "b", "c").pause(Duration.ofMillis(300)));
        request("long", Map.of());
        await("in work").until(() -> simulator.concurrent(Call.CHAT) == 1);

        for (String queue : queues) {
            send(queue, sent);
            List<Message> dead = takeDead(sent.length);
            assertThat(dead.stream().map(message -> property(message, "BactrianQueue"))).containsOnly(queue);
            for (Bad bad : sent) {
                assertThat(dead).as("%s", bad).filteredOn(message -> bad.name().equals(property(message, "JMSCorrelationID")))
                        .singleElement().satisfies(message -> assertThat(property(message, "BactrianReason").toString()).contains(bad.reason, "cannot be decoded").hasLineCount(1));
                assertThat(logged(bad.name() + ": a dead letter")).as("lines about %s", bad).isNotEmpty();
            }
        }
        await("the chat").until(() -> !captured.results.isEmpty());
        assertThat(captured.results.remove().json().path("text").asText()).isEqualTo("abc");
        assertThat(takeChunks()).isEqualTo("a|b|c");
        assertThat(simulator.count(Call.CHAT)).isOne();
        assertThat(logged("a dead letter")).hasSize(queues.size() * sent.length);
        assertThat(log.toString()).doesNotContain("\tat ", "is lost", "is back", "goes back to its queue", "AMQ21");
    }

    private static Object property(Message message, String name) {
        try {
            return name.equals("JMSCorrelationID") ? message.getJMSCorrelationID() : message.getObjectProperty(name);
        } catch (JMSException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void whatCantBeReadIsADeadLetterAndNothingElseNotices() throws Exception {
        start(Property.JMS_ENABLED.key(), "true");

        eachIsADeadLetterAndAChatInWorkGoesOn(List.of("bactrian.requests", "bactrian.polls", "bactrian.deliveries"), Bad.values());

        send("bactrian.requests", Bad.TEXT_OF_TWO_GIGABYTES);
        Message dead = takeDead(1).get(0);
        byte[] body = new byte[7];
        assertThat(((BytesMessage) dead).getBodyLength()).isEqualTo(body.length);
        ((BytesMessage) dead).readBytes(body);
        assertThat(body).as("as it came").containsExactly(1, 127, -1, -1, -1, 'x', 0);
    }

    @ParameterizedTest
    @ValueSource(strings = {"hostsOwn", "hostsPool", "hostsCache"})
    void aHostsConnectionsAndOtherQueuesAreUnaffected(String factory) throws Exception {
        EmbeddedActiveMQ broker = new EmbeddedActiveMQ();
        broker.setConfiguration(new ConfigurationImpl().setPersistenceEnabled(false).setSecurityEnabled(false).addAcceptorConfiguration("vm", "vm://47999"));
        broker.start();
        try {
            start(Property.JMS_ENABLED.key(), "true", Property.JMS_CONNECTION_FACTORY.key(), factory);
            stop();
            start(Property.JMS_ENABLED.key(), "true", Property.JMS_CONNECTION_FACTORY.key(), factory);
            eachIsADeadLetterAndAChatInWorkGoesOn(List.of("bactrian.requests"), Bad.TEXT_THAT_IS_NOT_COMPRESSED, Bad.LARGE_TEXT_THAT_ENDS_EARLY, Bad.MAP_OF_TWO_BILLION);

            try (JMSContext jms = hosts.createContext()) {
                JMSConsumer consumer = jms.createConsumer(jms.createQueue("hosts"));
                jms.createProducer().send(jms.createQueue("hosts"), "as it was");
                assertThat(consumer.receive(SOON.toMillis())).isInstanceOf(TextMessage.class)
                        .satisfies(message -> assertThat(message.getBody(String.class)).isEqualTo("as it was"));
            }
        } finally {
            stop();
            broker.stop();
        }
    }

    @Test
    void propertiesOfTheClientsOwnDoNotKeepARequestFromBeingAnswered() throws Exception {
        start(Property.JMS_ENABLED.key(), "true");
        simulator.always(Call.CHAT, Reply.stream("hi"));
        List<Map<String, Object>> odd = List.of(Map.of("_hornetq.forced.delivery.seq", 0L), Map.of("_AMQ_LARGE_SIZE", "many"), Map.of("BactrianTries", "x"),
                Map.of(COMPRESSED, false), Map.of("BactrianRequestId", new byte[] {1}), Map.of("_bactrian_type", "x", "_bactrian_compressed", "x"));

        for (int i = 0; i < odd.size(); i++) {
            String request = "{\"id\": \"odd-" + i + "\", \"model\": \"solar-pro4\", \"prompt\": \"x\"}";
            Map<String, Object> properties = odd.get(i);
            send("bactrian.requests", session -> {
                ClientMessage message = session.createMessage(TEXT, true);
                message.getBodyBuffer().writeNullableSimpleString(SimpleString.of(request));
                properties.forEach(message::putObjectProperty);
                return message;
            });
        }

        await().until(() -> captured.results.size() == odd.size());
        captured.results.clear();
        takeChunks();
        assertThat(log.toString()).doesNotContain("\tat ", "is lost", "a dead letter");
    }

    @Test
    void whatIsWholeButNoRequestIsAnsweredWithAnError() throws Exception {
        start(Property.JMS_ENABLED.key(), "true");
        try (JMSContext jms = artemis().createContext()) {
            Queue requests = jms.createQueue("bactrian.requests");
            StreamMessage stream = jms.createStreamMessage();
            for (Object value : new Object[] {true, (byte) 1, (short) 2, 'c', 4, 5L, 6f, 7d, "", "short", "x".repeat(100), "x".repeat(10_000), null, new byte[] {8}}) {
                stream.writeObject(value);
            }
            jms.createProducer().send(requests, stream);
            MapMessage map = jms.createMapMessage();
            for (Object value : new Object[] {true, (byte) 1, (short) 2, 'c', 4, 5L, 6f, 7d, "", "x".repeat(10_000), null, new byte[] {8}}) {
                map.setObject("key " + value, value);
            }
            jms.createProducer().send(requests, map);
            jms.createProducer().send(requests, jms.createMapMessage());
            jms.createProducer().send(requests, jms.createStreamMessage());
            jms.createProducer().send(requests, jms.createObjectMessage());
            jms.createProducer().send(requests, jms.createMessage());
            jms.createProducer().send(requests, jms.createObjectMessage("x"));
        }

        await().until(() -> captured.errors.size() == 7);
        assertThat(captured.errors).allSatisfy(error -> assertThat(error.text()).contains("invalid-request", "not a text or bytes message"));
        captured.errors.clear();
    }

    @Test
    void whatIsTrulyCompressedIsRead() throws Exception {
        start(Property.JMS_ENABLED.key(), "true", Property.MAX_REQUEST_BYTES.key(), "400000");
        simulator.always(Call.CHAT, Reply.stream("hi"));
        String random = new Random(1).ints(LARGE, 'a', 'z').collect(StringBuilder::new, (text, c) -> text.append((char) c), StringBuilder::append).toString();
        ActiveMQConnectionFactory artemis = artemis();
        artemis.setCompressLargeMessage(true);
        try (JMSContext jms = artemis.createContext()) {
            for (String prompt : List.of("x".repeat(LARGE), random, "x".repeat(3_000_000))) {
                String request = "{\"model\": \"solar-pro4\", \"prompt\": \"" + prompt + "\"}";
                jms.createProducer().send(jms.createQueue("bactrian.requests"), request);
                BytesMessage bytes = jms.createBytesMessage();
                bytes.writeBytes(request.getBytes(UTF_8));
                jms.createProducer().send(jms.createQueue("bactrian.requests"), bytes);
            }
        }

        await().until(() -> captured.results.size() >= 4 && captured.errors.size() == 2);
        captured.results.clear();
        takeChunks();
        assertThat(captured.errors).allSatisfy(error -> assertThat(error.text()).contains("invalid-request", "max-request-bytes"));
        captured.errors.clear();
        assertThat(simulator.requests(Call.CHAT)).allSatisfy(call -> assertThat(call.bodyText().length()).isBetween(LARGE, LARGE + 1000));
        assertThat(log.toString()).doesNotContain("\tat ", "is lost", "a dead letter");
    }
}
