package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;

import dev.bactrian.config.Property;
import dev.bactrian.simulator.Call;
import jakarta.jms.Message;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A destination that is down makes no generation run again: its deliveries are tried later, and end as dead letters. */
class QueueDeliveryIT extends QueueEndToEnd {

    private HttpSink hook;

    @BeforeEach
    void startHook() throws IOException {
        hook = new HttpSink();
    }

    @AfterEach
    void stopHook() {
        hook.close();
    }

    private ServiceProcess.Builder withHook() {
        return queueService().set(Property.EMIT_RESULT, "jms:queue:" + RESULTS + " | " + hook.uri() + " | jms:queue:copies");
    }

    private Duration between(int one, int other) {
        return Duration.ofNanos(hook.posts().get(other).nano() - hook.posts().get(one).nano());
    }

    @Test
    void itIsTriedAgainWithAGrowingDelayAndTheOthersHaveItOnce() {
        hook.refuse(4);
        run(withHook().set(Property.RETRY_DELAY, "100ms").set(Property.RETRY_MAX_DELAY, "10s").set(Property.RETRY_MAX_ATTEMPTS, "0"));
        client.send(REQUESTS, picture("picture"));

        await().atMost(SOON).until(() -> hook.posts().size() == 5 && underWay() == 0);
        assertThat(between(3, 4)).isGreaterThan(between(0, 1));
        assertThat(between(0, 4)).as("1 + 2 + 4 + 8 times 100 ms, with jitter").isGreaterThan(Duration.ofMillis(700));
        assertThat(client.drain(RESULTS)).hasSize(1);
        assertThat(client.drain("copies")).hasSize(1);
        assertThat(client.drain(DEAD)).isEmpty();
        assertThat(simulator.count(Call.CREATE)).isOne();
    }

    @Test
    void anUndeliveredResultIsADeadLetterWithTheWholeResult() {
        hook.refuse(1000);
        ServiceProcess service = run(withHook().set(Property.JMS_DELIVERY_ATTEMPTS, "3").set(Property.RETRY_MAX_ATTEMPTS, "0"));
        client.send(REQUESTS, chat("chat"));

        Message dead = client.receive(DEAD, SOON);
        assertThat(JmsClient.document(dead).path("status").asText()).isEqualTo("succeeded");
        assertThat(JmsClient.body(dead)).isEqualTo(JmsClient.body(client.receive(RESULTS, SOON)));
        assertThat(JmsClient.property(dead, "BactrianReason").toString()).contains("127.0.0.1");
        assertThat(JmsClient.property(dead, "BactrianRequestId")).isEqualTo("chat");
        assertThat(hook.posts()).hasSize(3);
        assertThat(client.drain("copies")).hasSize(1);
        assertThat(client.depth(DEAD)).isZero();
        assertThat(client.depth(RESULTS)).isZero();
        assertThat(underWay()).isZero();
        assertThat(names(folder.resolve("undelivered"))).isEmpty();
        assertThat(simulator.count(Call.CHAT)).isOne();
        assertThat(service.out()).noneMatch(line -> line.startsWith("\tat "));
    }

    @Test
    void aDeliveryThatWaitsSurvivesACrashAndHoldsNoOtherUp() {
        hook.refuse(1000);
        ServiceProcess service = run(withHook().set(Property.RETRY_DELAY, "1s").set(Property.RETRY_MAX_DELAY, "2s").set(Property.JMS_CONCURRENCY, "1"));
        client.send(REQUESTS, picture("picture"));
        await().atMost(SOON).until(() -> hook.posts().size() >= 2);
        client.send(REQUESTS, Draft.text("{\"id\": \"bad\"}"));
        assertThat(JmsClient.document(client.receive(ERRORS, SOON)).path("id").asText()).isEqualTo("bad");
        service.kill();
        hook.refuse(0);
        run(withHook());

        await().atMost(SOON).until(() -> underWay() == 0);
        assertThat(client.drain(RESULTS)).hasSize(1);
        assertThat(client.drain("copies")).hasSize(1);
        assertThat(simulator.count(Call.CREATE)).isOne();
    }
}
