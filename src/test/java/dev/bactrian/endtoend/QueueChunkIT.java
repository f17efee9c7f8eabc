package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import dev.bactrian.config.Property;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import jakarta.jms.Message;
import org.junit.jupiter.api.Test;

/** Chunks on a queue: each when it comes, in order, and those of a second try marked as such. */
class QueueChunkIT extends QueueEndToEnd {

    private static final String CHUNKS = "chunks";
    private static final List<String> PIECES = List.of("a ", "camel ", "has ", "two ", "humps");

    private final CountDownLatch seen = new CountDownLatch(1);

    private ServiceProcess.Builder chunked() {
        return queueService().set(Property.EMIT_CHUNK, "jms:queue:" + CHUNKS);
    }

    private static Reply stream() {
        return Reply.stream(PIECES.toArray(String[]::new));
    }

    /** A stream that waits before its third piece until the test has seen what it wants to see. */
    private Reply streamThatWaits() {
        return stream().chunkListener(piece -> {
            try {
                if (piece == 2 && !seen.await(30, TimeUnit.SECONDS)) {
                    throw new IllegalStateException("nothing was seen");
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }

    @Test
    void eachChunkIsThereWhileTheAnswerIsBeingWritten() {
        simulator.on(Call.CHAT, streamThatWaits());
        run(chunked());
        client.send(REQUESTS, chat("chat"));

        List<Message> first = client.drain(CHUNKS, 2, SOON);
        assertThat(first).extracting(JmsClient::body).containsExactlyElementsOf(PIECES.subList(0, 2));
        assertThat(client.depth(RESULTS)).isZero();
        assertThat(headers(first.get(1))).containsExactly("BactrianChunkIndex=1", "BactrianKind=text", "BactrianModel=solar-pro4",
                "BactrianProvider=upstage", "BactrianRequestId=chat", "BactrianStatus=processing");
        assertThat(JmsClient.property(first.get(1), "BactrianChunkIndex")).isEqualTo(1);
        seen.countDown();

        assertThat(JmsClient.document(client.receive(RESULTS, SOON)).path("text").asText()).isEqualTo(String.join("", PIECES));
        List<Message> last = client.drain(CHUNKS);
        assertThat(last).extracting(JmsClient::body).containsExactlyElementsOf(PIECES.subList(2, 5));
        assertThat(last).extracting(chunk -> JmsClient.property(chunk, "BactrianChunkIndex")).containsExactly(2, 3, 4);
    }

    @Test
    void theChunksOfASecondTrySaySo() {
        simulator.on(Call.CHAT, streamThatWaits(), streamThatWaits(), stream());
        for (int tries = 0; tries < 2; tries++) {
            ServiceProcess service = run(chunked());
            if (tries == 0) {
                client.send(REQUESTS, chat("chat"));
            }
            int chunks = 2 * (tries + 1);
            await().atMost(SOON).until(() -> client.depth(CHUNKS) == chunks);
            service.kill();
        }
        seen.countDown();
        run(chunked());

        assertThat(JmsClient.document(client.receive(RESULTS, SOON)).path("text").asText()).isEqualTo(String.join("", PIECES));
        List<Message> chunks = client.drain(CHUNKS);
        assertThat(chunks).extracting(JmsClient::body).containsExactly("a ", "camel ", "a ", "camel ", "a ", "camel ", "has ", "two ", "humps");
        assertThat(chunks).extracting(chunk -> JmsClient.property(chunk, "BactrianAttempt")).containsExactly(null, null, 2, 2, 3, 3, 3, 3, 3);
        assertThat(chunks).extracting(chunk -> JmsClient.property(chunk, "BactrianChunkIndex")).containsExactly(0, 1, 0, 1, 0, 1, 2, 3, 4);
        assertThat(client.depth(RESULTS)).isZero();
        assertThat(client.depth(ERRORS)).isZero();
    }

    @Test
    void theChunksOfAPredictionComeWithItsOutcome() {
        simulator.always(Call.POLL, Reply.prediction("succeeded", "[\"a \", \"camel\"]"));
        run(chunked());
        client.send(REQUESTS, "{\"id\": \"gemma\", \"model\": \"gemma-2b\", \"prompt\": \"a camel\"}");

        assertThat(JmsClient.document(client.receive(RESULTS, SOON)).path("text").asText()).isEqualTo("a camel");
        List<Message> chunks = client.drain(CHUNKS, 2, SOON);
        assertThat(chunks).extracting(JmsClient::body).containsExactly("a ", "camel");
        assertThat(headers(chunks.get(0))).containsExactly("BactrianChunkIndex=0", "BactrianKind=text", "BactrianModel=google-deepmind/gemma-2b-it",
                "BactrianProvider=replicate", "BactrianRequestId=gemma", "BactrianStatus=processing");
    }
}
