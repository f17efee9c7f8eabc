package dev.bactrian.emit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;

import org.junit.jupiter.api.Test;

/** What is known of a document on its way out. */
class OutgoingDocumentTest {

    /** The pause between two rounds may end just when the time to stop in does. */
    @Test
    void aRoundAfterTheEndForgetsNothing() {
        OutgoingDocument emission = new OutgoingDocument("a", "{\"id\": \"a\"}");
        emission.begin();
        emission.open("{\"id\": \"a\"}", ResultImages.none(), List.of(Delivery.document("direct:archive", "{\"id\": \"a\"}")));
        emission.close(delivery -> "not delivered before the stop");

        emission.begin();

        assertThat(emission.isIncomplete()).as("it is still to be kept").isTrue();
        assertThat(emission.undelivered()).contains("not delivered before the stop");
    }
}
