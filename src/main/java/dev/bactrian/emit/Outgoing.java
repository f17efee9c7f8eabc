package dev.bactrian.emit;

import org.apache.camel.Exchange;

/**
 * What an exchange has on its way out: the exchange variable {@code bactrianOutgoing} of {@code routes/emit.camel.yaml}.
 * Immutable, because the copies of an exchange share their variables.
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

    /** The document that the exchange sends; null if it delivers from the queue. */
    static OutgoingDocument document(Exchange exchange) {
        return of(exchange).document;
    }

    /** Has the exchange send a document, of which nothing is known yet. */
    static void send(Exchange exchange, OutgoingDocument document) {
        exchange.setVariable(VARIABLE, new Outgoing(document, null, null));
    }

    /** The images of the exchange's document; none if there are none. */
    static ResultImages images(Exchange exchange) {
        ResultImages images = of(exchange).images;
        return images == null ? ResultImages.none() : images;
    }

    /** Sets the images of the exchange's document. */
    static void images(Exchange exchange, ResultImages images) {
        Outgoing before = of(exchange);
        exchange.setVariable(VARIABLE, new Outgoing(before.document, images, before.delivery));
    }

    /** The delivery that the exchange makes, or null. */
    public static Delivery delivery(Exchange exchange) {
        return of(exchange).delivery;
    }

    /** Has the exchange make a delivery. */
    public static void deliver(Exchange exchange, Delivery delivery) {
        Outgoing before = of(exchange);
        exchange.setVariable(VARIABLE, new Outgoing(before.document, before.images, delivery));
    }

    /** For the routes: the Camel URI that the delivery goes to. */
    public String getUri() {
        return delivery.uri();
    }
}
