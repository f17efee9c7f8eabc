package dev.bactrian.routes.replicate;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.poll;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.time.Duration;
import java.util.Arrays;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Reply;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A prediction that nobody waits for any more is cancelled, once, so that it does not run on at our cost. */
class MoneyCancelTest extends RouteTestSupport {

    private static final String REQUEST = "{\"model\": \"gemma-2b\", \"prompt\": \"p\"}";

    @Test
    void anAbandonedPredictionIsCancelledOnce() throws Exception {
        start("bactrian.replicate.poll-max-attempts", "1");
        simulator.on(Call.CREATE, created()).always(Call.POLL, poll("processing"));

        assertThat(generateFails(REQUEST).path("error").path("type").asText()).isEqualTo("timeout");

        await().until(() -> simulator.count(Call.CANCEL) == 1);
        await().during(Duration.ofMillis(500)).until(() -> simulator.count(Call.CANCEL) == 1);
        RecordedRequest cancel = simulator.requests(Call.CANCEL).get(0);
        assertThat(cancel.method()).isEqualTo("POST");
        assertThat(cancel.path()).isEqualTo("/v1/predictions/p1/cancel");
        assertThat(cancel.body()).isEmpty();
    }

    @Test
    void aPredictionThatCannotBePolledAnyMoreIsCancelledToo() throws Exception {
        start("bactrian.retry.max-attempts", "1");
        simulator.on(Call.CREATE, created()).always(Call.POLL, Reply.status(500));

        assertThat(generateFails(REQUEST).path("error").path("type").asText()).isEqualTo("provider-unavailable");

        await().until(() -> simulator.count(Call.CANCEL) == 1);
    }

    /** A cancel that does not work. */
    private enum Cancel {
        INTERNAL_ERROR(Reply.status(500)), NOT_FOUND(Reply.status(404)), LOST(Reply.lost()),
        HANGING(Reply.normally().after(Duration.ofSeconds(60))), HANGING_HALFWAY(Reply.normally().cutAt(5).thenHang());

        private final Reply reply;

        Cancel(Reply reply) {
            this.reply = reply;
        }
    }

    @TestFactory
    Stream<DynamicTest> aCancelThatDoesNotWorkNeitherChangesNorDelaysTheError() throws Exception {
        start("bactrian.replicate.poll-max-attempts", "1", "bactrian.response-timeout", "3s", "bactrian.stall-timeout", "3s");
        return Arrays.stream(Cancel.values()).map(cancel -> dynamicTest(cancel.name(), () -> {
            simulator.reset().on(Call.CREATE, created()).always(Call.POLL, poll("processing")).always(Call.CANCEL, cancel.reply);

            JsonNode document = generateFails(REQUEST);

            assertThat(document.path("error").path("type").asText()).isEqualTo("timeout");
            assertThat(document.path("durationMs").asLong()).isLessThan(2900);
            await().until(() -> simulator.count(Call.CANCEL) == 1);
        }));
    }

    @TestFactory
    Stream<DynamicTest> aPredictionThatHasEndedIsNotCancelled() throws Exception {
        start();
        return Stream.of("succeeded", "failed", "canceled", "aborted").map(end -> dynamicTest(end, () -> {
            simulator.reset().on(Call.CREATE, created()).on(Call.POLL, poll(end));

            template().request("direct:generate", exchange -> exchange.getMessage().setBody(REQUEST));

            assertThat(simulator.count(Call.POLL)).isEqualTo(1);
            await().during(Duration.ofMillis(300)).until(() -> simulator.count(Call.CANCEL) == 0);
        }));
    }

    @Test
    void thereIsNoCancelAtTheHomepage() throws Exception {
        start("bactrian.replicate.api", "homepage", "bactrian.replicate.api-endpoint", simulator.homepageCreateUrl(),
                "bactrian.replicate.poll-endpoint", simulator.homepagePollUrl(), "bactrian.replicate.poll-max-attempts", "1");
        simulator.on(Call.CREATE, created()).always(Call.POLL, poll("processing"));

        assertThat(generateFails(REQUEST).path("error").path("type").asText()).isEqualTo("timeout");

        await().during(Duration.ofMillis(500)).until(() -> simulator.requests().size() == 2);
        assertThat(simulator.requests(Call.CREATE).get(0).header("Cancel-After")).isNull();
    }

    @ParameterizedTest
    @CsvSource({
        "bactrian.replicate.poll-delay, 1s, 210s",
        "bactrian.replicate.poll-max-attempts, 1, 60s",
        "bactrian.replicate.cancel-after, 2m, 120s",
        "bactrian.replicate.cancel-after, 1h1s, 3601s",
        "bactrian.replicate.cancel-after, 1s, 5s",
        "bactrian.replicate.cancel-after, '',"})
    void theCreateCarriesTheDeadline(String property, String value, String sent) throws Exception {
        start(property, value);
        simulator.on(Call.CREATE, Reply.prediction("succeeded", "\"\""));

        generate(REQUEST);

        assertThat(simulator.requests(Call.CREATE).get(0).header("Cancel-After")).isEqualTo(sent);
    }
}
