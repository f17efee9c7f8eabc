package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The process is killed at random moments, again and again, and started again on the same folder. No prediction is paid for
 * twice, and every request ends with one result.
 *
 * <p>{@code -Dbactrian.test.kills=30} kills that often at any moment at all (six times by default), {@code -Dbactrian.test.each=100}
 * with that many requests in flight, {@code -Dbactrian.test.distinct=true} gives each request an input of its own, and
 * {@code -Dbactrian.test.seed=} repeats the moments of a run.
 */
class CrashIT extends EndToEnd {

    private static final int KILLS = Integer.getInteger("bactrian.test.kills", 6);
    /** The number of requests that are in flight at each kill, at most; 0: six to eleven are dropped before each kill. */
    private static final int EACH = Integer.getInteger("bactrian.test.each", 0);
    private static final boolean DISTINCT = Boolean.getBoolean("bactrian.test.distinct");

    private final long seed = Long.getLong("bactrian.test.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private final List<String> pictures = new ArrayList<>();
    private final List<String> chats = new ArrayList<>();

    @Override
    Simulator simulator() {
        return Simulator.builder().polls(4).pause(Duration.ofMillis(20)).start();
    }

    @BeforeEach
    void sayTheSeed() {
        System.out.println("CrashIT: -Dbactrian.test.seed=" + seed);
        answersCreatesAfter(30);
    }

    /** An answer takes its time, so that kills meet creates that are not answered yet. */
    private void answersCreatesAfter(int millis) {
        simulator.always(Call.CREATE, Reply.normally().after(Duration.ofMillis(millis)));
    }

    /** Some more requests, three in five of them for pictures. */
    private void dropSome(int count) {
        for (int i = 0; i < count; i++) {
            int number = pictures.size() + chats.size();
            if (number % 5 < 3) {
                pictures.add("picture-" + number);
                drop("picture-" + number + ".json", DISTINCT ? PICTURE.replace("camel", "camel " + number) : PICTURE);
            } else {
                chats.add("chat-" + number);
                drop("chat-" + number + ".txt", "a camel");
            }
        }
    }

    private ServiceProcess.Builder quick() {
        // With so quick polls the default is little more than a minute, and twenty starts may take longer.
        return service().set(Property.REPLICATE_POLL_DELAY, "60ms").set(Property.REPLICATE_CANCEL_AFTER, "10m").set(Property.REPLICATE_LOOKUP_DELAY, "2s")
                .set(Property.REPLICATE_MAX_CREATES_PER_MINUTE, "60000").set(Property.REPLICATE_MAX_REQUESTS_PER_MINUTE, "600000");
    }

    /** Waits until it has begun to work, if it has any work, then for up to a second. */
    private void untilARandomMoment(ServiceProcess service, boolean alsoInTheStart) {
        if (alsoInTheStart && random.nextInt(4) == 0) {
            assertThat(service.livesFor(Duration.ofMillis(random.nextInt(1500)))).as("%s", service).isTrue();
            return;
        }
        service.ready();
        assertThat(service.livesFor(Duration.ofMillis(random.nextInt(500)))).as("%s", service).isTrue();
    }

    private void theLastStartEndsAll() {
        // A kill between a request's end and the forgetting leaves its record behind: it does no harm.
        List<String> doneBefore = done();
        ServiceProcess last = run(quick());
        int all = pictures.size() + chats.size();
        await("all done").atMost(Duration.ofSeconds(40 + 2L * EACH + (EACH > 0 ? 10L * KILLS : 0))).until(() -> done().size() + failed().size() == all);
        assertThat(failed()).isEmpty();
        assertThat(waiting()).isEmpty();
        List<String> expected = new ArrayList<>();
        pictures.forEach(id -> expected.add(id + ".json"));
        chats.forEach(id -> expected.add(id + ".json"));
        Collections.sort(expected);
        assertThat(emitted()).as("one result each").isEqualTo(expected);
        Set<String> predictions = new HashSet<>();
        for (String id : pictures) {
            JsonNode result = result(id);
            assertThat(result.path("images")).hasSize(1);
            assertThat(predictions.add(result.path("prediction").path("id").asText())).as("a prediction of its own").isTrue();
        }
        chats.forEach(id -> assertThat(result(id).path("text").asText()).isNotEmpty());
        await("nothing is remembered that is done").atMost(SOON).until(() -> remembered(folder).stream()
                .allMatch(record -> doneBefore.stream().anyMatch(file -> record.startsWith(file.replace(".json", "-")))));
        assertThat(simulator.count(Call.CANCEL)).isZero();
        assertThat(last.err()).isEmpty();
    }

    private ServiceProcess untilSomeAreInFlight(int kill) {
        dropSome(6 + random.nextInt(6));
        int before = simulator.count(Call.CREATE);
        ServiceProcess service = start(quick());
        if (kill % 2 == 0) {
            service.ready();
            await("creates that are not answered").atMost(SOON).pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(1))
                    .until(() -> simulator.concurrent(Call.CREATE) > 0 || simulator.count(Call.CREATE) > before);
        } else {
            untilARandomMoment(service, true);
        }
        return service;
    }

