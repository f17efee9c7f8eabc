package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * One file with many requests: it survives kills, and needs no more memory than the requests in flight.
 *
 * <p>{@code -Dbactrian.test.lines=10000} sets the number of lines, {@code -Dbactrian.test.kills=30} that of the kills, and
 * {@code -Dbactrian.test.seed=} repeats the moments of a run.
 */
class BatchIT extends EndToEnd {

    private static final int LINES = Integer.getInteger("bactrian.test.lines", 600);
    private static final int KILLS = Integer.getInteger("bactrian.test.kills", 3);

    private final long seed = Long.getLong("bactrian.test.seed", System.nanoTime());

    @Override
    Simulator simulator() {
        return Simulator.builder().polls(4).pause(Duration.ofMillis(5)).recording(false).start();
    }

    private void dropLines(int lines) {
        drop("many.jsonl", IntStream.range(0, lines).mapToObj(i -> i % 5 == 4 ? "no request" : i % 2 == 0 ? CHAT : PICTURE).collect(Collectors.joining("\n")));
    }

    /** The lines are numbered from 1, in order, and each prediction is that of one line. */
    private void allAreThereInOrder(int lines) throws IOException {
        Set<String> predictions = new HashSet<>();
        try (Stream<String> outcomes = Files.lines(outbox("many.results.jsonl"))) {
            int[] line = {0};
            outcomes.forEach(text -> {
                JsonNode outcome = ProviderJson.json(text).orElseThrow();
                assertThat(outcome.path("id").asText()).isEqualTo("many-" + (line[0] + 1));
                assertThat(outcome.path("status").asText()).as(text).isEqualTo(line[0] % 5 == 4 ? "failed" : "succeeded");
                String prediction = outcome.at("/prediction/id").asText("");
                assertThat(prediction.isEmpty() || predictions.add(prediction)).as("a prediction of its own").isTrue();
                line[0]++;
            });
            assertThat(line[0]).isEqualTo(lines);
        }
        assertThat(predictions).hasSize(simulator.count(Call.CREATE));
        await().until(() -> done().contains("many.jsonl") && !Files.exists(outbox("many.results.jsonl.part")));
    }

    private long collected() {
        try {
            long lines = 0;
            if (Files.exists(outbox("many.results.jsonl.part"))) {
                try (Stream<String> part = Files.lines(outbox("many.results.jsonl.part"))) {
                    lines = part.count();
                }
            }
            return lines;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private ServiceProcess.Builder quick() {
        return service().set(Property.REPLICATE_CANCEL_AFTER, "10m").set(Property.REPLICATE_LOOKUP_DELAY, "2s")
                .set(Property.REPLICATE_MAX_CREATES_PER_MINUTE, "60000").set(Property.REPLICATE_MAX_REQUESTS_PER_MINUTE, "600000");
    }

    @Test
    @Timeout(1800)
    void everyPredictionIsPaidForOnceAndNoLineIsLost() throws Exception {
        System.out.println("BatchIT: -Dbactrian.test.seed=" + seed);
        Random random = new Random(seed);
        int lines = 40 * KILLS;
        simulator.always(Call.CREATE, Reply.normally().after(Duration.ofMillis(30))).always(Call.CHAT, Reply.stream("a").after(Duration.ofMillis(300)));
        dropLines(lines);
        for (int kill = 0; kill < KILLS; kill++) {
            long before = collected();
            int chats = simulator.count(Call.CHAT);
            ServiceProcess service = run(quick().set(Property.MAX_IN_FLIGHT, "10"));
            await().atMost(SOON).until(() -> simulator.count(Call.CHAT) > chats + 3 || collected() > before || done().contains("many.jsonl"));
            assertThat(service.livesFor(Duration.ofMillis(random.nextInt(500)))).isTrue();
            service.kill();
            assertThat(collected()).isGreaterThanOrEqualTo(done().contains("many.jsonl") ? 0 : before);
        }

        ServiceProcess last = run(quick());
        await("all done").atMost(Duration.ofSeconds(60)).until(() -> !last.isAlive() || done().contains("many.jsonl"));

        allAreThereInOrder(lines);
        long predictions = IntStream.range(0, lines).filter(i -> i % 5 != 4 && i % 2 == 1).count();
        long chats = IntStream.range(0, lines).filter(i -> i % 5 != 4 && i % 2 == 0).count();
        assertThat(simulator.count(Call.CREATE)).isEqualTo((int) predictions);
        // A chat that a kill interrupts is asked again; one that was answered is not.
        assertThat(simulator.count(Call.CHAT)).isBetween((int) chats, (int) chats + 10 * KILLS);
        assertThat(List.of(last.err())).allMatch(List::isEmpty);
    }

    @Test
    @Timeout(1800)
    void manyLinesNeedNoMoreMemoryThanThoseInFlight() throws Exception {
        dropLines(LINES);
        ServiceProcess service = run(quick().jvm("-Xmx48m").set(Property.MAX_IN_FLIGHT, "50"));

        await("all done").atMost(Duration.ofSeconds(60 + LINES / 20)).until(() -> !service.isAlive() || done().contains("many.jsonl"));

        assertThat(service.out()).noneMatch(line -> line.contains(" ERROR "));
        allAreThereInOrder(LINES);
        assertThat(service.said("many: complete, " + LINES + " lines")).isTrue();
    }
}
