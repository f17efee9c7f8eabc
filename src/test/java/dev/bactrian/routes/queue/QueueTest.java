package dev.bactrian.routes.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.routes.support.ReplicateReplies;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.support.CapturedLog;
import dev.bactrian.support.FreePort;
import dev.bactrian.text.ProviderJson;
import jakarta.jms.Connection;
import jakarta.jms.ConnectionFactory;
import jakarta.jms.JMSContext;
import jakarta.jms.JMSException;
import jakarta.jms.Message;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import org.apache.activemq.artemis.jms.client.ActiveMQConnectionFactory;
import org.apache.camel.Exchange;
import org.apache.camel.component.jms.JmsComponent;
import org.apache.camel.main.Main;
import org.apache.camel.support.processor.state.MemoryStateRepository;
import org.junit.jupiter.api.Test;
import org.messaginghub.pooled.jms.JmsPoolConnectionFactory;

/** Requests from a queue, with the broker inside the process. */
class QueueTest extends RouteTestSupport {

    private void startQueue(String... properties) throws Exception {
        start(List.of(Property.JMS_ENABLED.key(), "true"), properties);
    }

    private void send(String body, Map<String, Object> headers) {
        template().sendBodyAndHeaders("jms:queue:bactrian.requests", body, headers);
    }

    private Emitted takeResult() {
        await("a result").until(() -> !captured.results.isEmpty());
        return captured.results.remove();
    }

    @Test
    void aChatIsAnsweredWithItsChunks() throws Exception {
        startQueue();

        send("Hello camel", Map.of("JMSCorrelationID", "greeting"));

        Emitted result = takeResult();
        assertThat(result.json().path("id").asText()).isEqualTo("greeting");
        assertThat(result.json().path("text").asText()).isEqualTo(takeChunks().replace("|", ""));
        assertThat(result.headers().keySet()).containsExactlyInAnyOrder(
                "BactrianRequestId", "BactrianProvider", "BactrianModel", "BactrianKind", "BactrianStatus");
    }

    @Test
    void aPredictionIsWaitedForByTheBroker() throws Exception {
        startQueue();

        send("{\"id\": \"cat\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}", Map.of());

        JsonNode result = takeResult().json();
        assertThat(result.path("id").asText()).isEqualTo("cat");
        assertThat(result.path("prompt").asText()).isEqualTo("a cat");
        assertThat(result.path("images").path(0).path("url").asText()).startsWith("http");
        assertThat(result.path("prediction").path("polls").asInt()).isPositive();
        assertThat(simulator.count(Call.CREATE)).isOne();
    }

    @Test
    void aPredictionIsPolledWithTheKeyThatCreatedIt() throws Exception {
        startQueue(Property.REPLICATE_API_TOKEN.key(), "token-0123456789-a,token-0123456789-b", Property.REPLICATE_STREAM.key(), "off");
        simulator.on(Call.CREATE, ReplicateReplies.created("p0"), ReplicateReplies.created("p1"))
                .on(Call.POLL, ReplicateReplies.poll("processing"), ReplicateReplies.succeeded("\"a\""),
                        ReplicateReplies.poll("processing"), ReplicateReplies.succeeded("\"a\""));

        for (String id : List.of("one", "two")) {
            send("{\"id\": \"" + id + "\", \"model\": \"gemma-2b\", \"prompt\": \"x\"}", Map.of());
            assertThat(takeResult().json().path("id").asText()).isEqualTo(id);
        }

        assertThat(simulator.requests(Call.POLL)).extracting(request -> request.path() + " " + request.header("Authorization")).containsExactly(
                "/v1/predictions/p0 Bearer token-0123456789-a", "/v1/predictions/p0 Bearer token-0123456789-a",
                "/v1/predictions/p1 Bearer token-0123456789-b", "/v1/predictions/p1 Bearer token-0123456789-b");
        takeChunks();
    }

