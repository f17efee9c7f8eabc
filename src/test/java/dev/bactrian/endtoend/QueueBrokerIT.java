package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;

import dev.bactrian.config.Property;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import org.junit.jupiter.api.Test;

/** The broker goes away with work in flight, and comes back: it is waited for, and nothing is lost. */
class QueueBrokerIT extends QueueEndToEnd {

    private static final Duration OUTAGE = Duration.ofSeconds(10);
    private static final Duration AFTERWARDS = Duration.ofSeconds(60);

    @Override
    Simulator simulator() {
        return Simulator.builder().polls(6).pause(Duration.ofMillis(150)).start();
    }

    private ServiceProcess.Builder slow(String url) {
        return queueService(url).set(Property.REPLICATE_POLL_DELAY, "400ms");
    }

    private void untilItIsInFlight() {
        int polls = simulator.count(Call.POLL);
        long results = client.depth(RESULTS);
        sendMore(60);
        await("in flight").atMost(SOON).pollInterval(Duration.ofMillis(20))
                .until(() -> simulator.count(Call.POLL) > polls + 20 && client.depth(RESULTS) > results);
    }

    private static List<String> lines(ServiceProcess service, String level, String text) {
        return service.out().stream().filter(line -> line.contains(level) && line.contains(text)).toList();
    }

    /** One line when it was lost and one when it was back, and no other complaint. */
    private static void itSaidSoOnce(ServiceProcess service, String broker) {
        await("is back").atMost(AFTERWARDS).until(() -> !lines(service, " INFO ", "is back").isEmpty());
        assertThat(lines(service, " WARN ", "lost")).as("%s", service).hasSize(1).allMatch(line -> line.contains(broker));
        assertThat(lines(service, " INFO ", "is back")).as("%s", service).hasSize(1);
        nothingElse(service);
    }

    /** But for a result that was being sent when the broker went, which may say that it is sent again. */
    private static void nothingElse(ServiceProcess service) {
        assertThat(service.out()).noneMatch(line -> line.contains(" ERROR ") || line.startsWith("\tat "));
        assertThat(lines(service, " WARN ", "")).as("%s", service)
                .filteredOn(line -> !line.contains("could not be emitted to jms:queue:" + RESULTS)).hasSize(1);
        assertThat(service.err()).isEmpty();
    }

    private void nothingIsLostOrPaidForTwice() {
        oneResultEach(AFTERWARDS);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(pictures.size());
    }

    @Test
    void aBrokerThatIsKilledAndRestartedLosesNothing() {
        ServiceProcess service = run(slow(broker.url()));
        untilItIsInFlight();
        broker.kill();
        await("lost").atMost(SOON).until(() -> !lines(service, " WARN ", "lost").isEmpty());
        assertThat(service.livesFor(Duration.ofSeconds(2))).isTrue();
        broker.start();

        nothingIsLostOrPaidForTwice();
        itSaidSoOnce(service, Integer.toString(broker.port()));
    }

    @Test
    void aBrokerOutOfReachForAWhileLosesNothing() {
        try (CuttableProxy wire = CuttableProxy.before(broker.port())) {
            ServiceProcess service = run(slow(wire.url() + IMPATIENT));
            untilItIsInFlight();
            wire.cut();
            assertThat(service.livesFor(OUTAGE)).isTrue();
            wire.heal();

            nothingIsLostOrPaidForTwice();
            itSaidSoOnce(service, wire.url());
        }
    }

    @Test
    void aBrokerSilentForAWhileLosesNothing() {
        try (CuttableProxy wire = CuttableProxy.before(broker.port())) {
            ServiceProcess service = run(slow(wire.url() + IMPATIENT));
            untilItIsInFlight();
            wire.stall();
            assertThat(service.livesFor(OUTAGE)).isTrue();
            wire.heal();

            nothingIsLostOrPaidForTwice();
            itSaidSoOnce(service, wire.url());
        }
    }

    @Test
    void aBrokerThatStartsLaterLosesNothing() {
        broker.stop();
        ServiceProcess service = start(slow(broker.url()));
        await("says that it waits").atMost(SOON).until(() -> !lines(service, " WARN ", Integer.toString(broker.port())).isEmpty());
        assertThat(service.livesFor(Duration.ofSeconds(3))).isTrue();
        broker.start();
        sendMore(10);

        nothingIsLostOrPaidForTwice();
        service.ready();
        assertThat(lines(service, " INFO ", "is back")).as("%s", service).hasSize(1);
        nothingElse(service);
    }

    @Test
    void aBrokerThatRestartsAgainAndAgainLosesNothing() {
        simulator.always(Call.CREATE, Reply.normally().after(Duration.ofMillis(100)));
        run(slow(broker.url()));
        run(slow(broker.url()));
        for (int time = 0; time < 2; time++) {
            untilItIsInFlight();
            broker.kill();
            broker.start();
        }
        awaitAll(AFTERWARDS);
        sendMore(60);
        nothingIsLostOrPaidForTwice();
    }
}
