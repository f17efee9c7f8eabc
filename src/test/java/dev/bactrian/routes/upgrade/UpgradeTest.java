package dev.bactrian.routes.upgrade;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.poll;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Reply;
import dev.bactrian.text.ProviderJson;
import jakarta.jms.JMSException;
import jakarta.jms.Message;
import jakarta.jms.MessageConsumer;
import jakarta.jms.Queue;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import org.apache.camel.Exchange;
import org.apache.camel.component.jms.JmsComponent;
import org.junit.jupiter.api.Test;

/**
 * What an earlier version has begun, this one finishes, and pays for nothing again; what this one writes, the earlier one can
 * read. {@code src/test/resources/upgrade/} holds what that version (cf6c142) left behind when it was killed.
 */
class UpgradeTest extends RouteTestSupport {

    private static final Path RECORDED = Path.of("src/test/resources/upgrade");
    /** When the files in {@code requests} were written: it is part of what the ledger knows a request by. */
    private static final FileTime WRITTEN = FileTime.from(Instant.parse("2026-01-02T03:04:05.678Z"));
    /** The prediction of each request in {@code requests}. */
    private static final Map<String, String> PREDICTIONS = Map.of("picture", "file-1", "text", "file-2",
            "two_words-28e945447ecdde4be8d70dd3", "file-3", "conversation", "file-4");
    /** An output that a text has, and an image. */
    private static final Reply SUCCEEDED = succeeded("[\"https://replicate.delivery/a/camel.png\"]");
    private static final String REPLIES = "replies";

    /** A destination that takes nothing until it may; then it fails. */
    public static final class Held {
        private final AtomicInteger asked = new AtomicInteger();
        private final CountDownLatch may = new CountDownLatch(1);

        public void result(Exchange exchange) throws InterruptedException {
            asked.incrementAndGet();
            may.await();
            throw new IllegalStateException("the destination is down");
        }

        public void error(Exchange exchange) throws InterruptedException {
            result(exchange);
        }
    }

    /** Where it is set, results and errors go there, under the name that they have in the recorded messages. */
    private Held held;

    @Override
    protected Object destination() {
        return held == null ? super.destination() : held;
    }

    private static void copy(String recorded, Path to) throws IOException {
        Files.createDirectories(to);
        try (Stream<Path> files = Files.list(RECORDED.resolve(recorded))) {
            for (Path file : files.toList()) {
                Files.setLastModifiedTime(Files.copy(file, to.resolve(file.getFileName())), WRITTEN);
            }
        }
    }

    private static JsonNode json(String text) {
        return ProviderJson.json(text).orElseThrow(() -> new AssertionError("not JSON: " + text));
    }

    private List<Emitted> takeResults(int count) {
        await(count + " results").until(() -> captured.results.size() >= count);
        List<Emitted> results = List.copyOf(captured.results);
        captured.results.clear();
        assertThat(results).hasSize(count);
        return results;
    }

    private static Map<String, String> predictions(List<JsonNode> results) {
        Map<String, String> predictions = new LinkedHashMap<>();
        for (JsonNode result : results) {
            assertThat(result.path("status").asText()).as("%s", result).isEqualTo("succeeded");
            predictions.put(result.path("id").asText(), result.path("prediction").path("id").asText());
        }
        return predictions;
    }

    private void nothingIsPaidForAgain() {
        assertThat(simulator.count(Call.CREATE)).isZero();
        assertThat(simulator.count(Call.CANCEL)).isZero();
        assertThat(simulator.count(Call.CHAT)).isZero();
    }

    private void finishFiles(String... properties) throws Exception {
        copy("requests", folder.resolve("inbox"));
        simulator.always(Call.POLL, SUCCEEDED);

        start(List.of(Property.FILE_ENABLED.key(), "true", Property.EMIT_CHUNK.key(), ""), properties);

        assertThat(predictions(takeResults(4).stream().map(Emitted::json).toList())).isEqualTo(PREDICTIONS);
        await("done").until(() -> files(folder.resolve("inbox/.done")).size() == 4);
        nothingIsPaidForAgain();
    }

