package dev.bactrian.jms;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Job;
import dev.bactrian.core.Steps;
import dev.bactrian.emit.Delivery;
import dev.bactrian.emit.Emitter;
import dev.bactrian.emit.ImageDownloads;
import dev.bactrian.emit.Outgoing;
import dev.bactrian.error.Cause;
import dev.bactrian.generate.Generation;
import dev.bactrian.generate.Headers;
import dev.bactrian.limit.Retry;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.text.ProviderJson;
import jakarta.jms.JMSException;
import jakarta.jms.Queue;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.support.CamelContextHelper;
import org.slf4j.Logger;

/** The bean {@code bactrianQueueDeliveries} of {@code routes/from-jms.camel.yaml}: reads and writes deliveries and dead letters. */
public final class QueueDeliveries {

    /** The name of the bean. */
    static final String BEAN = "bactrianQueueDeliveries";

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.jms");

    private static final List<String> EMITTED =
            List.of(Headers.REQUEST_ID, Headers.PROVIDER, Headers.MODEL, Headers.KIND, Headers.STATUS);

    /** The JMS property with the number of failed attempts to deliver. */
    private static final String TRIES = "BactrianTries";
    /**
     * The JMS property, on the first message after a create, with the ledger keys that can be deleted once that transaction is committed, separated by
     * blanks.
     */
    private static final String RECALL_KEY = "BactrianRecallKey";

    private final CamelContext camelContext;
    private final QueueMessages messages;
    private final Connections connections;
    private final Settings settings;
    private final Retry retry;
    private final int mostTries;

    QueueDeliveries(CamelContext camelContext, QueueMessages messages, Connections connections) {
        this.camelContext = camelContext;
        this.messages = messages;
        this.connections = connections;
        settings = Settings.of(camelContext);
        retry = Retry.of(settings);
        mostTries = settings.count(Property.JMS_DELIVERY_ATTEMPTS);
        Steps.of(camelContext, BEAN, QueueDeliveries.class).step("pack", QueueDeliveries::pack).step("delivery", QueueDeliveries::delivery)
                .value("messages", QueueDeliveries::messages).step("message", QueueDeliveries::message)
                .test("isReply", QueueDeliveries::isReply).step("undelivered", QueueDeliveries::undelivered)
                .test("isDead", QueueDeliveries::isDead)
                .step("deadLetter", QueueDeliveries::deadLetter);
    }

    /** Makes the message of a delivery: the document, and the key of the delivery. */
    public void pack(Exchange exchange) {
        QueueRequests.Packet packet = (QueueRequests.Packet) exchange.getMessage().getBody();
        Delivery delivery = packet.delivery();
        exchange.getMessage().setBody(packet.document());
        exchange.getMessage().setHeader(QueueMessages.DELIVERY, delivery.key());
        Generation generation = Job.generation(exchange);
        if (generation != null && !generation.recallKeys().isEmpty()) {
            exchange.getMessage().setHeader(RECALL_KEY, String.join(" ", generation.recallKeys()));
        }
        if (delivery.isReply()) {
            QueueMessages.addReply(exchange);
        }
    }

    /**
     * Reads the message of a delivery and sets the body to its document. A message that cannot be delivered becomes a dead letter.
     *
     * @throws JMSException if the broker cannot deliver the message
     */
    public void delivery(Exchange exchange) throws JMSException {
        QueueMessage message = messages.open(exchange, Body.WHOLE);
        String document = QueueMessages.text(message);
        String key = QueueMessages.property(message.jms(), QueueMessages.DELIVERY);
        exchange.getMessage().getHeaders().keySet().retainAll(EMITTED);
        exchange.getMessage().setBody(document);
        if (message.isDead()) {
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
            problem = message.replyTo() == null || !connections.isThere(message.replyTo()) ? "whoever asked is gone" : null;
        } else if (key != null && ProviderJson.json(document).isPresent()) {
            delivery = emitter().deliveries(exchange).stream().filter(one -> one.key().equals(key)).findFirst().orElse(null);
            problem = delivery == null ? "its destination is not configured any more" : null;
        } else if (key != null) {
            problem = "not a document";
        }
        if (problem != null) {
            QueueMessages.set(exchange, message.dead(problem));
            return;
        }
        Outgoing.deliver(exchange, delivery);
        String keys = QueueMessages.property(message.jms(), RECALL_KEY);
        if (keys != null) {
            Stream.of(keys.split(" ")).forEach(messages.ledger()::forget);
        }
    }

