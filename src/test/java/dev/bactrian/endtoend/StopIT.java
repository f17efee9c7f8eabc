package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.support.FreePort;
import org.awaitility.core.ConditionTimeoutException;
import org.junit.jupiter.api.Test;

/** SIGTERM: what is quick ends, what is not stays in the inbox as if nothing had been, and is done at the next start. */
class StopIT extends EndToEnd {

    private static final int EACH = 6;
    private static final Duration LONG = Duration.ofSeconds(40);

    private final List<String> chats = IntStream.range(0, EACH).mapToObj(i -> "chat-" + i).toList();
    private final List<String> pictures = IntStream.range(0, EACH).mapToObj(i -> "picture-" + i).toList();

    private void dropChats() {
        chats.forEach(id -> drop(id + ".json", CHAT));
    }

    private void dropPictures() {
        pictures.forEach(id -> drop(id + ".json", PICTURE));
    }

    /** With a grace of 2 s, so that a test need not wait for 25. */
    private ServiceProcess.Builder impatient() {
        return service().set("camel.main.shutdown-timeout", "2");
    }

    private List<String> files() {
        List<String> files = new ArrayList<>();
        chats.forEach(id -> files.add(id + ".json"));
        pictures.forEach(id -> files.add(id + ".json"));
        Collections.sort(files);
        return files;
    }

    /** Stops the service once the condition holds; nothing of its work may show. */
    private void stopsWithoutATrace(ServiceProcess service, Callable<Boolean> when) {
        try {
            await("work in flight").atMost(SOON).pollInterval(Duration.ofMillis(20)).until(when);
        } catch (ConditionTimeoutException e) {
            throw new AssertionError("not in flight; " + service, e);
        }
        long begun = System.nanoTime();
        int code = service.sigterm().awaitExit(SOON);
        Duration took = Duration.ofNanos(System.nanoTime() - begun);

        assertThat(code).isEqualTo(143);
        assertThat(took).as("the grace was used, and not much more; %s", service).isBetween(Duration.ofSeconds(2), Duration.ofSeconds(10));
        assertThat(emitted()).as("no result, no error; %s", service).isEmpty();
        assertThat(names(folder.resolve("undelivered"))).as("%s", service).isEmpty();
        assertThat(failed()).as("%s", service).isEmpty();
        assertThat(done()).as("%s", service).isEmpty();
        assertThat(waiting()).as("%s", service).isEqualTo(files());
        assertThat(service.out()).as("no stack trace").noneMatch(line -> line.startsWith("\tat "));
        assertThat(service.err()).isEmpty();
    }

    /** Starts it again: every request ends, and no prediction was created a second time. */
    private void theNextStartFinishes(int creates) {
        int before = simulator.count(Call.CREATE);
        simulator.reset();
        ServiceProcess service = run(service());
        chats.forEach(this::result);
        pictures.forEach(this::result);
        await("all done").atMost(SOON).until(() -> done().equals(files()));
        assertThat(failed()).isEmpty();
        assertThat(emitted()).isEqualTo(files());
        assertThat(before + simulator.count(Call.CREATE)).as("creates").isEqualTo(creates);
        assertThat(simulator.count(Call.CANCEL)).as("cancels").isZero();
        assertThat(names(folder.resolve("data/predictions"))).as("nothing is remembered that is done").isEmpty();
        assertThat(service.err()).isEmpty();
    }

    @Test
    void whatIsQuickEndsAndNothingNewIsTaken() {
        String[] pieces = IntStream.range(0, 20).mapToObj(i -> i + " ").toArray(String[]::new);
        simulator.always(Call.CHAT, Reply.stream(pieces).pause(Duration.ofMillis(100)));
        ServiceProcess service = run(service()
                .set("org.slf4j.simpleLogger.log.org.apache.camel.impl.engine.DefaultShutdownStrategy", "debug"));
        dropChats();
        dropPictures();
        await().atMost(SOON).until(() -> simulator.concurrent(Call.CHAT) == EACH && simulator.count(Call.CREATE) == EACH);

        service.sigterm();
        await("stopping").atMost(SOON).pollInterval(Duration.ofMillis(10)).until(() -> service.said("Route: bactrian-from-file suspend"));
        drop("late.json", CHAT);

        assertThat(service.awaitExit(Duration.ofSeconds(15))).as("well before the 25 s are over").isEqualTo(143);
        assertThat(done()).isEqualTo(files());
        assertThat(emitted()).isEqualTo(files());
        chats.forEach(id -> assertThat(result(id).path("chunks").asInt()).isEqualTo(pieces.length));
        assertThat(waiting()).containsExactly("late.json");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(EACH);
        assertThat(service.err()).isEmpty();
    }

