package dev.bactrian.jms;

import java.util.List;

import dev.bactrian.error.Cause;
import dev.bactrian.generate.Headers;
import dev.bactrian.ledger.Ledger;
import dev.bactrian.text.Unicode;
import jakarta.jms.JMSException;
import jakarta.jms.Message;
import jakarta.jms.MessageFormatException;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.support.DefaultMessage;

/** Reads the message of an exchange and keeps it in the variable {@code bactrianMessage}. */
final class QueueMessages {

    /** The JMS property with the key of the delivery. */
    static final String DELIVERY = "BactrianDelivery";

    /** The name of the JMS property for {@code Content-Type}: JMS does not allow a hyphen, and Camel encodes it. */
    private static final String CONTENT_TYPE = "Content_HYPHEN_Type";

    /** The Artemis property with the message id that an AMQP sender knows; JMSMessageID is Artemis' own. */
    private static final String SENDERS_MESSAGE_ID = "NATIVE_MESSAGE_ID";

    private static final String VARIABLE = "bactrianMessage";

    private final CamelContext camelContext;

    QueueMessages(CamelContext camelContext) {
        this.camelContext = camelContext;
    }

    /**
     * Keeps all further steps on this thread, because other threads are not part of the transaction. Needed again for a copy of the
     * exchange.
     */
    static void hold(Exchange exchange) {
        exchange.getExchangeExtension().setTransacted(true);
    }

    private static String correlationId(Message message) throws JMSException {
        String senders = message.getJMSCorrelationID();
        senders = senders == null ? property(message, SENDERS_MESSAGE_ID) : senders;
        return senders == null ? message.getJMSMessageID() : senders;
    }

    /** Returns a text property, or null if there is none or it is not text. */
    static String property(Message message, String name) throws JMSException {
        return message.propertyExists(name) && message.getObjectProperty(name) instanceof String text ? text : null;
    }

    /**
     * Reads the message of an exchange and keeps the exchange on this thread. A message that cannot be decoded is marked as
     * unusable, because its sender and not the connection is at fault.
     *
     * @param most the maximum number of bytes to read of the body; one more is kept to show that it is larger
     * @throws JMSException if the broker cannot deliver the message
     */
    QueueMessage open(Exchange exchange, long most) throws JMSException {
        hold(exchange);
        Message message = exchange.getMessage().getBody(Message.class);
        // Not Camel's JmsMessage, which throws and catches an exception on each copy (Camel 4.18).
        DefaultMessage plain = new DefaultMessage(exchange);
        plain.setBody(message);
        int attempt = message.getJMSRedelivered() ? attempt(message) : 1;
        Body body = Body.of(message, most);
        QueueMessage taken = QueueMessage.of(message, body, attempt, null, correlationId(message));
        try {
            plain.setHeaders(exchange.getMessage().getHeaders());
            taken = QueueMessage.of(message, body, attempt, message.getJMSReplyTo(), taken.correlationId());
            if (body.fault() != null) {
                taken = taken.unusable(undecodable("its body", body.fault()));
            }
        } catch (RuntimeException | MessageFormatException e) {
            taken = taken.unusable(undecodable("a property", Cause.words(Cause.of(e))));
        }
        exchange.setMessage(plain);
        set(exchange, taken);
        return taken;
    }

    private static String undecodable(String what, String why) {
        return what + " cannot be decoded: " + why;
    }

    private int attempt(Message message) throws JMSException {
        // If the sender has disabled message ids, only the broker's count is available.
        return message.getJMSMessageID() != null ? ledger().again(message.getJMSMessageID()) + 1
                : message.propertyExists("JMSXDeliveryCount") ? message.getIntProperty("JMSXDeliveryCount") : 2;
    }

    /** Sets body and headers to those of the original message, in valid Unicode, and sets the reply headers. */
    static void restore(Exchange exchange) throws JMSException {
        QueueMessage taken = of(exchange);
        Message message = taken.jms();
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
        exchange.getMessage().setBody(taken.body().bytes() != null ? taken.body().bytes() : Unicode.valid(text(taken)));
        addReply(exchange);
    }

    /** Sets the headers with the destination and the correlation id of the reply. */
    static void addReply(Exchange exchange) {
        exchange.getMessage().setHeader("JMSReplyTo", of(exchange).replyTo());
        exchange.getMessage().setHeader("JMSCorrelationID", of(exchange).correlationId());
    }

    /** Returns the text of a message, or the empty string if it has none. */
    static String text(QueueMessage taken) {
        return taken.body().text() == null ? "" : taken.body().text();
    }

    /** Returns the message that the exchange handles. */
    static QueueMessage of(Exchange exchange) {
        return exchange.getVariable(VARIABLE, QueueMessage.class);
    }

    /** Replaces the message that the exchange handles. */
    static void set(Exchange exchange, QueueMessage taken) {
        exchange.setVariable(VARIABLE, taken);
        if (taken.isDelayed()) {
            exchange.setProperty("BactrianNextQueue", taken.nextQueue());
            exchange.setProperty("BactrianDelayMillis", taken.delayMillis());
        }
    }

    Ledger ledger() {
        return Ledger.of(camelContext);
    }
}
