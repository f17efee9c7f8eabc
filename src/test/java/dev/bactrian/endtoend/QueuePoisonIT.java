package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import jakarta.jms.Message;
import org.junit.jupiter.api.Test;

/** What is no request is answered with its error, what can't be handled is put aside, and the queue goes on. */
class QueuePoisonIT extends QueueEndToEnd {

    private static final int TWENTY_MB = 20 * 1024 * 1024;

    /** Messages that are no requests, and what the error says is wrong. */
    enum Bad {
        EMPTY_TEXT(Draft.text(""), "empty"),
        BLANK_TEXT(Draft.text(" \n\t"), "empty"),
        NULL_TEXT(Draft.text(null), ""),
        NO_BYTES(Draft.bytes(new byte[0]), "empty"),
        NOTHING(Draft.empty(), ""),
        OBJECT(Draft.object("a camel"), ""),
        OBJECT_OF_AN_UNKNOWN_CLASS(Draft.object(new Unknown("a camel")), ""),
        MAP(Draft.map(Map.of("prompt", "a camel")), ""),
        STREAM(Draft.stream("a camel"), ""),
        LARGE_TEXT(Draft.text("x".repeat(TWENTY_MB)), "max-request-bytes"),
        LARGE_BYTES(Draft.bytes("x".repeat(TWENTY_MB).getBytes(StandardCharsets.US_ASCII)), "max-request-bytes"),
        LATIN_1(Draft.bytes(new byte[] {'c', 'a', 'f', (byte) 0xE9}), "UTF-8"),
        LATIN_1_IN_JSON(Draft.bytes("{\"prompt\": \"café\"}".getBytes(StandardCharsets.ISO_8859_1)), "UTF-8"),
        HALF(Draft.text("{\"prompt\": \"a"), "JSON"),
        TRAILING(Draft.text("{\"prompt\": \"a\"} {}"), "JSON"),
        DUPLICATE_KEY(Draft.text("{\"prompt\": \"a\", \"prompt\": \"b\"}"), "prompt"),
        TEXT_AS_JSON(Draft.text("a camel").json(), "JSON"),
        LIST_AS_JSON(Draft.text("[1]").json(), "object"),
        NULL_AS_JSON(Draft.text("null").json(), "object"),
        NO_PROMPT(Draft.text("{}"), "prompt"),
        BLANK_PROMPT(Draft.text("{\"prompt\": \" \"}"), "prompt"),
        PROMPT_IS_A_NUMBER(Draft.text("{\"prompt\": 5}"), "prompt"),
        NO_MESSAGES(Draft.text("{\"messages\": []}"), "messages"),
        UNKNOWN_ROLE(Draft.text("{\"messages\": [{\"role\": \"bot\", \"content\": \"a\"}]}"), "messages[0].role"),
        NO_CONTENT(Draft.text("{\"messages\": [{\"role\": \"user\"}]}"), "messages[0].content"),
        BAD_ID(Draft.text("{\"id\": \"../a\", \"prompt\": \"a\"}"), "id"),
        LONG_ID(Draft.text("{\"id\": \"" + "x".repeat(129) + "\", \"prompt\": \"a\"}"), "id"),
        ID_IS_A_NUMBER(Draft.text("{\"id\": 5, \"prompt\": \"a\"}"), "id"),
        MODEL_IS_A_LIST(Draft.text("{\"model\": [], \"prompt\": \"a\"}"), "model"),
        UNKNOWN_PROVIDER(Draft.text("{\"provider\": \"openai\", \"prompt\": \"a\"}"), "provider"),
        UNKNOWN_KIND(Draft.text("{\"kind\": \"video\", \"prompt\": \"a\"}"), "kind"),
        STREAM_IS_TEXT(Draft.text("{\"stream\": \"yes\", \"prompt\": \"a\"}"), "stream"),
        UNKNOWN_PROVIDER_IN_A_PROPERTY(Draft.text("a camel").property("BactrianProvider", "openai"), "provider"),
        UNKNOWN_MODEL(Draft.text("{\"model\": \"no-such\", \"prompt\": \"a\"}"), "no-such"),
        UNKNOWN_MODEL_IN_A_PROPERTY(Draft.text("a camel").property("BactrianModel", "no-such"), "no-such");

        final Draft draft;
        final String named;

        Bad(Draft draft, String named) {
            this.draft = draft;
            this.named = named;
        }

        String id() {
            return "bad-" + name();
        }

        String type() {
            return named.equals("no-such") ? "unsupported-model" : "invalid-request";
        }
    }

    /** The service does not have this class. */
    private record Unknown(String text) implements Serializable {
    }

