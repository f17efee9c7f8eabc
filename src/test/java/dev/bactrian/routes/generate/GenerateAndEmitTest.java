package dev.bactrian.routes.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

import dev.bactrian.generate.Account;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.support.CapturedLog;
import org.apache.camel.Exchange;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Test;

/** {@code direct:generate-and-emit}: the caller goes on at once, and the outcome goes where outcomes go. */
class GenerateAndEmitTest extends RouteTestSupport {

    private final Account own = new Account();
    private final AtomicInteger tries = new AtomicInteger();

    @Override
    protected void configure(Main main) {
        own.setModel("solar-mini");
        main.bind("own", own);
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                fromF("file:%s?delete=true&initialDelay=0&delay=50", folder.resolve("host-inbox")).to("direct:generate-and-emit");
                from("direct:tried-again").errorHandler(defaultErrorHandler().maximumRedeliveries(9).redeliveryDelay(0))
                        .process(exchange -> failUntil(4)).to("direct:generate-and-emit");
                from("direct:archive").errorHandler(noErrorHandler()).process(exchange -> failUntil(6)).bean("captured", "result");
            }
        });
    }

    private void failUntil(int enough) throws IOException {
        if (tries.incrementAndGet() < enough) {
            throw new IOException("not yet");
        }
    }

    private List<String> prompts() {
        return simulator.requests(Call.CHAT).stream().map(request -> request.json().path("messages").path(0).path("content").asText()).toList();
    }

    @Test
    void theCallerGoesOnBeforeTheAnswerAndKeepsItsMessage() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.stream("a", "b").after(Duration.ofMillis(500)));

        Exchange exchange = template().request("direct:generate-and-emit", e -> {
            e.getMessage().setBody("hi");
            e.getMessage().setHeader("X-Own", "1");
            e.setVariable(Account.VARIABLE, "own");
        });

        assertThat(captured.results).isEmpty();
        assertThat(exchange.getException()).isNull();
        assertThat(exchange.getMessage().getBody()).isEqualTo("hi");
        assertThat(exchange.getMessage().getHeaders()).isEqualTo(Map.of("X-Own", "1"));
        assertThat(exchange.getVariables()).isEqualTo(Map.of(Account.VARIABLE, "own"));
        await().until(() -> !captured.results.isEmpty());
        Emitted result = captured.results.poll();
        assertThat(result.json().path("text").asText()).isEqualTo("ab");
        assertThat(result.json().path("model").asText()).isEqualTo("solar-mini");
        assertThat(result.headers()).doesNotContainKey("X-Own").containsEntry("BactrianStatus", "succeeded");
        assertThat(takeChunks()).isEqualTo("a|b");
    }

    @Test
    void aHeaderOfTheCallerThatIsNamedLikeOursGoesNowhere() throws Exception {
        start("bactrian.emit.chunk", "");
        simulator.on(Call.CHAT, Reply.stream("a"));

        template().sendBodyAndHeaders("direct:generate-and-emit", "{\"id\": \"r1\", \"prompt\": \"hi\"}",
                Map.of("BactrianContentName", "../another", "Bactrian-Account", "another", "Bactrian-Request", "another"));

        await().until(() -> !captured.results.isEmpty());
        assertThat(captured.results.poll().headers().keySet()).containsExactlyInAnyOrder(
                "BactrianRequestId", "BactrianProvider", "BactrianModel", "BactrianKind", "BactrianStatus");
        assertThat(simulator.requests(Call.CHAT).get(0).headers().keySet()).noneMatch(name -> name.toLowerCase().startsWith("bactrian"));
    }

    @Test
    void anErrorIsEmitted() throws Exception {
        start();
        simulator.always(Call.CHAT, Reply.status(400));

        template().sendBody("direct:generate-and-emit", "{\"id\": \"r1\", \"prompt\": \"hi\"}");

        await().until(() -> !captured.errors.isEmpty());
        assertThat(captured.errors.poll().headers()).containsEntry("BactrianRequestId", "r1").containsEntry("BactrianStatus", "failed");
    }

    /** The caller's file is gone when the request is made. */
    @Test
    void aFileIsReadBeforeItsRouteIsDoneWithIt() throws Exception {
        simulator.always(Call.CHAT, Reply.stream("a").after(Duration.ofMillis(100)));
        // Whole before the host's route polls: it takes a file that is just being written.
        Path inbox = Files.createDirectories(folder.resolve("host-inbox"));
        for (int i = 0; i < 5; i++) {
            Files.writeString(inbox.resolve("r" + i + ".json"), "{\"prompt\": \"number " + i + "\"}");
        }
        start("bactrian.max-in-flight", "2");

        await().until(() -> captured.results.size() == 5);
        assertThat(prompts()).containsExactlyInAnyOrder("number 0", "number 1", "number 2", "number 3", "number 4");
        assertThat(simulator.maxConcurrent(Call.CHAT)).isLessThanOrEqualTo(2);
        captured.results.clear();
        captured.chunks.clear();
    }

    @Test
    void theNameOfAFileSaysWhatItHoldsHereToo() throws Exception {
        simulator.always(Call.CHAT, Reply.stream("a"));
        Path inbox = Files.createDirectories(folder.resolve("host-inbox"));
        Files.writeString(inbox.resolve("one.json"), "\n  {\"prompt\": \"one\"}");
        Files.writeString(inbox.resolve("two.txt"), "{ is a brace");
        start("bactrian.emit.chunk", "");

        await().until(() -> captured.results.size() == 2);
        assertThat(prompts()).containsExactlyInAnyOrder("one", "{ is a brace");
        captured.results.clear();
    }

    @Test
    void aMapThatTheCallerFillsAnewIsAnotherRequest() throws Exception {
        start("bactrian.max-in-flight", "1", "bactrian.emit.chunk", "");
        simulator.always(Call.CHAT, Reply.stream("a").after(Duration.ofMillis(50)));
        Map<String, Object> message = new HashMap<>(Map.of("role", "user"));
        Map<String, Object> request = Map.of("messages", List.of(message));

        for (int i = 0; i < 4; i++) {
            message.put("content", "number " + i);
            template().sendBody("direct:generate-and-emit", request);
        }

        await().until(() -> captured.results.size() == 4);
        assertThat(prompts()).containsExactly("number 0", "number 1", "number 2", "number 3");
        captured.results.clear();
    }

    @Test
    void aRequestThatIsTooLargeIsReadNoFurtherThanThat() throws Exception {
        start("bactrian.max-request-bytes", "1KB");
        AtomicLong read = new AtomicLong();

        template().sendBody("direct:generate-and-emit", new InputStream() {
            @Override
            public int read() {
                return read.incrementAndGet() > 1_000_000 ? -1 : 'x';
            }
        });

        await().until(() -> !captured.errors.isEmpty());
        assertThat(captured.errors.poll().text()).contains("invalid-request", "larger than bactrian.max-request-bytes");
        assertThat(read.get()).isLessThan(100_000);
    }

    @Test
    void howOftenTheCallerHadToTryIsNotHowOftenADeliveryWasTried() throws Exception {
        start("bactrian.emit.chunk", "", "bactrian.emit.result", "direct:archive", "bactrian.retry.max-attempts", "3");
        simulator.on(Call.CHAT, Reply.stream("a"));

        template().sendBody("direct:tried-again", "hi");

        await().until(() -> !captured.results.isEmpty());
        assertThat(captured.results.poll().json().path("text").asText()).isEqualTo("a");
        assertThat(tries).as("three failures and a success of the caller's step, two and one of the delivery").hasValue(6);
    }

    @Test
    void aResultThatCanNotEvenBeKeptIsSaid() throws Exception {
        Path inItsPlace = folder.resolve("undelivered/sink-lost.json");
        Files.createDirectories(inItsPlace.resolve("not-empty"));
        CapturedLog log = new CapturedLog();
        // The archive takes nothing, however often it is tried.
        tries.set(Integer.MIN_VALUE);
        try {
            start("bactrian.emit.chunk", "", "bactrian.emit.result", "direct:archive", "bactrian.retry.max-attempts", "0",
                    "bactrian.undelivered", inItsPlace.getParent().toString());
            simulator.on(Call.CHAT, Reply.stream("a"));

            template().sendBody("direct:generate-and-emit", "{\"id\": \"sink-lost\", \"prompt\": \"hi\"}");

            await().until(() -> log.toString().contains("sink-lost: neither emitted nor kept in " + inItsPlace.getParent() + "/"));
        } finally {
            log.close();
            Files.delete(inItsPlace.resolve("not-empty"));
            Files.delete(inItsPlace);
        }
    }
}
