package dev.bactrian.core;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Headers;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.OneLineLogger;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.support.CamelContextHelper;
import org.apache.camel.support.MessageHelper;
import org.apache.camel.support.SynchronizationAdapter;
import org.slf4j.Logger;

/**
 * The requests that {@code direct:cancel} can cancel: those that are being processed, and those whose predictions wait in the queue and
 * were last polled by this instance.
 */
public final class Cancellations implements CamelContextAware {

    private static final String BEAN = "bactrianCancellations";
    private static final Logger LOG = OneLineLogger.of("dev.bactrian.requests");
    /** A longer text is not a valid id and is cut in the reply. */
    private static final int LONGEST_ID = 200;
    private static final Duration GRACE = Duration.ofSeconds(10);

    private final Map<String, Cancellation> known = new ConcurrentHashMap<>();
    private final Map<String, Cancellation> batches = new ConcurrentHashMap<>();
    private final AtomicLong nextForgetting = new AtomicLong(System.nanoTime());

    private CamelContext camelContext;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        camelContext = context;
        Steps.of(context, BEAN, Cancellations.class).step("cancel", Cancellations::cancel);
    }

    /** Returns the cancellations of a context. */
    public static Cancellations of(CamelContext context) {
        return CamelContextHelper.mandatoryLookup(context, BEAN, Cancellations.class);
    }

    /** Cancels the request whose id is the body or the header. Sets the body to a JSON document that says whether it was cancelled. */
    public void cancel(Exchange exchange) {
        Message message = exchange.getMessage();
        MessageHelper.resetStreamCache(message);
        String body = message.getBody(String.class);
        String header = message.getHeader(Headers.REQUEST_ID, String.class);
        message.setBody(cancel(body != null && !body.isBlank() ? body.trim() : header != null ? header.trim() : ""));
    }

    /** Cancels the request with that id. Returns a JSON document that says whether it was cancelled. */
    public String cancel(String id) {
        Cancellation cancellation = known.get(id);
        Cancellation batch = batches.get(id);
        boolean canceled = batch != null && batch.request();
        canceled |= cancellation != null && cancellation.request();
        String document = Documents.text(JsonNodeFactory.instance.objectNode().put("id", OneLine.cut(id, LONGEST_ID)).put("canceled", canceled));
        LOG.info("Asked to cancel: {}", document);
        return document;
    }

    /**
     * Makes a request cancellable until its exchange is done.
     *
     * @param attempt the number of the delivery of a queued request, from 1, or null for other requests. A cancellation requested during
     *                an earlier delivery still applies; one of another request with the same id does not
     */
    public void follow(Exchange exchange, String id, Integer attempt) {
        boolean again = attempt != null && attempt > 1;
        follow(exchange, id, attempt != null, known.compute(id, (same, before) -> again && before != null ? before : new Cancellation()));
    }

    /** Makes a request whose poll message was received from the queue cancellable until its exchange is done. */
    public void follow(Exchange exchange, String id, Poll poll) {
        follow(exchange, id, true, known.compute(id,
                (same, before) -> before != null && before.isAbout(poll.getId()) ? before : new Cancellation()));
    }

    private void follow(Exchange exchange, String id, boolean queued, Cancellation cancellation) {
        cancellation.take();
        Job job = Job.of(exchange);
        job.cancellation(cancellation);
        exchange.getExchangeExtension().addOnCompletion(new SynchronizationAdapter() {
            @Override
            public void onComplete(Exchange done) {
                if (cancellation.isWaiting()) {
                    return;
                } else if (queued && job.isPending()) {
                    // The prediction is created; the queue trigger now sends its poll message.
                    later(id, job.poll(), Duration.ZERO);
                } else {
                    known.remove(id, cancellation);
                }
            }

            @Override
            public void onFailure(Exchange done) {
                if (queued) {
                    later(id, job.poll(), Duration.ZERO);
                } else {
                    known.remove(id, cancellation);
                }
            }
        });
    }

    /**
     * Makes a batch cancellable until its exchange is done.
     *
     * @return false if a batch with that id is being processed
     */
    public boolean follow(Exchange exchange, String id, Cancellation batch) {
        if (batches.putIfAbsent(id, batch) != null) {
            return false;
        }
        exchange.getExchangeExtension().addOnCompletion(new SynchronizationAdapter() {
            @Override
            public void onDone(Exchange done) {
                batches.remove(id, batch);
            }
        });
        return true;
    }

    /**
     * Keeps a request cancellable while its prediction waits in the queue for the next poll. The poll is null if there is no prediction
     * yet.
     */
    public void later(String id, Poll poll, Duration delay) {
        Cancellation cancellation = known.get(id);
        if (cancellation != null) {
            cancellation.waitFor(poll == null ? null : poll.getId(), delay);
        }
        long due = nextForgetting.get();
        long now = System.nanoTime();
        if (now - due >= 0 && nextForgetting.compareAndSet(due, now + GRACE.toNanos())) {
            // Overdue: another instance polls these predictions.
            known.values().removeIf(one -> one.isLate(GRACE));
        }
    }

    /** Interrupts all open calls that can be interrupted, because the application stops. No cancellation is requested. */
    public void cut() {
        known.values().forEach(Cancellation::cut);
    }

    /** Sets how to interrupt the call that the request is about to make. */
    public void onRequest(String id, Runnable cutsTheCall) {
        Cancellation cancellation = known.get(id);
        if (cancellation != null) {
            cancellation.onRequest(cutsTheCall);
        }
    }
}
