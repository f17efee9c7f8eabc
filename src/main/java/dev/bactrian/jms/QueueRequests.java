package dev.bactrian.jms;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.bactrian.batch.Batches;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Cancellations;
import dev.bactrian.core.Job;
import dev.bactrian.core.Steps;
import dev.bactrian.emit.Delivery;
import dev.bactrian.emit.Emitter;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.flow.Fallbacks;
import dev.bactrian.flow.Requests;
import dev.bactrian.flow.Trigger;
import dev.bactrian.generate.Capacity;
import dev.bactrian.generate.Fallback;
import dev.bactrian.generate.Generation;
import dev.bactrian.generate.Headers;
import dev.bactrian.generate.Models;
import dev.bactrian.ledger.Ledger;
import dev.bactrian.observe.Observer;
import dev.bactrian.replicate.PollCounts;
import dev.bactrian.replicate.PollState;
import jakarta.jms.Destination;
import jakarta.jms.JMSException;
import jakarta.jms.Queue;
import org.apache.camel.AggregationStrategy;
import org.apache.camel.AsyncProducer;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;
import org.apache.camel.RuntimeCamelException;
import org.apache.camel.support.CamelContextHelper;
import org.apache.camel.support.ExchangeHelper;
import org.apache.camel.support.SynchronizationAdapter;

/**
 * The bean {@code bactrianQueue} of {@code routes/from-jms.camel.yaml}: reads messages that are requests or running predictions,
 * and writes the next messages. Of a sender's properties it only reads {@code BactrianModel}, {@code BactrianProvider}, {@code BactrianFallback},
 * {@code BactrianFallbackAfterPaid} and the content type. As a processor it keeps an exchange on its thread.
 */
public final class QueueRequests implements AggregationStrategy, Processor {

    /** The name of the bean. */
    static final String BEAN = "bactrianQueue";

    private static final List<String> READ = List.of(Headers.MODEL, Headers.PROVIDER, Headers.FALLBACK, Headers.FALLBACK_AFTER_PAID,
            Exchange.CONTENT_TYPE);

