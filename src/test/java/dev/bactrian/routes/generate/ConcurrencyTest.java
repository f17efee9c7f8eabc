package dev.bactrian.routes.generate;

import static dev.bactrian.routes.support.ReplicateReplies.poll;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Reply;
import org.apache.camel.AsyncProducer;
import org.apache.camel.Exchange;
import org.apache.camel.support.DefaultExchange;
import org.junit.jupiter.api.Test;

/** Many requests at once: none waits for another where it need not, and those that wait hold no thread. */
class ConcurrencyTest extends RouteTestSupport {

    @Test
    void threeHundredStreamsAreOpenAtOnce() throws Exception {
        start("bactrian.max-in-flight", "300", "bactrian.emit.chunk", "");
        simulator.always(Call.CHAT, Reply.stream("a", "b", "c").pause(Duration.ofMillis(1500)));
        ExecutorService callers = Executors.newFixedThreadPool(300);
        try {
            List<CompletableFuture<String>> results = new ArrayList<>();
            for (int i = 0; i < 300; i++) {
                results.add(CompletableFuture.supplyAsync(() -> template().requestBody("direct:generate", "hi", String.class), callers));
            }

            await().until(() -> simulator.concurrent(Call.CHAT) == 300);

            for (CompletableFuture<String> result : results) {
                assertThat(result).succeedsWithin(SOON).asString().contains("\"text\":\"abc\"");
            }
        } finally {
            callers.shutdownNow();
        }
    }

    /** Sends 60 requests while the first create is not answered, which all others wait for, and returns the most creates at once. */
    private int mostCreatesAtOnce(String... properties) throws Exception {
        start(properties);
        simulator.always(Call.CREATE, Reply.prediction("succeeded", "\"\"").after(Duration.ofSeconds(3)));
        ExecutorService callers = Executors.newFixedThreadPool(60);
        AtomicInteger most = new AtomicInteger();
        try {
            List<CompletableFuture<Exchange>> all = Stream.generate(() -> CompletableFuture.supplyAsync(() -> template().send("direct:generate",
                    exchange -> exchange.getMessage().setBody("{\"prompt\": \"hi\", \"model\": \"gemma-2b\"}")), callers)).limit(60).toList();
            await().pollInterval(Duration.ofMillis(10)).until(() -> {
                most.accumulateAndGet(simulator.concurrent(Call.CREATE), Math::max);
                return all.stream().allMatch(CompletableFuture::isDone);
            });
        } finally {
            callers.shutdownNow();
        }
        assertThat(simulator.count(Call.CREATE)).isEqualTo(60);
        return most.get();
    }

    @Test
    void createsThatHaveWaitedAreMadeByAFewThreads() throws Exception {
        assertThat(mostCreatesAtOnce()).isLessThanOrEqualTo(32);
    }

    @Test
    void createsThatWaitForTheirOutputHaveAThreadEach() throws Exception {
        assertThat(mostCreatesAtOnce("bactrian.replicate.prefer-wait", "5s")).isGreaterThan(32);
    }

    @Test
    void createsBeyondTheServicesLimitWait() throws Exception {
        start("bactrian.replicate.max-creates-per-minute", "7", "camel.main.shutdown-timeout", "1");
        simulator.always(Call.CREATE, Reply.prediction("succeeded", "\"\""));
        ExecutorService callers = Executors.newFixedThreadPool(10);
        try {
            for (int i = 0; i < 10; i++) {
                callers.execute(() -> template().send("direct:generate",
                        exchange -> exchange.getMessage().setBody("{\"model\": \"gemma-2b\", \"prompt\": \"p\"}")));
            }

            await().until(() -> simulator.count(Call.CREATE) == 7);
            await().during(Duration.ofSeconds(1)).until(() -> simulator.count(Call.CREATE) == 7);
        } finally {
            callers.shutdownNow();
        }
    }

