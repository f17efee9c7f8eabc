package dev.bactrian.jms;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Cancellations;
import dev.bactrian.core.Job;
import dev.bactrian.emit.Delivery;
import dev.bactrian.emit.Emitter;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.flow.Requests;
import dev.bactrian.generate.Capacity;
import dev.bactrian.generate.Generation;
import dev.bactrian.generate.Headers;
import dev.bactrian.ledger.Ledger;
import dev.bactrian.observe.Observer;
import dev.bactrian.replicate.PollCounts;
import dev.bactrian.replicate.PollState;
import jakarta.jms.Destination;
import jakarta.jms.JMSException;
import jakarta.jms.Queue;
import org.apache.camel.AggregationStrategy;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.support.CamelContextHelper;
import org.apache.camel.support.SynchronizationAdapter;

/**
 * The bean {@code bactrianQueue} of {@code routes/from-jms.camel.yaml}: reads messages that are requests and predictions, and
 * writes the next ones. Of a sender's properties it reads only {@code BactrianModel}, {@code BactrianProvider} and the
 * content type. As a processor it keeps an exchange on its thread.
 */
public final class QueueRequests implements AggregationStrategy, Processor {

    private static final List<String> READ = List.of(Headers.MODEL, Headers.PROVIDER, Exchange.CONTENT_TYPE);

    /** The delays, in milliseconds, of the messages to {@code bactrian.polls} so far. */
    private final NavigableSet<Long> delays = new ConcurrentSkipListSet<>();
    private final CamelContext camelContext;
    private final QueueMessages messages;
    private final InFlightLimiter inFlight;
    private final long maxRequestBytes;
    private final Set<String> ours;
    private final String polls;

    QueueRequests(CamelContext camelContext, QueueMessages messages) {
        this.camelContext = camelContext;
        this.messages = messages;
        Settings settings = Settings.of(camelContext);
        inFlight = new InFlightLimiter(Capacity.of(camelContext).most());
        Observer.of(camelContext).waiting("replicate", inFlight::waiting);
        maxRequestBytes = settings.bytes(Property.MAX_REQUEST_BYTES);
        ours = Stream.of(Property.JMS_REQUESTS, Property.JMS_POLLS, Property.JMS_DELIVERIES, Property.JMS_DEAD_LETTERS)
                .map(settings::require).collect(Collectors.toSet());
        polls = settings.require(Property.JMS_POLLS);
    }

    /** Keeps all further steps on this thread. */
    @Override
    public void process(Exchange exchange) {
        QueueMessages.hold(exchange);
    }

    /** Reads the message of a request, once there is room for it. */
    public void request(Exchange exchange) throws JMSException {
        inFlight.begin(this::isStopping);
        exchange.getExchangeExtension().addOnCompletion(new SynchronizationAdapter() {
            @Override
            public void onDone(Exchange done) {
                inFlight.end();
            }
        });
        QueueMessage message = messages.open(exchange, maxRequestBytes);
        String messageId = message.jms().getJMSMessageID();
        String correlationId = message.correlationId();
        exchange.setVariable(Requests.DEFAULT_ID, correlationId == null || correlationId.isBlank() ? messageId : correlationId);
        exchange.setVariable(Requests.DELIVERY, messageId);
        exchange.setVariable(Requests.INPUT, Settings.of(camelContext).require(Property.JMS_INPUT));
        exchange.getMessage().getHeaders().keySet().retainAll(READ);
    }

    /**
     * Sets the body to a request's text or bytes.
     *
     * @throws GenerationFailure {@code invalid-request} where the message is of another kind, or its {@code JMSReplyTo} is a
     *                           queue of Bactrian's own
     */
    public void read(Exchange exchange) throws JMSException {
        QueueMessage message = QueueMessages.of(exchange);
        if (isOurs(message.replyTo())) {
            throw new GenerationFailure(ErrorType.INVALID_REQUEST, "JMSReplyTo: names a queue of Bactrian's own");
        }
        Body body = message.body();
        if (body.text() == null && body.bytes() == null) {
            throw new GenerationFailure(ErrorType.INVALID_REQUEST, "not a text or bytes message but " + body.kind().words);
        }
        exchange.getMessage().setBody(body.text() != null ? body.text() : body.bytes());
    }

