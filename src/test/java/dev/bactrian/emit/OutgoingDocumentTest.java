package dev.bactrian.emit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;

import org.junit.jupiter.api.Test;

/** What is known of a document on its way out. */
class OutgoingDocumentTest {

    /** The pause between two rounds may end just when the time to stop in does. */
    @Test
    void aRoundAfterTheEndForgetsNothing() {
        OutgoingDocument outgoing = new OutgoingDocument("a", "{\"id\": \"a\"}");
        outgoing.begin();
        outgoing.open("{\"id\": \"a\"}", ResultImages.none(), List.of(Delivery.document("direct:archive", "{\"id\": \"a\"}")));
        outgoing.close(delivery -> "not delivered before the stop");

        outgoing.begin();

        assertThat(outgoing.isIncomplete()).as("it is still to be kept").isTrue();
        assertThat(outgoing.undelivered()).contains("not delivered before the stop");
    }
}
