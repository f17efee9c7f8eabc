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
import org.apache.camel.Body;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Header;
import org.apache.camel.support.CamelContextHelper;
import org.apache.camel.support.SynchronizationAdapter;
import org.slf4j.Logger;

/**
 * The requests that {@code direct:cancel} can end: those in work, and those whose predictions lie in the queue and were
 * last looked at by this process.
 */
public final class Cancellations {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.requests");
    /** What is longer is the id of nothing. */
    private static final int LONGEST_ID = 200;
    private static final Duration GRACE = Duration.ofSeconds(10);

    private final Map<String, Cancellation> known = new ConcurrentHashMap<>();
    private final AtomicLong nextForgetting = new AtomicLong(System.nanoTime());

    /** Those of a context. */
    public static Cancellations of(CamelContext context) {
        return CamelContextHelper.mandatoryLookup(context, "bactrianCancellations", Cancellations.class);
    }

    /** Ends the request of that id, and says whether there is one to be ended: a JSON document. */
    public String cancel(@Body String body, @Header(Headers.REQUEST_ID) String header) {
        String id = body != null && !body.isBlank() ? body.trim() : header != null ? header.trim() : "";
        Cancellation cancellation = known.get(id);
        boolean canceled = cancellation != null && cancellation.request();
        String document = Documents.text(JsonNodeFactory.instance.objectNode().put("id", OneLine.cut(id, LONGEST_ID)).put("canceled", canceled));
        LOG.info("Asked to cancel: {}", document);
        return document;
    }

    /**
     * A request comes into work: it can be ended until the exchange is done.
     *
     * @param attempt which try of a queue's request it is, from 1, and null for any other. That an earlier try was asked
     *                to end still counts; of what other requests of the id were asked nothing does
     */
    public void follow(Exchange exchange, String id, Integer attempt) {
        boolean again = attempt != null && attempt > 1;
        follow(exchange, id, attempt != null, known.compute(id, (same, before) -> again && before != null ? before : new Cancellation()));
    }

    /** A request's prediction comes back from the queue: it can be ended until the exchange is done. */
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
                    // Created; the message's own exchange puts it into the queue.
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

    /** The request's prediction goes into the queue until its next look is due; null where there is none yet. */
    public void later(String id, Poll poll, Duration delay) {
        Cancellation cancellation = known.get(id);
        if (cancellation != null) {
            cancellation.waitFor(poll == null ? null : poll.getId(), delay);
        }
        long due = nextForgetting.get();
        long now = System.nanoTime();
        if (now - due >= 0 && nextForgetting.compareAndSet(due, now + GRACE.toNanos())) {
            // Another instance looks at these.
            known.values().removeIf(one -> one.isLate(GRACE));
        }
    }

    /** Cuts the calls that are open and may be, of requests that nobody has asked to end: the application is gone. */
    public void cut() {
        known.values().forEach(Cancellation::cut);
    }

    /** Has the end of a request cut a call of it. */
    public void onRequest(String id, Runnable cutsTheCall) {
        Cancellation cancellation = known.get(id);
        if (cancellation != null) {
            cancellation.onRequest(cutsTheCall);
        }
    }
}
