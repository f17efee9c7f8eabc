package dev.bactrian.jms;

import java.util.List;

import dev.bactrian.error.Cause;
import dev.bactrian.flow.Requests;
import dev.bactrian.generate.Headers;
import dev.bactrian.ledger.Ledger;
import dev.bactrian.text.Unicode;
import jakarta.jms.JMSException;
import jakarta.jms.Message;
import jakarta.jms.MessageFormatException;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.support.DefaultMessage;

/** What all hops do with the message of an exchange, which is the variable {@code bactrianMessage}. */
final class QueueMessages {

    /** On a delivery: which one. */
    static final String DELIVERY = "BactrianDelivery";

    /** {@code Content-Type} as the name of a JMS property, which can't hold a hyphen; Camel's spelling. */
    private static final String CONTENT_TYPE = "Content_HYPHEN_Type";

    /** Where Artemis keeps the message id of a sender by AMQP, who does not know the one that it gives the message. */
    private static final String SENDERS_MESSAGE_ID = "NATIVE_MESSAGE_ID";

    private static final String VARIABLE = "bactrianMessage";

    private final CamelContext camelContext;

    QueueMessages(CamelContext camelContext) {
        this.camelContext = camelContext;
    }

    /** Keeps all that follows on this thread: on another it would not be part of the transaction. Copies forget it. */
    static void hold(Exchange exchange) {
        exchange.getExchangeExtension().setTransacted(true);
    }

    private static String correlationId(Message message) throws JMSException {
        String senders = message.getJMSCorrelationID();
        senders = senders == null ? property(message, SENDERS_MESSAGE_ID) : senders;
        return senders == null ? message.getJMSMessageID() : senders;
    }

    /** A message's property as a text, null where it has none or one that is no text. */
    static String property(Message message, String name) throws JMSException {
        return message.propertyExists(name) && message.getObjectProperty(name) instanceof String text ? text : null;
    }

    /**
     * The message of an exchange, which from here on is held to its thread, and is a plain message with the same headers
     * and body: each copy of Camel's {@code JmsMessage} costs an exception that is thrown and caught inside (Camel 4.18).
     * One that can't be read is a dead letter; nothing is wrong with the connection that it came by.
     *
     * @param most how many bytes of it are read, and one more
     * @throws JMSException where the broker can't hand it over
     */
    QueueMessage open(Exchange exchange, long most) throws JMSException {
        hold(exchange);
        Message message = exchange.getMessage().getBody(Message.class);
        DefaultMessage plain = new DefaultMessage(exchange);
        plain.setBody(message);
        int attempt = message.getJMSRedelivered() ? attempt(message) : 1;
        Body body = Body.of(message, most);
        QueueMessage letter = QueueMessage.of(message, body, attempt, null, correlationId(message));
        try {
            plain.setHeaders(exchange.getMessage().getHeaders());
            letter = QueueMessage.of(message, body, attempt, message.getJMSReplyTo(), letter.correlationId());
            if (body.fault() != null) {
                letter = letter.unreadable("its body", body.fault());
            }
        } catch (RuntimeException | MessageFormatException e) {
            letter = letter.unreadable("a property", Cause.words(Cause.of(e)));
        }
        exchange.setMessage(plain);
        set(exchange, letter);
        exchange.setVariable(Requests.ATTEMPT, attempt);
        return letter;
    }

    private int attempt(Message message) throws JMSException {
        // A sender may have its messages go without an id; then there is the broker's count alone.
        return message.getJMSMessageID() != null ? ledger().again(message.getJMSMessageID()) + 1
                : message.propertyExists("JMSXDeliveryCount") ? message.getIntProperty("JMSXDeliveryCount") : 2;
    }

    /** Leaves a message as its sender sent it, in valid Unicode: what of it is read, and where its answer goes. */
    static void asItCame(Exchange exchange) throws JMSException {
        QueueMessage letter = of(exchange);
        Message message = letter.message();
        exchange.getMessage().removeHeaders("*");
        for (String name : List.of(Headers.REQUEST_ID, Headers.PROVIDER, Headers.MODEL, Headers.KIND, Headers.STATUS, DELIVERY)) {
            String value = property(message, name);
            if (value != null) {
                exchange.getMessage().setHeader(name, Unicode.valid(value));
            }
        }
        String type = property(message, CONTENT_TYPE);
        if (type != null) {
            exchange.getMessage().setHeader(Exchange.CONTENT_TYPE, type);
        }
        exchange.getMessage().setBody(letter.body().bytes() != null ? letter.body().bytes() : Unicode.valid(text(letter)));
        addReply(exchange);
    }

    /** Sets where the answer goes. */
    static void addReply(Exchange exchange) {
        exchange.getMessage().setHeader("JMSReplyTo", of(exchange).replyTo());
        exchange.getMessage().setHeader("JMSCorrelationID", of(exchange).correlationId());
    }

    /** A message's text, empty where it has none. */
    static String text(QueueMessage letter) {
        return letter.body().text() == null ? "" : letter.body().text();
    }

    /** The message of an exchange. */
    static QueueMessage of(Exchange exchange) {
        return exchange.getVariable(VARIABLE, QueueMessage.class);
    }

    /** The message of an exchange is that from here on. */
    static void set(Exchange exchange, QueueMessage letter) {
        exchange.setVariable(VARIABLE, letter);
    }

    Ledger ledger() {
        return Ledger.of(camelContext);
    }
}
