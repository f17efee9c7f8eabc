package dev.bactrian.routes.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import dev.bactrian.batch.Batches;
import dev.bactrian.config.Property;
import dev.bactrian.flow.Trigger;
import dev.bactrian.routes.support.BatchTestSupport;
import dev.bactrian.routes.support.ReplicateReplies;
import dev.bactrian.simulator.Call;
import org.apache.camel.Exchange;
import org.apache.camel.support.DefaultExchange;
import org.junit.jupiter.api.Test;

/** A message of JSON lines on the queue: it is acknowledged when all of its outcomes are delivered. */
class BatchQueueTest extends BatchTestSupport {

    private static final Map<String, Object> HEADERS = Map.of("JMSCorrelationID", "queued", "Content-Type", "application/x-ndjson");
    private static final String PICTURE = "{\"model\": \"gemma-2b\", \"prompt\": \"a\"}\n";

    private void startQueue(String... properties) throws Exception {
        start(List.of(Property.JMS_ENABLED.key(), "true", Property.EMIT_CHUNK.key(), ""), properties);
    }

    @Test
    void theLinesAreProcessedAtOnceAndTheReplyCountsThem() throws Exception {
        startQueue();

        String reply = template().requestBodyAndHeaders("jms:queue:bactrian.requests?requestTimeout=20000", PICTURE + "bad\n" + PICTURE, HEADERS, String.class);

        assertThat(reply).contains("\"batch\":{\"lines\":3,\"succeeded\":2,\"failed\":1}");
        assertThat(outcomes("queued")).extracting(outcome -> outcome.path("id").asText()).containsExactly("queued-1", "queued-2", "queued-3");
        assertThat(outcomes("queued")).extracting(outcome -> outcome.path("status").asText()).containsExactly("succeeded", "failed", "succeeded");
        assertThat(simulator.count(Call.CREATE)).isEqualTo(2);
        assertOnlyTheMarkIsLeft();
    }

    @Test
    void aRedeliveredBatchGoesOnWhereItStood() throws Exception {
        simulator.always(Call.POLL, ReplicateReplies.poll("processing"));
        startQueue("bactrian.replicate.poll-max-attempts", "100000", "camel.main.shutdown-timeout", "1");
        Exchange sent = template().send("jms:queue:bactrian.requests?includeSentJMSMessageID=true", exchange -> {
            exchange.getMessage().setHeaders(new HashMap<>(HEADERS));
            exchange.getMessage().setBody("{\"prompt\": \"chat\"}\n" + PICTURE.repeat(3) + "{\"prompt\": \"chat\"}");
        });
        await().until(() -> simulator.count(Call.CREATE) == 3 && simulator.count(Call.CHAT) == 2 && list(outbox()).contains("queued.results.jsonl.part"));
        await().until(() -> Files.readAllLines(outbox().resolve("queued.results.jsonl.part")).size() == 1 && Files.readAllLines(journal("queued")).size() == 1);
        stop();
        simulator.always(Call.POLL, ReplicateReplies.succeeded("\"done\""));

        startQueue();
        await().until(() -> list(outbox()).contains("queued.results.jsonl"));

        assertThat(outcomes("queued")).extracting(outcome -> outcome.path("status").asText()).hasSize(5).containsOnly("succeeded");
        assertThat(simulator.count(Call.CREATE)).isEqualTo(3);
        assertThat(simulator.count(Call.CHAT)).isEqualTo(2);
        assertOnlyTheMarkIsLeft();
        // The broker did not hear that the message is done, and delivers it again.
        Exchange again = new DefaultExchange(context());
        new Trigger("queued", sent.getMessage().getHeader("JMSMessageID", String.class), 2, null).set(again);
        assertThat(context().getRegistry().lookupByNameAndType(Batches.BEAN, Batches.class).deliveredBefore(again)).contains("\"lines\":5");
    }

    /** It shows that the batch was delivered, should the broker not hear that its message is done. */
    private void assertOnlyTheMarkIsLeft() throws Exception {
        await().until(() -> !list(outbox()).contains("queued.results.jsonl.part"));
        Path batches = folder.resolve("data/batches");
        assertThat(list(batches)).hasSize(1);
        assertThat(list(batches.resolve(list(batches).get(0)))).containsExactlyInAnyOrder("delivered.json", "lock", "part");
    }

    @Test
    void aBatchThatIsTooLargeIsAnError() throws Exception {
        startQueue("bactrian.max-request-bytes", "1KB");
        template().sendBodyAndHeaders("jms:queue:bactrian.requests", PICTURE.repeat(50), HEADERS);

        await().until(() -> captured.errors.size() == 1);

        assertThat(captured.errors.remove().json().at("/error/message").asText()).contains("bactrian.max-request-bytes");
        assertThat(simulator.requests()).isEmpty();
    }
}