    @Test
    void filesThatWaitForTheirTurnAreNotTaken() {
        simulator.always(Call.CHAT, Reply.stream("a", "b").pause(Duration.ofMillis(800)));
        ServiceProcess service = run(service().set(Property.MAX_IN_FLIGHT, "2"));
        dropChats();
        await().atMost(SOON).until(() -> simulator.concurrent(Call.CHAT) == 2);
        assertThat(service.sigterm().awaitExit(Duration.ofSeconds(15))).isEqualTo(143);

        assertThat(simulator.count(Call.CHAT)).as("chats").isEqualTo(2);
        assertThat(done()).as("%s", service).hasSize(2);
        assertThat(emitted()).isEqualTo(done());
        assertThat(failed()).isEmpty();
        assertThat(waiting()).hasSize(EACH - 2);
    }

    @Test
    void ctrlCStopsItTheSame() throws IOException {
        assumeFalse(isInterruptIgnored(), "a shell's background job ignores Ctrl-C, and so does what it starts");
        simulator.always(Call.CHAT, Reply.stream("a", "b").pause(Duration.ofMillis(500)));
        ServiceProcess service = run(service());
        dropChats();
        await().atMost(SOON).until(() -> simulator.concurrent(Call.CHAT) == EACH);
        service.interrupt();

        assertThat(service.awaitExit(Duration.ofSeconds(15))).isEqualTo(130);
        assertThat(done()).hasSize(EACH).isEqualTo(emitted());
        assertThat(service.err()).isEmpty();
    }

    @Test
    void whileItStartsNothingIsLostEither() {
        dropChats();
        for (int millis = 100; millis < 2000; millis += 350) {
            ServiceProcess service = start(service());
            assertThat(service.livesFor(Duration.ofMillis(millis))).as("%s", service).isTrue();
            assertThat(service.sigterm().awaitExit(SOON)).isEqualTo(143);
            assertThat(service.toString()).doesNotContain("\tat ").doesNotContain(" ERROR ");
            assertThat(failed()).isEmpty();
            assertThat(done().size() + waiting().size()).isEqualTo(EACH);
            assertThat(emitted()).isEqualTo(done());
        }
    }

    @Test
    void aStreamAndAWaitBetweenPollsAreLongerThanTheGrace() {
        simulator.always(Call.CHAT, Reply.stream(Collections.nCopies(100, "x ").toArray(String[]::new)).pause(Duration.ofMillis(400)));
        dropChats();
        dropPictures();
        ServiceProcess service = run(impatient().set(Property.REPLICATE_POLL_DELAY, "1m"));

        stopsWithoutATrace(service, () -> simulator.concurrent(Call.CHAT) == EACH && simulator.count(Call.POLL) == EACH
                && simulator.concurrent(Call.POLL) == 0);
        theNextStartFinishes(EACH);
    }

    @Test
    void aChatOrAPollThatIsNotAnsweredYet() {
        simulator.always(Call.CHAT, Reply.normally().after(LONG));
        simulator.always(Call.POLL, Reply.normally().after(LONG));
        dropChats();
        dropPictures();
        ServiceProcess service = run(impatient());

        stopsWithoutATrace(service, () -> simulator.concurrent(Call.CHAT) == EACH && simulator.concurrent(Call.POLL) == EACH);
        theNextStartFinishes(EACH);
    }

    @Test
    void aStreamThatIsSilentAndACreateThatIsNotAnswered() {
        simulator.always(Call.CHAT, Reply.stream("a", "b", "c").cutAt(300).thenHang());
        simulator.always(Call.CREATE, Reply.normally().after(LONG));
        dropChats();
        dropPictures();
        ServiceProcess service = run(impatient());

        stopsWithoutATrace(service, () -> simulator.concurrent(Call.CHAT) == EACH && simulator.concurrent(Call.CREATE) == EACH);
        // The predictions of the creates that were not answered are found in the list.
        theNextStartFinishes(EACH);
    }

