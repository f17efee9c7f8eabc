package dev.bactrian.observe;

import java.util.function.IntSupplier;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.generate.Generation;
import dev.bactrian.model.Catalogue;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;

/**
 * Receives the events of requests; docs/reference/observability.md lists the resulting meters and spans. A failing observer never affects a
 * request. Refers to no optional library.
 */
public interface Observer {

    /**
     * Returns the observer of a context, the same object each time. It records meters if the application has a Micrometer registry,
     * and spans if it has camel-opentelemetry.
     */
    static Observer of(CamelContext context) {
        return Observers.of(context);
    }

    /** Reports the catalogue. The number of other models is unbounded, so they share one tag value. */
    default void models(Catalogue catalogue) {
    }

    /** Adds a counter of queued requests that wait for their next poll; these are in flight, too. */
    default void waiting(String provider, IntSupplier requests) {
    }

    /**
     * Adds an observer to those that a context has by itself. It may set the {@link dev.bactrian.core.Progress} of a request's job when
     * the request is begun or resumed.
     */
    static void add(CamelContext context, Observer observer) {
        Observers.add(context, observer);
    }

    /** Reports that a prediction in the queue is about to be polled, which {@link #begun} has reported before, perhaps elsewhere. */
    default void resumed(Exchange exchange, Generation generation) {
    }

    /** Reports that a request is in progress, until {@link #left}. */
    default void begun(Exchange exchange, Generation generation) {
    }

    /** Reports that a request is no longer in progress, whatever its outcome. */
    default void left(Generation generation) {
    }

    /** Reports that the model of a request has failed with that type of error and another one is tried. */
    default void fellBack(Generation generation, String errorType) {
    }

    /** Reports the first chunk of a text. */
    default void firstChunk(Generation generation) {
    }

    /** Reports a text that arrived as a whole, which counts as its first chunk. */
    default void wholeText(Generation generation) {
    }

    /** Reports a poll of a prediction. */
    default void polled(Generation generation, boolean answered) {
    }

    /**
     * Reports the result or error of a request.
     *
     * @param generation the request, or null if it was not admitted
     * @param document   the result or error document
     * @param chunks     the number of chunks received
     */
    default void ended(Exchange exchange, Generation generation, ObjectNode document, int chunks) {
    }
}
