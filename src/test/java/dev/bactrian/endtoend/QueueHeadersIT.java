package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

import dev.bactrian.config.Property;
import dev.bactrian.request.RequestId;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Simulator;
import jakarta.jms.JMSException;
import jakarta.jms.Message;
import jakarta.jms.TextMessage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a sender's properties change (the two that are documented), and what they don't. */
class QueueHeadersIT extends QueueEndToEnd {

    private static final Set<String> TO_A_PROVIDER = Set.of("Host", "Connection", "Content-length", "Content-type", "Accept", "Accept-encoding",
            "User-agent", "Cancel-after");
    private static final Set<String> TO_A_HOOK = Set.of("host", "connection", "content-length", "content-type", "accept-encoding", "user-agent",
            "bactrianrequestid", "bactrianprovider", "bactrianmodel", "bactriankind", "bactrianstatus", "bactrianchunkindex", "transfer-encoding");

    private HttpSink hook;
    private Simulator evil;

    @BeforeEach
    void startHook() throws IOException {
        evil = Simulator.start();
        hook = new HttpSink();
    }

    @AfterEach
    void stopHook() {
        hook.close();
        evil.close();
    }

    /** Properties that would do something to somebody who heeds them. */
    private Map<String, Object> hostile() {
        Map<String, Object> hostile = new LinkedHashMap<>();
        hostile.put("CamelHttpUri", evil.url() + "/stolen");
        hostile.put("CamelHttpPath", "/evil");
        hostile.put("CamelHttpQuery", "evil=1");
        hostile.put("CamelHttpMethod", "DELETE");
        hostile.put("CamelHttpResponseCode", 500);
        hostile.put("CamelJmsDestinationName", "evil");
        hostile.put("CamelJmsRequestTimeout", 1L);
        hostile.put("CamelFileName", "../evil.json");
        hostile.put("CamelOverruleFileName", "../evil.json");
        hostile.put("CamelCharsetName", "UTF-16");
        hostile.put("Content_HYPHEN_Encoding", "gzip");
        hostile.put("Content_HYPHEN_Length", "3");
        hostile.put("Authorization", "Bearer evil");
        hostile.put("Cookie", "evil=1");
        hostile.put("User_HYPHEN_Agent", "evil");
        hostile.put("X_HYPHEN_Evil", "evil");
        hostile.put("evil", "${sysenv.HOME}");
        hostile.put("count", 7);
        hostile.put("BactrianRequestId", "evil");
        hostile.put("BactrianStatus", "failed");
        hostile.put("BactrianKind", "image");
        hostile.put("BactrianChunkIndex", 99);
        hostile.put("BactrianAttempt", 99);
        hostile.put("BactrianReason", "evil");
        hostile.put("BactrianContentName", "../evil.txt");
        hostile.put("_AMQ_DUPL_ID", "evil");
        hostile.put("JMSXGroupID", "evil");
        return hostile;
    }

    private Draft hostile(String id, String text) {
        Draft draft = Draft.text(text).type("evil");
        for (Map.Entry<String, Object> property : hostile().entrySet()) {
            draft = draft.property(property.getKey(), property.getKey().equals("_AMQ_DUPL_ID") ? id : property.getValue());
        }
        return draft;
    }

