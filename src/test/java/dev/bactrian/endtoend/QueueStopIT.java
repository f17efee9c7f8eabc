package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.Collections;
import java.util.List;

import dev.bactrian.config.Property;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.junit.jupiter.api.Test;

/** SIGTERM: nothing new is taken, what is in work ends or is given back, and the next start goes on. */
class QueueStopIT extends QueueEndToEnd {

    private static final int LOAD = 100;

    private Duration stop(ServiceProcess service) {
        long begun = System.nanoTime();
        assertThat(service.sigterm().awaitExit(Duration.ofSeconds(20))).isEqualTo(143);
        assertThat(service.out()).as("none of Camel's warnings").noneMatch(line -> line.contains("graceful shutdown") || line.contains("inflight"));
        assertThat(service.out()).as("no stack trace").noneMatch(line -> line.startsWith("\tat ")).noneMatch(line -> line.contains(" ERROR "));
        assertThat(service.err()).isEmpty();
        assertThat(client.depth(ERRORS)).as("%s", service).isZero();
        assertThat(client.depth(DEAD)).as("%s", service).isZero();
        assertThat(client.depth(RESULTS) + underWay()).as("all is out or still there; %s", service).isEqualTo(pictures.size() + chats.size());
        return Duration.ofNanos(System.nanoTime() - begun);
    }

    @Test
    void underLoadWhatIsInWorkEndsAndTheRestIsLeftForTheNextStart() {
        simulator.always(Call.CREATE, Reply.normally().after(Duration.ofMillis(50)));
        simulator.always(Call.CHAT, Reply.stream("a", "b", "c").pause(Duration.ofMillis(100)));
        sendMore(LOAD);
        ServiceProcess service = run(queueService());
        await("in the midst of it").atMost(SOON).pollInterval(Duration.ofMillis(10))
                .until(() -> simulator.count(Call.CREATE) > 20 && simulator.concurrent(Call.CHAT) > 0);

        assertThat(stop(service)).as("%s", service).isLessThan(Duration.ofSeconds(15));
        assertThat(client.depth(REQUESTS)).as("requests that were not taken").isPositive();
        assertThat(client.depth(REQUESTS)).as("a prediction that was begun may be given back too: the ledger knows it")
                .isGreaterThanOrEqualTo(LOAD - simulator.count(Call.CREATE) - simulator.count(Call.CHAT));

        run(queueService());
        oneResultEach(SOON);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(pictures.size());
        assertThat(simulator.count(Call.CHAT)).as("what was in work ended").isEqualTo(chats.size());
        assertThat(remembered(folder)).isEmpty();
    }

    @Test
    void whatIsLongerThanTheGraceIsGivenBack() {
        simulator.always(Call.CHAT, Reply.stream(Collections.nCopies(100, "x ").toArray(String[]::new)).pause(Duration.ofMillis(400)));
        simulator.always(Call.POLL, Reply.prediction("processing", null));
        sendMore(10);
        ServiceProcess service = run(queueService().set("camel.main.shutdown-timeout", "2"));
        await("in work").atMost(SOON).until(() -> simulator.concurrent(Call.CHAT) == chats.size() && simulator.count(Call.POLL) > pictures.size());

        assertThat(stop(service)).as("%s", service).isLessThan(Duration.ofSeconds(15));
        assertThat(client.depth(RESULTS)).isZero();
        assertThat(client.depth(REQUESTS)).as("streams that were given back").isEqualTo(chats.size());
        assertThat(client.depth(POLLS)).as("predictions under way").isEqualTo(pictures.size());
        assertThat(simulator.count(Call.CANCEL)).isZero();

        int creates = simulator.count(Call.CREATE);
        simulator.reset();
        run(queueService());
        oneResultEach(SOON);
        assertThat(creates).isEqualTo(pictures.size());
        assertThat(simulator.count(Call.CREATE)).isZero();
    }

    @Test
    void aCreateThatIsNotAnsweredYetIsGivenBackToo() {
        simulator.always(Call.CREATE, Reply.normally().after(Duration.ofSeconds(40)));
        client.sendAll(REQUESTS, List.of(Draft.text(picture("picture"))));
        pictures.add("picture");
        ServiceProcess service = run(queueService().set("camel.main.shutdown-timeout", "2"));
        await("in work").atMost(SOON).until(() -> simulator.concurrent(Call.CREATE) == 1);

        stop(service);
        assertThat(client.depth(REQUESTS)).isOne();
        simulator.reset();
        run(queueService());
        oneResultEach(SOON);
    }

    @Test
    void aBrokerThatHangsHoldsTheStopNoLongerThanSaid() {
        ServiceProcess service = run(queueService().set(Property.SHUTDOWN_TIMEOUT, "2s"));
        sendMore(5);
        awaitAll(SOON);
        broker.freeze();
        // Five seconds more than the shutdown timeout, and some for a slow machine.
        assertThat(service.sigterm().awaitExit(Duration.ofSeconds(15))).isEqualTo(143);
        assertThat(service.out()).filteredOn(line -> line.contains(" WARN ")).singleElement().asString().contains("did not stop within 7 s");

        broker.thaw();
        run(queueService());
        oneResultEach(SOON);
    }

    @Test
    void whileItStartsNothingIsLostEither() {
        sendMore(20);
        for (int millis = 600; millis < 2400; millis += 600) {
            ServiceProcess service = start(queueService());
            assertThat(service.livesFor(Duration.ofMillis(millis))).as("%s", service).isTrue();
            stop(service);
        }
        run(queueService());
        oneResultEach(SOON);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(pictures.size());
    }
}