    /** The delays, in milliseconds, that messages to {@code bactrian.polls} have had so far. */
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
        Steps.of(camelContext, BEAN, QueueRequests.class).step("request", QueueRequests::request)
                .step("prediction", QueueRequests::prediction)
                .test("isBatch", QueueRequests::isBatch).step("batch", QueueRequests::batch).test("isRequest", QueueRequests::isRequest)
                .step("read", QueueRequests::read).step("claim", QueueRequests::claim).test("isPending", QueueRequests::isPending)
                .test("isUnstarted", QueueRequests::isUnstarted).test("isEnded", QueueRequests::isEnded).step("later", QueueRequests::later)
                .test("isDelayed", QueueRequests::isDelayed).value("deliveries", QueueRequests::deliveries);
    }

    /** Keeps all further steps on this thread. */
    @Override
    public void process(Exchange exchange) {
        QueueMessages.hold(exchange);
    }

    /**
     * Waits until another request may start, and reads its message.
     *
     * @throws JMSException if the broker cannot deliver the message
     */
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
        new Trigger(correlationId == null || correlationId.isBlank() ? messageId : correlationId, messageId, message.attempt(),
                Settings.of(camelContext).require(Property.JMS_INPUT)).set(exchange);
        exchange.getMessage().getHeaders().keySet().retainAll(READ);
    }

    /**
     * Sets the body to the text or bytes of the request.
     *
     * @throws GenerationFailure {@code invalid-request} if the message is of another kind, or its {@code JMSReplyTo} is one of
     *         Bactrian's own queues
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
        // Artemis also accepts address::queue as the name of a queue.
        return destination instanceof Queue queue && Stream.of(queue.getQueueName().split("::")).anyMatch(ours::contains);
    }

    /**
     * Claims the id of the request for this message.
     *
     * @throws GenerationFailure if another message has claimed the id, or this message was started too often
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
            job.generation(generation.with(generation.fallback().to(List.of())), job.provider());
            throw givenUp(message);
        }
    }

    /** Waits while the ledger is unavailable, because continuing might pay twice. */
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

    /**
     * Reads the message of a prediction and resumes its job. A message that was started too often is abandoned.
     *
     * @throws JMSException if the broker cannot deliver the message
     */
    public void prediction(Exchange exchange) throws JMSException {
        QueueMessage message = messages.open(exchange, Body.WHOLE);
        exchange.getMessage().removeHeaders("*");
        PollMessage waiting = PollMessage.read(QueueMessages.text(message)).orElse(null);
        if (waiting == null) {
            QueueMessages.set(exchange, message.usable() ? message.unusable("not a prediction under way") : message);
            return;
        }
        Job job = Job.begin(exchange);
        Generation generation = waiting.generation();
        Fallback fallback = generation.fallback();
        requests().accept(exchange, job, generation.with(message.isDead() ? fallback.to(List.of())
                : fallback.hasNext() ? fallback.to(Models.of(camelContext).known(fallback.next())) : fallback));
        job.deliveryCount(message.attempt());
        job.poll(waiting.poll());
        job.claimed(waiting.generation().id());
        Observer.of(camelContext).resumed(exchange, job.generation());
        cancellations().follow(exchange, waiting.generation().id(), waiting.poll());
        PollCounts polls = waiting.poll().polls();
        boolean first = polls.answered() == 0 && polls.misses() == 0 && polls.skipped() <= 1;
        if (first) {
            ledger().forget(generation.recallKey());
        }
        if (message.isDead()) {
            job.poll(waiting.poll().givenUp(givenUp(message)));
        } else if (message.attempt() > 1 && job.generation().fallback().hasNext()) {
            fallbacks().recall(exchange);
        }
    }

    /** Whether the message is a request that has not been read yet. */
    public boolean isRequest(Exchange exchange) {
        return QueueMessages.of(exchange).usable() && Job.of(exchange) == null;
    }

    /** Whether the message is a batch: lines of JSON, each of which is a request. */
    public boolean isBatch(Exchange exchange) {
        return isRequest(exchange) && requests().isBatch(exchange);
    }

    /**
     * Processes the batch in the body on other threads, and waits until all its outcomes are delivered; only then is its message acknowledged.
     * Sets the body to the document about the batch, for the reply.
     *
     * @throws GenerationFailure          {@code invalid-request} if the batch is larger than a request may be
     * @throws RejectedExecutionException if the application stops before. The batch is continued when the message is delivered again
     */
    public void batch(Exchange exchange) throws Exception {
        Message message = exchange.getMessage();
        long length = message.getBody() instanceof String text ? text.length() : message.getBody(byte[].class).length;
        if (length > maxRequestBytes) {
            throw new GenerationFailure(ErrorType.INVALID_REQUEST,
                    "a batch on the queue larger than " + Property.MAX_REQUEST_BYTES.key() + " (" + maxRequestBytes + " bytes)");
        }
        // However often it was begun: what is done of it stays done.
        QueueMessages.set(exchange, QueueMessages.of(exchange).alive());
        Batches batches = CamelContextHelper.mandatoryLookup(camelContext, Batches.BEAN, Batches.class);
        String before = batches.deliveredBefore(exchange);
        while (before == null) {
            Exchange copy = processed(exchange);
            if (copy.getException() == null) {
                message.setBody(copy.getMessage().getBody());
                message.setHeaders(copy.getMessage().getHeaders());
                break;
            }
            inFlight.pause(this::isStopping);
            before = batches.deliveredBefore(exchange);
        }
        if (before != null) {
            message.setBody(before);
        }
        // Nothing but the reply is left to send.
        Job.begin(exchange).markDuplicate();
    }

    /** Not part of the transaction of this thread, so that the lines can be processed by others. */
    private Exchange processed(Exchange exchange) throws Exception {
        Exchange copy = ExchangeHelper.createCorrelatedCopy(exchange, false);
        copy.getExchangeExtension().setTransacted(false);
        AsyncProducer route = camelContext.getEndpoint("direct:bactrian-batch").createAsyncProducer();
        CountDownLatch done = new CountDownLatch(1);
        route.start();
        try {
            // Camel would continue on this thread, which waits.
            CamelContextHelper.mandatoryLookup(camelContext, "bactrianBatchWorkers", ExecutorService.class)
                    .execute(() -> route.process(copy, sync -> done.countDown()));
            done.await();
        } finally {
            route.stop();
        }
        return copy;
    }

    /** Whether there is a request whose model has not been called yet. */
    public boolean isUnstarted(Exchange exchange) {
        Job job = Job.of(exchange);
        return job != null && !job.isDuplicate() && !job.isAnswered();
    }

    /** Whether there is a prediction to poll. */
    public boolean isPending(Exchange exchange) {
        Job job = Job.of(exchange);
        return job != null && job.isPending();
    }

    /** Whether there is a request without anything left to poll. */
    public boolean isEnded(Exchange exchange) {
        Job job = Job.of(exchange);
        return job != null && !job.isPending() && !job.isDuplicate();
    }

    private static GenerationFailure givenUp(QueueMessage message) {
        return new GenerationFailure(ErrorType.PROVIDER_UNAVAILABLE, "abandoned: " + message.reason(), null,
                QueueMessage.MOST_ATTEMPTS, false, null);
    }

    /** Copies the outcome of a step back to the exchange of the message. */
    @Override
    public Exchange aggregate(Exchange message, Exchange outcome) {
        message.getMessage().setBody(outcome.getMessage().getBody());
        message.getMessage().setHeaders(outcome.getMessage().getHeaders());
        if (QueueMessages.of(message).usable()) {
            message.setVariable(Job.VARIABLE, Job.in(outcome));
        }
        return message;
    }

    /** Makes the message that waits for the next poll of a running prediction, until the poll is due or a little longer. */
    public void later(Exchange exchange) {
        if (!isPending(exchange)) {
            return;
        }
        Job job = Job.of(exchange);
        PollState poll = (PollState) job.poll();
        long delay = available(rounded(job.provider().pollDelay(job)));
        QueueMessages.set(exchange, QueueMessages.of(exchange).delayed(polls, delay));
        Generation generation = job.generation();
        exchange.getMessage().removeHeaders("*");
        exchange.getMessage().setBody(new PollMessage(generation, poll).write());
        QueueMessages.addReply(exchange);
        inFlight.waiting(poll.getId(), delay);
        cancellations().later(generation.id(), poll, Duration.ofMillis(delay));
    }

    /** Whether the next message waits in a queue. */
    public boolean isDelayed(Exchange exchange) {
        return QueueMessages.of(exchange).isDelayed();
    }

    /**
     * Returns a delay that has an endpoint: while the application stops, Camel sends to no new one, so a known delay is used,
     * preferably shorter.
     */
    private long available(long delay) {
        if (!camelContext.isStopping()) {
            delays.add(delay);
            return delay;
        }
        Long shorter = delays.floor(delay);
        Long longer = delays.ceiling(delay);
        return shorter != null ? shorter : longer != null ? longer : delay;
    }

    /** Rounds up to two significant digits, because each delay has an endpoint of its own and there must not be many. */
    static long rounded(long millis) {
        long step = 1;
        while (millis / step >= 100) {
            step *= 10;
        }
        return (millis + step - 1) / step * step;
    }

    /**
     * A delivery and the document that its message contains.
     *
     * @param delivery the delivery
     * @param document the document, JSON
     */
    record Packet(Delivery delivery, String document) {
    }

    /**
     * Returns the deliveries of the result or error document in the body, including the reply to the sender.
     *
     * @throws RejectedExecutionException if the request failed because the application stops, and can be processed again
     */
    public List<Packet> deliveries(Exchange exchange) {
        Job job = Job.of(exchange);
        if (job == null) {
            return List.of();
        }
        boolean failed = job.failure() != null;
        if (failed && isStopping() && !mayBePaidFor(job)) {
            throw new RejectedExecutionException("stopped before its work was done; the request goes back to its queue");
        }
        if (job.poll() != null) {
            inFlight.ended(job.poll().getId());
        }
        if (failed && job.claimed() != null) {
            // The sender may repeat the request under the same id.
            ledger().unclaim(job.claimed());
        }
        List<Delivery> deliveries = new ArrayList<>();
        if (!job.isDuplicate()) {
            deliveries.addAll(emitter().deliveries(exchange));
        }
        try {
            if (QueueMessages.of(exchange).replyTo() != null && !isOurs(QueueMessages.of(exchange).replyTo())) {
                deliveries.add(Delivery.answer(exchange.getMessage().getBody(String.class)));
            }
        } catch (JMSException e) {
            throw RuntimeCamelException.wrapRuntimeCamelException(e);
        }
        String document = exchange.getMessage().getBody(String.class);
        return deliveries.stream().map(delivery -> new Packet(delivery, document)).toList();
    }

    /** Whether a create failed in a way that may have been accepted, so that it must not be repeated. */
    private static boolean mayBePaidFor(Job job) {
        return job.provider() != null && job.provider().isPolled() && job.poll() == null
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

    private Fallbacks fallbacks() {
        return CamelContextHelper.mandatoryLookup(camelContext, "bactrianFallback", Fallbacks.class);
    }

    private Emitter emitter() {
        return CamelContextHelper.mandatoryLookup(camelContext, Emitter.BEAN, Emitter.class);
    }

    private boolean isStopping() {
        return camelContext.isStopping() || camelContext.isStopped();
    }
}
