package dev.bactrian.jms;

import java.util.List;

import dev.bactrian.config.Beans;
import dev.bactrian.generate.Headers;
import dev.bactrian.generate.Intake;
import dev.bactrian.ledger.Ledger;
import dev.bactrian.text.Unicode;
import jakarta.jms.BytesMessage;
import jakarta.jms.JMSException;
import jakarta.jms.Message;
import jakarta.jms.TextMessage;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.support.DefaultMessage;

/** What all hops do with the message of an exchange, which is the variable {@code letter}. */
final class Letters {

    /** On a delivery: which one. */
    static final String DELIVERY = "BactrianDelivery";

    /** {@code Content-Type} as the name of a JMS property, which can't hold a hyphen; Camel's spelling. */
    private static final String CONTENT_TYPE = "Content_HYPHEN_Type";

    private final CamelContext camelContext;

    Letters(CamelContext camelContext) {
        this.camelContext = camelContext;
    }

    /** Keeps all that follows on this thread: on another it would not be part of the transaction. Copies forget it. */
    static void hold(Exchange exchange) {
        exchange.getExchangeExtension().setTransacted(true);
    }

    /**
     * The message of an exchange, which from here on is held to its thread, and is a plain message with the same headers
     * and body: each copy of Camel's {@code JmsMessage} costs an exception that is thrown and caught inside (Camel 4.18).
     */
    Letter open(Exchange exchange) throws JMSException {
        hold(exchange);
        DefaultMessage plain = new DefaultMessage(exchange);
        plain.setHeaders(exchange.getMessage().getHeaders());
        plain.setBody(exchange.getMessage().getBody());
        exchange.setMessage(plain);
        Message message = exchange.getMessage().getBody(Message.class);
        int attempt = message.getJMSRedelivered() ? attempt(message) : 1;
        Letter letter = Letter.of(message, attempt);
        exchange.setVariable("letter", letter);
        exchange.setVariable(Intake.ATTEMPT, attempt);
        return letter;
    }

    private int attempt(Message message) throws JMSException {
        // A sender may have its messages go without an id; then there is the broker's count alone.
        return message.getJMSMessageID() != null ? ledger().again(message.getJMSMessageID()) + 1
                : message.propertyExists("JMSXDeliveryCount") ? message.getIntProperty("JMSXDeliveryCount") : 2;
    }

    /** Leaves a message as its sender sent it, in valid Unicode: what of it is read, and where its answer goes. */
    static void asItCame(Exchange exchange) throws JMSException {
        Letter letter = of(exchange);
        Message message = letter.message();
        exchange.getMessage().removeHeaders("*");
        for (String name : List.of(Headers.REQUEST_ID, Headers.PROVIDER, Headers.MODEL, Headers.KIND, Headers.STATUS, DELIVERY)) {
            if (message.propertyExists(name)) {
                exchange.getMessage().setHeader(name, Unicode.valid(message.getStringProperty(name)));
            }
        }
        if (message.propertyExists(CONTENT_TYPE)) {
            exchange.getMessage().setHeader(Exchange.CONTENT_TYPE, message.getStringProperty(CONTENT_TYPE));
        }
        if (message instanceof BytesMessage bytes) {
            bytes.reset();
            byte[] body = new byte[(int) bytes.getBodyLength()];
            bytes.readBytes(body);
            exchange.getMessage().setBody(body);
        } else {
            exchange.getMessage().setBody(Unicode.valid(text(letter)));
        }
        addReply(exchange);
    }

    /** Sets where the answer goes. */
    static void addReply(Exchange exchange) {
        exchange.getMessage().setHeader("JMSReplyTo", of(exchange).replyTo());
        exchange.getMessage().setHeader("JMSCorrelationID", of(exchange).correlationId());
    }

    /** A message's text, empty where it has none. */
    static String text(Letter letter) throws JMSException {
        return letter.message() instanceof TextMessage text && text.getText() != null ? text.getText() : "";
    }

    /** The message of an exchange. */
    static Letter of(Exchange exchange) {
        return exchange.getVariable("letter", Letter.class);
    }

    /** Not kept: Camel makes the beans of a route file more than once. */
    Ledger ledger() {
        return Beans.one(camelContext, Ledger.class);
    }
}
