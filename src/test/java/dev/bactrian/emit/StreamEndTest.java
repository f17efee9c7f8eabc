package dev.bactrian.emit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicBoolean;

import dev.bactrian.core.Cancellation;
import dev.bactrian.core.Job;
import dev.bactrian.generate.Generation;
import dev.bactrian.model.Kind;
import dev.bactrian.model.Model;
import dev.bactrian.model.ProviderName;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.upstage.Upstage;
import org.apache.camel.Exchange;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.DefaultExchange;
import org.junit.jupiter.api.Test;

/** A stream whose request ends while nobody waits for it any more. */
class StreamEndTest {

    private final ChunkStream stream = new ChunkStream(false, e -> null);

    @Test
    void theStopEndsAStreamThatItsCallerHasLeft() {
        Exchange exchange = new DefaultExchange(new DefaultCamelContext());
        Job job = Job.begin(exchange);
        job.generation(Generation.begin("a", GenerateRequest.ofPrompt("hi"), new Model(ProviderName.UPSTAGE, "solar-pro4", Kind.TEXT, "solar-pro4"),
                false, ""), new Upstage());
        job.reader(stream);
        Job.of(exchange).cancellation(new Cancellation());
        new StreamBridge().process(exchange);

        exchange.getExchangeExtension().handoverCompletions().forEach(completion -> completion.onFailure(exchange));

        assertThat(stream.awaitBegin()).hasMessageContaining("the application has stopped");
    }

    @Test
    void aCallThatIsMadeAfterTheEndIsCut() {
        AtomicBoolean cut = new AtomicBoolean();
        Cancellation call = new Cancellation();
        call.onRequest(() -> cut.set(true));
        stream.end(null, null);

        stream.onFirstChunk(() -> { }, call);

        assertThat(cut).isTrue();
    }
}
