package dev.bactrian.routes.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.console.Console;
import dev.bactrian.console.Event;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The feed of the console: what its readers are told, and that a slow one holds up nobody. */
class ConsoleFeedTest extends RouteTestSupport {

    private final Queue<Event> events = new ConcurrentLinkedQueue<>();

    @BeforeEach
    void startWithTheConsole() throws Exception {
        start(Property.HTTP_CONSOLE.key(), "full", Property.EMIT_CHUNK.key(), "");
    }

    private Console console() {
        return Console.of(context()).orElseThrow();
    }

    private static JsonNode json(Event event) {
        return ProviderJson.json(event.data()).orElseThrow();
    }

    private List<JsonNode> told(String name) {
        return events.stream().filter(event -> event.name().equals(name)).map(ConsoleFeedTest::json).toList();
    }

    private void ask(String id) {
        generate("{\"id\": \"" + id + "\", \"prompt\": \"hi\"}");
    }

    /** The text of the request that the events add up to. */
    private String text(String id) {
        StringBuilder text = new StringBuilder();
        told("text").stream().filter(piece -> piece.path("id").asText().equals(id)).forEach(piece -> {
            assertThat(piece.path("at").asInt()).isEqualTo(text.length());
            text.append(piece.path("text").asText());
        });
        return text.toString();
    }

    @Test
    void tellsOfEachChangeInOrder() throws Exception {
        CountDownLatch goOn = new CountDownLatch(1);
        simulator.on(Call.CHAT, Reply.stream("one ", "two ", "three").chunkListener(index -> {
            if (index == 2) {
                await().until(() -> text("chat").equals("one two "));
                goOn.countDown();
            }
        }));
        try (AutoCloseable feed = console().subscribe(events::add)) {
            await().until(() -> !told("snapshot").isEmpty());

            ask("chat");

            await().until(() -> !told("done").isEmpty());
            await().until(() -> told("health").stream().anyMatch(health -> health.path("providers").size() == 2));
            await().until(() -> !told("figures").isEmpty());
        }
        assertThat(goOn.await(0, TimeUnit.SECONDS)).as("the text is told as it comes").isTrue();
        List<String> names = events.stream().map(Event::name).toList();
        assertThat(names.get(0)).isEqualTo("snapshot");
        assertThat(names.indexOf("request")).isPositive().isLessThan(names.indexOf("text"));
        assertThat(names.lastIndexOf("text")).isLessThan(names.indexOf("done"));
        List<String> states = told("request").stream().map(line -> line.path("state").asText()).distinct().toList();
        assertThat(states).contains("streaming");
        assertThat(told("request")).allSatisfy(line -> assertThat(line.has("text")).isFalse());
        JsonNode done = told("done").get(0);
        assertThat(done.path("text").asText()).isEqualTo("one two three");
        assertThat(done.path("no")).isEqualTo(told("request").get(0).path("no"));
        JsonNode minutes = told("figures").get(0).path("minutes");
        assertThat(minutes.size()).isLessThan(60);
    }

    @Test
    void tellsNothingAfterItsEndAndBeginsAgain() throws Exception {
        try (AutoCloseable feed = console().subscribe(events::add)) {
            await().until(() -> !told("snapshot").isEmpty());
        }
        events.clear();
        ask("unseen");
        assertThat(events).isEmpty();

        CompletableFuture<Object> answer;
        try (AutoCloseable feed = console().subscribe(events::add)) {
            await().until(() -> !told("snapshot").isEmpty());
            assertThat(told("snapshot").get(0).path("done").get(0).path("id").asText()).isEqualTo("unseen");
            answer = template().asyncRequestBody("direct:generate", "{\"id\": \"seen\", \"prompt\": \"hi\"}");
            await().until(() -> told("done").stream().anyMatch(line -> line.path("id").asText().equals("seen")));
        }
        answer.join();
    }

    @Test
    void endsWithTheApplication() throws Exception {
        AutoCloseable feed = console().subscribe(events::add);
        await().until(() -> !told("snapshot").isEmpty());

        stop();

        feed.close();
    }

    @Test
    void aReaderThatFailsIsLeftAndTheOthersAreNot() throws Exception {
        AtomicInteger called = new AtomicInteger();
        AutoCloseable bad = console().subscribe(event -> {
            called.incrementAndGet();
            throw new IllegalStateException("gone");
        });
        try (AutoCloseable feed = console().subscribe(events::add)) {
            await().until(() -> called.get() == 1 && !told("snapshot").isEmpty());
            ask("chat");
            await().until(() -> !told("done").isEmpty());
        }
        assertThat(called.get()).isOne();
        bad.close();
    }

    @Test
    void aSlowReaderGetsASnapshotInPlaceOfWhatItHasMissed() throws Exception {
        CountDownLatch goOn = new CountDownLatch(1);
        Queue<Event> slow = new ConcurrentLinkedQueue<>();
        AutoCloseable slowFeed = console().subscribe(event -> {
            slow.add(event);
            try {
                goOn.await(60, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        try (AutoCloseable feed = console().subscribe(events::add)) {
            await().until(() -> slow.size() == 1);
            for (int i = 0; i < 2_500; i++) {
                ask("chat-" + i);
            }
            await().until(() -> told("done").size() == 2_500);
            assertThat(slow).as("what the slow one has read so far").hasSize(1);

            goOn.countDown();

            await().until(() -> slow.stream().filter(event -> event.name().equals("snapshot")).count() == 2);
            JsonNode last = json(slow.stream().filter(event -> event.name().equals("snapshot")).skip(1).findFirst().orElseThrow());
            assertThat(last.path("done")).hasSize(1_000);
            assertThat(last.path("done").get(0).path("id").asText()).isEqualTo("chat-2499");
            assertThat(slow.stream().map(Event::name).toList().subList(0, 2)).containsExactly("snapshot", "snapshot");
        } finally {
            slowFeed.close();
        }
    }

    @Test
    void manyRequestsAtOnceAreToldWhole() throws Exception {
        Set<String> ids = new HashSet<>();
        try (AutoCloseable feed = console().subscribe(events::add)) {
            await().until(() -> !told("snapshot").isEmpty());
            List<CompletableFuture<Object>> answers = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                ids.add("chat-" + i);
                answers.add(template().asyncRequestBody("direct:generate", "{\"id\": \"chat-" + i + "\", \"prompt\": \"number " + i + "\"}"));
            }
            answers.forEach(CompletableFuture::join);
            await().until(() -> told("done").size() == 200);
        }
        assertThat(told("done")).allSatisfy(line -> {
            assertThat(ids).contains(line.path("id").asText());
            assertThat(line.path("text").asText()).startsWith(text(line.path("id").asText()));
        });
        assertThat(console().snapshot().path("inWork").asInt()).isZero();
    }
}