    private static List<String> files(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).filter(name -> !name.startsWith(".")).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void requestsFromFilesGoOnWithThePredictionsOfTheLedger() throws Exception {
        copy("predictions", folder.resolve("data/predictions"));

        finishFiles();

        await("forgotten").until(() -> files(folder.resolve("data/predictions")).stream().allMatch(key -> key.contains("=")));
    }

    @Test
    void requestsFromFilesGoOnWithThePredictionsOfTheDatabase() throws Exception {
        String url = "jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1";
        try (Connection connection = DriverManager.getConnection(url, "sa", "h2_canary")) {
            connection.createStatement().execute(Files.readString(RECORDED.resolve("ledger.sql")));
            assertThat(rows(connection)).isEqualTo(4);

            finishFiles(Property.LEDGER.key(), url, Property.LEDGER_USER.key(), "sa", Property.LEDGER_PASSWORD.key(), "h2_canary");

            await("forgotten").until(() -> rows(connection) == 0);
        }
    }

    private static int rows(Connection connection) throws SQLException {
        try (ResultSet rows = connection.createStatement().executeQuery("SELECT count(*) FROM bactrian_ledger WHERE entry_key NOT LIKE 'limit=%'")) {
            rows.next();
            return rows.getInt(1);
        }
    }

    @Test
    void whatWasNotDeliveredIsLeftAloneAndLooksTheSame() throws Exception {
        copy("kept", folder.resolve("undelivered"));
        String earlier = Files.readString(undeliveredFile("kept.json"));
        held = new Held();
        held.may.countDown();
        simulator.on(Call.CREATE, created("kept-1")).always(Call.POLL, SUCCEEDED);
        start(Property.FILE_ENABLED.key(), "true", Property.EMIT_CHUNK.key(), "", Property.RETRY_MAX_ATTEMPTS.key(), "1");

        Files.writeString(folder.resolve("inbox/.kept"), "{\"model\": \"sd-3\", \"prompt\": \"a camel\"}");
        Files.setLastModifiedTime(folder.resolve("inbox/.kept"), WRITTEN);
        Files.move(folder.resolve("inbox/.kept"), folder.resolve("inbox/kept.json"));

        await().until(() -> files(folder.resolve("undelivered")).size() == 2);
        await("done").until(() -> files(folder.resolve("inbox/.failed")).size() + files(folder.resolve("inbox/.done")).size() == 1);
        assertThat(shape(json(Files.readString(undeliveredFile("kept.json"))))).isEqualTo(shape(json(earlier)));
        String aside = files(folder.resolve("undelivered")).stream().filter(name -> !name.equals("kept.json")).findFirst().orElseThrow();
        assertThat(Files.readString(undeliveredFile(aside))).isEqualTo(earlier);
    }

    /** The names and the types of what it holds, in order, and no values. */
    private static List<String> shape(JsonNode document) {
        List<String> shape = new ArrayList<>();
        document.fields().forEachRemaining(field -> {
            shape.add(field.getKey() + ": " + field.getValue().getNodeType());
            shape(field.getValue()).forEach(inner -> shape.add(field.getKey() + "." + inner));
        });
        return shape;
    }

    /** The recorded messages of a queue. */
    private static List<JsonNode> recorded(String queue) throws IOException {
        return list(json(Files.readString(RECORDED.resolve("messages.json"))).path(queue));
    }

