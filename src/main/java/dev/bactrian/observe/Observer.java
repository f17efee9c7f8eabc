package dev.bactrian.observe;

import java.util.function.IntSupplier;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.generate.Generation;
import dev.bactrian.model.Catalogue;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;

/**
 * Is told what becomes of requests: docs/reference.md lists the meters and spans that come of it. What is told is never
 * kept from going on, whatever the telling meets with. Names no optional library.
 */
public interface Observer {

    /**
     * The observer of a context, the same object each time: meters where the application has a registry of Micrometer,
     * spans where it has camel-opentelemetry, and nothing at all where it has neither.
     */
    static Observer of(CamelContext context) {
        return Observers.of(context);
    }

    /** The catalogue. A model that is not in it is one of unboundedly many, and not told apart from others. */
    default void models(Catalogue catalogue) {
    }

    /** Requests of the queue that wait for the next poll of their provider's work are in flight, too; this counts them. */
    default void waiting(String provider, IntSupplier requests) {
    }

    /** A request is in work, until {@link #left}. */
    default void begun(Exchange exchange, Generation generation) {
    }

    /** A request is in work no more, whatever came of it. */
    default void left(Generation generation) {
    }

    /** The first piece of a text has come. */
    default void firstChunk(Generation generation) {
    }

    /** A poll of a prediction was made. */
    default void polled(Generation generation, boolean answered) {
    }

    /**
     * A request has its result or its error.
     *
     * @param generation null where the request could not be taken
     * @param document   the result or error document
     * @param chunks     the pieces of text that have come
     */
    default void ended(Exchange exchange, Generation generation, ObjectNode document, int chunks) {
    }
}