    @Test
    void aFailureIsEmittedAsItsDocument() throws Exception {
        startQueue();

        send("{\"id\": \"bad\", \"model\": \"no-such-model\", \"prompt\": \"x\"}", Map.of());

        await().until(() -> !captured.errors.isEmpty());
        JsonNode error = captured.errors.remove().json();
        assertThat(error.path("id").asText()).isEqualTo("bad");
        assertThat(error.path("error").path("type").asText()).isEqualTo("unsupported-model");
    }

    @Test
    void whoeverAsksAndWaitsIsAnswered() throws Exception {
        startQueue();

        String reply = template().requestBody("jms:queue:bactrian.requests?requestTimeout=20000",
                "{\"id\": \"asked\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}", String.class);

        assertThat(ProviderJson.json(reply).orElseThrow().path("status").asText()).isEqualTo("succeeded");
        assertThat(takeResult().json().path("id").asText()).isEqualTo("asked");
    }

    @Test
    void aPredictionInTheQueueCountsTowardsTheBudget() throws Exception {
        Path models = Files.writeString(folder.resolve("models.yaml"), "extends: classpath:bactrian/models.yaml\nproviders:\n  replicate:\n"
                + "    models: [{id: stability-ai/stable-diffusion-3, kind: image, version: v, aliases: [sd-3], price: {per-output: 2}}]\n");
        startQueue(Property.MODELS.key(), "file:" + models, Property.BUDGET_DAY.key(), "3 USD");
        simulator.on(Call.CREATE, ReplicateReplies.created()).always(Call.POLL, ReplicateReplies.poll("processing"));
        send("{\"id\": \"cat\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}", Map.of());
        await().until(() -> simulator.count(Call.POLL) > 2);

        send("{\"id\": \"dog\", \"model\": \"sd-3\", \"prompt\": \"a dog\"}", Map.of());

        await().until(() -> !captured.errors.isEmpty());
        assertThat(captured.errors.remove().json().path("error").path("message").asText())
                .isEqualTo("bactrian.budget.day: 0 % spent (0 of 3 USD), about 2 USD more in work");
        simulator.always(Call.POLL, ReplicateReplies.succeeded("[\"https://a/1.png\"]"));
        assertThat(takeResult().json().path("cost").path("amount").asInt()).isEqualTo(2);
        send("{\"id\": \"dog\", \"model\": \"sd-3\", \"prompt\": \"a dog\"}", Map.of());
        await().until(() -> !captured.errors.isEmpty());
        assertThat(captured.errors.remove().json().path("error").path("message").asText())
                .isEqualTo("bactrian.budget.day: 66 % spent (2 of 3 USD)");
        assertThat(simulator.count(Call.CREATE)).isOne();
    }

    /** A destination that fails until it is told not to. */
    public static final class Shaky {
        final AtomicInteger calls = new AtomicInteger();
        volatile int failures;

        public void take(Exchange exchange) {
            if (calls.incrementAndGet() <= failures) {
                throw new IllegalStateException("the destination is down");
            }
        }
    }

    private final Shaky shaky = new Shaky();

    @Override
    protected void configure(Main main) {
        main.bind("shaky", shaky);
        main.bind("worn", new Worn());
        main.bind("away", new Away());
        main.bind("forgetful", forgetful);
    }

    /** The next message of a queue, which is gone from there; null where none comes. */
    private Message take(String queue) throws JMSException {
        try (Connection connection = context().getComponent("jms", JmsComponent.class).getConfiguration().getConnectionFactory().createConnection()) {
            connection.start();
            Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
            return session.createConsumer(session.createQueue(queue)).receive(10_000);
        }
    }

    @Test
    void aDestinationThatFailsIsTriedAgainAndTheOthersAreNot() throws Exception {
        shaky.failures = 2;
        startQueue(Property.EMIT_RESULT.key(), "bean:shaky?method=take | bean:captured?method=result");

        send("{\"id\": \"cat\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}", Map.of());

        await().untilAtomic(shaky.calls, org.hamcrest.Matchers.is(3));
        assertThat(takeResult().json().path("id").asText()).isEqualTo("cat");
        assertThat(simulator.count(Call.CREATE)).isOne();
    }