    private static List<JsonNode> list(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false).toList();
    }

    private static JsonNode body(JsonNode message) {
        return json(message.path("body").asText());
    }

    private void startQueue(String... properties) throws Exception {
        start(List.of(Property.JMS_ENABLED.key(), "true", Property.EMIT_CHUNK.key(), "", Property.JMS_REMEMBER.key(), "24h"), properties);
    }

    private interface Work {
        void in(Session session) throws JMSException;
    }

    private void withBroker(Work work) throws JMSException {
        JmsComponent jms = context().getComponent("jms", JmsComponent.class);
        try (jakarta.jms.Connection connection = jms.getConfiguration().getConnectionFactory().createConnection()) {
            connection.start();
            work.in(connection.createSession(false, Session.AUTO_ACKNOWLEDGE));
        }
    }

    private void send(String queue, List<JsonNode> messages) throws JMSException {
        withBroker(session -> {
            for (JsonNode recorded : messages) {
                TextMessage message = session.createTextMessage(recorded.path("body").asText());
                for (Map.Entry<String, JsonNode> property : recorded.path("properties").properties()) {
                    message.setObjectProperty(property.getKey(),
                            property.getValue().isInt() ? (Object) property.getValue().intValue() : property.getValue().textValue());
                }
                if (recorded.has("replyTo")) {
                    message.setJMSReplyTo(session.createQueue(recorded.path("replyTo").asText()));
                    message.setJMSCorrelationID(recorded.path("correlationId").asText());
                }
                session.createProducer(session.createQueue(queue)).send(message);
            }
        });
    }

    private List<Message> take(String queue, int count) throws JMSException {
        List<Message> taken = new ArrayList<>();
        withBroker(session -> {
            MessageConsumer consumer = session.createConsumer(session.createQueue(queue));
            for (int i = 0; i < count; i++) {
                Message message = consumer.receive(SOON.toMillis());
                assertThat(message).as("message %d of %s", i, queue).isNotNull();
                taken.add(message);
            }
        });
        return taken;
    }

    private static Map<String, Object> properties(Message message) throws JMSException {
        Map<String, Object> properties = new LinkedHashMap<>();
        for (Object name : Collections.list((Enumeration<?>) message.getPropertyNames())) {
            if (name.toString().startsWith("Bactrian")) {
                properties.put(name.toString(), message.getObjectProperty(name.toString()));
            }
        }
        return properties;
    }

    @Test
    void predictionsOfTheQueueArePolledAndFinished() throws Exception {
        simulator.always(Call.POLL, SUCCEEDED);
        startQueue();
        List<JsonNode> waiting = recorded("polls");
        send("bactrian.polls", waiting);

        List<JsonNode> results = takeResults(waiting.size()).stream().map(Emitted::json).toList();
        Map<String, String> expected = new LinkedHashMap<>();
        waiting.forEach(message -> expected.put(body(message).path("id").asText(), body(message).path("prediction").asText()));
        assertThat(predictions(results)).containsExactlyInAnyOrderEntriesOf(expected);
        for (JsonNode result : results) {
            JsonNode before = waiting.stream().map(UpgradeTest::body).filter(body -> body.path("id").equals(result.path("id"))).findFirst().orElseThrow();
            assertThat(result.path("model")).isEqualTo(before.path("model"));
            assertThat(result.path("prompt")).isEqualTo(before.path("kind").asText().equals("image") ? before.path("prompt") : result.path("prompt"));
            assertThat(Instant.parse(result.path("startedAt").asText()))
                    .isEqualTo(Instant.ofEpochMilli(Instant.parse(before.path("startedAt").asText()).toEpochMilli()));
            assertThat(result.path("prediction").path("polls").asInt()).as("%s", result).isEqualTo(before.path("looks").asInt() + 1);
        }
        assertThat(simulator.requests(Call.POLL)).extracting(RecordedRequest::path)
                .containsExactlyInAnyOrderElementsOf(expected.values().stream().map(id -> "/v1/predictions/" + id).toList());
        for (Message reply : take(REPLIES, 3)) {
            assertThat(reply.getJMSCorrelationID()).isEqualTo("ticket 4711");
        }
        nothingIsPaidForAgain();
    }

    @Test
    void deliveriesAreMade() throws Exception {
        startQueue();
        send("bactrian.deliveries", recorded("deliveries"));
        send("bactrian.deliveries", recorded("dead"));

        assertThat(takeResults(5).stream().map(Emitted::json).map(result -> result.path("id").asText()))
                .containsExactlyInAnyOrder("fresh-picture", "fresh-text", "fresh-chat", "tried-picture", "dead-picture");
        await().until(() -> captured.errors.size() == 3);
        assertThat(captured.errors).extracting(error -> error.json().path("id").asText()).containsExactlyInAnyOrder("fresh-bad", "tried-bad", "dead-bad");
        captured.errors.clear();
        Message reply = take(REPLIES, 1).get(0);
        assertThat(reply.getJMSCorrelationID()).isEqualTo("ticket 4711");
        assertThat(json(reply.getBody(String.class)).path("id").asText()).isEqualTo("fresh-picture");
        nothingIsPaidForAgain();
    }

    @Test
    void anImageThatWasDownloadedComesWithItsDocument() throws Exception {
        startQueue(Property.IMAGES.key(), "download", Property.IMAGES_HOSTS.key(), "127.0.0.1");
        send("bactrian.deliveries", recorded("images"));

        List<Emitted> results = takeResults(2);
        assertThat((byte[]) results.get(0).body()).startsWith(0x89, 'P', 'N', 'G');
        JsonNode image = results.get(1).json().path("images").path(0);
        assertThat(image.path("url").asText()).startsWith("http");
        assertThat(image.has("data")).isFalse();
        assertThat(simulator.requests()).isEmpty();
    }

    @Test
    void triesThatWereMadeCount() throws Exception {
        held = new Held();
        held.may.countDown();
        startQueue(Property.JMS_DELIVERY_ATTEMPTS.key(), "4");
        send("bactrian.deliveries", recorded("deliveries").stream().filter(message -> message.at("/properties/BactrianTries").asInt() == 3).toList());

        Message dead = take("bactrian.dead", 1).get(0);
        assertThat(dead.getStringProperty("BactrianReason")).contains("not delivered in 4 tries");
        assertThat(held.asked).as("the fourth").hasValue(1);
        JsonNode earlier = recorded("dead").get(0);
        assertThat(properties(dead)).containsOnlyKeys(earlier.path("properties").properties().stream().map(Map.Entry::getKey).toList());
        assertThat(properties(dead).get("BactrianDelivery")).isEqualTo(earlier.at("/properties/BactrianDelivery").asText());
    }

    @Test
    void anIdThatWasClaimedIsRefused() throws Exception {
        Path claim = folder.resolve("data/predictions/request=first-picture");
        copy("predictions", claim.getParent());
        Files.writeString(claim, Files.readString(claim).replaceFirst("^\\d+", Long.toString(System.currentTimeMillis())));
        startQueue();

        template().sendBody("jms:queue:bactrian.requests?replyTo=queue:" + REPLIES + "&preserveMessageQos=true",
                "{\"id\": \"first-picture\", \"model\": \"sd-3\", \"prompt\": \"a camel\"}");

        assertThat(take(REPLIES, 1).get(0).getBody(String.class)).contains("a request with the id first-picture was sent before");
        nothingIsPaidForAgain();
    }

    private void request(String id, String rest, boolean answered) throws JMSException {
        withBroker(session -> {
            TextMessage message = session.createTextMessage("{\"id\": \"" + id + "\", " + rest + ", \"prompt\": \"a camel\"}");
            if (answered) {
                message.setJMSReplyTo(session.createQueue(REPLIES));
                message.setJMSCorrelationID("ticket 4711");
            }
            session.createProducer(session.createQueue("bactrian.requests")).send(message);
        });
    }

    /** The only consumer of {@code bactrian.polls} polls and gets no answer, so that other messages stay where the earlier version takes them. */
    @Test
    void theEarlierVersionCanReadThePredictionsOfThisOne() throws Exception {
        simulator.always(Call.POLL, poll("processing").after(Duration.ofSeconds(4))).always(Call.CREATE, created());
        startQueue(Property.JMS_CONCURRENCY.key(), "1", Property.REPLICATE_POLL_DELAY.key(), "1h");
        request("polled", "\"model\": \"sd-3\"", false);
        await().until(() -> simulator.count(Call.POLL) == 1);
        request("first-picture", "\"model\": \"sd-3\"", false);
        request("first-text", "\"model\": \"gemma-2b\"", true);
        request("first-any", "\"model\": \"owner/name:" + "0123456789abcdef".repeat(4) + "\"", false);

        List<Message> written = take("bactrian.polls", 3);
        List<JsonNode> earlier = recorded("polls").subList(0, 3);
        for (int i = 0; i < 3; i++) {
            JsonNode here = json(written.get(i).getBody(String.class));
            JsonNode there = body(earlier.get(i));
            assertThat(shape(here)).isEqualTo(shape(there));
            for (String same : List.of("id", "model", "version", "kind", "status", "looks", "queued", "misses", "skipped")) {
                assertThat(here.path(same)).as("%s of %s", same, there).isEqualTo(there.path(same));
            }
            assertThat(here.path("recallKey").asText()).matches(here.path("id").asText() + "-[0-9a-f]{24}");
            assertThat(properties(written.get(i))).isEmpty();
            assertSameReply(written.get(i), earlier.get(i));
        }
    }

    private static void assertSameReply(Message message, JsonNode earlier) throws JMSException {
        String replyTo = message.getJMSReplyTo() instanceof Queue queue ? queue.getQueueName() : null;
        assertThat(replyTo).isEqualTo(earlier.path("replyTo").asText(null));
        if (replyTo != null) {
            assertThat(message.getJMSCorrelationID()).isEqualTo(earlier.path("correlationId").asText());
        }
    }

    /** The same by a destination that takes its time. */
    @Test
    void theEarlierVersionCanMakeTheDeliveriesOfThisOne() throws Exception {
        held = new Held();
        startQueue(Property.JMS_CONCURRENCY.key(), "1", Property.JMS_DELIVERY_ATTEMPTS.key(), "1");
        try {
            simulator.on(Call.CREATE, created("fresh-1"), Reply.json(201, "{\"id\": \"fresh-2\", \"status\": \"succeeded\", \"output\": \"paid\"}"));
            simulator.always(Call.POLL, SUCCEEDED);
            request("held", "\"model\": \"solar-pro4\"", false);
            await().until(() -> held.asked.get() == 1);
            request("fresh-picture", "\"model\": \"sd-3\"", true);
            await().until(() -> simulator.count(Call.CREATE) == 1);
            request("fresh-text", "\"model\": \"gemma-2b\"", false);
            request("fresh-chat", "\"model\": \"solar-pro4\"", false);
            request("fresh-bad", "\"model\": \"no-such-model\"", false);

            List<JsonNode> earlier = recorded("deliveries").stream().filter(message -> body(message).path("id").asText().startsWith("fresh-")).toList();
            List<Message> written = new ArrayList<>(take("bactrian.deliveries", earlier.size()));
            for (JsonNode there : earlier) {
                Map<String, Object> expected = new LinkedHashMap<>();
                there.path("properties").properties().forEach(property -> expected.put(property.getKey(), property.getValue().textValue()));
                Object recallKey = expected.remove("BactrianRecallKey");
                Message here = remove(written, expected.get("BactrianRequestId"), expected.get("BactrianDelivery"));
                Map<String, Object> properties = properties(here);
                if (recallKey != null) {
                    assertThat(properties.remove("BactrianRecallKey").toString()).matches(expected.get("BactrianRequestId") + "-[0-9a-f]{24}");
                }
                assertThat(properties).isEqualTo(expected);
                assertThat(shape(json(here.getBody(String.class)))).isEqualTo(shape(body(there)));
                assertSameReply(here, there);
            }
        } finally {
            held.may.countDown();
        }
    }

    private static Message remove(List<Message> messages, Object requestId, Object delivery) throws JMSException {
        for (Message message : messages) {
            if (properties(message).get("BactrianRequestId").equals(requestId) && properties(message).get("BactrianDelivery").equals(delivery)) {
                messages.remove(message);
                return message;
            }
        }
        throw new AssertionError("no delivery " + delivery + " of " + requestId);
    }
}
