package dev.bactrian.simulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many clients at once: a waiting response holds no thread. */
@Tag("slow")
@Timeout(120)
class SimulatorLoadTest {

    private static final int STREAMS = 1000;
    private static final String CHAT = UpstageApiTest.chat("solar-pro4", "x", true, "");

    @Test
    void aThousandStreamsAtOnceNeedFewThreads() {
        try (Simulator simulator = Simulator.start()) {
            simulator.always(Call.CHAT, Reply.stream("a", "b", "c").pause(Duration.ofSeconds(2)));
            List<CompletableFuture<HttpResponse<String>>> responses = new ArrayList<>();
            for (int i = 0; i < STREAMS; i++) {
                responses.add(Web.CLIENT.sendAsync(Web.posting(simulator.chatUrl(), CHAT),
                        HttpResponse.BodyHandlers.ofString()));
            }
            await().atMost(Duration.ofSeconds(60)).until(() -> simulator.count(Call.CHAT) == STREAMS);
            assertThat(Thread.getAllStackTraces().keySet())
                    .filteredOn(thread -> thread.getName().startsWith("simulator-"))
                    .hasSizeLessThan(100);

            for (CompletableFuture<HttpResponse<String>> response : responses) {
                assertThat(response.join().body()).contains("\"a\"", "\"b\"", "\"c\"").endsWith("[DONE]\n\n");
            }
            assertThat(simulator.maxConcurrent(Call.CHAT)).isGreaterThan(STREAMS / 2);
            assertThat(simulator.concurrent(Call.CHAT)).isZero();
            assertThat(simulator.clientAborts()).isZero();
        }
    }

    @Test
    void aClientThatDoesNotReadHoldsUpNobodyElse() throws Exception {
        try (Simulator simulator = Simulator.builder().pause(Duration.ofMillis(1)).start()) {
            List<Socket> stuck = new ArrayList<>();
            Reply large = Reply.rawStream(new byte[30_000_000]);
            for (int i = 0; i < 70; i++) {
                simulator.on(Call.CHAT, large);
                stuck.add(Web.chatSocket(simulator, CHAT));
            }
            await().until(() -> simulator.count(Call.CHAT) == 70);

            assertThat(Web.post(simulator.chatUrl(), CHAT).body()).endsWith("[DONE]\n\n");
            assertThat(simulator.concurrent(Call.CHAT)).isEqualTo(70);
            for (Socket socket : stuck) {
                socket.close();
            }
            await().until(() -> simulator.concurrent(Call.CHAT) == 0);
        }
    }

    @Test
    void manyShortCallsComeThroughComplete() throws Exception {
        try (Simulator simulator = Simulator.builder().recording(false).polls(1).start()) {
            var pool = Executors.newFixedThreadPool(32);
            try {
                List<CompletableFuture<Void>> workers = new ArrayList<>();
                for (int worker = 0; worker < 32; worker++) {
                    workers.add(CompletableFuture.runAsync(() -> create(simulator, 100), pool));
                }
                workers.forEach(CompletableFuture::join);
            } finally {
                pool.shutdown();
            }
            assertThat(simulator.count(Call.CREATE)).isEqualTo(3200);
            assertThat(simulator.count(Call.POLL)).isEqualTo(3200);
            assertThat(simulator.maxConcurrent(Call.CREATE)).isBetween(1, 32);
        }
    }

    private static void create(Simulator simulator, int times) {
        try {
            for (int i = 0; i < times; i++) {
                String id = Json.parse(Web.post(simulator.predictionsUrl(),
                        "{\"version\":\"a/llama\",\"input\":{}}").body()).path("id").asText();
                assertThat(Web.get(simulator.pollUrl().replace("{id}", id)).body()).contains("succeeded");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
