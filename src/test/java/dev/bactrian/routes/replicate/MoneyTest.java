package dev.bactrian.routes.replicate;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.error.GenerateException;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.support.FreePort;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.apache.camel.spi.CamelEvent;
import org.apache.camel.spi.CamelEvent.ExchangeRedeliveryEvent;
import org.apache.camel.support.EventNotifierSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What costs money: where the predictions can't be listed, a create is never made twice, whoever tries again. Counted at the server. */
class MoneyTest extends RouteTestSupport {

    private static final String REQUEST = "{\"model\": \"gemma-2b\", \"prompt\": \"p\"}";

    private final AtomicInteger redeliveries = new AtomicInteger();

    /** A host whose error handler tries everything five times more, and has a say in what fails. */
    @Override
    protected void configure(Main main) {
        main.bind("redeliveriesCounted", new EventNotifierSupport() {
            @Override
            public void notify(CamelEvent event) {
                if (event instanceof ExchangeRedeliveryEvent) {
                    redeliveries.incrementAndGet();
                }
            }
        });
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:stubborn")
                        .errorHandler(defaultErrorHandler().maximumRedeliveries(5).redeliveryDelay(10).logExhausted(false))
                        .to("direct:generate");
                from("direct:with-on-exception")
                        .errorHandler(defaultErrorHandler().maximumRedeliveries(5).redeliveryDelay(10).logExhausted(false))
                        .onException(GenerateException.class).maximumRedeliveries(5).redeliveryDelay(10).handled(true)
                        .setBody(simple("on-exception: ${exception.type}")).end()
                        .to("direct:generate");
                from("direct:with-try")
                        .errorHandler(defaultErrorHandler().maximumRedeliveries(5).redeliveryDelay(10))
                        .doTry().to("direct:generate")
                        .doCatch(GenerateException.class).setBody(simple("try: ${exception.type}")).end();
            }
        });
    }

    /** An answer to the create after which it may have been accepted, or has surely been refused. */
    private enum Answer {
        LOST(Reply.lost(), "provider-unavailable"),
        SILENT(created().after(Duration.ofSeconds(30)), "provider-unavailable"),
        CUT(created().cutAt(10), "provider-unavailable"),
        STALLED(created().cutAt(10).thenHang(), "provider-unavailable"),
        HTML(Reply.body(200, "text/html", "<html>".getBytes()), "provider-unavailable"),
        NO_ID(Reply.json(201, "{\"status\": \"starting\"}"), "provider-unavailable"),
        INTERNAL_ERROR(Reply.status(500), "provider-unavailable"),
        BAD_GATEWAY(Reply.status(502), "provider-unavailable"),
        UNAVAILABLE(Reply.status(503).header("Retry-After", "0"), "provider-unavailable"),
        UNAVAILABLE_FOR_A_SECOND(Reply.status(503).header("Retry-After", "1"), "provider-unavailable"),
        GATEWAY_TIMEOUT(Reply.status(504), "provider-unavailable"),
        REQUEST_TIMEOUT(Reply.status(408), "provider-rejected"),
        BAD_REQUEST(Reply.status(400), "provider-rejected"),
        CONFLICT(Reply.status(409), "provider-rejected"),
        INVALID(Reply.status(422), "provider-rejected"),
        REDIRECT(Reply.status(307).header("Location", "/v1/predictions"), "provider-rejected"),
        UNAUTHORISED(Reply.status(401), "authentication"),
        NO_CREDIT(Reply.status(402), "authentication");

        private final Reply reply;
        private final String type;

        Answer(Reply reply, String type) {
            this.reply = reply;
            this.type = type;
        }
    }

    @TestFactory
    Stream<DynamicTest> aCreateIsMadeOnce() throws Exception {
        start("bactrian.response-timeout", "500ms", "bactrian.stall-timeout", "500ms");
        return Arrays.stream(Answer.values()).map(answer -> dynamicTest(answer.name(), () -> {
            simulator.reset().always(Call.CREATE, answer.reply).always(Call.LIST, Reply.status(404));

            JsonNode error = generateFails(REQUEST).path("error");

            assertThat(error.path("type").asText()).isEqualTo(answer.type);
            assertThat(error.path("attempts").asInt()).isEqualTo(1);
            assertThat(error.path("retryable").asBoolean()).isFalse();
            assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
        }));
    }

    @TestFactory
    Stream<DynamicTest> aCreateIsMadeOnceWhateverTheHostTriesAgain() throws Exception {
        start("bactrian.response-timeout", "500ms", "bactrian.stall-timeout", "500ms");
        return Arrays.stream(Answer.values()).map(answer -> dynamicTest(answer.name(), () -> {
            simulator.reset().always(Call.CREATE, answer.reply).always(Call.LIST, Reply.status(404));

            assertThat(template().request("direct:stubborn", exchange -> exchange.getMessage().setBody(REQUEST)).getException())
                    .isInstanceOfSatisfying(GenerateException.class, e -> assertThat(e.getType()).isEqualTo(answer.type));
            assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
        }));
    }

    @Test
    void aCreateThatWasRefusedFor429IsMadeAgain() throws Exception {
        start();
        simulator.on(Call.CREATE, Reply.status(429).header("Retry-After", "0"), created()).on(Call.POLL, succeeded("\"a\""));

        assertThat(generate(REQUEST).path("text").asText()).isEqualTo("a");
        assertThat(simulator.count(Call.CREATE)).isEqualTo(2);
        assertThat(takeChunks()).isEqualTo("a");
    }

    @Test
    void aCreateThatIsAlwaysRefusedWith429Fails() throws Exception {
        start("bactrian.retry.max-attempts", "2");
        simulator.always(Call.CREATE, Reply.json(429, "{\"detail\": \"throttled\"}"));

        JsonNode error = generateFails(REQUEST).path("error");

        assertThat(error.path("type").asText()).isEqualTo("rate-limited");
        assertThat(error.path("retryable").asBoolean()).isTrue();
        assertThat(simulator.count(Call.CREATE)).isEqualTo(3);
    }

    @ParameterizedTest
    @CsvSource({"direct:generate", "direct:stubborn"})
    void aServiceThatComesUpLaterIsSentOneCreate(String endpoint) throws Exception {
        int port = FreePort.find();
        String url = "http://127.0.0.1:" + port + "/v1/predictions";
        start("bactrian.replicate.api-endpoint", url, "bactrian.replicate.poll-endpoint", url + "/{id}",
                "bactrian.retry.max-attempts", "100", "bactrian.retry.delay", "100ms");

        CompletableFuture<String> result = template().asyncRequestBody(endpoint, REQUEST, String.class);
        await().until(() -> redeliveries.get() > 1);
        try (Simulator later = Simulator.builder().port(port).pause(Duration.ZERO).start()) {
            later.on(Call.CREATE, created()).on(Call.POLL, succeeded("\"a\""));

            assertThat(result).succeedsWithin(SOON);
            assertThat(later.count(Call.CREATE)).isEqualTo(1);
        }
        assertThat(takeChunks()).isEqualTo("a");
    }

    @ParameterizedTest
    @CsvSource({"direct:with-on-exception, on-exception: provider-unavailable", "direct:with-try, try: provider-unavailable"})
    void theHostsOwnHandlingSeesTheException(String endpoint, String body) throws Exception {
        start();
        simulator.always(Call.CREATE, Reply.status(500)).always(Call.LIST, Reply.status(404));

        assertThat(template().requestBody(endpoint, REQUEST, String.class)).isEqualTo(body);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
    }
}