    @Test
    void everyBadInputIsAnsweredWithItsErrorAndTheQueueGoesOn() {
        ServiceProcess service = run(queueService().set(Property.JMS_CONCURRENCY, "2"));
        for (Bad bad : Bad.values()) {
            client.send(REQUESTS, bad.draft.correlationId(bad.id()));
        }
        client.send(REQUESTS, chat("good"));

        assertThat(JmsClient.document(client.receive(RESULTS, SOON)).path("id").asText()).isEqualTo("good");
        await().atMost(SOON).until(() -> client.depth(ERRORS) + client.depth(DEAD) >= Bad.values().length && underWay() == 0);
        assertThat(client.drain(DEAD)).as("%s", service).isEmpty();
        Map<String, Message> errors = client.drain(ERRORS).stream()
                .collect(Collectors.toMap(message -> JmsClient.property(message, "BactrianRequestId").toString(), message -> message));
        assertThat(errors.keySet()).containsExactlyInAnyOrderElementsOf(Arrays.stream(Bad.values()).map(Bad::id).toList());
        for (Bad bad : Bad.values()) {
            Message error = errors.get(bad.id());
            JsonNode document = JmsClient.document(error);
            assertThat(document.path("id").asText()).isEqualTo(bad.id());
            assertThat(document.path("status").asText()).isEqualTo("failed");
            assertThat(document.at("/error/type").asText()).as("%s", document).isEqualTo(bad.type());
            assertThat(document.at("/error/message").asText()).contains(bad.named).hasLineCount(1);
            assertThat(document.at("/error/attempts").asInt()).isZero();
            assertThat(JmsClient.property(error, "BactrianStatus")).isEqualTo("failed");
        }
        assertThat(simulator.requests()).hasSize(1);
        assertThat(service.out()).noneMatch(line -> line.startsWith("\tat ")).noneMatch(line -> line.contains(" ERROR "));
        assertThat(service.err()).isEmpty();
    }

    @Test
    void whatIsNotOursOnOurOwnQueuesIsPutAsideWithTheReason() {
        ServiceProcess service = run(queueService());
        List<Draft> junk = List.of(Draft.text("junk"), Draft.text("{}"), Draft.text("{\"id\": 5}"), Draft.text(null), Draft.bytes(new byte[] {0, 1, (byte) 0xFF}),
                Draft.empty(), Draft.object("junk"), Draft.map(Map.of("id", "junk")));
        client.sendAll(POLLS, junk);
        client.sendAll(DELIVERIES, junk);
        client.sendAll(REQUESTS, List.of(Draft.text(picture("picture")), Draft.text(chat("chat"))));

        assertThat(client.drain(RESULTS, 2, SOON)).hasSize(2);
        List<Message> dead = client.drain(DEAD, 2 * junk.size(), SOON);
        assertThat(dead).hasSize(2 * junk.size());
        assertThat(dead).allMatch(message -> JmsClient.property(message, "BactrianReason") instanceof String reason && !reason.isBlank());
        assertThat(underWay()).isZero();
        assertThat(client.drain(ERRORS)).isEmpty();
        assertThat(service.out()).noneMatch(line -> line.startsWith("\tat "));
        assertThat(service.err()).isEmpty();
    }

    @Test
    void aRequestThatBringsEveryInstanceDownIsPutAsideAfterAFewTries() {
        simulator.always(Call.CHAT, Reply.stream("a", "b", "c").cutAt(300).thenHang());
        client.send(REQUESTS, chat("deadly"));
        int tries = 0;
        while (client.depth(DEAD) == 0 && tries < 10) {
            int calls = simulator.count(Call.CHAT);
            ServiceProcess service = run(queueService().set(Property.STALL_TIMEOUT, "2m"));
            await().atMost(SOON).until(() -> simulator.count(Call.CHAT) > calls || client.depth(DEAD) > 0);
            tries += simulator.count(Call.CHAT) - calls;
            service.kill();
        }

        assertThat(tries).isEqualTo(5);
        Message dead = client.receive(DEAD, SOON);
        assertThat(JmsClient.body(dead)).isEqualTo(chat("deadly"));
        assertThat(JmsClient.property(dead, "BactrianReason").toString()).isNotBlank();
        simulator.reset();
        run(queueService());
        client.send(REQUESTS, chat("good"));
        assertThat(JmsClient.document(client.receive(RESULTS, SOON)).path("id").asText()).isEqualTo("good");
        assertThat(client.drain(ERRORS, 1, SOON)).singleElement()
                .satisfies(error -> assertThat(JmsClient.document(error).path("id").asText()).isEqualTo("deadly"));
        assertThat(underWay()).isZero();
    }
}