    @Test
    void fiveHundredPredictionsThatWaitHoldFewThreads() throws Exception {
        Set<Thread> others = Thread.getAllStackTraces().keySet();
        start("bactrian.max-in-flight", "500", "bactrian.replicate.poll-delay", "2s",
                "bactrian.replicate.max-requests-per-minute", "60000");
        simulator.always(Call.CREATE, Reply.prediction("starting", null));
        simulator.always(Call.POLL, poll("processing"));
        List<CompletableFuture<Exchange>> results = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            results.add(send("{\"model\": \"gemma-2b\", \"prompt\": \"p\"}"));
        }

        await().until(() -> simulator.count(Call.POLL) >= 500);
        long ours = Thread.getAllStackTraces().keySet().stream().filter(thread -> !others.contains(thread) && !thread.getName().startsWith("simulator-")).count();
        await().until(() -> simulator.count(Call.POLL) >= 1000);
        simulator.always(Call.POLL, Reply.prediction("succeeded", "\"\""));

        assertThat(ours).as("threads").isLessThan(100);
        for (CompletableFuture<Exchange> result : results) {
            assertThat(result).succeedsWithin(SOON).satisfies(exchange -> assertThat(exchange.getException()).isNull());
        }
        assertThat(latestSecondPoll()).isLessThan(Duration.ofSeconds(4));
    }

    /** The longest time between the first and the second poll of a prediction. */
    private Duration latestSecondPoll() {
        Duration longest = Duration.ZERO;
        Map<String, Instant> first = new HashMap<>();
        Set<String> second = new HashSet<>();
        for (RecordedRequest poll : simulator.requests(Call.POLL)) {
            Instant before = first.putIfAbsent(poll.path(), poll.at());
            if (before != null && second.add(poll.path()) && Duration.between(before, poll.at()).compareTo(longest) > 0) {
                longest = Duration.between(before, poll.at());
            }
        }
        return longest;
    }

    @Test
    void aRequestThatFailsLeavesTheOthersUntouched() throws Exception {
        start("bactrian.emit.chunk", "");
        simulator.on(Call.CHAT, Reply.stream("a"), Reply.json(400, "{}"), Reply.stream("a"), Reply.rawStream("nonsense"), Reply.stream("a"));
        List<CompletableFuture<Exchange>> results = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            results.add(send("hi"));
        }

        for (CompletableFuture<Exchange> result : results) {
            assertThat(result).succeedsWithin(SOON);
        }
        assertThat(results.stream().filter(result -> result.join().getException() == null)).hasSize(3);
    }

    /** Camel's registry is a plain map, and it grows at any time: with an endpoint, a route, a bean of the application. */
    @Test
    void anApplicationThatBindsBeansMeanwhileBreaksNoRequest() throws Exception {
        start("bactrian.emit.chunk", "");
        simulator.always(Call.CHAT, Reply.stream("a"));
        AtomicBoolean done = new AtomicBoolean();
        CompletableFuture<Void> binding = CompletableFuture.runAsync(() -> {
            for (int i = 0; !done.get(); i++) {
                context().getRegistry().bind("host-" + i % 1000, "a bean");
                context().getRegistry().unbind("host-" + (i + 500) % 1000);
            }
        });
        try {
            for (int i = 0; i < 200; i++) {
                assertThat(send("hi").get(10, TimeUnit.SECONDS).getException()).isNull();
            }
        } finally {
            done.set(true);
        }
        assertThat(binding).succeedsWithin(SOON);
    }

    /** Sends without holding a thread for the answer, as an asynchronous trigger does. */
    private CompletableFuture<Exchange> send(String request) throws Exception {
        AsyncProducer producer = context().getEndpoint("direct:generate").createAsyncProducer();
        producer.start();
        Exchange exchange = new DefaultExchange(context());
        exchange.getMessage().setBody(request);
        return producer.processAsync(exchange);
    }
}
