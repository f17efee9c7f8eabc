package dev.bactrian.routes.generate;

import static dev.bactrian.routes.support.ReplicateReplies.poll;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

import dev.bactrian.emit.ChunkStream;
import dev.bactrian.error.GenerateException;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.Exchange;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever goes wrong with a request, a forced stop included, its caller sees a GenerateException with a document. */
class EveryFailureTest extends RouteTestSupport {

    private final ExecutorService callers = Executors.newCachedThreadPool();

    @Override
    protected void configure(Main main) {
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:plain").to("direct:generate");
                from("direct:action").to("kamelet:generate-action/action");
                from("direct:image-action").to("kamelet:replicate-image-action/image-action");
                from("direct:stream").to("direct:generate-stream").process(exchange -> {
                    ChunkStream stream = exchange.getMessage().getBody(ChunkStream.class);
                    for (String chunk = stream.next(); chunk != null; chunk = stream.next()) {
                        assertThat(chunk).isEqualTo("a");
                    }
                });
            }
        });
    }

    @AfterEach
    void stopCallers() {
        callers.shutdownNow();
    }

    private static GenerateException failure(Exchange answer) {
        GenerateException failure = answer.getException(GenerateException.class);
        assertThat(failure).as("%s", answer.getException()).isNotNull();
        assertThat(ProviderJson.json(failure.getDocument()).orElseThrow().at("/error/type").asText()).isEqualTo(failure.getType());
        assertThat(failure.getHeaders()).containsEntry("BactrianStatus", "failed").containsKey("BactrianRequestId");
        return failure;
    }

    private CompletableFuture<Exchange> ask(String endpoint, Object body) {
        return CompletableFuture.supplyAsync(() -> template().request(endpoint, exchange -> exchange.getMessage().setBody(body)), callers);
    }

    @ParameterizedTest
    @CsvSource({"direct:plain,solar-pro4", "direct:plain,gemma-2b", "direct:action,solar-pro4", "direct:action,gemma-2b", "direct:image-action,sd-3",
        "direct:stream,solar-pro4", "direct:stream,gemma-2b"})
    void aForcedStopIsAGenerateException(String endpoint, String model) throws Exception {
        start("bactrian.emit.chunk", "", "camel.main.shutdown-timeout", "1", "bactrian.replicate.poll-delay", "1h");
        simulator.always(Call.CHAT, Reply.stream("a", "a").pause(Duration.ofSeconds(30))).always(Call.POLL, poll("processing"));

        CompletableFuture<Exchange> answer = ask(endpoint, Map.of("prompt", "hi", "model", model));
        await().until(() -> simulator.count(model.startsWith("solar") ? Call.CHAT : Call.POLL) == 1);
        stop();

        GenerateException failure = failure(answer.get(30, TimeUnit.SECONDS));
        assertThat(failure.getType()).isIn("provider-unavailable", "stream-interrupted");
        assertThat(failure).hasMessageContaining("stopped");
    }

    @ParameterizedTest
    @ValueSource(strings = {"direct:generate-and-emit", "kamelet:generate-sink", "direct:generate-stream"})
    void aFullPoolIsAGenerateException(String endpoint) throws Exception {
        start("bactrian.emit.chunk", "");
        assertThat(template().request("kamelet:generate-sink", exchange -> exchange.getMessage().setBody("hi")).getException()).isNull();
        await().until(() -> captured.results.poll() != null);
        for (String pool : List.of("bactrianSinkWorkers", "bactrianStreamReaders")) {
            context().getRegistry().lookupByNameAndType(pool, ExecutorService.class).shutdown();
        }

        Exchange answer = template().request(endpoint, exchange -> {
            exchange.setVariable("stream", "the caller's own");
            exchange.getMessage().setBody("hi");
        });

        assertThat(failure(answer).getType()).isEqualTo("provider-unavailable");
        assertThat(answer.getMessage().getBody()).isEqualTo("hi");
        assertThat(answer.getVariables()).containsExactly(Map.entry("stream", "the caller's own"));
        assertThat(simulator.count(Call.CHAT)).isOne();
    }

    @Test
    void anInterruptedReaderGetsAGenerateException() throws Exception {
        start("bactrian.emit.chunk", "");
        simulator.always(Call.CHAT, Reply.stream("a", "a").pause(Duration.ofSeconds(30)));
        CompletableFuture<Exchange> answer = new CompletableFuture<>();
        Thread reader = new Thread(() -> answer.complete(template().request("direct:stream", exchange -> exchange.getMessage().setBody("hi"))));
        reader.start();
        await().until(() -> reader.getState() == Thread.State.WAITING && simulator.requests().size() == 1);

        reader.interrupt();

        assertThat(failure(answer.get(10, TimeUnit.SECONDS))).hasMessageContaining("interrupted");
    }
}
