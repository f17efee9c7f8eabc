package dev.bactrian.routes.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.text.ProviderJson;
import jakarta.jms.BytesMessage;
import jakarta.jms.Connection;
import jakarta.jms.JMSException;
import jakarta.jms.Message;
import jakarta.jms.MessageConsumer;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import org.apache.camel.Exchange;
import org.apache.camel.component.jms.JmsComponent;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Test;

/** {@code bactrian.images} by the queue: the bytes are fetched when a delivery is made, and wait with it. */
class QueueImagesTest extends RouteTestSupport {

    private static final byte[] GIF = Base64.getDecoder().decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7");
    private static final String ONE = "{\"id\": \"pic\", \"model\": \"sd-3\", \"prompt\": \"p\"}";
    private static final String REQUEST = "{\"id\": \"pic\", \"model\": \"sd-3\", \"prompt\": \"p\", \"num_outputs\": 2}";

    /** A destination that fails until it is told not to. */
    public static final class Shaky {
        final AtomicInteger calls = new AtomicInteger();
        volatile int failures;
        volatile Runnable onFailure = () -> { };
        private RouteTestSupport.Captured captured;

        public void take(Exchange exchange) {
            if (calls.incrementAndGet() <= failures) {
                onFailure.run();
                throw new IllegalStateException("the destination is down");
            }
            captured.result(exchange);
        }
    }

    private final Shaky shaky = new Shaky();

    @Override
    protected void configure(Main main) {
        shaky.captured = captured;
        main.bind("shaky", shaky);
    }

    private void startQueue(String mode, String result, String... more) throws Exception {
        start(List.of(Property.JMS_ENABLED.key(), "true", "bactrian.images", mode, "bactrian.images.hosts", "127.0.0.1",
                Property.EMIT_RESULT.key(), result), more);
        simulator.always(Call.FILE, Reply.body(200, "image/gif", GIF));
    }

    /** The next messages of a queue, which are gone from there. */
    private List<Message> take(String queue, int messages) throws JMSException {
        List<Message> taken = new ArrayList<>();
        try (Connection connection = context().getComponent("jms", JmsComponent.class).getConfiguration().getConnectionFactory().createConnection()) {
            connection.start();
            Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
            MessageConsumer consumer = session.createConsumer(session.createQueue(queue));
            for (int i = 0; i < messages; i++) {
                taken.add(consumer.receive(10_000));
            }
        }
        return taken;
    }

    private List<Emitted> takeResults(int count) {
        await(count + " messages").atMost(SOON).until(() -> captured.results.size() >= count);
        List<Emitted> results = List.copyOf(captured.results);
        captured.results.clear();
        assertThat(results).hasSize(count);
        return results;
    }

    private static String url(JsonNode document, int index) {
        return document.path("images").path(index).path("url").asText();
    }

    private void send() {
        send(REQUEST);
    }

    private void send(String request) {
        template().sendBody("jms:queue:bactrian.requests", request);
    }

    /** Fails that often; the original is gone by the next try. */
    private void failAndDelete(int failures) {
        shaky.failures = failures;
        shaky.onFailure = () -> simulator.always(Call.FILE, Reply.status(404));
    }

    @Test
    void aQueueHasTheImagesBeforeTheDocumentThatNamesThem() throws Exception {
        startQueue("download", "jms:queue:results");

        send();

        List<Message> messages = take("results", 3);
        BytesMessage image = (BytesMessage) messages.get(0);
        byte[] bytes = new byte[(int) image.getBodyLength()];
        image.readBytes(bytes);
        assertThat(bytes).isEqualTo(GIF);
        assertThat(image.getStringProperty("BactrianContentName")).isEqualTo("pic-0.gif");
        assertThat(image.getStringProperty("Content_HYPHEN_Type")).isEqualTo("image/gif");
        assertThat(messages.get(1).getStringProperty("BactrianContentName")).isEqualTo("pic-1.gif");
        TextMessage text = (TextMessage) messages.get(2);
        JsonNode document = ProviderJson.json(text.getText()).orElseThrow();
        assertThat(text.getStringProperty("BactrianContentName")).isEqualTo("pic.json");
        assertThat(url(document, 0)).startsWith(simulator.url());
        assertThat(document.path("images").path(1).path("file").asText()).isEqualTo("pic-1.gif");
    }

