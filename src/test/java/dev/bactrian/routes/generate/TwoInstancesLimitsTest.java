package dev.bactrian.routes.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

import dev.bactrian.ledger.PostgreSql;
import dev.bactrian.limit.Gates;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Simulator;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Two instances with one account that share nothing but the database of the ledger keep the service's limits together. */
class TwoInstancesLimitsTest extends RouteTestSupport {

    private static final int EACH = 15;
    private static final String PREDICTION = "{\"model\": \"gemma-2b\", \"prompt\": \"p\"}";
    private static final String CHAT = "{\"model\": \"solar-mini4\", \"prompt\": \"hi\"}";

    private final ExecutorService callers = Executors.newCachedThreadPool();
    private Main first;

    @Override
    protected Simulator simulator() {
        return Simulator.builder().pause(Duration.ZERO).streams(false).start();
    }

    @AfterEach
    void stopTheFirst() {
        callers.shutdownNow();
        if (first != null) {
            first.stop();
        }
    }

    private void startInstance(String name, String url, String user, String password) throws Exception {
        start(List.of("bactrian.emit.chunk", "", "bactrian.replicate.max-requests-per-minute", "2400", "bactrian.replicate.poll-delay", "300ms",
                "bactrian.ledger", url, "bactrian.ledger.user", user, "bactrian.ledger.password", password, "bactrian.retry.max-attempts", "0"),
                "bactrian.data-dir", folder.resolve(name).toString());
    }

    private void keepTheLimits(String url, String user, String password) throws Exception {
        startInstance("one", url, user, password);
        first = detach();
        startInstance("two", url, user, password);
        List<ProducerTemplate> instances = List.of(first.getCamelTemplate(), template());
        simulator.limit(50, Duration.ofSeconds(1), Call.POLL, Call.CANCEL, Call.LIST).limit(25, Duration.ofSeconds(1), Call.CHAT);
        // Each instance counts itself at its first call, and the others every five seconds: here, at once. The answers to the second
        // call then tell each of them its part of the limit.
        for (int i = 0; i < 2; i++) {
            for (String request : List.of(PREDICTION, CHAT)) {
                instances.forEach(instance -> instance.requestBody("direct:generate", request));
            }
            Gates.of(first.getCamelContext()).divide();
            Gates.of(context()).divide();
        }
        int chats = simulator.count(Call.CHAT);
        int polls = simulator.count(Call.POLL);

        List<CompletableFuture<Exception>> asked = new ArrayList<>();
        for (int i = 0; i < EACH; i++) {
            for (ProducerTemplate instance : instances) {
                for (String request : List.of(PREDICTION, CHAT)) {
                    asked.add(CompletableFuture.supplyAsync(
                            () -> instance.request("direct:generate", exchange -> exchange.getMessage().setBody(request)).getException(), callers));
                }
            }
        }

        assertThat(asked).allSatisfy(one -> assertThat(one).succeedsWithin(SOON).isNull());
        assertThat(simulator.count(Call.CHAT)).isEqualTo(chats + 2 * EACH);
        assertThat(simulator.count(Call.POLL)).isEqualTo(polls + 3 * 2 * EACH);
        assertThat(List.of(simulator.refused(Call.POLL), simulator.refused(Call.CHAT))).containsExactly(0, 0);
    }

    @Test
    void ofAnH2DatabaseThatTheyShare() throws Exception {
        keepTheLimits("jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1", "sa", "");
    }

    @Nested
    @ExtendWith(PostgreSql.Installed.class)
    class InPostgreSql {

        private final String url;

        InPostgreSql(PostgreSql postgres) {
            url = postgres.database();
        }

        @Test
        void ofADatabaseThatTheyShare() throws Exception {
            keepTheLimits(url, PostgreSql.USER, PostgreSql.PASSWORD);
        }
    }
}