    @Test
    void waitsBeforeATryAgain() {
        simulator.always(Call.CHAT, Reply.status(503).header("Retry-After", "40"));
        simulator.always(Call.CREATE, Reply.status(429).header("Retry-After", "40"));
        dropChats();
        dropPictures();
        ServiceProcess service = run(impatient().set(Property.RETRY_MAX_DELAY, "1m"));

        // The creates that were refused wait for the service's limit, and those that were not made with them.
        stopsWithoutATrace(service, () -> service.said("The limit of Replicate's creates is used up")
                && service.out().stream().filter(line -> line.contains("; again in ")).count() == EACH);
        theNextStartFinishes(simulator.count(Call.CREATE) + EACH);
    }

    @Test
    void waitsOfPollsThatWereNotAnswered() {
        simulator.always(Call.CHAT, Reply.normally().after(LONG));
        simulator.always(Call.POLL, Reply.status(502).header("Retry-After", "40"));
        dropChats();
        dropPictures();
        ServiceProcess service = run(impatient().set(Property.RETRY_MAX_DELAY, "1m"));

        stopsWithoutATrace(service, () -> simulator.count(Call.POLL) == EACH && simulator.concurrent(Call.POLL) == 0);
        theNextStartFinishes(EACH);
    }

    @Test
    void createsThatWaitForTheServicesOwnLimit() {
        simulator.always(Call.CHAT, Reply.normally().after(LONG));
        simulator.always(Call.POLL, Reply.normally().after(LONG));
        dropChats();
        dropPictures();
        ServiceProcess service = run(impatient().set(Property.REPLICATE_MAX_CREATES_PER_MINUTE, "1"));

        stopsWithoutATrace(service, () -> simulator.concurrent(Call.POLL) == 1 && simulator.concurrent(Call.CHAT) == EACH);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
        theNextStartFinishes(EACH);
    }

    /** Stops the service once all results are in hand, none of which can be delivered: they are kept, and paid for once. */
    private void stopsAndKeepsWhatIsInHand(ServiceProcess service) {
        await("in hand").atMost(SOON).pollInterval(Duration.ofMillis(20))
                .until(() -> service.out().stream().filter(line -> line.contains(": succeeded, ")).count() == 2 * EACH);
        assertThat(service.sigterm().awaitExit(SOON)).isEqualTo(143);

        assertThat(names(folder.resolve("kept"))).as("%s", service).isEqualTo(files());
        for (String file : files()) {
            JsonNode kept = document(folder.resolve("kept").resolve(file));
            assertThat(kept.at("/error/type").asText()).isEqualTo("delivery-failed");
            assertThat(kept.at("/undelivered/status").asText()).isEqualTo("succeeded");
        }
        assertThat(failed()).as("%s", service).isEqualTo(files());
        assertThat(waiting()).as("%s", service).isEmpty();
        assertThat(emitted()).as("%s", service).isEmpty();
        assertThat(names(folder.resolve("data/predictions"))).as("nothing is remembered that is done").isEmpty();
        assertThat(service.out()).as("no stack trace").noneMatch(line -> line.startsWith("\tat "));
        assertThat(service.err()).isEmpty();
        assertThat(simulator.count(Call.CREATE)).isEqualTo(EACH);
        assertThat(simulator.count(Call.CHAT)).isEqualTo(EACH);
    }

    /** With that grace of ours, and in a folder of its own. */
    private ServiceProcess.Builder keeping() {
        return service().set(Property.SHUTDOWN_TIMEOUT, "1500ms").set(Property.UNDELIVERED, "kept");
    }

    @Test
    void aDestinationThatHangs() throws IOException {
        try (ServerSocket silent = new ServerSocket(0, 100, InetAddress.getLoopbackAddress())) {
            dropChats();
            dropPictures();
            stopsAndKeepsWhatIsInHand(run(keeping().set(Property.EMIT_RESULT, "http://127.0.0.1:" + silent.getLocalPort() + "/hook")));
        }
    }

    @Test
    void aDestinationThatIsTriedAgainLater() throws IOException {
        dropChats();
        dropPictures();
        stopsAndKeepsWhatIsInHand(run(keeping().set(Property.EMIT_RESULT, "http://127.0.0.1:" + FreePort.find() + "/hook")
                .set(Property.RETRY_DELAY, "40s").set(Property.RETRY_MAX_DELAY, "60s")));
    }