    /** Every other kill meets many creates that are not answered; the others come while answers arrive. */
    private ServiceProcess untilManyAreInFlight(int kill) {
        answersCreatesAfter(kill % 2 == 0 ? 3000 : 30);
        ServiceProcess service = start(quick());
        service.ready();
        await("most of what the last kill met").atMost(Duration.ofMinutes(2)).until(() -> waiting().size() <= EACH / 2);
        dropSome(EACH - waiting().size());
        int before = simulator.count(Call.CREATE);
        int creates = 1 + random.nextInt(EACH / 4);
        await("creates").atMost(SOON).pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(1))
                .until(() -> simulator.count(Call.CREATE) >= before + creates);
        return service;
    }

    @Test
    @Timeout(1800)
    void everyPredictionIsPaidForOnce() {
        int unanswered = 0;
        for (int kill = 0; kill < KILLS; kill++) {
            ServiceProcess service = EACH > 0 ? untilManyAreInFlight(kill) : untilSomeAreInFlight(kill);
            int open = simulator.concurrent(Call.CREATE);
            service.kill();
            unanswered += open;
            System.out.println("CrashIT: kill " + kill + ": " + open + " creates not answered, " + waiting().size() + " requests not done");
        }
        answersCreatesAfter(30);
        theLastStartEndsAll();

        System.out.println("CrashIT: " + unanswered + " creates not answered in " + KILLS + " kills, " + simulator.count(Call.CREATE)
                + " creates and " + simulator.predictions() + " predictions for " + pictures.size() + " requests, " + simulator.count(Call.CHAT)
                + " chats for " + chats.size());
        assertThat(simulator.predictions()).as("predictions that are paid for, seed %d", seed).isEqualTo(pictures.size());
        assertThat(simulator.count(Call.CREATE)).as("creates, seed %d", seed).isEqualTo(pictures.size());
    }

    @Test
    void aKillBetweenSuccessAndDeliveryAndAnOrphanedLockHoldNothingUp() throws IOException {
        drop("picture.json", PICTURE);
        Files.writeString(inbox("chat.txt.camelLock"), "");
        drop("chat.txt", "a camel");
        try (java.net.ServerSocket silent = new java.net.ServerSocket(0, 10, java.net.InetAddress.getLoopbackAddress())) {
            ServiceProcess service = run(quick().set(Property.EMIT_RESULT, "http://127.0.0.1:" + silent.getLocalPort() + "/"));
            await().atMost(SOON).until(() -> service.said("picture: succeeded") && service.said("chat: succeeded"));
            service.kill();
        }
        assertThat(waiting()).containsExactly("chat.txt", "picture.json");
        assertThat(Files.exists(inbox("picture.json.camelLock"))).as("the lock of the killed process").isTrue();
        pictures.add("picture");
        chats.add("chat");

        theLastStartEndsAll();

        assertThat(simulator.count(Call.CREATE)).isOne();
        assertThat(Files.exists(inbox("picture.json.camelLock"))).isFalse();
    }

    @Test
    void oneProcessGoesOnWhereItsPartnerOnTheFolderIsKilled() {
        ServiceProcess one = run(quick());
        run(quick());
        dropSome(40);
        await().atMost(SOON).until(() -> done().size() == 40);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(pictures.size());
        assertThat(simulator.count(Call.CHAT)).isEqualTo(chats.size());

        one.kill();
        dropSome(10);
        await().atMost(SOON).until(() -> done().size() == 50);
        theLastStartEndsAll();
        assertThat(simulator.count(Call.CREATE)).isEqualTo(pictures.size());
    }
}
