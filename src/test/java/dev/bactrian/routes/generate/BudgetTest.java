package dev.bactrian.routes.generate;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.poll;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.SettingException;
import dev.bactrian.core.Provider;
import dev.bactrian.core.Provider.Access;
import dev.bactrian.error.GenerateException;
import dev.bactrian.generate.Account;
import dev.bactrian.ledger.PostgreSql;
import dev.bactrian.limit.Keys;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.routes.support.Scrape;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.support.CapturedLog;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelExecutionException;
import org.apache.camel.Exchange;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Budgets: at the limit requests fail at once, or wait. */
class BudgetTest extends RouteTestSupport {

    private static final String ONE_CHAT = "0.000011";
    private static final String PREDICTION = "{\"id\": \"r1\", \"model\": \"gemma-2b\", \"prompt\": \"p\"}";

    private final Account team = new Account();

    @Override
    protected void configure(Main main) {
        main.bind("team", team);
    }

    private void startPriced(String... more) throws Exception {
        List<String> shared = List.of("bactrian.models", "file:" + Files.writeString(folder.resolve("models.yaml"), CostTest.CATALOGUE),
                "bactrian.upstage.api-key", "up_a-key-of-the-tests-ab12", "bactrian.emit.chunk", "");
        super.start(shared, more);
    }

