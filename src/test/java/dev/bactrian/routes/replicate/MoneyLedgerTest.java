package dev.bactrian.routes.replicate;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.failed;
import static dev.bactrian.routes.support.ReplicateReplies.poll;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.apache.camel.main.Main;
import org.apache.camel.spi.StateRepository;
import org.apache.camel.support.service.ServiceSupport;
import org.junit.jupiter.api.Test;

/** A request done again after a stop or a crash goes on with the prediction that was paid for. */
class MoneyLedgerTest extends RouteTestSupport {

    private static final String REQUEST = "{\"id\": \"r1\", \"model\": \"gemma-2b\", \"prompt\": \"p\"}";

    private final Map<String, String> states = new ConcurrentHashMap<>();
    private volatile boolean full;
    private volatile boolean unreadable;

    /** A ledger of the host. */
    private final class Repository extends ServiceSupport implements StateRepository<String, String> {
        @Override
        public void setState(String key, String value) {
            if (full) {
                throw new IllegalStateException("no space left on device");
            }
            states.compute(key, (k, v) -> value);
        }

        @Override
        public String getState(String key) {
            if (unreadable) {
                throw new IllegalStateException("input/output error");
            }
            return states.get(key);
        }
    }

    @Override
    protected void configure(Main main) {
        main.bind("ledgerOfTheHost", new Repository());
    }

    @Test
    void aPredictionIsRecordedFromItsCreateUntilItsResult() throws Exception {
        start();
        simulator.on(Call.CREATE, created()).on(Call.POLL, succeeded("\"a\"").after(Duration.ofSeconds(1)));

        CompletableFuture<String> result = template().asyncRequestBody("direct:generate", REQUEST, String.class);
        await().until(() -> simulator.count(Call.POLL) == 1);

        assertThat(records()).containsExactly("p1");
        assertThat(result).succeedsWithin(SOON);
        await().until(() -> records().isEmpty());
        assertThat(takeChunks()).isEqualTo("a");
    }

    @Test
    void aPredictionThatFailedIsForgotten() throws Exception {
        start();
        simulator.on(Call.CREATE, created()).on(Call.POLL, failed("\"boom\"", "null"));

        generateFails(REQUEST);

        await().until(() -> records().isEmpty());
    }

    @Test
    void anAbandonedPredictionIsForgottenAndCreatedAnew() throws Exception {
        start("bactrian.replicate.poll-max-attempts", "1");
        simulator.always(Call.CREATE, created()).on(Call.POLL, poll("processing"), succeeded("\"a\""));

        generateFails(REQUEST);
        await().until(() -> records().isEmpty());

        assertThat(generate(REQUEST).path("text").asText()).isEqualTo("a");
        assertThat(simulator.count(Call.CREATE)).isEqualTo(2);
        assertThat(takeChunks()).isEqualTo("a");
    }

    @Test
    void aRequestThatNobodyGaveAnIdIsNotRecorded() throws Exception {
        start();
        simulator.on(Call.CREATE, created()).on(Call.POLL, succeeded("\"a\"").after(Duration.ofSeconds(1)));

        CompletableFuture<String> result = template().asyncRequestBody("direct:generate", "{\"model\": \"gemma-2b\", \"prompt\": \"p\"}", String.class);
        await().until(() -> simulator.count(Call.POLL) == 1);

        assertThat(records()).isEmpty();
        assertThat(result).succeedsWithin(SOON);
        assertThat(takeChunks()).isEqualTo("a");
    }

    @Test
    void aRequestDoneAgainAfterAStopGoesOnWithItsPrediction() throws Exception {
        stopWithAPredictionUnderWay();
        simulator.always(Call.POLL, succeeded("\"paid once\""));

        start();
        JsonNode result = generate(REQUEST);

        assertThat(result.path("text").asText()).isEqualTo("paid once");
        assertThat(result.path("prediction").path("id").asText()).isEqualTo("p1");
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
        assertThat(simulator.count(Call.CANCEL)).isZero();
        await().until(() -> records().isEmpty());
        assertThat(takeChunks()).isEqualTo("paid once");
    }

