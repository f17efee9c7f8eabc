package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.simulator.Call;
import dev.bactrian.text.ProviderJson;
import jakarta.jms.Message;
import org.apache.activemq.artemis.jms.client.ActiveMQConnectionFactory;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.component.jms.JmsComponent;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.Test;
import org.springframework.jms.core.JmsTemplate;

/** Who asks over a queue and waits for the answer. */
class QueueReplyIT extends QueueEndToEnd {

    private static final String REPLIES = "replies";

    private static JsonNode json(String text) {
        return ProviderJson.json(text).orElseThrow(() -> new AssertionError("not JSON: " + text));
    }

    @Test
    void aJmsTemplateThatSendsAndReceives() {
        run(queueService());
        try (ActiveMQConnectionFactory factory = new ActiveMQConnectionFactory(broker.url())) {
            JmsTemplate template = new JmsTemplate(factory);
            template.setReceiveTimeout(SOON.toMillis());

            Message chat = template.sendAndReceive(REQUESTS, session -> session.createTextMessage(chat("one")));
            Message picture = template.sendAndReceive(REQUESTS, session -> session.createTextMessage(picture("two")));
            Message bad = template.sendAndReceive(REQUESTS, session -> session.createTextMessage("{\"id\": \"three\"}"));

            assertThat(JmsClient.document(chat).path("id").asText()).isEqualTo("one");
            assertThat(headers(chat)).containsExactly("BactrianKind=text", "BactrianModel=solar-pro4", "BactrianProvider=upstage",
                    "BactrianRequestId=one", "BactrianStatus=succeeded");
            assertThat(JmsClient.document(picture).path("images")).hasSize(1);
            assertThat(JmsClient.document(bad).path("error").path("type").asText()).isEqualTo("invalid-request");
            assertThat(JmsClient.property(bad, "BactrianStatus")).isEqualTo("failed");
        }
        // The usual destinations have theirs too.
        assertThat(client.drain(RESULTS, 2, SOON)).hasSize(2);
        assertThat(client.drain(ERRORS, 1, SOON)).hasSize(1);
    }

    @Test
    void manyThatWaitEachGetTheirOwn() {
        run(queueService());
        try (ActiveMQConnectionFactory factory = new ActiveMQConnectionFactory(broker.url())) {
            JmsTemplate template = new JmsTemplate(factory);
            template.setReceiveTimeout(SOON.toMillis());
            Map<String, CompletableFuture<Message>> replies = new LinkedHashMap<>();
            IntStream.range(0, 12).mapToObj(i -> "r" + i).forEach(id -> replies.put(id, CompletableFuture.supplyAsync(
                    () -> template.sendAndReceive(REQUESTS, session -> session.createTextMessage(id.hashCode() % 2 == 0 ? chat(id) : picture(id))),
                    task -> new Thread(task).start())));

            replies.forEach((id, reply) -> assertThat(JmsClient.document(reply.join()).path("id").asText()).isEqualTo(id));
        }
    }

    @Test
    @SuppressWarnings("try") // close() of Camel's context may be interrupted
    void aCamelRouteThatAsksInOut() throws Exception {
        run(queueService());
        try (ActiveMQConnectionFactory factory = new ActiveMQConnectionFactory(broker.url()); CamelContext camel = new DefaultCamelContext()) {
            camel.addComponent("jms", JmsComponent.jmsComponent(factory));
            camel.start();
            ProducerTemplate template = camel.createProducerTemplate();
            String uri = "jms:queue:" + REQUESTS + "?requestTimeout=" + SOON.toMillis();

            Exchange chat = template.request(uri, exchange -> {
                exchange.getMessage().setBody("{\"prompt\": \"a camel\"}");
                exchange.getMessage().setHeader("Content-Type", "application/json");
                exchange.getMessage().setHeader("BactrianModel", "solar-mini");
            });
            Exchange picture = template.request(uri, exchange -> exchange.getMessage().setBody(picture("two")));
            Exchange bad = template.request(uri, exchange -> exchange.getMessage().setBody("{\"id\": \"three\", \"prompt\": 5}"));

            assertThat(chat.getException()).isNull();
            assertThat(json(chat.getMessage().getBody(String.class)).path("model").asText()).isEqualTo("solar-mini");
            assertThat(chat.getMessage().getHeader("BactrianStatus")).isEqualTo("succeeded");
            assertThat(picture.getMessage().getHeader("BactrianRequestId")).isEqualTo("two");
            assertThat(json(picture.getMessage().getBody(String.class)).path("images")).hasSize(1);
            assertThat(json(bad.getMessage().getBody(String.class)).at("/error/message").asText()).contains("prompt");
            assertThat(bad.getMessage().getHeader("BactrianRequestId")).isEqualTo("three");
        }
        assertThat(simulator.requests(Call.CHAT)).hasSize(1);
    }

    @Test
    void aReplyHasTheCorrelationIdOfTheRequestElseItsMessageId() {
        run(queueService());
        client.send(REQUESTS, Draft.text("a camel").correlationId("ticket 4711").replyTo(REPLIES));
        Message named = client.receive(REPLIES, SOON);
        assertThat(JmsClient.correlationId(named)).isEqualTo("ticket 4711");
        assertThat(JmsClient.document(named).path("id").asText()).isEqualTo(JmsClient.property(named, "BactrianRequestId"))
                .startsWith("ticket_4711-");

        String messageId = client.send(REQUESTS, Draft.text("a camel").replyTo(REPLIES));
        Message unnamed = client.receive(REPLIES, SOON);
        assertThat(JmsClient.correlationId(unnamed)).isEqualTo(messageId);
        assertThat(JmsClient.document(unnamed).path("id").asText()).startsWith(messageId.replace(':', '_'));
    }

    @Test
    void whoDoesNotWaitAnyLongerHoldsNothingUp() {
        run(queueService().set(Property.JMS_CONCURRENCY, "2").set(Property.JMS_DELIVERY_ATTEMPTS, "3"));
        try (ActiveMQConnectionFactory factory = new ActiveMQConnectionFactory(broker.url())) {
            JmsTemplate impatient = new JmsTemplate(factory);
            impatient.setReceiveTimeout(1);
            List<String> gone = List.of("a", "b", "c", "d");
            gone.forEach(id -> assertThat(impatient.sendAndReceive(REQUESTS, session -> session.createTextMessage(picture(id)))).isNull());
        }
        client.send(REQUESTS, Draft.text(chat("next")).replyTo(REPLIES));

        assertThat(JmsClient.document(client.receive(REPLIES, SOON)).path("id").asText()).isEqualTo("next");
        assertThat(client.drain(RESULTS, 5, SOON)).hasSize(5);
    }
}