    @Test
    void anUndeliveredResultIsADeadLetterThatCanBeSentAgain() throws Exception {
        shaky.failures = 3;
        startQueue(Property.EMIT_RESULT.key(), "bean:shaky?method=take", Property.JMS_DELIVERY_ATTEMPTS.key(), "3");

        send("{\"id\": \"cat\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}", Map.of());

        TextMessage dead = (TextMessage) take("bactrian.dead");
        assertThat(dead.getStringProperty("BactrianReason")).contains("3 tries", "bean:shaky", "the destination is down");
        assertThat(dead.getStringProperty("BactrianQueue")).isEqualTo("bactrian.deliveries");
        assertThat(ProviderJson.json(dead.getText()).orElseThrow().path("images").path(0).path("url").asText()).startsWith("http");

        Map<String, Object> properties = new java.util.HashMap<>();
        for (Object name : java.util.Collections.list((java.util.Enumeration<?>) dead.getPropertyNames())) {
            if (name.toString().startsWith("Bactrian")) {
                properties.put(name.toString(), dead.getStringProperty(name.toString()));
            }
        }
        template().sendBodyAndHeaders("jms:queue:bactrian.deliveries", dead.getText(), properties);
        await().untilAtomic(shaky.calls, org.hamcrest.Matchers.is(4));
    }

    @Test
    void whatIsNoneOfOursIsADeadLetter() throws Exception {
        startQueue();

        template().sendBody("jms:queue:bactrian.polls", "{\"prediction\": \"../../x\"}");
        template().sendBodyAndHeader("jms:queue:bactrian.deliveries", "{}", "BactrianDelivery", "0123456789abcdef01234567-0");

        List<String> reasons = new ArrayList<>();
        reasons.add(take("bactrian.dead").getStringProperty("BactrianReason"));
        reasons.add(take("bactrian.dead").getStringProperty("BactrianReason"));
        assertThat(reasons).containsExactlyInAnyOrder("not a prediction under way", "its destination is not configured any more");
    }

    /** A ledger of a host that has seen each message begun five times. */
    public static final class Worn extends MemoryStateRepository {
        @Override
        public String getState(String key) {
            return key.startsWith("again") ? "4" : super.getState(key);
        }
    }

    @Test
    void aRequestThatIsBegunTooOftenIsADeadLetter() throws Exception {
        startQueue(Property.LEDGER.key(), "worn");

        sendAndGiveBack("{\"id\": \"poison\", \"prompt\": \"a cat\"}", Map.of("BactrianProvider", "replicate"));

        TextMessage dead = (TextMessage) take("bactrian.dead");
        assertThat(dead.getText()).contains("poison");
        assertThat(dead.getStringProperty("BactrianProvider")).isEqualTo("replicate");
        assertThat(dead.getStringProperty("BactrianReason")).isEqualTo("begun 5 times without an end");
        assertThat(dead.getStringProperty("BactrianQueue")).isEqualTo("bactrian.requests");
        await().until(() -> !captured.errors.isEmpty());
        assertThat(captured.errors.remove().json().path("id").asText()).isEqualTo("poison");
        assertThat(simulator.requests()).isEmpty();
    }

    @Test
    void oneThatNamesOtherModelsIsADeadLetterToo() throws Exception {
        startQueue(Property.LEDGER.key(), "worn");

        sendAndGiveBack("{\"id\": \"poison\", \"prompt\": \"a cat\", \"fallback\": [\"solar-mini4\"]}", Map.of());

        assertThat(take("bactrian.dead").getStringProperty("BactrianReason")).isEqualTo("begun 5 times without an end");
        await().until(() -> !captured.errors.isEmpty());
        assertThat(captured.errors.remove().json().path("id").asText()).isEqualTo("poison");
        assertThat(simulator.requests()).isEmpty();
    }

