package dev.bactrian.generate;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.bactrian.error.FailureDocuments;
import dev.bactrian.error.GenerationFailure;
import org.apache.camel.Body;
import org.apache.camel.Exchange;
import org.apache.camel.Header;
import org.apache.camel.Variable;
import org.apache.camel.support.SynchronizationAdapter;

/**
 * The requests that {@code direct:cancel} can end: those in work, and those whose predictions lie in the queue and were
 * last looked at by this process.
 */
public final class Cancellations {

    private static final String VARIABLE = "cancellation";
    private static final Duration GRACE = Duration.ofSeconds(10);

    private final Map<String, Cancellation> known = new ConcurrentHashMap<>();
    private final AtomicLong nextForgetting = new AtomicLong(System.nanoTime());

    /** Ends the request of that id, and says whether there is one to be ended: a JSON document. */
    public String cancel(@Body String body, @Header(Headers.REQUEST_ID) String header) {
        String id = body != null && !body.isBlank() ? body.trim() : header != null ? header.trim() : "";
        Cancellation cancellation = known.get(id);
        boolean canceled = cancellation != null && cancellation.request();
        return Documents.text(JsonNodeFactory.instance.objectNode().put("id", id).put("canceled", canceled));
    }

    /**
     * A request comes into work, or its prediction back from the queue: it can be ended until the exchange is done.
     *
     * @param comesAgain whether it may have been in work before and was asked to end then
     */
    public void follow(Exchange exchange, String id, boolean comesAgain) {
        Cancellation cancellation = known.compute(id,
                (same, before) -> comesAgain && before != null ? before : new Cancellation());
        cancellation.take();
        exchange.setVariable(VARIABLE, cancellation);
        exchange.getExchangeExtension().addOnCompletion(new SynchronizationAdapter() {
            @Override
            public void onComplete(Exchange done) {
                if (!cancellation.isWaiting()) {
                    known.remove(id, cancellation);
                }
            }

            @Override
            public void onFailure(Exchange done) {
                if (comesAgain) {
                    later(id, Duration.ZERO);
                } else {
                    known.remove(id, cancellation);
                }
            }
        });
    }

    /** The request's prediction goes into the queue until its next look is due. */
    public void later(String id, Duration delay) {
        Cancellation cancellation = known.get(id);
        if (cancellation != null) {
            cancellation.waitFor(delay);
        }
        long due = nextForgetting.get();
        long now = System.nanoTime();
        if (now - due >= 0 && nextForgetting.compareAndSet(due, now + GRACE.toNanos())) {
            // Another instance looks at these.
            known.values().removeIf(one -> one.isLate(GRACE));
        }
    }

    /**
     * Before a call is made: not for a request that was ended.
     *
     * @throws GenerationFailure where it was
     */
    public void check(Exchange exchange, @Variable("generation") Generation generation) {
        if (isRequested(exchange)) {
            throw Cancellation.failure(generation, exchange.getVariable(FailureDocuments.ATTEMPTS, 0, Integer.class));
        }
    }

    /** Has the end of a request cut a call of it. */
    public void onRequest(String id, Runnable cutsTheCall) {
        Cancellation cancellation = known.get(id);
        if (cancellation != null) {
            cancellation.onRequest(cutsTheCall);
        }
    }

    /** Whether the end of the exchange's request was asked for. */
    public static boolean isRequested(Exchange exchange) {
        Cancellation cancellation = exchange.getVariable(VARIABLE, Cancellation.class);
        return cancellation != null && cancellation.isRequested();
    }

    /** The outcome of the exchange's request is known. */
    public static void settle(Exchange exchange) {
        Cancellation cancellation = exchange.getVariable(VARIABLE, Cancellation.class);
        if (cancellation != null) {
            cancellation.settle();
        }
    }
}
