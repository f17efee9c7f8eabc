package dev.bactrian.jms;

import jakarta.jms.Destination;
import jakarta.jms.Message;

/**
 * The message that an exchange handles, as the broker delivered it, and what is to become of it: the exchange variable
 * {@code bactrianMessage} of {@code routes/from-jms.camel.yaml}. Immutable.
 *
 * @param jms           the JMS message
 * @param body          its content
 * @param usable        whether its queue's work can be done with it at all
 * @param attempt       how often its work was begun, this time included
 * @param replyTo       where its sender waits for the outcome, or null
 * @param correlationId what tells its sender which request the outcome is of: the request's correlation id, else the
 *                      id that its sender knows the message by
 * @param reason        why it becomes a dead letter, or null
 * @param nextQueue     the name of the queue in which the next message waits, or null
 * @param delayMillis   how long that waits, or null
 */
public record QueueMessage(Message jms, Body body, boolean usable, int attempt, Destination replyTo, String correlationId, String reason,
        String nextQueue, Long delayMillis) {

    /** A message whose work was begun so often has brought down every instance that took it. */
    static final int MOST_ATTEMPTS = 5;

    static QueueMessage of(Message jms, Body body, int attempt, Destination replyTo, String correlationId) {
        return new QueueMessage(jms, body, true, attempt, replyTo, correlationId,
                attempt <= MOST_ATTEMPTS ? null : "begun " + MOST_ATTEMPTS + " times without an end", null, null);
    }

    /** The same, to be a dead letter for that reason once its work is done. */
    QueueMessage dead(String why) {
        return new QueueMessage(jms, body, usable, attempt, replyTo, correlationId, why, nextQueue, delayMillis);
    }

    /** The same, to be a dead letter for that reason without any work. */
    QueueMessage unusable(String why) {
        return new QueueMessage(jms, body, false, attempt, replyTo, correlationId, why, nextQueue, delayMillis);
    }

    /** The same; the next message waits in that queue for so long. */
    QueueMessage delayed(String queue, long millis) {
        return new QueueMessage(jms, body, usable, attempt, replyTo, correlationId, reason, queue, millis);
    }

    /** Whether it becomes a dead letter. */
    boolean isDead() {
        return reason != null;
    }

    /** Whether the next message waits. */
    boolean isDelayed() {
        return nextQueue != null;
    }
}
