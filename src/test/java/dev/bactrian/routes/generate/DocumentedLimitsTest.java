package dev.bactrian.routes.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * A demonstration by the wall clock: as many predictions in flight as {@code -Dbactrian.test.limits=300} says, and as many chats, all at
 * once, with the default settings and a simulator that enforces the limits that the services document. {@code -Dbactrian.test.minutes=5}
 * is how long the predictions run, one minute by default; 100 chats take a minute.
 */
@EnabledIfSystemProperty(named = "bactrian.test.limits", matches = "\\d+")
class DocumentedLimitsTest extends RouteTestSupport {

    private static final int REQUESTS = Integer.getInteger("bactrian.test.limits", 0);
    private static final int MINUTES = Integer.getInteger("bactrian.test.minutes", 1);
    private static final List<Call> CALLS = List.of(Call.CREATE, Call.POLL, Call.CANCEL, Call.LIST, Call.CHAT);

    @Override
    protected Simulator simulator() {
        return Simulator.builder().pause(Duration.ZERO).streams(false).recording(false).start();
    }

    private List<CompletableFuture<Boolean>> ask(String request, ExecutorService callers) {
        return IntStream.range(0, REQUESTS).mapToObj(i -> CompletableFuture.supplyAsync(() -> template().request("direct:generate",
                exchange -> exchange.getMessage().setBody(request)).getException() == null, callers)).toList();
    }

    private static long done(List<CompletableFuture<Boolean>> asked) {
        return asked.stream().filter(one -> one.isDone() && one.join()).count();
    }

    @Test
    void nothingIsRefusedAndEverythingIsDone() throws Exception {
        start("bactrian.emit.chunk", "", "bactrian.max-in-flight", Integer.toString(2 * REQUESTS), "bactrian.replicate.poll-delay", "1s",
                "bactrian.retry.delay", "1s", "bactrian.retry.max-delay", "30s");
        simulator.documentedLimits().always(Call.POLL, Reply.prediction("processing", "[]"));
        ExecutorService callers = Executors.newCachedThreadPool();
        try {
            Instant begun = Instant.now();
            List<CompletableFuture<Boolean>> predictions = ask("{\"model\": \"gemma-2b\", \"prompt\": \"p\"}", callers);
            List<CompletableFuture<Boolean>> chats = ask("{\"model\": \"solar-mini4\", \"prompt\": \"hi\"}", callers);
            await("all creates").atMost(Duration.ofMinutes(10)).until(() -> simulator.count(Call.CREATE) >= REQUESTS);
            Duration created = Duration.between(begun, Instant.now());
            await().pollDelay(Duration.ofMinutes(MINUTES)).atMost(Duration.ofMinutes(MINUTES + 1L)).until(() -> true);
            int polls = simulator.count(Call.POLL);
            simulator.always(Call.POLL, Reply.prediction("succeeded", "\"a\""));
            await("the predictions").atMost(Duration.ofMinutes(10)).until(() -> predictions.stream().allMatch(CompletableFuture::isDone));
            Duration predicted = Duration.between(begun, Instant.now());
            await("the chats").atMost(Duration.ofMinutes(2 + REQUESTS / 50)).until(() -> chats.stream().allMatch(CompletableFuture::isDone));
            Duration chatted = Duration.between(begun, Instant.now());

            System.out.printf("%d predictions for %d min after their creates: %d done after %d s (creates %d s), %d polls while they ran; %d chats: %d done after %d s%n",
                    REQUESTS, MINUTES, done(predictions), predicted.toSeconds(), created.toSeconds(), polls, REQUESTS, done(chats), chatted.toSeconds());
            CALLS.forEach(call -> System.out.printf("%s: %d calls, %d of them answered 429%n", call, simulator.count(call), simulator.refused(call)));
            assertThat(CALLS.stream().mapToInt(simulator::refused).sum()).isZero();
            assertThat(Stream.of(predictions, chats).mapToLong(DocumentedLimitsTest::done).sum()).isEqualTo(2L * REQUESTS);
        } finally {
            callers.shutdownNow();
        }
    }
}