    @Test
    void noneOfASendersPropertiesReachesAProviderOrChangesAnEndpoint() throws JMSException {
        run(queueService().set(Property.EMIT_CHUNK, "jms:queue:chunks | " + hook.uri())
                .set(Property.EMIT_RESULT, "jms:queue:" + RESULTS + " | file:outbox?fileName=${header.BactrianRequestId}.json | " + hook.uri()));
        client.sendAll(REQUESTS, List.of(hostile("a", picture("picture")), hostile("b", chat("chat")), hostile("c", "{\"id\": \"bad\"}")));

        result("picture");
        result("chat");
        List<Message> results = client.drain(RESULTS, 2, SOON);
        List<Message> errors = client.drain(ERRORS, 1, SOON);
        List<Message> chunks = client.drain("chunks");
        assertThat(results).hasSize(2);
        assertThat(headers(results, "picture")).containsExactly("BactrianKind=image", "BactrianModel=stability-ai/stable-diffusion-3",
                "BactrianProvider=replicate", "BactrianRequestId=picture", "BactrianStatus=succeeded");
        assertThat(headers(results, "chat")).containsExactly("BactrianKind=text", "BactrianModel=solar-pro4",
                "BactrianProvider=upstage", "BactrianRequestId=chat", "BactrianStatus=succeeded");
        assertThat(headers(errors, "bad")).containsExactly("BactrianRequestId=bad", "BactrianStatus=failed");
        assertThat(chunks).isNotEmpty();
        for (int i = 0; i < chunks.size(); i++) {
            assertThat(headers(chunks.get(i))).containsExactly("BactrianChunkIndex=" + i, "BactrianKind=text", "BactrianModel=solar-pro4",
                    "BactrianProvider=upstage", "BactrianRequestId=chat", "BactrianStatus=processing");
        }
        for (Message message : Stream.of(results, errors, chunks).flatMap(List::stream).toList()) {
            assertThat(message).isInstanceOf(TextMessage.class);
            assertThat(message.getJMSType()).isNull();
            assertThat(message.getJMSReplyTo()).isNull();
            assertThat(message.getStringProperty("JMSXGroupID")).isNull();
        }
        assertThat(simulator.requests()).hasSize(1 + simulator.count(Call.POLL) + 1);
        for (RecordedRequest request : simulator.requests()) {
            assertThat(TO_A_PROVIDER).containsAll(request.headers().keySet());
            assertThat(request.toString() + request.headers()).doesNotContain("evil").doesNotContain("DELETE");
        }
        assertThat(hook.posts()).hasSize(2 + chunks.size()).allSatisfy(post -> {
            assertThat(post.line()).isEqualTo("POST /hook");
            assertThat(TO_A_HOOK).containsAll(post.headers().keySet().stream().map(name -> name.toLowerCase(Locale.ROOT)).toList());
        });
        assertThat(evil.requests()).isEmpty();
        assertThat(client.depth("evil")).isZero();
        assertThat(names(folder)).noneMatch(name -> name.contains("evil"));
        assertThat(emitted()).containsExactly("chat.json", "picture.json");
    }

    private static List<String> headers(List<Message> messages, String id) {
        return headers(messages.stream().filter(message -> id.equals(JmsClient.property(message, "BactrianRequestId"))).findFirst().orElseThrow());
    }

    @Test
    void theTwoThatAreReadNameTheModel() {
        run(queueService());
        client.sendAll(REQUESTS, List.of(
                Draft.text("a camel").correlationId("by-model").property("BactrianModel", "sd-3"),
                Draft.text("a camel").correlationId("by-provider").property("BactrianProvider", "replicate"),
                Draft.text("{\"prompt\": \"a\", \"model\": \"solar-mini\"}").correlationId("by-field").property("BactrianModel", "sd-3")));

        List<Message> results = client.drain(RESULTS, 3, SOON);
        assertThat(headers(results, "by-model")).contains("BactrianModel=stability-ai/stable-diffusion-3", "BactrianKind=image");
        assertThat(headers(results, "by-provider")).contains("BactrianModel=google-deepmind/gemma-2b-it", "BactrianProvider=replicate");
        assertThat(headers(results, "by-field")).contains("BactrianModel=solar-mini", "BactrianProvider=upstage");
    }

    @Test
    void theRequestIdIsItsFieldElseCorrelationIdElseMessageId() {
        run(queueService());
        client.send(REQUESTS, Draft.text("{\"id\": \"field\", \"prompt\": \"a\"}").correlationId("correlation"));
        client.send(REQUESTS, Draft.text("a camel").correlationId("correlation"));
        String messageId = client.send(REQUESTS, Draft.bytes("a camel".getBytes(StandardCharsets.UTF_8)));

        List<String> ids = client.drain(RESULTS, 3, SOON).stream().map(message -> JmsClient.document(message).path("id").asText()).toList();
        assertThat(ids).containsExactlyInAnyOrder("field", "correlation", RequestId.fit(messageId));
    }
}