    @Test
    void imagesThatAreGoneBeforeADestinationIsBackAreNotLost() throws Exception {
        failAndDelete(2);
        startQueue("download", "bean:shaky?method=take");

        send();

        List<Emitted> results = takeResults(3);
        assertThat(results).extracting(one -> one.headers().get("BactrianContentName")).containsExactly("pic-0.gif", "pic-1.gif", "pic.json");
        assertThat((byte[]) results.get(1).body()).isEqualTo(GIF);
        JsonNode image = results.get(2).json().path("images").path(1);
        assertThat(image.fieldNames()).toIterable().containsExactlyInAnyOrder("url", "file", "contentType", "bytes");
        assertThat(simulator.count(Call.CREATE)).isOne();
    }

    @Test
    void contentThatIsGoneBeforeADestinationIsBackIsNotLost() throws Exception {
        failAndDelete(2);
        startQueue("url", "bean:shaky?method=take", Property.EMIT_FORMAT.key(), "content");

        send(ONE);

        List<Emitted> results = takeResults(1);
        assertThat(results).extracting(one -> one.headers().get("BactrianContentName")).containsExactly("pic-0.gif");
        assertThat(results).allSatisfy(one -> assertThat((byte[]) one.body()).isEqualTo(GIF));
        assertThat(results).extracting(one -> one.headers().get("Content-Type")).containsOnly("image/gif");
    }

    @Test
    void aDeadLetterHoldsTheImages() throws Exception {
        failAndDelete(9);
        startQueue("download", "bean:shaky?method=take", Property.JMS_DELIVERY_ATTEMPTS.key(), "1");

        send();

        JsonNode image = ProviderJson.json(((TextMessage) take("bactrian.dead", 1).get(0)).getText()).orElseThrow().path("images").path(0);
        assertThat(image.path("url").asText()).startsWith(simulator.url());
        assertThat(image.path("data").asText()).isEqualTo("data:image/gif;base64," + Base64.getEncoder().encodeToString(GIF));
    }

    @Test
    void inlineImagesAreInTheReplyAndInTheResult() throws Exception {
        CountDownLatch replied = new CountDownLatch(1);
        failAndDelete(1);
        Runnable delete = shaky.onFailure;
        shaky.onFailure = () -> {
            await().until(() -> replied.getCount() == 0);
            delete.run();
        };
        startQueue("inline", "bean:shaky?method=take");

        String reply = template().requestBody("jms:queue:bactrian.requests?requestTimeout=20000", REQUEST, String.class);
        replied.countDown();

        String data = "data:image/gif;base64," + Base64.getEncoder().encodeToString(GIF);
        assertThat(url(ProviderJson.json(reply).orElseThrow(), 1)).isEqualTo(data);
        assertThat(url(takeResults(1).get(0).json(), 1)).isEqualTo(data);
    }

    @Test
    void anImageThatCannotBeHadKeepsItsUrlAndTheReason() throws Exception {
        startQueue("download", "bean:shaky?method=take");
        simulator.always(Call.FILE, Reply.status(403));

        send();

        JsonNode image = takeResults(1).get(0).json().path("images").path(1);
        assertThat(image.path("url").asText()).startsWith(simulator.url());
        assertThat(image.path("error").asText()).isEqualTo("answered 403");
    }

    @Test
    void aReplyToADownloadHasTheUrls() throws Exception {
        startQueue("download", "bean:shaky?method=take");

        String reply = template().requestBody("jms:queue:bactrian.requests?requestTimeout=20000", REQUEST, String.class);

        assertThat(url(ProviderJson.json(reply).orElseThrow(), 1)).startsWith(simulator.url());
        takeResults(3);
    }
}
