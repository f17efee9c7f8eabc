package dev.bactrian.jms;

import java.util.List;
import java.util.Map;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Job;
import dev.bactrian.emit.Delivery;
import dev.bactrian.emit.Emitter;
import dev.bactrian.emit.ImageDownloads;
import dev.bactrian.error.Cause;
import dev.bactrian.generate.Generation;
import dev.bactrian.generate.Headers;
import dev.bactrian.limit.Retry;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.text.ProviderJson;
import jakarta.jms.JMSException;
import jakarta.jms.Message;
import jakarta.jms.Queue;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.support.CamelContextHelper;
import org.slf4j.Logger;

/**
 * What {@code routes/from-jms.camel.yaml} can't say itself of deliveries and dead letters: what is read from a message, and
 * what is written into the next.
 */
public final class QueueDeliveries {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.jms");

    private static final List<String> EMITTED =
            List.of(Headers.REQUEST_ID, Headers.PROVIDER, Headers.MODEL, Headers.KIND, Headers.STATUS);

    /** On a delivery: how often it was tried. */
    private static final String TRIES = "BactrianTries";
    /** On the first message after a create: what the ledger may forget now that the create's transaction is done. */
    private static final String RECALL_KEY = "BactrianRecallKey";

    private final CamelContext camelContext;
    private final QueueMessages letters;
    private final Connections connections;
    private final Settings settings;
    private final Retry retry;
    private final int mostTries;

    QueueDeliveries(CamelContext camelContext, QueueMessages letters, Connections connections) {
        this.camelContext = camelContext;
        this.letters = letters;
        this.connections = connections;
        settings = Settings.of(camelContext);
        retry = Retry.of(settings);
        mostTries = settings.count(Property.JMS_DELIVERY_ATTEMPTS);
    }

    /** Leaves the message of a delivery: the whole document, and which delivery it is. */
    public void pack(Exchange exchange) {
        QueueRequests.Packet packet = (QueueRequests.Packet) exchange.getMessage().getBody();
        Delivery delivery = packet.delivery();
        exchange.getMessage().setBody(packet.document());
        exchange.getMessage().setHeader(QueueMessages.DELIVERY, delivery.key());
        Generation generation = Job.generation(exchange);
        if (generation != null && generation.recallKey() != null) {
            exchange.getMessage().setHeader(RECALL_KEY, generation.recallKey());
        }
        if (delivery.isReply()) {
            QueueMessages.addReply(exchange);
        }
    }

    /** Takes a delivery off its queue and leaves its document, to be emitted. */
    public void delivery(Exchange exchange) throws JMSException {
        QueueMessage letter = letters.open(exchange, Body.WHOLE);
        Message message = letter.message();
        String document = QueueMessages.text(letter);
        String key = QueueMessages.property(message, QueueMessages.DELIVERY);
        exchange.getMessage().getHeaders().keySet().retainAll(EMITTED);
        exchange.getMessage().setBody(document);
        if (letter.isDead()) {
            return;
        }
        ImageDownloads images = CamelContextHelper.mandatoryLookup(camelContext, ImageDownloads.BEAN, ImageDownloads.class);
        if (Delivery.REPLY.equals(key)) {
            images.toAnswer(exchange);
        } else {
            images.toEmit(exchange);
        }
        String problem = key == null ? "not a delivery" : null;
        Delivery delivery = null;
        if (Delivery.REPLY.equals(key)) {
            delivery = Delivery.answer(document);
            problem = letter.replyTo() == null || !connections.isThere(letter.replyTo()) ? "whoever asked is gone" : null;
        } else if (key != null && ProviderJson.json(document).isPresent()) {
            delivery = emitter().deliveries(exchange).stream().filter(one -> one.key().equals(key)).findFirst().orElse(null);
            problem = delivery == null ? "its destination is not configured any more" : null;
        } else if (key != null) {
            problem = "not a document";
        }
        if (problem != null) {
            QueueMessages.set(exchange, letter.because(problem));
            return;
        }
        exchange.setVariable(Delivery.VARIABLE, delivery);
        letters.ledger().forget(QueueMessages.property(message, RECALL_KEY));
    }

    /** Takes one message of a delivery. */
    public void message(Exchange exchange) {
        QueueMessages.hold(exchange);
        exchange.setVariable(Delivery.VARIABLE, exchange.getMessage().getBody(Delivery.class));
    }

    /** Leaves the message of a reply. */
    public void reply(Exchange exchange) {
        exchange.getMessage().setHeader("CamelJmsDestination", QueueMessages.of(exchange).replyTo());
        exchange.getMessage().setHeader("JMSCorrelationID", QueueMessages.of(exchange).correlationId());
    }

    /**
     * After a delivery that failed: leaves it to be tried again, or as a dead letter where it was tried often enough.
     *
     * @throws JMSException where the broker refused it: that has spoilt the transaction, and nothing more can be sent in it
     */
    public void undelivered(Exchange exchange) throws JMSException {
        QueueMessage letter = QueueMessages.of(exchange);
        Throwable cause = Cause.of(exchange);
        for (Throwable one = cause; one != null; one = one.getCause()) {
            if (one instanceof JMSException refused) {
                throw refused;
            }
        }
        int tries = letter.message().getObjectProperty(TRIES) instanceof Integer before ? before + 1 : 1;
        String problem = emitter().problem(exchange.getVariable(Delivery.VARIABLE, Delivery.class), cause);
        String id = QueueMessages.property(letter.message(), Headers.REQUEST_ID);
        if (tries >= mostTries) {
            QueueMessages.set(exchange, letter.because("not delivered in " + tries + " tries to " + problem));
            return;
        }
        long delay = QueueRequests.rounded(retry.before(tries, Map.of(), null).toMillis());
        LOG.warn("{}: could not be emitted to {}; again in {} ms", id, problem, delay);
        QueueMessages.set(exchange, letter.delayed(delay));
        QueueMessages.asItCame(exchange);
        Emitter.waiting(exchange).ifPresent(exchange.getMessage()::setBody);
        exchange.getMessage().setHeader(TRIES, tries);
    }

    /** Leaves a message that can't be handled: as it came, with the reason and the queue it came from. */
    public void deadLetter(Exchange exchange) throws JMSException {
        QueueMessage letter = QueueMessages.of(exchange);
        QueueMessages.asItCame(exchange);
        Emitter.waiting(exchange).ifPresent(exchange.getMessage()::setBody);
        exchange.getMessage().setHeader(Headers.REASON, settings.redact(letter.reason()));
        if (letter.message().getJMSDestination() instanceof Queue queue) {
            exchange.getMessage().setHeader(Headers.QUEUE, queue.getQueueName());
        }
        Generation generation = Job.generation(exchange);
        String id = generation != null ? generation.id() : exchange.getMessage().getHeader(Headers.REQUEST_ID, letter.correlationId(), String.class);
        LOG.warn("{}: a dead letter: {}", id, letter.reason());
    }

    private Emitter emitter() {
        return CamelContextHelper.mandatoryLookup(camelContext, Emitter.BEAN, Emitter.class);
    }
}