    @Test
    void aPredictionPolledTooOftenIsADeadLetterAndCancelled() throws Exception {
        startQueue(Property.LEDGER.key(), "worn", Property.REPLICATE_POLL_DELAY.key(), "1s");
        simulator.always(Call.POLL, ReplicateReplies.poll("processing"));
        send("{\"id\": \"cat\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}", Map.of());
        await().until(() -> simulator.count(Call.POLL) == 1);

        context().getRouteController().stopRoute("bactrian-from-polls");
        giveBack("bactrian.polls");
        context().getRouteController().startRoute("bactrian-from-polls");

        assertThat(take("bactrian.dead").getStringProperty("BactrianReason")).isEqualTo("begun 5 times without an end");
        await().until(() -> !captured.errors.isEmpty());
        JsonNode error = captured.errors.remove().json();
        assertThat(error.path("error").path("message").asText()).isEqualTo("abandoned: begun 5 times without an end");
        assertThat(error.path("prediction").path("id").asText()).isNotEmpty();
        await("it does not run on at our cost").until(() -> simulator.count(Call.CANCEL) == 1);
        assertThat(simulator.count(Call.POLL)).isOne();
    }

    /** Sends a request whose first delivery ends in a rollback. */
    private void sendAndGiveBack(String body, Map<String, Object> headers) throws Exception {
        context().getRouteController().stopRoute("bactrian-from-jms");
        send(body, headers);
        giveBack("bactrian.requests");
        context().getRouteController().startRoute("bactrian-from-jms");
    }

    @Test
    void theChunksOfARequestThatIsDeliveredAgainSaySo() throws Exception {
        startQueue();
        sendAndGiveBack("again", Map.of("JMSCorrelationID", "again"));

        takeResult();
        assertThat(captured.chunks).isNotEmpty().allSatisfy(chunk -> assertThat(chunk.headers()).containsEntry("BactrianAttempt", 2));
        captured.chunks.clear();
    }

    @Test
    void aChunkIsThereBeforeTheStreamHasEnded() throws Exception {
        CountDownLatch chunkIsThere = new CountDownLatch(1);
        simulator.on(Call.CHAT, Reply.stream("one", "two", "three").chunkListener(index -> {
            if (index == 2) {
                await().until(() -> chunkIsThere.getCount() == 0);
            }
        }));
        startQueue(Property.EMIT_CHUNK.key(), "jms:queue:chunks");

        send("Hello", Map.of());

        TextMessage chunk = (TextMessage) take("chunks");
        assertThat(chunk.getText()).isEqualTo("one");
        assertThat(captured.results).isEmpty();
        chunkIsThere.countDown();
        takeResult();
    }

    @Test
    void aChunkOfACallerWhoWaitsIsNoQuestion() throws Exception {
        startQueue(Property.EMIT_CHUNK.key(), "jms:queue:chunks");

        assertThat(generate("Hello").path("status").asText()).isEqualTo("succeeded");

        assertThat(take("chunks").getJMSReplyTo()).isNull();
    }

    @Test
    void anAnswerIsNotSentToAQueueWhereItWouldBeARequest() throws Exception {
        startQueue();

        template().sendBodyAndHeader("jms:queue:bactrian.requests?preserveMessageQos=true&replyTo=bactrian.requests",
                "{\"id\": \"loop\", \"prompt\": \"a cat\"}", "JMSReplyTo", "bactrian.requests");

        await().until(() -> !captured.errors.isEmpty());
        assertThat(captured.errors.remove().json().path("error").path("message").asText()).startsWith("JMSReplyTo");
        assertThat(simulator.requests()).isEmpty();
    }

    @Test
    void noMoreThanMaxInFlightAreUnderWay() throws Exception {
        AtomicInteger open = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        startQueue(Property.MAX_IN_FLIGHT.key(), "3", Property.EMIT_CHUNK.key(), "", Property.REPLICATE_POLL_DELAY.key(), "100ms");

        for (int i = 0; i < 12; i++) {
            send("{\"id\": \"p" + i + "\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}", Map.of());
        }

        await().pollInterval(Duration.ofMillis(5)).until(() -> {
            open.set(simulator.count(Call.CREATE) - captured.results.size());
            most.accumulateAndGet(open.get(), Math::max);
            return captured.results.size() == 12;
        });
        // A result is counted a moment after its prediction has ended and made room for another.
        assertThat(most.get()).isBetween(2, 6);
        captured.results.clear();
    }

