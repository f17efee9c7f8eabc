package dev.bactrian.jms;

import jakarta.jms.Destination;
import jakarta.jms.JMSException;
import jakarta.jms.Message;

/**
 * A message in work as the broker delivered it: the exchange variable {@code letter} of
 * {@code routes/from-jms.camel.yaml}. Immutable.
 *
 * @param message       the message itself
 * @param attempt       which begin of its work this is, from 1
 * @param replyTo       where its sender waits for the outcome, or null
 * @param correlationId what tells its sender which request the outcome is of: the request's correlation id, else the
 *                      id of its message
 * @param reason        why it can't be handled, or null
 */
public record Letter(Message message, int attempt, Destination replyTo, String correlationId, String reason) {

    /** One that was begun so often has brought down whoever took it. */
    static final int MOST_ATTEMPTS = 5;

    static Letter of(Message message, int attempt) throws JMSException {
        String correlationId = message.getJMSCorrelationID();
        return new Letter(message, attempt, message.getJMSReplyTo(), correlationId == null ? message.getJMSMessageID() : correlationId,
                attempt <= MOST_ATTEMPTS ? null : "begun " + MOST_ATTEMPTS + " times without an end");
    }

    /** The same, as one that can't be handled. */
    Letter because(String why) {
        return new Letter(message, attempt, replyTo, correlationId, why);
    }

    /** For the routes: whether it can't be handled. */
    public boolean isDead() {
        return reason != null;
    }
}