    @Test
    void standardOutputThatNobodyReads() throws Exception {
        simulator.always(Call.POLL, Reply.prediction("processing", null));
        dropPictures();
        Process service = keeping().set("org.slf4j.simpleLogger.log.dev.bactrian", "debug").set(Property.REPLICATE_POLL_DELAY, "1ms")
                .set(Property.REPLICATE_MAX_REQUESTS_PER_MINUTE, "100000").set(Property.REPLICATE_POLL_MAX_ATTEMPTS, "1000000").unread();
        try {
            // Each poll is a line of the log, until nothing more goes into the pipe.
            AtomicInteger polls = new AtomicInteger();
            await("it stands still").atMost(Duration.ofSeconds(90)).pollInterval(Duration.ofSeconds(2)).until(() -> {
                int before = polls.getAndSet(simulator.count(Call.POLL));
                return before > 0 && polls.get() == before;
            });
            assertThat(service.isAlive()).isTrue();

            service.toHandle().destroy();

            assertThat(service.waitFor(20, TimeUnit.SECONDS)).as("it ends").isTrue();
            assertThat(service.exitValue()).isEqualTo(143);
            assertThat(failed()).isEmpty();
            assertThat(waiting()).hasSize(EACH);
            assertThat(simulator.count(Call.CREATE)).isEqualTo(EACH);
        } finally {
            service.destroyForcibly();
        }
    }

    @Test
    void aChunkDestinationThatHangs() throws IOException {
        try (ServerSocket silent = new ServerSocket(0, 100, InetAddress.getLoopbackAddress())) {
            String text = "{\"model\": \"gemma-2b\", \"prompt\": \"a camel\"}";
            dropChats();
            pictures.forEach(id -> drop(id + ".json", text));
            ServiceProcess service = run(impatient()
                    .set(Property.EMIT_CHUNK, "http://127.0.0.1:" + silent.getLocalPort() + "/hook"));

            stopsWithoutATrace(service, () -> simulator.count(Call.CHAT) == EACH && simulator.count(Call.POLL) == 3 * EACH);
        }
        theNextStartFinishes(EACH);
    }

    @Test
    void whatEndsJustAsTheGraceDoesIsDoneKeptOrUntouched() {
        int each = 60;
        // Before its first answer a provider gets few calls at once.
        drop("chat-first.json", CHAT);
        drop("picture-first.json", PICTURE);
        ServiceProcess service = run(impatient().set(Property.REPLICATE_MAX_REQUESTS_PER_MINUTE, "1000000"));
        await().atMost(SOON).until(() -> done().size() == 2);
        int polls = simulator.count(Call.POLL);
        for (int i = 0; i < each; i++) {
            simulator.on(Call.CHAT, Reply.stream("a", "b").pause(Duration.ofMillis(2400 + 20 * i)));
            simulator.on(Call.POLL, Reply.prediction("succeeded", "[\"https://replicate.delivery/x/out-0.png\"]").after(Duration.ofMillis(3600 + 40 * i)));
        }
        for (int i = 0; i < each; i++) {
            drop("chat-" + i + ".json", CHAT);
            drop("picture-" + i + ".json", PICTURE);
        }
        // On a slow machine the first ones end before the last ones begin.
        await().atMost(SOON).until(() -> simulator.count(Call.CHAT) == each + 1 && simulator.count(Call.POLL) >= polls + each);
        assertThat(service.sigterm().awaitExit(SOON)).isEqualTo(143);

        assertThat(names(folder.resolve("undelivered"))).as("%s", service).containsAll(failed());
        assertThat(emitted()).noneMatch(name -> name.endsWith(".error.json"));
        assertThat(done()).as("%s", service).isSubsetOf(emitted());
        assertThat(done().size() + waiting().size() + failed().size()).isEqualTo(2 * each + 2);
        assertThat(service.err()).isEmpty();

        simulator.reset();
        run(service());
        await().atMost(SOON).until(() -> done().size() + failed().size() == 2 * each + 2);
        assertThat(emitted()).containsAll(done());
        assertThat(simulator.count(Call.CREATE)).as("creates at the second start").isZero();
    }

    private static boolean isInterruptIgnored() throws IOException {
        Path status = Path.of("/proc/self/status");
        return Files.exists(status) && Files.readAllLines(status).stream().filter(line -> line.startsWith("SigIgn:"))
                .anyMatch(line -> (Long.parseUnsignedLong(line.substring(7).trim(), 16) & 1L << 1) != 0);
    }
}