    @Test
    void aRequestSentTwiceIsMadeOnceAndTheSecondIsAnswered() throws Exception {
        startQueue(Property.JMS_REMEMBER.key(), "1h");
        String request = "{\"id\": \"cat\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}";

        send(request, Map.of());
        send(request, Map.of());
        takeResult();
        String reply = template().requestBody("jms:queue:bactrian.requests?requestTimeout=20000", request, String.class);

        assertThat(ProviderJson.json(reply).orElseThrow().path("error").path("message").asText()).isEqualTo("id: a request with the id cat was sent before");
        assertThat(simulator.count(Call.CREATE)).isOne();
    }

    @Test
    void aConnectionFactoryThatIsNoneStopsTheStart() {
        assertThatThrownBy(() -> startQueue(Property.JMS_CONNECTION_FACTORY.key(), "nobody"))
                .rootCause().hasMessage("bactrian.jms.connection-factory: no ConnectionFactory bean is named 'nobody'");
    }

    @Test
    void aUrlThatIsNoneStopsTheStartAndShowsNoPassword() {
        assertThatThrownBy(() -> startQueue(Property.JMS_URL.key(), "nonsense?password=secret"))
                .hasStackTraceContaining("bactrian.jms.url: is not a URL of the Artemis client")
                .satisfies(e -> assertThat(org.assertj.core.util.Throwables.getStackTrace(e)).doesNotContain("secret"));
    }

    /** A ledger of a host that is away at first. */
    public static final class Away extends MemoryStateRepository {
        final AtomicInteger calls = new AtomicInteger();

        @Override
        public String getState(String key) {
            if (calls.incrementAndGet() <= 3) {
                throw new IllegalStateException("the database is away");
            }
            return super.getState(key);
        }
    }

    @Test
    void requestsWaitWhileTheLedgerIsAway() throws Exception {
        startQueue(Property.LEDGER.key(), "away");

        send("{\"id\": \"cat\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}", Map.of());

        assertThat(takeResult().json().path("id").asText()).isEqualTo("cat");
        assertThat(simulator.count(Call.CREATE)).isOne();
    }

    /** A repository that does not take anything away until it is told to, and then fails a few times first. */
    private static final class Unforgetting extends MemoryStateRepository {
        final Map<String, String> kept = new ConcurrentHashMap<>();
        final CountDownLatch answers = new CountDownLatch(1);
        final AtomicInteger failures = new AtomicInteger(2);

        @Override
        public void setState(String key, String value) {
            if (value == null) {
                try {
                    answers.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                if (failures.getAndDecrement() > 0) {
                    throw new IllegalStateException("the database is away");
                }
                kept.remove(key);
            } else {
                kept.put(key, value);
            }
        }

        @Override
        public String getState(String key) {
            return kept.get(key);
        }
    }

    private final Unforgetting forgetful = new Unforgetting();

    @Test
    void noOutcomeWaitsForTheLedgerToForget() throws Exception {
        int all = 20;
        CapturedLog log = new CapturedLog();
        try {
            startQueue(Property.LEDGER.key(), "forgetful");
            for (int i = 0; i < all; i++) {
                send("{\"id\": \"cat-" + i + "\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}", Map.of());
            }
            await("all results").until(() -> captured.results.size() == all);
            captured.results.clear();
            assertThat(forgetful.kept).hasSize(all);

            forgetful.answers.countDown();
            await("all forgotten").until(forgetful.kept::isEmpty);
        } finally {
            forgetful.answers.countDown();
            log.close();
            System.err.print(log);
        }
        assertThat(log.lines("forgotten")).singleElement().asString()
                .contains("WARN", "cannot be forgotten: the database is away");
        assertThat(simulator.count(Call.CREATE)).isEqualTo(all);
    }

    @Test
    void aRequestThatFailedMayBeSentAgainUnderItsId() throws Exception {
        startQueue(Property.JMS_REMEMBER.key(), "1h");
        simulator.on(Call.CREATE, Reply.status(500)).on(Call.LIST, Reply.status(404));
        String request = "{\"id\": \"cat\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}";

        send(request, Map.of());
        await().until(() -> !captured.errors.isEmpty());
        captured.errors.clear();
        send(request, Map.of());

        assertThat(takeResult().json().path("status").asText()).isEqualTo("succeeded");
    }

