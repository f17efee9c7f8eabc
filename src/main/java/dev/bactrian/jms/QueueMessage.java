package dev.bactrian.jms;

import jakarta.jms.Destination;
import jakarta.jms.Message;

/**
 * The message that an exchange handles and what happens to it next: the exchange variable {@code bactrianMessage} of
 * {@code routes/from-jms.camel.yaml}. Immutable.
 *
 * @param jms           the JMS message
 * @param body          its content
 * @param usable        whether the message can be processed at all
 * @param attempt       how often processing was started, including this time
 * @param replyTo       the destination of the reply, or null
 * @param correlationId the correlation id of the reply: that of the request, or else the message id that the sender knows
 * @param reason        why it becomes a dead letter, or null
 * @param nextQueue     the name of the queue in which the next message waits, or null
 * @param delayMillis   the delay of the next message in ms, or null
 */
public record QueueMessage(Message jms, Body body, boolean usable, int attempt, Destination replyTo, String correlationId, String reason,
        String nextQueue, Long delayMillis) {

    /** A message that was started this often without an end has probably brought down each instance. */
    static final int MOST_ATTEMPTS = 5;

    static QueueMessage of(Message jms, Body body, int attempt, Destination replyTo, String correlationId) {
        return new QueueMessage(jms, body, true, attempt, replyTo, correlationId,
                attempt <= MOST_ATTEMPTS ? null : "begun " + MOST_ATTEMPTS + " times without an end", null, null);
    }

    /** Returns a copy that becomes a dead letter for that reason after it is processed. */
    QueueMessage dead(String why) {
        return new QueueMessage(jms, body, usable, attempt, replyTo, correlationId, why, nextQueue, delayMillis);
    }

    /** Returns a copy that does not become a dead letter. */
    QueueMessage alive() {
        return new QueueMessage(jms, body, usable, attempt, replyTo, correlationId, null, nextQueue, delayMillis);
    }

    /** Returns a copy that becomes a dead letter for that reason without being processed. */
    QueueMessage unusable(String why) {
        return new QueueMessage(jms, body, false, attempt, replyTo, correlationId, why, nextQueue, delayMillis);
    }

    /** Returns a copy whose next message waits in that queue. */
    QueueMessage delayed(String queue, long millis) {
        return new QueueMessage(jms, body, usable, attempt, replyTo, correlationId, reason, queue, millis);
    }

    /** Whether the message becomes a dead letter. */
    boolean isDead() {
        return reason != null;
    }

    /** Whether the next message waits in a queue. */
    boolean isDelayed() {
        return nextQueue != null;
    }
}