    /** Returns the messages that the delivery sends; none if the delivery is a dead letter. */
    public List<Delivery> messages(Exchange exchange) {
        return QueueMessages.of(exchange).isDead() ? List.of() : emitter().messages(exchange);
    }

    /** Prepares sending the message in the body; for a reply, sets its text, destination and correlation id. */
    public void message(Exchange exchange) {
        QueueMessages.hold(exchange);
        Delivery delivery = exchange.getMessage().getBody(Delivery.class);
        Outgoing.deliver(exchange, delivery);
        if (delivery.isReply()) {
            exchange.getMessage().setBody(delivery.text());
            exchange.getMessage().setHeader("CamelJmsDestination", QueueMessages.of(exchange).replyTo());
            exchange.getMessage().setHeader("JMSCorrelationID", QueueMessages.of(exchange).correlationId());
        }
    }

    /** Whether the delivery is the reply to the request's sender. */
    public boolean isReply(Exchange exchange) {
        return Outgoing.delivery(exchange).isReply();
    }

    /**
     * Decides what happens after a failed delivery: it waits in its queue, or becomes a dead letter after
     * {@code bactrian.jms.delivery-attempts}.
     *
     * @throws JMSException if the broker has rejected a message, after which nothing more can be sent in this transaction
     */
    public void undelivered(Exchange exchange) throws JMSException {
        QueueMessage message = QueueMessages.of(exchange);
        Throwable cause = Cause.of(exchange);
        for (Throwable one = cause; one != null; one = one.getCause()) {
            if (one instanceof JMSException refused) {
                throw refused;
            }
        }
        int tries = message.jms().getObjectProperty(TRIES) instanceof Integer before ? before + 1 : 1;
        String problem = emitter().problem(Outgoing.delivery(exchange), cause);
        String id = QueueMessages.property(message.jms(), Headers.REQUEST_ID);
        if (tries >= mostTries) {
            QueueMessages.set(exchange, message.dead("not delivered in " + tries + " tries to " + problem));
            return;
        }
        long delay = QueueRequests.rounded(retry.before(tries, Map.of(), null).toMillis());
        LOG.warn("{}: could not be emitted to {}; again in {} ms", id, problem, delay);
        QueueMessages.set(exchange, message.delayed(settings.require(Property.JMS_DELIVERIES), delay));
        QueueMessages.restore(exchange);
        Emitter.waiting(exchange).ifPresent(exchange.getMessage()::setBody);
        exchange.getMessage().setHeader(TRIES, tries);
    }

    /** Whether the message becomes a dead letter. */
    public boolean isDead(Exchange exchange) {
        return QueueMessages.of(exchange).isDead();
    }

    /** Makes a dead letter: the original message, with the reason and the name of its queue. */
    public void deadLetter(Exchange exchange) throws JMSException {
        QueueMessage message = QueueMessages.of(exchange);
        QueueMessages.restore(exchange);
        Emitter.waiting(exchange).ifPresent(exchange.getMessage()::setBody);
        exchange.getMessage().setHeader(Headers.REASON, settings.redact(message.reason()));
        if (message.jms().getJMSDestination() instanceof Queue queue) {
            exchange.getMessage().setHeader(Headers.QUEUE, queue.getQueueName());
        }
        Generation generation = Job.generation(exchange);
        String id = generation != null ? generation.id()
                : exchange.getMessage().getHeader(Headers.REQUEST_ID, message.correlationId(), String.class);
        LOG.warn("{}: a dead letter: {}", id, message.reason());
    }

    private Emitter emitter() {
        return CamelContextHelper.mandatoryLookup(camelContext, Emitter.BEAN, Emitter.class);
    }
}