    /** An answer that costs {@link #ONE_CHAT}: a prompt of one token and one token of text. */
    private static Reply held(CountDownLatch until) {
        return Reply.stream("a").chunkListener(piece -> {
            try {
                until.await(30, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    private JsonNode ask(Object account) {
        Exchange answer = template().request("direct:generate", exchange -> {
            exchange.getMessage().setBody("hi");
            exchange.setVariable(Account.VARIABLE, account);
        });
        return ProviderJson.json(answer.getException() instanceof GenerateException failure ? failure.getDocument()
                : answer.getMessage().getBody(String.class)).orElseThrow();
    }

    private static String type(JsonNode document) {
        return document.path("error").path("type").asText("none");
    }

    @Test
    void aThousandRequestsAtOnceDoNotRunThroughTheLimit() throws Exception {
        startPriced("bactrian.budget.day", "0.00055 USD");
        CountDownLatch inWork = new CountDownLatch(1);
        simulator.on(Call.CHAT, Reply.stream("a")).always(Call.CHAT, held(inWork));
        assertThat(generate("hi").path("cost").path("amount").decimalValue()).isEqualTo(ONE_CHAT);
        ExecutorService callers = Executors.newFixedThreadPool(80);
        try {
            List<CompletableFuture<JsonNode>> answers = IntStream.range(0, 999)
                    .mapToObj(i -> CompletableFuture.supplyAsync(() -> ask(null), callers)).toList();
            await().until(() -> answers.stream().filter(CompletableFuture::isDone).count() >= 950);
            inWork.countDown();

            assertThat(answers.stream().map(CompletableFuture::join).filter(answer -> type(answer).equals("budget-exceeded"))).hasSize(950);
        } finally {
            callers.shutdown();
        }
        assertThat(simulator.count(Call.CHAT)).isEqualTo(50);
        JsonNode error = generateFails("hi").path("error");
        assertThat(error.path("message").asText()).isEqualTo("bactrian.budget.day: 100 % spent (0.00055 of 0.00055 USD)");
        assertThat(error.path("attempts").asInt()).isZero();
        assertThat(error.path("retryable").asBoolean()).isTrue();
    }

    @Test
    void aRequestWaitsForWhatIsInWorkAndForNoLonger() throws Exception {
        startPriced("bactrian.budget.day", "0.015", "bactrian.budget.when-spent", "wait");
        CountDownLatch inWork = new CountDownLatch(1);
        simulator.always(Call.CHAT, held(inWork));
        CompletableFuture<Object> first = template().asyncRequestBody("direct:generate", "hi");
        await().until(() -> simulator.count(Call.CHAT) == 1);
        CompletableFuture<Object> second = template().asyncRequestBody("direct:generate", "hi");
        await().during(Duration.ofMillis(600)).until(() -> simulator.count(Call.CHAT) == 1);

        inWork.countDown();

        assertThat(first).succeedsWithin(SOON);
        assertThat(second).succeedsWithin(SOON);
        assertThat(simulator.count(Call.CHAT)).isEqualTo(2);
    }

    @Test
    void aRequestThatWaitsCanBeCancelledAndAStopEndsIt() throws Exception {
        startPriced("bactrian.budget.month", "0 USD", "bactrian.budget.when-spent", "wait");
        CompletableFuture<Object> first = template().asyncRequestBody("direct:generate", "{\"id\": \"r1\", \"prompt\": \"hi\"}");
        await().until(() -> template().requestBody("direct:cancel", "r1", String.class).contains("true"));
        assertThat(first).failsWithin(SOON).withThrowableThat().withStackTraceContaining("canceled on request");
        CompletableFuture<Object> second = template().asyncRequestBody("direct:generate", "hi");
        await().until(() -> context().getInflightRepository().size("bactrian-start") == 1);

        stop();

        assertThat(second).failsWithin(SOON).withThrowableThat().withStackTraceContaining("the application has stopped");
        assertThat(simulator.count(Call.CHAT)).isZero();
    }

    @Test
    void whatIsSpentCountsAfterARestart() throws Exception {
        startPriced("bactrian.budget.day", ONE_CHAT);
        simulator.always(Call.CHAT, Reply.stream("a"));
        generate("hi");
        stop();
        startPriced("bactrian.budget.day", ONE_CHAT);

        assertThat(type(generateFails("hi"))).isEqualTo("budget-exceeded");
        assertThat(generateFails("{\"model\": \"solar-pro3\", \"prompt\": \"hi\"}").path("error").path("type").asText())
                .as("a model whose price is unknown").isEqualTo("budget-exceeded");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
    }

    @Test
    void aPredictionThatIsPaidForGoesOnAndANewOneIsNotMade() throws Exception {
        startPriced("camel.main.shutdown-timeout", "1");
        simulator.on(Call.CREATE, created()).always(Call.POLL, poll("processing"));
        template().asyncRequestBody("direct:generate", PREDICTION, String.class);
        await().until(() -> simulator.count(Call.POLL) > 0);
        stop();
        simulator.always(Call.POLL, succeeded("\"a\""));

        startPriced("bactrian.budget.day", "0 USD");

        assertThat(generate(PREDICTION).path("text").asText()).isEqualTo("a");
        assertThat(type(generateFails(PREDICTION.replace("r1", "r2")))).isEqualTo("budget-exceeded");
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
    }

    @Test
    void anAccountAndAKeyHaveBudgetsOfTheirOwn() throws Exception {
        team.setUpstageApiKey("up_the-key-of-the-team-cd34");
        team.setBudgetDay(ONE_CHAT);
        startPriced("bactrian.budget.month.keys", "ab12=0.000022 USD, ef56 = 1 USD");
        simulator.always(Call.CHAT, Reply.stream("a"));

        assertThat(Stream.of("team", "team", team).map(this::ask).map(BudgetTest::type)).containsExactly("none", "budget-exceeded", "budget-exceeded");
        assertThat(ask("team").path("error").path("message").asText()).startsWith("bactrian.budget.day of account team: 100 % spent");
        assertThat(IntStream.range(0, 3).mapToObj(i -> type(ask(null)))).containsExactly("none", "none", "budget-exceeded");
        assertThat(ask(null).path("error").path("message").asText()).startsWith("bactrian.budget.month.keys (ab12): 100 % spent");
    }

    @Test
    void ofSeveralKeysOneIsUsedWhoseBudgetIsNotSpent() throws Exception {
        startPriced("bactrian.upstage.api-key", "up_a-key-of-the-tests-ab12,up_a-key-of-the-tests-ef56", "bactrian.budget.month.keys",
                "ab12=0.000011 USD, ef56=0.000022 USD");
        simulator.always(Call.CHAT, Reply.stream("a"));

        assertThat(IntStream.range(0, 4).mapToObj(i -> type(ask(null)))).containsExactly("none", "none", "none", "budget-exceeded");
        assertThat(simulator.requests(Call.CHAT).stream().map(call -> call.header("Authorization")).filter(key -> key.endsWith("ef56"))).hasSize(2);
    }

    @Test
    void ofSeveralKeysEachIsUsedAsFarAsItsBudgetGoes() throws Exception {
        startPriced("bactrian.upstage.api-key", "up_a-key-of-the-tests-ab12,up_a-key-of-the-tests-ef56", "bactrian.budget.month.keys",
                "ab12=0.00011 USD, ef56=0.00022 USD");
        CountDownLatch inWork = new CountDownLatch(1);
        simulator.on(Call.CHAT, Reply.stream("a")).always(Call.CHAT, held(inWork));
        generate("hi");
        ExecutorService callers = Executors.newFixedThreadPool(50);
        try {
            List<CompletableFuture<JsonNode>> answers = IntStream.range(0, 100)
                    .mapToObj(i -> CompletableFuture.supplyAsync(() -> ask(null), callers)).toList();
            await().until(() -> answers.stream().filter(CompletableFuture::isDone).count() >= 71);
            inWork.countDown();

            List<JsonNode> refused = answers.stream().map(CompletableFuture::join).filter(answer -> type(answer).equals("budget-exceeded")).toList();
            assertThat(refused).hasSize(71).allSatisfy(answer -> assertThat(answer.at("/error/message").asText()).startsWith("bactrian.budget.month.keys ("));
        } finally {
            callers.shutdown();
        }
        assertThat(simulator.requests(Call.CHAT).stream().filter(call -> call.header("Authorization").endsWith("ab12"))).hasSize(10);
        assertThat(simulator.requests(Call.CHAT).stream().filter(call -> call.header("Authorization").endsWith("ef56"))).hasSize(20);
    }

    @Test
    void theBudgetOfTheOnlyKeyThatIsLeftHolds() throws Exception {
        simulator.close();
        simulator = Simulator.builder().pause(Duration.ZERO).requireToken("up_a-key-of-the-tests-ef56").start();
        startPriced("bactrian.upstage.api-key", "up_a-key-of-the-tests-ab12,up_a-key-of-the-tests-ef56", "bactrian.budget.month.keys", "ef56=0.000011 USD");
        simulator.always(Call.CHAT, Reply.stream("a"));

        assertThat(IntStream.range(0, 3).mapToObj(i -> type(ask(null)))).containsExactly("none", "budget-exceeded", "budget-exceeded");
    }

    private static final String TWO_KEYS = "up_a-key-of-the-tests-ab12,up_a-key-of-the-tests-ef56";

    private List<String> keysOf(Call call) {
        return simulator.requests(call).stream().map(request -> request.header("Authorization")).map(key -> key.substring(key.length() - 4)).toList();
    }

    @Test
    void aRequestWaitsForTheKeyThatGetsRoomFirst() throws Exception {
        startPriced("bactrian.upstage.api-key", TWO_KEYS, "bactrian.budget.month.keys", "ab12=0.00002 USD, ef56=0.00002 USD",
                "bactrian.budget.when-spent", "wait");
        CountDownLatch inWork = new CountDownLatch(1);
        simulator.on(Call.CHAT, CostTest.chat(0, 0, 2), held(inWork)).always(Call.CHAT, Reply.stream("a"));
        generate("hi");
        CompletableFuture<Object> first = template().asyncRequestBody("direct:generate", "hi");
        await().until(() -> simulator.count(Call.CHAT) == 2);
        CompletableFuture<Object> second = template().asyncRequestBody("direct:generate", "hi");
        await().during(Duration.ofMillis(300)).until(() -> simulator.count(Call.CHAT) == 2
                && context().getInflightRepository().size("bactrian-start") == 2);

        inWork.countDown();

        assertThat(first).succeedsWithin(SOON);
        assertThat(second).succeedsWithin(SOON);
        assertThat(keysOf(Call.CHAT)).containsExactly("ab12", "ef56", "ef56");
    }

    @Test
    void aRetryKeepsTheRoomThatItsRequestHas() throws Exception {
        startPriced("bactrian.upstage.api-key", TWO_KEYS, "bactrian.budget.month.keys", "ab12=0.000015 USD, ef56=0.000022 USD");
        simulator.on(Call.CHAT, Reply.stream("a"), Reply.stream("a"), Reply.status(503)).always(Call.CHAT, Reply.stream("a"));

        assertThat(IntStream.range(0, 4).mapToObj(i -> type(ask(null)))).containsExactly("none", "none", "none", "budget-exceeded");
        assertThat(keysOf(Call.CHAT)).containsExactly("ab12", "ef56", "ef56", "ef56");
    }

    @Test
    void aRefusedCreateIsNotMadeWithAKeyWhoseBudgetIsSpent() throws Exception {
        startPriced("bactrian.replicate.api-token", "r8_a-key-of-the-tests-ab12,r8_a-key-of-the-tests-ef56", "bactrian.budget.month.keys", "ef56=0 USD");
        simulator.on(Call.CREATE, Reply.status(402)).always(Call.CREATE, created());

        assertThat(generateFails(PREDICTION).at("/error/message").asText()).startsWith("bactrian.budget.month.keys (ef56): 100 % spent");
        assertThat(keysOf(Call.CREATE)).containsExactly("ab12");
    }

    @Test
    void aKeyThatIsTriedAgainComesUnderItsBudget() throws Exception {
        startPriced("bactrian.upstage.api-key", TWO_KEYS, "bactrian.budget.month.keys", "ab12=0.000015 USD, ef56=0.000015 USD");
        simulator.on(Call.CHAT, Reply.stream("a"), Reply.stream("a")).always(Call.CHAT, Reply.stream("a"));
        assertThat(IntStream.range(0, 2).mapToObj(i -> type(ask(null)))).containsOnly("none");
        Keys keys = Keys.of(context());
        Access access = context().getRegistry().lookupByNameAndType("bactrianUpstage", Provider.class).access(null);
        access.tokens().forEach(token -> keys.refused("upstage", access, token, null, 402));

        assertThat(ask(null).at("/error/message").asText()).startsWith("bactrian.budget.month.keys (ab12): 73 % spent");
        assertThat(keysOf(Call.CHAT)).containsExactlyInAnyOrder("ab12", "ef56");
    }

    @Test
    void healthAndLogSayHowMuchIsSpent() throws Exception {
        startPriced(Stream.concat(Stream.of(Scrape.SERVED), Stream.of("bactrian.budget.day", "0.000012")).toArray(String[]::new));
        simulator.always(Call.CHAT, Reply.stream("a"));
        assertThat(Scrape.get(context(), "/observe/health").body()).contains("less than 80 % of each budget is spent");

        try (CapturedLog log = new CapturedLog()) {
            generate("hi");
            assertThat(log.lines("bactrian.budget.day")).singleElement().asString().contains("91 % spent (0.000011 of 0.000012 USD)");
        }

        assertThat(Scrape.get(context(), "/observe/health").body()).contains("bactrian.budget.day: 91 % spent");
    }

    @Test
    void aBudgetUnderWhichNothingWouldCountFailsTheStart() {
        assertThatThrownBy(() -> startPriced("bactrian.budget.day", "10 EUR")).hasRootCauseInstanceOf(SettingException.class)
                .rootCause().hasMessageContaining("bactrian.budget.day").hasMessageContaining("no model of the catalogue has a price in EUR");
        assertThatThrownBy(() -> startPriced("bactrian.budget.day", "much")).rootCause().hasMessageContaining("'much' is not an amount such as 10 USD");
        assertThatThrownBy(() -> startPriced("bactrian.budget.day.keys", "5 USD")).rootCause().hasMessageContaining("ab12=10 USD");
    }

    /** Two instances that share nothing but the database. */
    @Nested
    @ExtendWith(PostgreSql.Installed.class)
    class InADatabase {

        private final String url;
        private Main other;

        InADatabase(PostgreSql postgres) {
            url = postgres.database();
        }

        private void startInstance(String name) throws Exception {
            startPriced("bactrian.ledger", url, "bactrian.ledger.user", PostgreSql.USER, "bactrian.ledger.password", PostgreSql.PASSWORD,
                    "bactrian.data-dir", folder.resolve(name).toString(), "bactrian.budget.day", ONE_CHAT);
        }

        @AfterEach
        void stopOther() {
            if (other != null) {
                other.stop();
            }
        }

        @Test
        void whatOneInstanceSpendsTheOtherCounts() throws Exception {
            simulator.always(Call.CHAT, Reply.stream("a"));
            startInstance("one");
            other = detach();
            startInstance("two");

            other.getCamelTemplate().requestBody("direct:generate", "hi", String.class);

            await().untilAsserted(() -> assertThatThrownBy(() -> template().requestBody("direct:generate", "{\"id\": \"" + UUID.randomUUID()
                    + "\", \"max_tokens\": 0, \"prompt\": \"hi\"}", String.class)).isInstanceOf(CamelExecutionException.class)
                    .cause().hasMessageContaining("budget-exceeded"));
        }
    }
}
