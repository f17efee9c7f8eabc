package dev.bactrian.routes.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.generate.Account;
import dev.bactrian.routes.support.RawServer;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.Exchange;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A service that keeps its limits, scaled in time: what goes beyond them is done later, and nothing fails. */
class LimitsTest extends RouteTestSupport {

    private static final String PREDICTION = "{\"model\": \"gemma-2b\", \"prompt\": \"p\"}";
    private static final Duration LATE = Duration.ofSeconds(40);

    private final Account own = new Account();
    /** The threads on which a host's route went on after a failure. */
    private final List<String> hosts = new CopyOnWriteArrayList<>();
    private final ExecutorService callers = Executors.newCachedThreadPool();

    @Override
    protected Simulator simulator() {
        return Simulator.builder().pause(Duration.ZERO).streams(false).start();
    }

    @Override
    protected void configure(Main main) {
        main.bind("own", own);
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:host").doTry().to("direct:generate").doCatch(Exception.class)
                        .process(exchange -> hosts.add(Thread.currentThread().getName())).end();
            }
        });
    }

    @AfterEach
    void noMoreCallers() {
        callers.shutdownNow();
    }

    private void startQuietly(String... properties) throws Exception {
        start(List.of("bactrian.emit.chunk", ""), properties);
    }

    /** Asks all at once, and says how each of them ended. */
    private Map<String, Integer> ask(int count, String request, Object account) {
        List<CompletableFuture<Exchange>> asked = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            asked.add(CompletableFuture.supplyAsync(() -> template().request("direct:generate", exchange -> {
                exchange.setVariable(Account.VARIABLE, account);
                exchange.getMessage().setBody(request);
            }), callers));
        }
        Map<String, Integer> ends = new HashMap<>();
        for (CompletableFuture<Exchange> one : asked) {
            assertThat(one).succeedsWithin(LATE);
            Exception failure = one.join().getException();
            ends.merge(failure == null ? "succeeded" : failure.getMessage(), 1, Integer::sum);
        }
        return ends;
    }

    private Map<String, Integer> ask(int count, String request) {
        return ask(count, request, null);
    }

    /** Each is polled three times: at the delay that is set, two in three of the polls would be refused. */
    @Test
    void noPredictionInFlightIsRefused() throws Exception {
        startQuietly("bactrian.replicate.max-requests-per-minute", "2400", "bactrian.replicate.poll-delay", "300ms");
        simulator.limit(50, Duration.ofSeconds(1), Call.POLL, Call.CANCEL, Call.LIST).limit(25, Duration.ofSeconds(1), Call.CREATE);

        assertThat(ask(40, PREDICTION)).containsExactly(Map.entry("succeeded", 40));

        assertThat(simulator.refused(Call.CREATE)).isZero();
        assertThat(simulator.refused(Call.POLL)).isZero();
        assertThat(simulator.count(Call.CREATE)).isEqualTo(40);
        assertThat(simulator.count(Call.POLL)).isEqualTo(120);
        assertThat(simulator.count(Call.CANCEL)).isZero();
    }

    @Test
    void noChatIsRefusedForCallsOrTokens() throws Exception {
        startQuietly();
        simulator.limit(25, Duration.ofSeconds(1), Call.CHAT).tokenLimit(600, Duration.ofSeconds(1));

        assertThat(ask(40, "hi")).containsExactly(Map.entry("succeeded", 40));

        assertThat(simulator.refused(Call.CHAT)).isZero();
        assertThat(simulator.count(Call.CHAT)).isEqualTo(40);
    }

    @Test
    void createsWithLittleCreditAreMadeOneByOne() throws Exception {
        startQuietly("bactrian.replicate.max-requests-per-minute", "60000");
        simulator.limit(1, Duration.ofSeconds(1), Call.CREATE);

        assertThat(ask(3, PREDICTION)).containsExactly(Map.entry("succeeded", 3));

        assertThat(simulator.refused(Call.CREATE)).isZero();
    }

    @Test
    void predictionsTakeTurns() throws Exception {
        startQuietly("bactrian.replicate.max-requests-per-minute", "1200", "bactrian.replicate.poll-delay", "20ms");

        assertThat(ask(20, PREDICTION)).containsExactly(Map.entry("succeeded", 20));

        Map<String, List<Instant>> polls = new HashMap<>();
        for (RecordedRequest poll : simulator.requests(Call.POLL)) {
            polls.computeIfAbsent(poll.path(), path -> new ArrayList<>()).add(poll.at());
        }
        // 20 at 20 a second: each waits a second, but for those that should have ended by their model's usual time.
        List<Duration> pauses = polls.values().stream().map(times -> Duration.between(times.get(1), times.get(2))).sorted().toList();
        assertThat(pauses.get(10)).isGreaterThan(Duration.ofMillis(300));
        assertThat(pauses.get(19)).isLessThan(Duration.ofMillis(3000));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void pollsOfAServiceWithALowerLimitThanIsSetAreMadeLater(boolean silent) throws Exception {
        startQuietly("bactrian.retry.max-attempts", "1", "bactrian.replicate.poll-max-attempts", "3", "bactrian.retry.max-delay", "2s");
        limit(silent, 10, Duration.ofSeconds(1), Call.POLL, Call.CANCEL);

        assertThat(ask(8, PREDICTION)).containsExactly(Map.entry("succeeded", 8));

        assertThat(simulator.count(Call.POLL) - simulator.refused(Call.POLL)).isEqualTo(24);
        assertThat(simulator.refused(Call.POLL)).isLessThan(silent ? 24 : 1);
        assertThat(simulator.count(Call.CANCEL)).isZero();
    }

    private void limit(boolean silent, int calls, Duration time, Call... kinds) {
        if (silent) {
            simulator.silentLimit(calls, time, kinds);
        } else {
            simulator.limit(calls, time, kinds);
        }
    }

    @Test
    void chatsBeyondALimitThatIsNotSaidAreMadeLater() throws Exception {
        startQuietly("bactrian.retry.max-attempts", "2", "bactrian.retry.max-delay", "1s");
        simulator.silentLimit(20, Duration.ofSeconds(1), Call.CHAT);

        assertThat(ask(50, "hi")).containsExactly(Map.entry("succeeded", 50));

        assertThat(simulator.refused(Call.CHAT)).isLessThan(100);
    }

    @Test
    void createsBeyondALimitThatIsNotSaidAreMadeLaterAndOnce() throws Exception {
        startQuietly("bactrian.retry.max-attempts", "2", "bactrian.retry.max-delay", "1s", "bactrian.replicate.max-requests-per-minute", "60000");
        simulator.always(Call.POLL, Reply.prediction("succeeded", "\"a\""));
        simulator.silentLimit(20, Duration.ofSeconds(1), Call.CREATE);

        assertThat(ask(30, PREDICTION)).containsExactly(Map.entry("succeeded", 30));

        assertThat(simulator.count(Call.CREATE) - simulator.refused(Call.CREATE)).isEqualTo(30);
        assertThat(simulator.refused(Call.CREATE)).isLessThan(60);
    }

    @Test
    void aRequestRefusedTooLongIsMadeOnceOthersAreAnswered() throws Exception {
        startQuietly("bactrian.retry.max-attempts", "1");
        simulator.silentLimit(5, Duration.ofSeconds(1), Call.CHAT);

        assertThat(ask(6, "hi")).containsExactly(Map.entry("succeeded", 6));
    }

    @Test
    void aServiceThatRefusesAllFailsThemAllAfterTheRetries() throws Exception {
        startQuietly("bactrian.retry.max-attempts", "2");
        simulator.always(Call.CHAT, Reply.status(429));

        Map<String, Integer> ends = ask(30, "hi");

        assertThat(ends.values().stream().mapToInt(Integer::intValue).sum()).isEqualTo(30);
        assertThat(ends.keySet()).allMatch(message -> message.contains("429"));
        assertThat(simulator.count(Call.CHAT)).isLessThan(90);
    }

    /** It asks for more than the key's tokens a minute, say: that is its own trouble, and not that of others. */
    @Test
    void oneThatIsNeverTakenHoldsUpNoOtherAndEnds() throws Exception {
        try (RawServer picky = new RawServer(LimitsTest::refuseTheHuge)) {
            startQuietly("bactrian.upstage.api-endpoint", picky.url("/v1/chat/completions"), "bactrian.retry.delay", "30ms", "bactrian.retry.max-delay", "60ms");
            assertThat(ask(1, "hi")).containsKey("succeeded");
            CompletableFuture<Exchange> huge = later("huge");

            await().atMost(LATE).until(() -> {
                assertThat(ask(5, "hi")).containsExactly(Map.entry("succeeded", 5));
                return huge.isDone();
            });

            assertThat(((dev.bactrian.error.GenerateException) huge.join().getException()).getType()).isEqualTo("rate-limited");
        }
    }

    private static void refuseTheHuge(RawServer.Line line) throws IOException {
        for (String request = line.read(); request != null; request = line.read()) {
            line.write(request.contains("huge") ? RawServer.json(429, "{}") : RawServer.answer(request));
        }
    }

    @Test
    void whoAskedForARefusedRequestDoesNotGoOnWhereOthersWait() throws Exception {
        startQuietly("bactrian.retry.max-attempts", "1");
        simulator.always(Call.CHAT, Reply.status(429));

        List<CompletableFuture<Void>> asked = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            asked.add(CompletableFuture.runAsync(() -> template().sendBody("direct:host", "hi"), callers));
        }
        asked.forEach(one -> assertThat(one).succeedsWithin(LATE));

        assertThat(hosts).hasSize(8).noneMatch(thread -> thread.contains("bactrian-turn"));
    }

    @Test
    void whatTheServiceSaysIsLeftIsHeeded() throws Exception {
        startQuietly("bactrian.retry.max-delay", "5s");
        Reply last = Reply.stream("a").header("X-Upstage-RateLimit-Remaining-Requests", "0")
                .header("X-Upstage-RateLimit-Reset-Requests", Long.toString(Instant.now().getEpochSecond() + 3));
        simulator.on(Call.CHAT, last, Reply.stream("b"));

        ask(1, "hi");
        ask(1, "hi");

        List<Instant> chats = simulator.requests(Call.CHAT).stream().map(RecordedRequest::at).toList();
        assertThat(Duration.between(chats.get(0), chats.get(1))).isGreaterThan(Duration.ofMillis(1500));
    }

    @Test
    void pollsWaitUntilTheServiceCountsAnew() throws Exception {
        startQuietly("bactrian.retry.max-delay", "5s");
        simulator.on(Call.POLL, Reply.prediction("processing", "[]").header("ratelimit-remaining", "0").header("ratelimit-reset", "2"),
                Reply.prediction("succeeded", "\"a\""));

        assertThat(ask(1, PREDICTION)).containsKey("succeeded");

        List<Instant> polls = simulator.requests(Call.POLL).stream().map(RecordedRequest::at).toList();
        assertThat(Duration.between(polls.get(0), polls.get(1))).isGreaterThan(Duration.ofMillis(1800));
    }

    @Test
    void anotherKeyAndAnotherModelDoNotWait() throws Exception {
        own.setUpstageApiKey("up_own");
        startQuietly("bactrian.upstage.api-key", "up_global", "bactrian.retry.max-delay", "30s");
        simulator.on(Call.CHAT, Reply.status(429).header("Retry-After", "20"));
        CompletableFuture<Exchange> refused = CompletableFuture.supplyAsync(() -> template().request("direct:generate",
                exchange -> exchange.getMessage().setBody("{\"id\": \"r1\", \"prompt\": \"hi\"}")), callers);
        await().until(() -> simulator.count(Call.CHAT) == 1 && simulator.concurrent(Call.CHAT) == 0);

        Instant before = Instant.now();
        assertThat(ask(1, "hi", "own")).containsKey("succeeded");
        assertThat(ask(1, "{\"model\": \"solar-mini\", \"prompt\": \"hi\"}")).containsKey("succeeded");

        assertThat(Duration.between(before, Instant.now())).isLessThan(Duration.ofSeconds(15));
        assertThat(simulator.count(Call.CHAT)).isEqualTo(3);
        template().sendBody("direct:cancel", "r1");
        assertThat(refused).succeedsWithin(Duration.ofSeconds(5));
    }

    @Test
    void whatWaitsForItsTurnIsCancelledSoonAndNotSent() throws Exception {
        startQuietly("bactrian.retry.max-delay", "30s");
        simulator.on(Call.CHAT, Reply.stream("a"), Reply.status(429).header("Retry-After", "25"));
        ask(1, "hi");
        CompletableFuture<Exchange> refused = later("{\"id\": \"first\", \"prompt\": \"hi\"}");
        await().until(() -> simulator.count(Call.CHAT) == 2 && simulator.concurrent(Call.CHAT) == 0);
        CompletableFuture<Exchange> waits = later("{\"id\": \"second\", \"prompt\": \"hi\"}");
        await().until(() -> canceled("second"));

        assertThat(waits).succeedsWithin(Duration.ofSeconds(5));
        JsonNode error = ProviderJson.json(((dev.bactrian.error.GenerateException) waits.join().getException()).getDocument()).orElseThrow();
        assertThat(error.at("/error/type").asText()).isEqualTo("stream-interrupted");
        assertThat(canceled("first")).isTrue();
        assertThat(refused).succeedsWithin(Duration.ofSeconds(5));
        assertThat(simulator.count(Call.CHAT)).isEqualTo(2);
    }

    private CompletableFuture<Exchange> later(String request) {
        return CompletableFuture.supplyAsync(
                () -> template().request("direct:generate", exchange -> exchange.getMessage().setBody(request)), callers);
    }

    private boolean canceled(String id) {
        return ProviderJson.json(template().requestBody("direct:cancel", id, String.class)).orElseThrow().path("canceled").asBoolean();
    }

    @Test
    void aCancelThatIsRefusedIsSentAgain() throws Exception {
        startQuietly("bactrian.replicate.poll-max-attempts", "1");
        simulator.always(Call.POLL, Reply.prediction("processing", "[]"));
        simulator.on(Call.CANCEL, Reply.status(429), Reply.normally());

        assertThat(ask(1, PREDICTION)).doesNotContainKey("succeeded");

        await().until(() -> simulator.count(Call.CANCEL) == 2);
    }

    @Test
    void theDeadlineOfACreateCountsTheLongerPauses() throws Exception {
        startQuietly("bactrian.replicate.max-requests-per-minute", "60", "bactrian.replicate.poll-delay", "20ms",
                "bactrian.replicate.poll-max-attempts", "100", "camel.main.shutdown-timeout", "1");
        simulator.always(Call.POLL, Reply.prediction("processing", "[]"));
        for (int i = 0; i < 20; i++) {
            later(PREDICTION);
        }
        await().until(() -> simulator.count(Call.POLL) >= 2);
        later(PREDICTION);
        await().until(() -> simulator.count(Call.CREATE) == 21);

        int longest = simulator.requests(Call.CREATE).stream().map(create -> create.header("Cancel-After"))
                .map(header -> Integer.parseInt(header.replace("s", ""))).max(Comparator.naturalOrder()).orElseThrow();
        assertThat(longest).as("seconds: about 20 pauses of a second, a hundred times").isBetween(1500, 3000);
    }

    @Test
    void predictionsOfTheQueueShareTheServicesLimit() throws Exception {
        startQuietly("bactrian.jms.enabled", "true", "bactrian.replicate.max-requests-per-minute", "1200",
                "bactrian.replicate.poll-max-attempts", "4", "bactrian.retry.max-attempts", "1");
        simulator.limit(25, Duration.ofSeconds(1), Call.POLL, Call.CANCEL);
        for (int i = 0; i < 12; i++) {
            template().sendBody("jms:queue:bactrian.requests", PREDICTION);
        }

        await().atMost(LATE).until(() -> captured.results.size() + captured.errors.size() == 12);

        assertThat(captured.errors).isEmpty();
        assertThat(captured.results).hasSize(12);
        captured.results.clear();
        assertThat(simulator.refused(Call.POLL)).isZero();
        assertThat(simulator.count(Call.CREATE)).isEqualTo(12);
    }

    @Test
    void aPollOfTheQueueThatIsRefusedIsMadeLaterAndDoesNotCount() throws Exception {
        startQuietly("bactrian.jms.enabled", "true", "bactrian.replicate.poll-max-attempts", "2", "bactrian.retry.max-attempts", "1");
        Reply refused = Reply.status(429);
        simulator.on(Call.POLL, refused, refused, refused, Reply.prediction("processing", "[]"), refused, Reply.prediction("succeeded", "\"a\""));
        template().sendBody("jms:queue:bactrian.requests", PREDICTION);

        await().atMost(LATE).until(() -> captured.results.size() + captured.errors.size() == 1);

        assertThat(captured.results.remove().json().at("/prediction/polls").asInt()).isEqualTo(2);
    }
}
