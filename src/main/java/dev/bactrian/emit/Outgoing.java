package dev.bactrian.emit;

import org.apache.camel.Exchange;

/**
 * What an exchange is emitting: the exchange variable {@code bactrianOutgoing} of {@code routes/emit.camel.yaml}. Immutable, because
 * copies of an exchange share their variables.
 */
public final class Outgoing {

    private static final String VARIABLE = "bactrianOutgoing";
    private static final Outgoing NOTHING = new Outgoing(null, null, null);

    private final OutgoingDocument document;
    private final ResultImages images;
    private final Delivery delivery;

    private Outgoing(OutgoingDocument document, ResultImages images, Delivery delivery) {
        this.document = document;
        this.images = images;
        this.delivery = delivery;
    }

    private static Outgoing of(Exchange exchange) {
        return exchange.getVariable(VARIABLE, NOTHING, Outgoing.class);
    }

    /** Returns the document that the exchange emits, or null for a delivery from the queue. */
    static OutgoingDocument document(Exchange exchange) {
        return of(exchange).document;
    }

    /** Sets the document that the exchange emits and clears its images and delivery. */
    static void send(Exchange exchange, OutgoingDocument document) {
        exchange.setVariable(VARIABLE, new Outgoing(document, null, null));
    }

    /** Returns the images of the document; empty if there are none. */
    static ResultImages images(Exchange exchange) {
        ResultImages images = of(exchange).images;
        return images == null ? ResultImages.none() : images;
    }

    /** Sets the images of the document. */
    static void images(Exchange exchange, ResultImages images) {
        Outgoing before = of(exchange);
        exchange.setVariable(VARIABLE, new Outgoing(before.document, images, before.delivery));
    }

    /** Returns the delivery that the exchange makes, or null. */
    public static Delivery delivery(Exchange exchange) {
        return of(exchange).delivery;
    }

    /** Sets the delivery that the exchange makes. */
    public static void deliver(Exchange exchange, Delivery delivery) {
        Outgoing before = of(exchange);
        exchange.setVariable(VARIABLE, new Outgoing(before.document, before.images, delivery));
    }

    /** Returns the Camel URI that the delivery goes to, for the {@code toD} of the routes. */
    @Override
    public String toString() {
        return delivery == null ? "" : delivery.uri();
    }
}
