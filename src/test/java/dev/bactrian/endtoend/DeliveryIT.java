package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.simulator.Call;
import dev.bactrian.support.FreePort;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Where results go, and what becomes of one that cannot be delivered. */
class DeliveryIT extends EndToEnd {

    private static final String OUTBOX = Property.EMIT_RESULT.defaultValue(false).orElseThrow();
    private static final String COPY = "file:copy?fileName=${header.BactrianRequestId}.json";

    private HttpSink hook;

    @BeforeEach
    void startHook() throws IOException {
        hook = new HttpSink();
    }

    @AfterEach
    void stopHook() {
        hook.close();
    }

    @Test
    void eachDestinationGetsTheResultOnceAlsoWhereOneIsTriedAgain() throws IOException {
        hook.refuse(2);
        run(service().set(Property.EMIT_RESULT, OUTBOX + " | " + hook.uri() + " | " + COPY));
        drop("greeting.txt", "안녕");

        awaitFile(inbox(".done/greeting.txt"));
        assertThat(hook.posts()).hasSize(3);
        HttpSink.Post last = hook.posts().get(2);
        assertThat(last.body()).isEqualTo(Files.readString(outbox("greeting.json"))).isEqualTo(Files.readString(folder.resolve("copy/greeting.json")));
        assertThat(last.header("Content-Type")).startsWith("application/json");
        assertThat(last.header("BactrianRequestId")).isEqualTo("greeting");
        assertThat(last.header("BactrianStatus")).isEqualTo("succeeded");
        assertThat(last.headers().keySet()).noneMatch(name -> name.toLowerCase().startsWith("camel"));
        assertThat(names(folder.resolve("undelivered"))).isEmpty();
        assertThat(simulator.count(Call.CHAT)).isOne();
    }

    @Test
    void whatCannotBeDeliveredIsKeptAndTheOthersHaveItOnce() throws IOException {
        String nowhere = "http://127.0.0.1:" + FreePort.find() + "/hook?password=hunter2";
        ServiceProcess service = run(service().set(Property.RETRY_MAX_ATTEMPTS, "2")
                .set(Property.EMIT_RESULT, nowhere + " | " + OUTBOX + " | " + hook.uri()));
        drop("camel.json", PICTURE);
        drop("greeting.txt", "안녕");

        for (String id : List.of("camel", "greeting")) {
            JsonNode result = result(id);
            JsonNode kept = document(folder.resolve("undelivered/" + id + ".json"));
            assertThat(kept.path("error").path("type").asText()).isEqualTo("delivery-failed");
            assertThat(kept.path("error").path("message").asText()).contains("127.0.0.1").doesNotContain("hunter2");
            assertThat(kept.path("undelivered")).isEqualTo(result);
            assertThat(hook.posts().stream().filter(post -> post.header("BactrianRequestId").equals(id))).hasSize(1);
        }
        await().atMost(SOON).until(() -> failed().size() == 2);
        assertThat(done()).isEmpty();
        assertThat(waiting()).isEmpty();
        assertThat(simulator.count(Call.CREATE)).isOne();
        assertThat(simulator.count(Call.CHAT)).isOne();
        assertThat(service.out()).noneMatch(line -> line.startsWith("\tat ")).noneMatch(line -> line.contains("could not") && line.contains("hunter2"));
        assertThat(service.err()).isEmpty();
    }

    @Test
    void itIsTriedAsOftenAsIsSet() {
        hook.refuse(100);
        run(service().set(Property.RETRY_MAX_ATTEMPTS, "2").set(Property.EMIT_RESULT, hook.uri()));
        drop("greeting.txt", "안녕");

        JsonNode kept = document(folder.resolve("undelivered/greeting.json"));
        assertThat(kept.path("undelivered").path("status").asText()).isEqualTo("succeeded");
        awaitFile(inbox(".failed/greeting.txt"));
        assertThat(hook.posts()).hasSize(3);
    }

    @Test
    void anErrorThatCannotBeDeliveredIsKeptToo() {
        hook.refuse(100);
        run(service().set(Property.RETRY_MAX_ATTEMPTS, "1").set(Property.EMIT_ERROR, hook.uri()));
        drop("bad.json", "{\"prompt\": 7}");
        drop("good.txt", "hello");

        result("good");
        JsonNode kept = document(folder.resolve("undelivered/bad.json"));
        assertThat(kept.path("error").path("type").asText()).isEqualTo("delivery-failed");
        assertThat(kept.path("undelivered").path("error").path("type").asText()).isEqualTo("invalid-request");
        awaitFile(inbox(".failed/bad.json"));
        assertThat(ProviderJson.json(hook.posts().get(0).body()).orElseThrow()).isEqualTo(kept.path("undelivered"));
    }
}
