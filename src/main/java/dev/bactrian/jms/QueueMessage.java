package dev.bactrian.jms;

import jakarta.jms.Destination;
import jakarta.jms.Message;

/**
 * A message in work as the broker delivered it: the exchange variable {@code bactrianMessage} of
 * {@code routes/from-jms.camel.yaml}. Immutable.
 *
 * @param message       the message itself
 * @param body          what it holds
 * @param readable      whether all of it could be read
 * @param attempt       which begin of its work this is, from 1
 * @param replyTo       where its sender waits for the outcome, or null
 * @param correlationId what tells its sender which request the outcome is of: the request's correlation id, else the
 *                      id that its sender knows the message by
 * @param reason        why it can't be handled, or null
 * @param delayMillis   how long the next message that comes of it waits in its queue, or null
 */
public record QueueMessage(Message message, Body body, boolean readable, int attempt, Destination replyTo, String correlationId, String reason,
        Long delayMillis) {

    /** One that was begun so often has brought down whoever took it. */
    static final int MOST_ATTEMPTS = 5;

    static QueueMessage of(Message message, Body body, int attempt, Destination replyTo, String correlationId) {
        return new QueueMessage(message, body, true, attempt, replyTo, correlationId,
                attempt <= MOST_ATTEMPTS ? null : "begun " + MOST_ATTEMPTS + " times without an end", null);
    }

    /** The same, as one that can't be handled. */
    QueueMessage because(String why) {
        return new QueueMessage(message, body, readable, attempt, replyTo, correlationId, why, delayMillis);
    }

    /** The same, as one that can't even be read. */
    QueueMessage unreadable(String what, String why) {
        return new QueueMessage(message, body, false, attempt, replyTo, correlationId, what + " cannot be decoded: " + why, delayMillis);
    }

    /** The same, after which the next message waits for that long. */
    QueueMessage delayed(long millis) {
        return new QueueMessage(message, body, readable, attempt, replyTo, correlationId, reason, millis);
    }

    /** For the routes: whether it can't be handled. */
    public boolean isDead() {
        return reason != null;
    }
}
