package dev.bactrian.jms;

import jakarta.jms.Destination;
import jakarta.jms.JMSException;
import jakarta.jms.Message;

/**
 * A message in work as the broker delivered it: the exchange variable {@code letter} of
 * {@code routes/from-jms.camel.yaml}. Immutable.
 *
 * @param message       the message itself
 * @param deliveries    how often the broker has delivered it, this time included
 * @param replyTo       where its sender waits for the outcome, or null
 * @param correlationId what tells its sender which request the outcome is of: the request's correlation id, else the
 *                      id of its message
 * @param reason          why it can't be handled, or null
 */
public record Letter(Message message, int deliveries, Destination replyTo, String correlationId, String reason) {

    /** One that was delivered more often has brought down whoever took it. */
    static final int MOST_DELIVERIES = 5;

    static Letter of(Message message) throws JMSException {
        int deliveries = message.propertyExists("JMSXDeliveryCount") ? message.getIntProperty("JMSXDeliveryCount")
                : message.getJMSRedelivered() ? 2 : 1;
        String correlationId = message.getJMSCorrelationID();
        return new Letter(message, deliveries, message.getJMSReplyTo(),
                correlationId == null ? message.getJMSMessageID() : correlationId,
                deliveries <= MOST_DELIVERIES ? null : "delivered " + deliveries + " times without an end");
    }

    /** The same, as one that can't be handled. */
    Letter because(String reason) {
        return new Letter(message, deliveries, replyTo, correlationId, reason);
    }

    /** For the routes: whether it can't be handled. */
    public boolean isDead() {
        return reason != null;
    }
}
