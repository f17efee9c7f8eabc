package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import dev.bactrian.config.Property;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.junit.jupiter.api.Test;

/** A request that takes long holds back no other. */
class QueueFairIT extends QueueEndToEnd {

    private ServiceProcess.Builder oneAtATime() {
        return queueService().set(Property.JMS_CONCURRENCY, "1");
    }

    @Test
    void tenQuickOnesEndBeforeASlowOne() {
        simulator.on(Call.CHAT, Reply.stream("a", "b").pause(Duration.ofSeconds(5)));
        run(oneAtATime());
        run(oneAtATime());
        client.send(REQUESTS, chat("slow"));
        await().atMost(SOON).until(() -> simulator.concurrent(Call.CHAT) == 1);
        List<String> quick = IntStream.range(0, 10).mapToObj(i -> "quick-" + i).toList();
        client.sendAll(REQUESTS, quick.stream().map(id -> Draft.text(chat(id))).toList());

        assertThat(client.drain(RESULTS, 11, SOON)).extracting(message -> JmsClient.document(message).path("id").asText())
                .containsExactlyElementsOf(Stream.concat(quick.stream(), Stream.of("slow")).toList());
    }

    @Test
    void predictionsThatTakeLongHoldNoConsumer() {
        simulator.always(Call.POLL, Reply.prediction("processing", null));
        run(oneAtATime().set(Property.REPLICATE_POLL_DELAY, "1s"));
        client.sendAll(REQUESTS, IntStream.range(0, 20).mapToObj(i -> Draft.text(picture("slow-" + i))).toList());
        client.send(REQUESTS, chat("quick"));

        assertThat(JmsClient.document(client.receive(RESULTS, SOON)).path("id").asText()).isEqualTo("quick");
        await().atMost(SOON).until(() -> simulator.count(Call.POLL) > 40);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(20);
    }
}