    @Test
    void aRequestOfTheSameIdButAnotherContentCreatesAnew() throws Exception {
        stopWithAPredictionUnderWay();
        simulator.on(Call.CREATE, created("p2")).always(Call.POLL, Reply.prediction("succeeded", "\"another\""));

        start();
        JsonNode result = generate(REQUEST.replace("\"p\"", "\"q\""));

        assertThat(result.path("prediction").path("id").asText()).isEqualTo("p2");
        assertThat(simulator.count(Call.CREATE)).isEqualTo(2);
        assertThat(takeChunks()).isEqualTo("another");
    }

    @Test
    void aRecordedPredictionThatIsGoneIsAnErrorAndNotCreatedAnew() throws Exception {
        stopWithAPredictionUnderWay();
        simulator.always(Call.POLL, Reply.status(404));

        start();
        JsonNode document = generateFails(REQUEST);

        assertThat(document.path("error").path("type").asText()).isEqualTo("provider-unavailable");
        assertThat(document.path("prediction").path("id").asText()).isEqualTo("p1");
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
    }

    @Test
    void aRecordThatIsNoIdIsNotUsed() throws Exception {
        stopWithAPredictionUnderWay();
        try (Stream<Path> files = Files.list(folder.resolve("data/predictions"))) {
            Files.writeString(files.findFirst().orElseThrow(), "../admin?x=1");
        }
        simulator.on(Call.CREATE, created()).always(Call.POLL, succeeded("\"a\""));

        start();
        generate(REQUEST);

        assertThat(simulator.requests(Call.POLL)).extracting(request -> request.path()).containsOnly("/v1/predictions/p1");
        assertThat(takeChunks()).isEqualTo("a");
    }

    private void stopWithAPredictionUnderWay() throws Exception {
        start("camel.main.shutdown-timeout", "1");
        simulator.on(Call.CREATE, created()).always(Call.POLL, poll("processing"));
        template().asyncRequestBody("direct:generate", REQUEST, String.class);
        await().until(() -> simulator.count(Call.POLL) > 0);

        stop();

        assertThat(records()).containsExactly("p1");
    }

    @Test
    void theHostsLedgerIsUsedInPlaceOfFiles() throws Exception {
        start("bactrian.ledger", "ledgerOfTheHost");
        simulator.on(Call.CREATE, created()).on(Call.POLL, succeeded("\"a\"").after(Duration.ofSeconds(1)));

        CompletableFuture<String> result = template().asyncRequestBody("direct:generate", REQUEST, String.class);
        await().until(() -> simulator.count(Call.POLL) == 1);

        assertThat(states).hasSize(1).containsValue("p1");
        assertThat(folder.resolve("data")).doesNotExist();
        assertThat(result).succeedsWithin(SOON);
        await().until(states::isEmpty);
        assertThat(takeChunks()).isEqualTo("a");
    }

    @Test
    void aLedgerThatCannotBeWrittenDoesNotFailTheRequest() throws Exception {
        full = true;
        start("bactrian.ledger", "#bean:ledgerOfTheHost");
        simulator.on(Call.CREATE, created()).on(Call.POLL, succeeded("\"a\""));

        assertThat(generate(REQUEST).path("text").asText()).isEqualTo("a");
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
        assertThat(takeChunks()).isEqualTo("a");
    }

    @Test
    void aPredictionThatCannotBeReadIsNotForgottenForThat() throws Exception {
        start("bactrian.ledger", "ledgerOfTheHost", "camel.main.shutdown-timeout", "1");
        simulator.on(Call.CREATE, created()).always(Call.POLL, poll("processing"));
        template().asyncRequestBody("direct:generate", REQUEST, String.class);
        await().until(() -> simulator.count(Call.POLL) > 0);
        stop();
        start("bactrian.ledger", "ledgerOfTheHost");
        simulator.always(Call.POLL, succeeded("\"paid once\""));

        unreadable = true;
        assertThat(generateFails(REQUEST).path("error").path("type").asText()).isEqualTo("provider-unavailable");
        unreadable = false;

        assertThat(generate(REQUEST).path("text").asText()).isEqualTo("paid once");
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
        assertThat(takeChunks()).isEqualTo("paid once");
    }
}
