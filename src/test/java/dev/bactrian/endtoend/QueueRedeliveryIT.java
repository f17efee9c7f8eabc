package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import jakarta.jms.Message;
import org.junit.jupiter.api.Test;

/** A request that comes a second time, from the broker or from its sender. */
class QueueRedeliveryIT extends QueueEndToEnd {

    private static final String REPLIES = "replies";
    private static final int CONCURRENCY = 3;

    @Override
    Simulator simulator() {
        return Simulator.builder().polls(4).pause(Duration.ofMillis(50)).start();
    }

    @Test
    void oneThatHangsPastItsTimeAndGoesOnLaterAddsNothing() {
        simulator.always(Call.CREATE, Reply.normally().after(Duration.ofMillis(30)));
        ServiceProcess hanging = run(queueService(broker.url() + IMPATIENT)
                .set(Property.JMS_CONCURRENCY, Integer.toString(CONCURRENCY)));
        sendMore(240);
        await("in the midst of it").atMost(SOON).pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(5))
                .until(() -> simulator.concurrent(Call.CHAT) > 0 && simulator.count(Call.CREATE) > 0);
        hanging.freeze();
        ServiceProcess other = run(queueService().set(Property.REPLICATE_LOOKUP_DELAY, "2s"));
        awaitAll(Duration.ofSeconds(40));
        assertThat(simulator.count(Call.CHAT)).as("chats that were held by the one that hangs are made again").isGreaterThan(chats.size());
        other.sigterm().awaitExit(SOON);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(pictures.size());

        // It works again, and what it held is none of its business any more, but for what it was just about to create.
        hanging.thaw();
        sendMore(20);
        oneResultEach(SOON);
        int late = simulator.count(Call.CREATE) - pictures.size();
        System.out.println("QueueRedeliveryIT: " + late + " creates by an instance that hung before it sent them");
        assertThat(late).isBetween(0, CONCURRENCY);
        // It may also record again what the other has found in the list and finished.
        assertThat(remembered(folder)).as("predictions that nobody will ask for").hasSizeLessThanOrEqualTo(CONCURRENCY);
    }

    @Test
    void theSameRequestTwiceIsDoneOnce() {
        ServiceProcess service = run(queueService().set(Property.JMS_REMEMBER, "1h"));
        client.sendAll(REQUESTS, List.of(Draft.text(chat("twice")), Draft.text(chat("twice")), Draft.text(picture("again")), Draft.text(picture("again"))));
        await().atMost(SOON).until(() -> client.depth(RESULTS) == 2 && underWay() == 0);
        client.sendAll(REQUESTS, List.of(Draft.text(chat("twice")), Draft.text(picture("again"))));
        await("left out").atMost(SOON).until(() -> underWay() == 0
                && service.out().stream().filter(line -> line.contains("twice: ") && !line.contains("admitted") && !line.contains("succeeded")).count() == 2);

        assertThat(client.drain(RESULTS)).extracting(message -> JmsClient.document(message).path("id").asText()).containsExactlyInAnyOrder("twice", "again");
        assertThat(client.drain(ERRORS)).isEmpty();
        assertThat(client.drain(DEAD)).isEmpty();
        assertThat(simulator.count(Call.CHAT)).isOne();
        assertThat(simulator.count(Call.CREATE)).isOne();
    }

    @Test
    void theSecondIsRecognisedByAnotherInstanceAndAfterARestart() {
        ServiceProcess first = run(queueService().set(Property.JMS_REMEMBER, "1h"));
        client.send(REQUESTS, chat("twice"));
        await().atMost(SOON).until(() -> client.depth(RESULTS) == 1 && underWay() == 0);
        first.sigterm().awaitExit(SOON);
        run(queueService().set(Property.JMS_REMEMBER, "1h"));
        client.send(REQUESTS, chat("twice"));
        client.send(REQUESTS, chat("another"));
        await().atMost(SOON).until(() -> client.depth(RESULTS) == 2 && underWay() == 0);

        assertThat(simulator.count(Call.CHAT)).isEqualTo(2);
    }

    @Test
    void theReplyToTheSecondIsAnErrorThatSaysSo() {
        run(queueService().set(Property.JMS_REMEMBER, "1h"));
        client.send(REQUESTS, chat("twice"));
        await().atMost(SOON).until(() -> client.depth(RESULTS) == 1);
        client.send(REQUESTS, Draft.text(chat("twice")).correlationId("mine").replyTo(REPLIES));

        Message reply = client.receive(REPLIES, SOON);
        JsonNode document = JmsClient.document(reply);
        assertThat(document.path("id").asText()).isEqualTo("twice");
        assertThat(document.path("error").path("type").asText()).isEqualTo("invalid-request");
        assertThat(JmsClient.correlationId(reply)).isEqualTo("mine");
        assertThat(client.depth(ERRORS)).isZero();
        assertThat(client.depth(RESULTS)).isOne();
        assertThat(simulator.count(Call.CHAT)).isOne();
    }

    @Test
    void withoutAMemoryItIsDoneAgain() {
        run(queueService());
        client.send(REQUESTS, chat("twice"));
        await().atMost(SOON).until(() -> client.depth(RESULTS) == 1 && underWay() == 0);
        client.send(REQUESTS, chat("twice"));
        await().atMost(SOON).until(() -> client.depth(RESULTS) == 2);
        assertThat(simulator.count(Call.CHAT)).isEqualTo(2);
    }
}
