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

/** Reads the message that an exchange handles, and keeps it as the variable {@code bactrianMessage}. */
final class QueueMessages {

    /** The JMS property that says which delivery a message is. */
    static final String DELIVERY = "BactrianDelivery";

    /** {@code Content-Type} as Camel spells it for a JMS property, whose name can't hold a hyphen. */
    private static final String CONTENT_TYPE = "Content_HYPHEN_Type";

    /** Where Artemis keeps the message id that an AMQP sender knows; JMSMessageID is its own. */
    private static final String SENDERS_MESSAGE_ID = "NATIVE_MESSAGE_ID";

    private static final String VARIABLE = "bactrianMessage";

    private final CamelContext camelContext;

    QueueMessages(CamelContext camelContext) {
        this.camelContext = camelContext;
    }

    /** Keeps all further steps on this thread, because another is not part of the transaction. A copy of the exchange needs it again. */
    static void hold(Exchange exchange) {
        exchange.getExchangeExtension().setTransacted(true);
    }

    private static String correlationId(Message message) throws JMSException {
        String senders = message.getJMSCorrelationID();
        senders = senders == null ? property(message, SENDERS_MESSAGE_ID) : senders;
        return senders == null ? message.getJMSMessageID() : senders;
    }

    /** A text property; null where there is none or it is not a text. */
    static String property(Message message, String name) throws JMSException {
        return message.propertyExists(name) && message.getObjectProperty(name) instanceof String text ? text : null;
    }

    /**
     * Reads the message of an exchange and keeps the exchange on this thread. A message that can't be decoded is unusable;
     * that is no fault of the connection.
     *
     * @param most how many bytes of its body are read; one more shows that it is larger
     * @throws JMSException where the broker can't hand it over
     */
    QueueMessage open(Exchange exchange, long most) throws JMSException {
        hold(exchange);
        Message message = exchange.getMessage().getBody(Message.class);
        // Not Camel's JmsMessage: each copy of one throws and catches an exception inside (Camel 4.18).
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
        // A sender may switch message ids off; then only the broker's own count is there.
        return message.getJMSMessageID() != null ? ledger().again(message.getJMSMessageID()) + 1
                : message.propertyExists("JMSXDeliveryCount") ? message.getIntProperty("JMSXDeliveryCount") : 2;
    }

    /** Sets body and headers to those of the message as it was sent, in valid Unicode, and where its answer goes. */
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

    /** Sets the headers that say where the answer goes. */
    static void addReply(Exchange exchange) {
        exchange.getMessage().setHeader("JMSReplyTo", of(exchange).replyTo());
        exchange.getMessage().setHeader("JMSCorrelationID", of(exchange).correlationId());
    }

    /** The text of a message; empty where it has none. */
    static String text(QueueMessage taken) {
        return taken.body().text() == null ? "" : taken.body().text();
    }

    /** The message that an exchange handles. */
    static QueueMessage of(Exchange exchange) {
        return exchange.getVariable(VARIABLE, QueueMessage.class);
    }

    /** Replaces it. */
    static void set(Exchange exchange, QueueMessage taken) {
        exchange.setVariable(VARIABLE, taken);
    }

    Ledger ledger() {
        return Ledger.of(camelContext);
    }
}
