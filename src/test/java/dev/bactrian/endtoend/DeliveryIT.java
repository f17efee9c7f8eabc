package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpServer;
import dev.bactrian.config.Property;
import dev.bactrian.http.Answers;
import dev.bactrian.simulator.Call;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Where results go, and what becomes of one that cannot be delivered. */
class DeliveryIT extends EndToEnd {

    private static final String OUTBOX = Property.EMIT_RESULT.defaultValue(false).orElseThrow();
    private static final String COPY = "file:copy?fileName=${header.BactrianRequestId}.json";

    private record Received(Map<String, List<String>> headers, String body) {

        String header(String name) {
            return headers.entrySet().stream().filter(header -> header.getKey().equalsIgnoreCase(name))
                    .map(header -> header.getValue().get(0)).findFirst().orElse(null);
        }
    }

    private final List<Received> received = new CopyOnWriteArrayList<>();
    /** How many of the next posts the hook answers with 503. */
    private final AtomicInteger refusals = new AtomicInteger();
    private HttpServer hook;

    @BeforeEach
    void startHook() throws IOException {
        hook = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 100);
        hook.setExecutor(Executors.newCachedThreadPool());
        hook.createContext("/", exchange -> {
            received.add(new Received(Map.copyOf(exchange.getRequestHeaders()),
                    new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8)));
            exchange.sendResponseHeaders(refusals.getAndUpdate(left -> Math.max(0, left - 1)) > 0 ? 503 : 204, -1);
            exchange.close();
        });
        hook.start();
    }

    @AfterEach
    void stopHook() {
        hook.stop(0);
    }

    private String hookUri() {
        return "http://127.0.0.1:" + hook.getAddress().getPort() + "/hook";
    }

    @Test
    void eachDestinationGetsTheResultOnceAlsoWhereOneIsTriedAgain() throws IOException {
        refusals.set(2);
        run(service().set(Property.EMIT_RESULT, OUTBOX + " | " + hookUri() + " | " + COPY));
        drop("greeting.txt", "안녕");

        awaitFile(inbox(".done/greeting.txt"));
        assertThat(received).hasSize(3);
        Received last = received.get(2);
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
        String nowhere = "http://127.0.0.1:" + StopIT.closedPort() + "/hook?password=hunter2";
        ServiceProcess service = run(service().set(Property.RETRY_MAX_ATTEMPTS, "2")
                .set(Property.EMIT_RESULT, nowhere + " | " + OUTBOX + " | " + hookUri()));
        drop("camel.json", PICTURE);
        drop("greeting.txt", "안녕");

        for (String id : List.of("camel", "greeting")) {
            JsonNode result = result(id);
            JsonNode kept = document(folder.resolve("undelivered/" + id + ".json"));
            assertThat(kept.path("error").path("type").asText()).isEqualTo("delivery-failed");
            assertThat(kept.path("error").path("message").asText()).contains("127.0.0.1").doesNotContain("hunter2");
            assertThat(kept.path("undelivered")).isEqualTo(result);
            assertThat(received.stream().filter(post -> post.header("BactrianRequestId").equals(id))).hasSize(1);
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
        refusals.set(100);
        run(service().set(Property.RETRY_MAX_ATTEMPTS, "2").set(Property.EMIT_RESULT, hookUri()));
        drop("greeting.txt", "안녕");

        JsonNode kept = document(folder.resolve("undelivered/greeting.json"));
        assertThat(kept.path("undelivered").path("status").asText()).isEqualTo("succeeded");
        awaitFile(inbox(".failed/greeting.txt"));
        assertThat(received).hasSize(3);
    }

    @Test
    void anErrorThatCannotBeDeliveredIsKeptToo() {
        refusals.set(100);
        run(service().set(Property.RETRY_MAX_ATTEMPTS, "1").set(Property.EMIT_ERROR, hookUri()));
        drop("bad.json", "{\"prompt\": 7}");
        drop("good.txt", "hello");

        result("good");
        JsonNode kept = document(folder.resolve("undelivered/bad.json"));
        assertThat(kept.path("error").path("type").asText()).isEqualTo("delivery-failed");
        assertThat(kept.path("undelivered").path("error").path("type").asText()).isEqualTo("invalid-request");
        awaitFile(inbox(".failed/bad.json"));
        assertThat(Answers.json(received.get(0).body()).orElseThrow()).isEqualTo(kept.path("undelivered"));
    }
}
