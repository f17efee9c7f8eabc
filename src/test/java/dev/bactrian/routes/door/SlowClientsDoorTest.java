package dev.bactrian.routes.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

import dev.bactrian.door.DoorTimes;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Clients that read slowly, or go away, and what becomes of their requests and of those of others. */
@Timeout(120)
class SlowClientsDoorTest extends DoorTestSupport {

    private static final String CHATS = "/v1/chat/completions";
    private static final String CHAT = "{\"model\":\"solar-pro4\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    private static final String STREAM = CHAT.replace("}]}", "}],\"stream\":true}");
    private static final String IMAGE = "{\"model\":\"flux-schnell\",\"prompt\":\"a camel\"}";
    private static final String IMAGES = "/v1/images/generations";
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final String PIECE = "x".repeat(1_000);
    /** More than all buffers between the simulator and the client hold. */
    private static final int MANY = 60_000;

    /** A stream that comes to no end. */
    private static final Reply ENDLESS = Reply.rawStream("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n").thenHang();

    private Wire ask(String body, int room) throws IOException {
        return ask(CHATS, body, room);
    }

    private Wire ask(String path, String body, int room) throws IOException {
        return Wire.to(door.port(), room).request("POST " + path, body, "Content-Type: application/json");
    }

    private static Reply manyPieces(AtomicInteger written) {
        return Reply.stream(Collections.nCopies(MANY, PIECE).toArray(String[]::new)).chunkListener(written::set);
    }

    /** Waits until a number stays the same. */
    private static int steady(AtomicInteger number) {
        AtomicInteger last = new AtomicInteger(-1);
        await("stands still").pollInterval(Duration.ofSeconds(1)).until(() -> number.get() > 0 && last.getAndSet(number.get()) == number.get());
        return number.get();
    }

    @Test
    void aClientThatDoesNotReadSlowsDownItsOwnStreamAlone() throws Exception {
        open();
        AtomicInteger written = new AtomicInteger();
        simulator.on(Call.CHAT, manyPieces(written));

        try (Wire slow = ask(STREAM, 16 * 1024)) {
            int stalled = steady(written);
            assertThat(stalled).as("pieces that the provider could write").isLessThan(MANY - 1);
            simulator.on(Call.CHAT, Reply.stream(Collections.nCopies(5_000, PIECE).toArray(String[]::new)));
            assertThat(post(CHATS, STREAM).body()).endsWith("data: [DONE]\n\n");
            assertThat(post(CHATS, CHAT).statusCode()).isEqualTo(200);
            assertThat(written.get()).as("pieces while others were served").isEqualTo(stalled);
            // It gets all of it once it reads.
            Wire.Response response = slow.response();
            assertThat(response.body()).endsWith("data: [DONE]\n\n");
            assertThat(events(response.body().lines())).hasSizeGreaterThanOrEqualTo(MANY);
        }
    }

    @Test
    void aClientThatNeverReadsIsCutOffAndItsRequestEnds() throws Exception {
        open();
        DoorTimes.set(context(), Duration.ofSeconds(1), LONG);
        AtomicInteger written = new AtomicInteger();
        simulator.on(Call.CHAT, manyPieces(written));

        try (Wire never = ask(STREAM, 16 * 1024)) {
            await("the stream upstream is cut").until(() -> simulator.clientAborts() == 1);
            await("its place is free").until(() -> DoorTimes.inWork(context()) == 0);
            never.awaitClose();
        }
        assertThat(written.get()).isLessThan(MANY - 1);
    }

    @Test
    void anAnswerThatIsNeverReadHoldsNothing() throws Exception {
        DoorTimes.set(door, LONG, LONG, Duration.ofSeconds(1), Duration.ofSeconds(1));
        open();
        simulator.on(Call.CHAT, Reply.stream(Collections.nCopies(20_000, PIECE).toArray(String[]::new)));

        try (Wire never = ask(CHAT, 16 * 1024)) {
            never.head();
            await("its place is free").until(() -> DoorTimes.inWork(context()) == 0);
            await("it is cut off").untilAsserted(() -> assertThat(DoorTimes.connections(door)).isZero());
        }
    }

    @Test
    void threeHundredStreamsAtOnceAreServed() throws Exception {
        open();
        simulator.always(Call.CHAT, ENDLESS);
        List<Wire> streams = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            streams.add(ask(STREAM, 0));
        }

        for (Wire stream : streams) {
            assertThat(stream.head().status()).isEqualTo(200);
            assertThat(stream.read()).isPositive();
        }
        assertThat(simulator.concurrent(Call.CHAT)).isEqualTo(300);
        simulator.always(Call.CHAT, Reply.normally());
        assertThat(post(CHATS, STREAM).body()).endsWith("data: [DONE]\n\n");
        for (Wire stream : streams) {
            stream.close();
        }
        await("all are cut upstream").until(() -> simulator.concurrent(Call.CHAT) == 0);
    }

    @Test
    void moreThanTheMostRequestsAtOnceAreRefused() throws Exception {
        open("bactrian.http.max-requests", "3");
        simulator.always(Call.CHAT, ENDLESS);
        List<Wire> busy = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            busy.add(ask(STREAM, 0));
        }
        await("three in work").until(() -> simulator.concurrent(Call.CHAT) == 3);

        HttpResponse<String> refused = post(CHATS, CHAT);
        assertThat(refused.statusCode()).isEqualTo(429);
        assertThat(json(refused).at("/error/type").asText()).isEqualTo("rate-limited");
        assertThat(refused.headers().firstValue("Retry-After")).hasValue("1");
        assertThat(refused.headers().firstValue("X-Should-Retry")).hasValue("true");
        assertThat(get("/v1/models").statusCode()).isEqualTo(200);
        simulator.always(Call.CHAT, Reply.normally());
        busy.get(0).reset();
        await("a place is free").until(() -> post(CHATS, CHAT).statusCode() == 200);
        for (Wire wire : busy) {
            wire.close();
        }
    }

    @Test
    void noPlaceIsLostWhateverBecomesOfTheCalls() throws Exception {
        open("bactrian.http.max-requests", "20", "bactrian.retry.max-attempts", "0");
        simulator.always(Call.CHAT, Reply.normally());

        for (int i = 0; i < 1_000; i++) {
            switch (i % 10) {
                case 0 -> post(CHATS, CHAT);
                case 1 -> post(CHATS, STREAM);
                case 2 -> post(CHATS, "{");
                case 3 -> post(CHATS, CHAT.replace("solar-pro4", "nope"));
                case 4 -> ask(CHAT, 0).reset();
                case 5 -> ask(STREAM, 0).reset();
                case 6 -> ask(STREAM, 0).close();
                case 7 -> post(IMAGES, IMAGE.replace("a camel", ""), "Idempotency-Key", "\t");
                case 8 -> {
                    simulator.on(Call.CHAT, i % 20 == 8 ? Reply.status(500) : Reply.lost());
                    post(CHATS, CHAT);
                }
                default -> {
                    try (Wire wire = ask(STREAM, 0)) {
                        wire.head();
                        wire.reset();
                    }
                }
            }
        }

        await("all places are free").until(() -> DoorTimes.inWork(context()) == 0);
        assertThat(post(CHATS, CHAT).statusCode()).isIn(200, 502, 503);
    }

    @Test
    void aClientThatGoesAwayEndsItsRequest() throws Exception {
        open();
        for (String body : List.of(STREAM, CHAT)) {
            simulator.on(Call.CHAT, ENDLESS);
            int before = simulator.clientAborts();
            Wire wire = ask(body, 0);
            await("in work").until(() -> simulator.concurrent(Call.CHAT) == 1);
            wire.close();
            await("the call upstream is cut").pollInterval(Duration.ofMillis(10)).until(() -> simulator.clientAborts() == before + 1);
        }
        // Nothing has come yet, not even the head of the answer.
        simulator.on(Call.CHAT, Reply.stream("a").after(Duration.ofSeconds(90)));
        Wire wire = ask(STREAM, 0);
        await("in work").until(() -> simulator.count(Call.CHAT) == 3);
        wire.reset();
        await("the call upstream is cut").until(() -> DoorTimes.inWork(context()) == 0);
    }

    @Test
    void aClientThatGoesAwayWhileARateLimitHoldsItMakesNoCall() throws Exception {
        open("bactrian.replicate.max-creates-per-minute", "1");
        assertThat(post(IMAGES, IMAGE).statusCode()).isEqualTo(200);

        for (int i = 0; i < 3; i++) {
            Wire wire = ask(IMAGES, IMAGE, 0);
            await("it waits").until(() -> DoorTimes.inWork(context()) == 1);
            wire.reset();
            await("it is gone").until(() -> DoorTimes.inWork(context()) == 0);
        }
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
        assertThat(simulator.count(Call.CANCEL)).isZero();
    }

    @Test
    void thePredictionOfAClientThatGoesAwayIsCancelledOnce() throws Exception {
        open();
        simulator.always(Call.POLL, Reply.prediction("processing", null));

        Wire wire = ask(IMAGES, IMAGE, 0);
        await("polled").until(() -> simulator.count(Call.POLL) > 1);
        wire.reset();

        await("its place is free").until(() -> DoorTimes.inWork(context()) == 0);
        assertThat(simulator.count(Call.CANCEL)).isEqualTo(1);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
    }

    @Test
    void aSilentStreamGetsCommentsBetweenItsEvents() throws Exception {
        open();
        DoorTimes.set(context(), LONG, Duration.ofSeconds(1));
        CountDownLatch commented = new CountDownLatch(2);
        AtomicBoolean waited = new AtomicBoolean();
        simulator.on(Call.CHAT, Reply.stream("a", "b", "c").chunkListener(piece -> {
            if (piece == 1) {
                try {
                    waited.set(commented.await(30, TimeUnit.SECONDS));
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        }));

        HttpResponse<InputStream> response = http.send(request(CHATS).POST(BodyPublishers.ofString(STREAM)).build(), BodyHandlers.ofInputStream());
        StringBuilder text = new StringBuilder();
        for (int next = response.body().read(); next >= 0; next = response.body().read()) {
            text.append((char) next);
            if (text.toString().endsWith(":\n\n")) {
                commented.countDown();
            }
        }

        assertThat(waited).isTrue();
        assertThat(text.toString().split("\n\n")).allSatisfy(event -> assertThat(event).matches(":|data: \\{.*}|data: \\[DONE]"));
        assertThat(text).endsWith("data: [DONE]\n\n");
    }

    @Test
    void aStopEndsTheStreamsAndRefusesNewWork() throws Exception {
        open("camel.main.shutdown-timeout", "2");
        simulator.on(Call.CHAT, ENDLESS, ENDLESS, Reply.stream("a", "b", "c").pause(Duration.ofMillis(500)));
        try (Wire cut = ask(STREAM, 0); Wire whole = ask(CHAT, 0); Wire idle = Wire.to(door.port())) {
            cut.head();
            await("in work").until(() -> simulator.concurrent(Call.CHAT) == 2);
            Wire ends = ask(STREAM, 0);
            await("in work").until(() -> simulator.concurrent(Call.CHAT) == 3);
            Main main = detach();
            Thread stop = new Thread(main::stop);
            stop.start();
            await("stops").until(() -> main.getCamelContext().isStopping());
            Wire.Response refused = idle.request("POST " + CHATS, CHAT).response();
            assertThat(refused.status()).isEqualTo(503);
            assertThat(refused.headers()).containsEntry("Retry-After", "1").containsEntry("X-Should-Retry", "true");
            assertThat(ends.response().body()).endsWith("data: [DONE]\n\n");
            String rest = rest(cut);
            assertThat(rest).contains("\"error\"").doesNotContain("[DONE]");
            assertThat(whole.response().status()).isEqualTo(503);
            stop.join(60_000);
            assertThat(stop.isAlive()).isFalse();
            ends.close();
        }
    }

    private static String rest(Wire wire) throws IOException {
        StringBuilder text = new StringBuilder();
        for (int next = wire.read(); next >= 0; next = wire.read()) {
            text.append((char) next);
        }
        return text.toString();
    }

    @Override
    protected Simulator simulator() {
        return Simulator.builder().pause(Duration.ZERO).recording(true).start();
    }
}