    private boolean isOurs(Destination destination) throws JMSException {
        // Artemis also knows a queue as address::queue.
        return destination instanceof Queue queue && Stream.of(queue.getQueueName().split("::")).anyMatch(ours::contains);
    }

    /**
     * Claims a request's id for this message.
     *
     * @throws GenerationFailure where another message has it, or this one was begun too often
     */
    public void claim(Exchange exchange) throws JMSException {
        QueueMessage message = QueueMessages.of(exchange);
        Job job = Job.of(exchange);
        Generation generation = job.generation();
        if (!claim(generation, message.jms().getJMSMessageID())) {
            job.markDuplicate();
            throw new GenerationFailure(ErrorType.INVALID_REQUEST, "id: a request with the id " + generation.id() + " was sent before");
        }
        job.claimed(generation.id());
        if (message.isDead()) {
            throw givenUp(message);
        }
    }

    /** While the ledger can't be reached this waits: to go on might pay twice. */
    private boolean claim(Generation generation, String messageId) {
        while (true) {
            try {
                boolean claimed = ledger().claim(generation.id(), messageId);
                ledger().recall(generation);
                return claimed;
            } catch (GenerationFailure e) {
                ledger().isWaitedFor(e);
                inFlight.pause(this::isStopping);
            }
        }
    }

    /** Reads the message of a prediction and resumes its job; one that was begun too often is given up. */
    public void prediction(Exchange exchange) throws JMSException {
        QueueMessage message = messages.open(exchange, Body.WHOLE);
        exchange.getMessage().removeHeaders("*");
        PollMessage waiting = PollMessage.read(QueueMessages.text(message)).orElse(null);
        if (waiting == null) {
            QueueMessages.set(exchange, message.usable() ? message.unusable("not a prediction under way") : message);
            return;
        }
        Job job = Job.begin(exchange);
        job.generation(waiting.generation(), requests().provider(waiting.generation().getProvider()));
        job.delivery(message.attempt());
        job.poll(waiting.poll());
        job.claimed(waiting.generation().id());
        cancellations().follow(exchange, waiting.generation().id(), waiting.poll());
        PollCounts polls = waiting.poll().polls();
        boolean first = polls.answered() == 0 && polls.misses() == 0 && polls.skipped() <= 1;
        if (first) {
            ledger().forget(waiting.generation().recallKey());
        }
        if (message.isDead()) {
            job.poll(waiting.poll().givenUp(givenUp(message)));
        }
    }

    /** Whether the message is a request that is not read yet. */
    public boolean isRequest(Exchange exchange) {
        return QueueMessages.of(exchange).usable() && Job.of(exchange) == null;
    }

    /** Whether there is a prediction to be polled. */
    public boolean isPending(Exchange exchange) {
        Job job = Job.of(exchange);
        return job != null && job.isPending();
    }

    /** Whether there is a request with nothing more to be polled. */
    public boolean isEnded(Exchange exchange) {
        Job job = Job.of(exchange);
        return job != null && !job.isPending();
    }

    private static GenerationFailure givenUp(QueueMessage message) {
        return new GenerationFailure(ErrorType.PROVIDER_UNAVAILABLE, "given up: " + message.reason(), null,
                QueueMessage.MOST_ATTEMPTS, false, null);
    }

    /** Hands the outcome of a step back to the exchange of the message. */
    @Override
    public Exchange aggregate(Exchange message, Exchange outcome) {
        message.getMessage().setBody(outcome.getMessage().getBody());
        message.getMessage().setHeaders(outcome.getMessage().getHeaders());
        if (QueueMessages.of(message).usable()) {
            message.setVariable(Job.VARIABLE, Job.in(outcome));
        }
        return message;
    }

