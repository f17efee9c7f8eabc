package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;

import jakarta.jms.Message;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the tests of the queue stand on: the broker of a process keeps what it took, and the wire to it can be cut. */
class QueueToolsIT {

    private static final Duration SOON = Duration.ofSeconds(20);

    @TempDir
    Path folder;

    private BrokerProcess broker;

    @AfterEach
    void stop() {
        broker.close();
    }

    @Test
    void whatTheBrokerTookIsThereAfterItWasKilled() {
        broker = BrokerProcess.in(folder).start();
        try (JmsClient client = JmsClient.at(broker.url())) {
            client.sendAll("some", IntStream.range(0, 20).mapToObj(i -> Draft.text("text " + i).property("number", i)).toList());
            assertThat(client.depth("some")).isEqualTo(20);

            broker.kill();
            assertThat(client.reaches()).isFalse();
            broker.start();

            List<Message> messages = client.drain("some");
            assertThat(messages).extracting(JmsClient::body).containsExactlyElementsOf(IntStream.range(0, 20).mapToObj(i -> "text " + i).toList());
            assertThat(JmsClient.property(messages.get(7), "number")).isEqualTo(7);
            assertThat(client.depth("some")).isZero();
        }
        broker.stop();
    }

    @Test
    void aWireThatIsCutRefusesAndOneThatStallsIsSilentUntilItHeals() {
        broker = BrokerProcess.in(folder).start();
        try (CuttableProxy wire = CuttableProxy.before(broker.port());
                JmsClient client = JmsClient.at(wire.url() + "?callTimeout=1000");
                JmsClient beside = JmsClient.at(broker.url())) {
            client.send("some", "before");
            wire.cut();
            await().atMost(SOON).until(() -> !client.reaches());
            wire.heal();
            client.send("some", "between");
            wire.stall();
            assertThat(client.reaches()).isFalse();
            assertThat(beside.depth("some")).isEqualTo(2);
            wire.heal();
            await().atMost(SOON).until(client::reaches);
            assertThat(client.drain("some")).extracting(JmsClient::body).containsExactly("before", "between");
        }
    }

    @Test
    void itLetsInWhomItKnows() {
        broker = BrokerProcess.in(folder, "camel", "hump").start();
        try (JmsClient known = JmsClient.at(broker.url(), "camel", "hump"); JmsClient stranger = JmsClient.at(broker.url())) {
            known.send("some", "text");
            assertThatThrownBy(() -> stranger.send("some", "text")).hasMessageContaining("validate");
            assertThat(JmsClient.body(known.receive("some", SOON))).isEqualTo("text");
        }
    }
}
