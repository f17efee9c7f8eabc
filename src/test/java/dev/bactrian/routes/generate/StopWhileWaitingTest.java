package dev.bactrian.routes.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import dev.bactrian.error.GenerateException;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import org.apache.camel.Exchange;
import org.junit.jupiter.api.Test;

/**
 * A forced stop ends the requests that wait for the provider's rate limit, and each caller hears of it. A request in a transaction goes back
 * at once.
 */
class StopWhileWaitingTest extends RouteTestSupport {

    private static final String PREDICTION = "{\"model\": \"gemma-2b\", \"prompt\": \"p\"}";

    @Override
    protected Simulator simulator() {
        return Simulator.builder().pause(Duration.ZERO).streams(false).start();
    }

    @Test
    void bothKindsOfCallerGetTheErrorOfARequestThatWasNotSent() throws Exception {
        start(List.of("bactrian.emit.chunk", ""), "bactrian.replicate.max-creates-per-minute", "1", "camel.main.shutdown-timeout", "1");
        template().requestBody("direct:generate", PREDICTION);
        CompletableFuture<Exchange> asynchronous = template().asyncSend("direct:generate", exchange -> exchange.getMessage().setBody(PREDICTION));
        CompletableFuture<Exchange> blocking = CompletableFuture.supplyAsync(
                () -> template().request("direct:generate", exchange -> exchange.getMessage().setBody(PREDICTION)));
        await().until(() -> context().getInflightRepository().size("bactrian-replicate") == 2);

        stop();

        for (CompletableFuture<Exchange> caller : List.of(asynchronous, blocking)) {
            assertThat(caller).succeedsWithin(Duration.ofSeconds(30));
            assertThat(caller.join().getException()).isInstanceOfSatisfying(GenerateException.class, failure -> {
                assertThat(failure.getType()).isEqualTo("provider-unavailable");
                assertThat(failure.isRetryable()).isTrue();
                assertThat(failure.getDocument()).contains("\"attempts\":0");
            });
        }
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
    }

    @Test
    void inATransactionItFailsAtTheBeginningOfTheStop() throws Exception {
        simulator.on(Call.CHAT, Reply.status(429).header("Retry-After", "60"));
        start(List.of("bactrian.emit.chunk", ""), "bactrian.retry.max-attempts", "0", "bactrian.retry.max-delay", "60s",
                "camel.main.shutdown-timeout", "20");
        template().request("direct:generate", exchange -> exchange.getMessage().setBody("hi"));
        // The queue's messages are processed on their own exchange; direct:generate makes a copy.
        CompletableFuture<Exchange> transacted = CompletableFuture.supplyAsync(() -> template().request("direct:bactrian-request", exchange -> {
            exchange.getMessage().setBody("hi");
            exchange.getExchangeExtension().setTransacted(true);
        }));
        await().until(() -> context().getInflightRepository().size("bactrian-upstage") == 1);
        long begin = System.nanoTime();

        stop();

        assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(5));
        assertThat(transacted).succeedsWithin(Duration.ofSeconds(5));
        assertThat(transacted.join().getMessage().getBody(String.class)).contains("the application has stopped", "\"retryable\":true");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
    }
}
