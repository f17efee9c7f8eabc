package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import jakarta.jms.Message;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** The service with its queue trigger at a broker in a process of its own; results and errors go to queues. */
abstract class QueueEndToEnd extends EndToEnd {

    static final String REQUESTS = Property.JMS_REQUESTS.defaultValue(false).orElseThrow();
    static final String POLLS = Property.JMS_POLLS.defaultValue(false).orElseThrow();
    static final String DELIVERIES = Property.JMS_DELIVERIES.defaultValue(false).orElseThrow();
    static final String DEAD = Property.JMS_DEAD_LETTERS.defaultValue(false).orElseThrow();
    static final String RESULTS = "results";
    static final String ERRORS = "errors";

    /** A connection that hangs is given up after 3 s. */
    static final String IMPATIENT = "?connectionTTL=3000&clientFailureCheckPeriod=1000";

    final List<String> pictures = new ArrayList<>();
    final List<String> chats = new ArrayList<>();

    BrokerProcess broker;
    JmsClient client;

    @BeforeEach
    void prepareBroker() {
        broker = BrokerProcess.in(folder.resolve("broker"));
        client = JmsClient.at(broker.url());
        startBroker();
    }

    /** The broker is there before the test begins. */
    void startBroker() {
        broker.start();
    }

    @AfterEach
    void endBroker() {
        client.close();
        broker.close();
    }

    /** The service with that broker, and without the file trigger. */
    ServiceProcess.Builder queueService() {
        return queueService(broker.url());
    }

    ServiceProcess.Builder queueService(String url) {
        return service().jvm("-Xmx256m").set(Property.FILE_ENABLED, "false")
                .set(Property.JMS_ENABLED, "true").set(Property.JMS_URL, url)
                .set(Property.EMIT_RESULT, "jms:queue:" + RESULTS).set(Property.EMIT_ERROR, "jms:queue:" + ERRORS);
    }

    static String picture(String id) {
        return "{\"id\": \"" + id + "\", \"model\": \"sd-3\", \"prompt\": \"a camel\"}";
    }

    static String chat(String id) {
        return "{\"id\": \"" + id + "\", \"model\": \"solar-pro4\", \"prompt\": \"a camel\"}";
    }

    /** Some more requests, all there at once, three in five of them for pictures. */
    List<String> more(int count) {
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int number = pictures.size() + chats.size();
            String id = (number % 5 < 3 ? "picture-" : "chat-") + number;
            (number % 5 < 3 ? pictures : chats).add(id);
            texts.add(number % 5 < 3 ? picture(id) : chat(id));
        }
        return texts;
    }

    void sendMore(int count) {
        client.sendAll(REQUESTS, more(count).stream().map(Draft::text).toList());
    }

    /** The ids of all that was sent, in order. */
    List<String> sent() {
        return Stream.concat(pictures.stream(), chats.stream()).sorted().toList();
    }

    /** What is on its way through Bactrian's own queues. */
    long underWay() {
        return client.depth(REQUESTS) + client.depth(POLLS) + client.depth(DELIVERIES);
    }

    /** Waits until all that was sent has come out, and nothing is on its way any more. */
    void awaitAll(Duration within) {
        int all = pictures.size() + chats.size();
        await("all done").atMost(within).pollInterval(Duration.ofMillis(100))
                .until(() -> client.depth(RESULTS) + client.depth(ERRORS) + client.depth(DEAD) >= all && underWay() == 0);
    }

    /** Waits until all that was sent has come out: one result each, in any order, no error, no dead letter. */
    void oneResultEach(Duration within) {
        awaitAll(within);
        assertThat(client.drain(ERRORS)).extracting(JmsClient::body).as("errors").isEmpty();
        assertThat(client.drain(DEAD)).extracting(JmsClient::body).as("dead letters").isEmpty();
        assertOneResultEach(client.drain(RESULTS).stream().map(JmsClient::document).toList());
    }

    /** One for each request that was sent, and each picture with a prediction of its own. */
    void assertOneResultEach(Collection<JsonNode> results) {
        assertThat(results.stream().map(result -> result.path("id").asText()).sorted()).as("one result each").containsExactlyElementsOf(sent());
        assertThat(results).extracting(result -> result.path("status").asText()).containsOnly("succeeded");
        Set<String> predictions = new HashSet<>();
        for (JsonNode result : results) {
            String prediction = result.path("prediction").path("id").asText(null);
            assertThat(prediction == null || predictions.add(prediction)).as("a prediction of its own: %s", result).isTrue();
        }
        assertThat(predictions).hasSameSizeAs(pictures);
    }

    /** The properties of a message, in order, as {@code name=value}. */
    static List<String> headers(Message message) {
        return JmsClient.properties(message).stream().map(name -> name + "=" + JmsClient.property(message, name)).toList();
    }
}
