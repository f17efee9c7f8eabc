package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

import dev.bactrian.config.Property;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * An instance is killed at random moments, again and again, with 100 requests under way, and started again. One result
 * per request, and no prediction is paid for twice.
 *
 * <p>{@code -Dbactrian.test.kills=30} kills that often in each of the two tests (twice by default), {@code -Dbactrian.test.each=200}
 * with that many requests, {@code -Dbactrian.test.distinct=true} gives each request an input of its own, and
 * {@code -Dbactrian.test.seed=} repeats the moments of a run.
 */
@Timeout(1200)
class QueueCrashIT extends QueueEndToEnd {

    private static final int KILLS = Integer.getInteger("bactrian.test.kills", 2);
    private static final int EACH = Integer.getInteger("bactrian.test.each", 100);
    private static final boolean DISTINCT = Boolean.getBoolean("bactrian.test.distinct");
    private static final Duration A_ROUND = Duration.ofSeconds(90);

    private final long seed = Long.getLong("bactrian.test.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @Override
    Simulator simulator() {
        return Simulator.builder().polls(4).pause(Duration.ofMillis(20)).start();
    }

    @BeforeEach
    void sayTheSeed() {
        System.out.println("QueueCrashIT: -Dbactrian.test.seed=" + seed);
        answersCreatesAfter(30);
    }

    /** An answer takes its time, so that kills meet creates that are not answered yet. */
    private void answersCreatesAfter(int millis) {
        simulator.always(Call.CREATE, Reply.normally().after(Duration.ofMillis(millis)));
    }

    /** Every other kill meets as many creates that are not answered as there are consumers; the others come while answers arrive. */
    private void beforeKill(int kill) {
        answersCreatesAfter(kill % 2 == 0 ? 3000 : 30);
    }

    /** Waits until some more creates are made, and in every other case for up to half a second more. */
    private void untilARandomMoment(ServiceProcess service, int kill, int creates) {
        int more = 1 + random.nextInt(EACH / 4);
        await("work").atMost(SOON).pollInterval(Duration.ofMillis(5)).until(() -> simulator.count(Call.CREATE) >= creates + more);
        if (kill % 2 == 1) {
            assertThat(service.livesFor(Duration.ofMillis(random.nextInt(500)))).as("%s", service).isTrue();
        }
    }

    @Override
    List<String> more(int count) {
        List<String> texts = super.more(count);
        return DISTINCT ? texts.stream().map(text -> text.replaceFirst("(-[0-9]+)(.*camel)", "$1$2 $1")).toList() : texts;
    }

    private void count(int kill, int open, int creates, int chatCalls) {
        System.out.println("QueueCrashIT: kill " + kill + ": " + open + " creates not answered; "
                + (simulator.count(Call.CREATE) - creates) + " creates and " + (simulator.count(Call.CHAT) - chatCalls) + " chats");
        eachIsPaidForOnce();
    }

    private void eachIsPaidForOnce() {
        assertThat(simulator.predictions()).as("predictions that are paid for, seed %d", seed).isEqualTo(pictures.size());
        assertThat(simulator.count(Call.CREATE)).as("creates, seed %d", seed).isEqualTo(pictures.size());
    }

    private void sayTheSum() {
        System.out.println("QueueCrashIT: " + simulator.count(Call.CREATE) + " creates and " + simulator.predictions() + " predictions for "
                + pictures.size() + " requests, " + simulator.count(Call.CHAT) + " chats for " + chats.size() + ", in " + KILLS + " kills");
        assertThat(remembered(folder)).as("nothing is remembered that is done").isEmpty();
        assertThat(simulator.count(Call.CANCEL)).isZero();
    }

    private ServiceProcess.Builder quick() {
        return queueService().set(Property.JMS_CONCURRENCY, "32").set(Property.REPLICATE_POLL_DELAY, "60ms")
                .set(Property.REPLICATE_CANCEL_AFTER, "10m").set(Property.REPLICATE_LOOKUP_DELAY, "2s")
                .set(Property.REPLICATE_MAX_CREATES_PER_MINUTE, "60000").set(Property.REPLICATE_MAX_REQUESTS_PER_MINUTE, "600000");
    }

    @Test
    void oneOfTwoInstancesIsKilledAndNothingIsLost() {
        ServiceProcess[] two = {run(quick()), run(quick())};
        for (int kill = 0; kill < KILLS; kill++) {
            int creates = simulator.count(Call.CREATE);
            int chatCalls = simulator.count(Call.CHAT);
            int victim = random.nextInt(2);
            beforeKill(kill);
            sendMore(EACH);
            untilARandomMoment(two[victim], kill, creates);

            int open = simulator.concurrent(Call.CREATE);
            two[victim].kill();

            answersCreatesAfter(30);
            two[victim] = run(quick());
            awaitAll(A_ROUND);
            count(kill, open, creates, chatCalls);
        }
        oneResultEach(SOON);
        sayTheSum();
    }

    /** The packaged routes and those of this test, which feed the broker inside the process and empty it. */
    private void writeRoutes(String own) throws IOException {
        Path routes = Files.createDirectories(folder.resolve("routes"));
        try (Stream<Path> packaged = Files.list(Path.of("routes"))) {
            for (Path route : packaged.toList()) {
                Files.write(routes.resolve(route.getFileName()), Files.readAllBytes(route));
            }
        }
        Files.writeString(routes.resolve("own.camel.yaml"), own);
    }

    private static final String FEED = """
            - route:
                id: feed
                from:
                  uri: file
                  parameters: {directoryName: feed, delete: true, delay: 50, initialDelay: 0}
                  steps:
                    - convertBodyTo: {type: String}
                    - to: {uri: jms, parameters: {destinationType: queue, destinationName: bactrian.requests}}
            """;

    private static final String EMPTY = """
            - route:
                id: empty-%1$s
                from:
                  uri: jms
                  parameters: {destinationType: queue, destinationName: %1$s}
                  steps:
                    - to:
                        uri: file
                        parameters: {directoryName: %1$s, fileName: "${header.BactrianRequestId}-${exchangeId}.json"}
            """;

    private void feed(List<String> requests) {
        Path feed = folder.resolve("feed");
        for (int i = 0; i < requests.size(); i++) {
            drop(feed, i + ".json", requests.get(i));
        }
        await("fed").atMost(SOON).until(() -> names(feed).isEmpty());
    }

    @Test
    void theOneInstanceWithTheBrokerInsideIsKilledAndNothingIsLost() throws IOException {
        broker.stop();
        Files.createDirectories(folder.resolve("feed"));
        writeRoutes(FEED);
        ServiceProcess.Builder embedded = quick().set(Property.JMS_URL, "").set(Property.JMS_CONCURRENCY, "32")
                .set(Property.ROUTES, folder.resolve("routes").toString());
        ServiceProcess service = run(embedded);
        for (int kill = 0; kill < KILLS; kill++) {
            int creates = simulator.count(Call.CREATE);
            beforeKill(kill);
            feed(more(EACH));
            // By then what the kill before has hit is done: five kills of one message would make it a dead letter.
            untilARandomMoment(service, kill, creates + 20);
            System.out.println("QueueCrashIT: kill " + kill + " of the only one: " + simulator.concurrent(Call.CREATE) + " creates not answered");
            service.kill();
            answersCreatesAfter(30);
            if (kill == KILLS - 1) {
                writeRoutes(EMPTY.formatted(RESULTS) + EMPTY.formatted(ERRORS) + EMPTY.formatted(DEAD));
            }
            service = run(embedded);
        }
        await("all out").atMost(A_ROUND.multipliedBy(2).plusSeconds(10L * KILLS)).until(() -> names(folder.resolve(RESULTS)).size() >= pictures.size() + chats.size());
        await("no more").during(Duration.ofSeconds(1)).atMost(SOON).until(() -> names(folder.resolve(RESULTS)).size() == pictures.size() + chats.size());
        assertThat(names(folder.resolve(ERRORS))).isEmpty();
        assertThat(names(folder.resolve(DEAD))).isEmpty();
        assertOneResultEach(names(folder.resolve(RESULTS)).stream().map(name -> document(folder.resolve(RESULTS).resolve(name))).toList());
        sayTheSum();
        eachIsPaidForOnce();
    }
}