    @Test
    void otherProcessesReachTheBrokerByItsAcceptor() throws Exception {
        int port = FreePort.find();
        startQueue(Property.JMS_ACCEPTOR.key(), "tcp://127.0.0.1:" + port);

        try (ActiveMQConnectionFactory factory = new ActiveMQConnectionFactory("tcp://127.0.0.1:" + port); JMSContext client = factory.createContext()) {
            client.createProducer().send(client.createQueue("bactrian.requests"), "{\"id\": \"cat\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}");
        }

        assertThat(takeResult().json().path("id").asText()).isEqualTo("cat");
    }

    @Test
    void whatTheBrokerRefusesIsADeadLetterInTheEnd() throws Exception {
        // There is a queue of that name, so it can't be a topic.
        startQueue(Property.EMIT_RESULT.key(), "jms:topic:bactrian.requests");

        send("{\"id\": \"cat\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}", Map.of());

        AtomicReference<Message> dead = new AtomicReference<>();
        await().atMost(Duration.ofSeconds(40)).until(() -> {
            dead.set(take("bactrian.dead"));
            return dead.get() != null;
        });
        assertThat(dead.get().getStringProperty("BactrianReason")).isEqualTo("begun 5 times without an end");
        assertThat(((TextMessage) dead.get()).getText()).contains("\"status\":\"succeeded\"");
    }

    @Test
    void whatIsNoDocumentIsADeadLetterToo() throws Exception {
        startQueue(Property.EMIT_FORMAT.key(), "content");

        template().sendBodyAndHeader("jms:queue:bactrian.deliveries", "junk", "BactrianDelivery", "0123456789abcdef01234567-0");

        assertThat(take("bactrian.dead").getStringProperty("BactrianReason")).isEqualTo("not a document");
    }

    @Test
    void theAnswerToSomebodyWhoHasGoneIsADeadLetter() throws Exception {
        simulator.on(Call.CREATE, Reply.normally().after(Duration.ofSeconds(1)));
        startQueue();
        try (JMSContext client = client()) {
            client.createProducer().setJMSReplyTo(client.createTemporaryQueue())
                    .send(client.createQueue("bactrian.requests"), "{\"id\": \"cat\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}");
            await().until(() -> simulator.concurrent(Call.CREATE) == 1);
        }

        Message dead = take("bactrian.dead");
        assertThat(dead.getStringProperty("BactrianReason")).isEqualTo("whoever asked is gone");
        takeResult();
    }

    @Test
    void aMessageWithoutAnIdIsDeliveredAgainToo() throws Exception {
        startQueue();
        context().getRouteController().stopRoute("bactrian-from-jms");
        try (JMSContext client = client()) {
            client.createProducer().setDisableMessageID(true)
                    .send(client.createQueue("bactrian.requests"), "{\"model\": \"sd-3\", \"prompt\": \"a cat\"}");
        }
        giveBack("bactrian.requests");
        context().getRouteController().startRoute("bactrian-from-jms");

        assertThat(takeResult().json().path("images")).isNotEmpty();
    }

    /** Another client of the broker, with a connection of its own. */
    private JMSContext client() {
        JmsPoolConnectionFactory pool = (JmsPoolConnectionFactory) context().getComponent("jms", JmsComponent.class)
                .getConfiguration().getConnectionFactory();
        return ((ConnectionFactory) pool.getConnectionFactory()).createContext();
    }

    private void giveBack(String queue) throws JMSException {
        try (Connection connection = context().getComponent("jms", JmsComponent.class).getConfiguration().getConnectionFactory().createConnection()) {
            connection.start();
            Session session = connection.createSession(true, Session.SESSION_TRANSACTED);
            assertThat(session.createConsumer(session.createQueue(queue)).receive(20_000)).isNotNull();
            session.rollback();
        }
    }
}