    /** Makes the message that waits for the next poll of a pending prediction, until it is due or a little longer. */
    public void later(Exchange exchange) {
        if (!isPending(exchange)) {
            return;
        }
        Job job = Job.of(exchange);
        PollState poll = (PollState) job.poll();
        long delay = available(rounded(job.service().pollDelay(job)));
        QueueMessages.set(exchange, QueueMessages.of(exchange).delayed(polls, delay));
        Generation generation = job.generation();
        exchange.getMessage().removeHeaders("*");
        exchange.getMessage().setBody(new PollMessage(generation, poll).write());
        QueueMessages.addReply(exchange);
        inFlight.waiting(poll.getId(), delay);
        cancellations().later(generation.id(), poll, Duration.ofMillis(delay));
    }

    /** Whether the next message waits in its queue. */
    public boolean isDelayed(Exchange exchange) {
        return QueueMessages.of(exchange).isDelayed();
    }

    /** While the application stops Camel sends to no new endpoint: then a delay that was used before, the next shorter one if there is. */
    private long available(long delay) {
        if (!camelContext.isStopping()) {
            delays.add(delay);
            return delay;
        }
        Long shorter = delays.floor(delay);
        Long longer = delays.ceiling(delay);
        return shorter != null ? shorter : longer != null ? longer : delay;
    }

    /** Rounded up to two significant digits: each delay is an endpoint of its own, and there must not be many. */
    static long rounded(long millis) {
        long step = 1;
        while (millis / step >= 100) {
            step *= 10;
        }
        return (millis + step - 1) / step * step;
    }

    /**
     * A delivery, and the whole document that its message holds.
     *
     * @param delivery which one
     * @param document the document, JSON
     */
    record Packet(Delivery delivery, String document) {
    }

    /**
     * The deliveries of a request's result or error document, which is the body; the reply to its sender is one of them.
     *
     * @throws RejectedExecutionException where it failed while the application stops, and may be done again
     */
    public List<Packet> deliveries(Exchange exchange) throws JMSException {
        Job job = Job.of(exchange);
        if (job == null) {
            return List.of();
        }
        boolean failed = job.failure() != null;
        if (failed && isStopping() && !mayBePaidFor(job)) {
            throw new RejectedExecutionException("stopped before its work was done; the request goes back to its queue");
        }
        if (job.poll() != null) {
            inFlight.ended(job.getPollId());
        }
        if (failed && job.claimed() != null) {
            // It may be sent again under the same id.
            ledger().unclaim(job.claimed());
        }
        List<Delivery> deliveries = new ArrayList<>();
        if (!job.isDuplicate()) {
            deliveries.addAll(emitter().deliveries(exchange));
        }
        if (QueueMessages.of(exchange).replyTo() != null && !isOurs(QueueMessages.of(exchange).replyTo())) {
            deliveries.add(Delivery.answer(exchange.getMessage().getBody(String.class)));
        }
        String document = exchange.getMessage().getBody(String.class);
        return deliveries.stream().map(delivery -> new Packet(delivery, document)).toList();
    }

    /** A create that was not answered as it should: it may have been accepted all the same, and is not made again. */
    private static boolean mayBePaidFor(Job job) {
        return job.service() != null && job.service().isPolled() && job.poll() == null
                && job.failure().attempts() > 0 && !job.failure().retryable();
    }

    private Ledger ledger() {
        return messages.ledger();
    }

    private Cancellations cancellations() {
        return Cancellations.of(camelContext);
    }

    private Requests requests() {
        return CamelContextHelper.mandatoryLookup(camelContext, "bactrianRequests", Requests.class);
    }

    private Emitter emitter() {
        return CamelContextHelper.mandatoryLookup(camelContext, Emitter.BEAN, Emitter.class);
    }

    private boolean isStopping() {
        return camelContext.isStopping() || camelContext.isStopped();
    }
}
