package dev.bactrian.routes.emit;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Where results and errors go: to each destination once, whole, and kept where one of them is down. */
class EmitTest extends RouteTestSupport {

    private static final String GREETING = "{\"id\": \"emit-greeting\", \"prompt\": \"hi\"}";

    /** A destination that speaks HTTP: what it is posted, and its scripted answers to that. */
    private Simulator sink;

    /** How often the host's own route for results is yet to fail. */
    private final AtomicInteger archiveFailures = new AtomicInteger();

    @BeforeEach
    void startTheSink() {
        sink = Simulator.start();
        sink.always(Call.CHAT, Reply.status(204));
    }

    @AfterEach
    void stopTheSink() {
        sink.close();
    }

    /** What a trigger does around {@code direct:generate}, without the seconds that the inbox takes to trust a file. */
    @Override
    protected void configure(Main main) {
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:trigger")
                        .doTry().to("direct:generate")
                        .doCatch(dev.bactrian.error.GenerateException.class).bean("bactrianAnswer", "error").end()
                        .to("direct:bactrian-emit");
                from("direct:archive").process(exchange -> {
                    if (archiveFailures.getAndDecrement() > 0) {
                        throw new IOException("the archive is full");
                    }
                }).bean("captured", "result");
            }
        });
    }

    private void emit(String request) {
        template().sendBody("direct:trigger", request);
    }

    @Test
    void aResultGoesToEachDestinationOnce() throws Exception {
        start("bactrian.emit.result", "bean:captured?method=result | " + file("out", "${header.BactrianRequestId}.json")
                + " | " + sink.chatUrl() + " | " + file("a,b", "c,d.json"));
        simulator.on(Call.CHAT, Reply.stream("안녕", "하세요 🐫"));

        emit(GREETING);

        String document = captured.results.remove().text();
        assertThat(ProviderJson.json(document).orElseThrow().path("text").asText()).isEqualTo("안녕하세요 🐫");
        assertThat(Files.readString(folder.resolve("out/emit-greeting.json"))).isEqualTo(document);
        assertThat(Files.readString(folder.resolve("a,b/c,d.json"))).isEqualTo(document);
        assertThat(sink.requests()).extracting(RecordedRequest::bodyText).containsExactly(document);
        takeChunks();
    }

    @Test
    void anErrorGoesToTheDestinationsOfErrors() throws Exception {
        start("bactrian.emit.error", "bean:captured?method=error | " + file("out", "${header.BactrianRequestId}.error.json") + " | " + sink.chatUrl());
        simulator.always(Call.CHAT, Reply.json(400, "{\"error\": {\"message\": \"안 돼요\"}}"));

        emit(GREETING);

        Emitted error = captured.errors.remove();
        assertThat(error.json().path("error").path("message").asText()).contains("안 돼요");
        assertThat(Files.readString(folder.resolve("out/emit-greeting.error.json"))).isEqualTo(error.text());
        assertThat(sink.requests()).extracting(RecordedRequest::bodyText).containsExactly(error.text());
        assertThat(error.headers()).isEqualTo(Map.of("BactrianRequestId", "emit-greeting", "BactrianProvider", "upstage",
                "BactrianModel", "solar-pro4", "BactrianKind", "text", "BactrianStatus", "failed"));
    }

    @Test
    void aResultHasItsHeadersAndNoOther() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.stream("a").header("X-Provider", "p").header("Set-Cookie", "c=d"));

        template().sendBodyAndHeaders("direct:trigger", GREETING, Map.of("Cookie", "a=b", "X-Caller", "c", "CamelHttpUri", "http://evil/",
                "CamelFileName", "../evil", "Authorization", "Bearer evil"));

        assertThat(captured.results.remove().headers()).isEqualTo(Map.of("BactrianRequestId", "emit-greeting", "BactrianProvider", "upstage",
                "BactrianModel", "solar-pro4", "BactrianKind", "text", "BactrianStatus", "succeeded"));
        takeChunks();
    }

    @Test
    void httpGetsUtf8BytesTheirTypeAndOnlyTheListedHeaders() throws Exception {
        start("bactrian.emit.result", sink.chatUrl(), "bactrian.replicate.api-token", "r8_canary");
        simulator.on(Call.CREATE, created()).on(Call.POLL, succeeded("\"안녕하세요\"").header("X-Provider", "p").header("Set-Cookie", "c=d"));

        template().sendBodyAndHeaders("direct:trigger", "{\"id\": \"emit-korean\", \"model\": \"gemma-2b\", \"prompt\": \"hi\"}",
                Map.of("Cookie", "a=b", "X-Caller", "c", "CamelHttpUri", "http://127.0.0.1:9/", "CamelHttpMethod", "DELETE",
                        "CamelHttpQuery", "a=b", "Authorization", "Bearer evil"));

        RecordedRequest post = sink.requests().get(0);
        assertThat(post.method()).isEqualTo("POST");
        assertThat(post.path()).isEqualTo("/v1/chat/completions");
        assertThat(new String(post.body(), StandardCharsets.UTF_8)).contains("\"text\":\"안녕하세요\"");
        assertThat(post.header("Content-Type")).isEqualTo("application/json");
        Set<String> names = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
        names.addAll(post.headers().keySet());
        names.removeAll(Set.of("Host", "Connection", "Content-Length", "User-Agent", "Accept-Encoding"));
        assertThat(names).containsExactly("BactrianKind", "BactrianModel", "BactrianProvider", "BactrianRequestId", "BactrianStatus",
                "Content-Type");
        assertThat(sink.requests()).hasSize(1);
        takeChunks();
    }

    @Test
    void anHttpDestinationWithAQueryIsPostedToAsWell() throws Exception {
        start("bactrian.emit.result", sink.chatUrl() + "?token=ab&x=y", "bactrian.emit.chunk", sink.chatUrl() + "?chunk=1");
        simulator.on(Call.CHAT, Reply.stream("안녕"));

        emit(GREETING);

        assertThat(sink.requests()).extracting(RecordedRequest::method).containsExactly("POST", "POST");
        assertThat(sink.requests()).extracting(RecordedRequest::path)
                .containsExactly("/v1/chat/completions?chunk=1", "/v1/chat/completions?token=ab&x=y");
        assertThat(sink.requests().get(0).bodyText()).isEqualTo("안녕");
        assertThat(sink.requests().get(1).json().path("text").asText()).isEqualTo("안녕");
    }

    @Test
    void aDestinationThatFailsTwiceIsTriedAgainAndTheOthersAreNot() throws Exception {
        start("bactrian.emit.result", "bean:captured?method=result | " + sink.chatUrl() + " | " + sink.playgroundChatUrl());
        simulator.on(Call.CHAT, Reply.stream("a"));
        sink.on(Call.CHAT, Reply.status(500), Reply.lost(), Reply.status(204));

        emit(GREETING);

        assertThat(captured.results).hasSize(1);
        captured.results.clear();
        assertThat(sink.requests()).extracting(RecordedRequest::path).containsExactly("/v1/chat/completions", "/v1/chat/completions",
                "/v1/chat/completions", "/v1/web/demo/chat/completions");
        assertThat(undeliveredFile("emit-greeting.json")).doesNotExist();
        takeChunks();
    }

    @Test
    void aResultWhoseDestinationIsDownIsKeptWholeAndTheOthersHaveIt() throws Exception {
        start("bactrian.retry.max-attempts", "1", "bactrian.emit.result", sink.chatUrl() + "?key=secret | bean:captured?method=result");
        simulator.on(Call.CHAT, Reply.stream("안녕", "하세요"));
        sink.always(Call.CHAT, Reply.status(500));

        emit(GREETING);

        JsonNode kept = undelivered("emit-greeting");
        assertThat(kept.path("status").asText()).isEqualTo("failed");
        assertThat(kept.path("error").path("type").asText()).isEqualTo("delivery-failed");
        assertThat(kept.path("error").path("message").asText()).contains(sink.chatUrl(), "500");
        assertThat(kept.path("undelivered")).isEqualTo(captured.results.remove().json());
        assertThat(sink.requests()).hasSize(2);
        takeChunks();
    }

    @ParameterizedTest
    @CsvSource({"1, true", "9, false"})
    void aHostsRouteWithItsOwnErrorHandlerIsADestination(int failures, boolean delivered) throws Exception {
        archiveFailures.set(failures);
        start("bactrian.retry.max-attempts", "2", "bactrian.emit.result", "direct:archive");

        emit(GREETING);

        assertThat(captured.results).hasSize(delivered ? 1 : 0);
        assertThat(archiveFailures).hasValue(delivered ? -1 : 6);
        assertThat(delivered || undelivered("emit-greeting").path("error").path("message").asText().contains("the archive is full")).isTrue();
        captured.results.clear();
        takeChunks();
    }

    @Test
    void anErrorWhoseDestinationIsDownIsKeptToo() throws Exception {
        sink.close();
        start("bactrian.retry.max-attempts", "0", "bactrian.emit.error", sink.chatUrl());
        simulator.always(Call.CHAT, Reply.json(400, "{\"error\": {\"message\": \"no\"}}"));

        emit(GREETING);

        JsonNode kept = undelivered("emit-greeting");
        assertThat(kept.path("error").path("type").asText()).isEqualTo("delivery-failed");
        assertThat(kept.path("undelivered").path("error").path("type").asText()).isEqualTo("provider-rejected");
    }

    @Test
    void aReaderOfTheOutboxNeverSeesHalfAResult() throws Exception {
        start("bactrian.emit.chunk", "", "bactrian.emit.result", file("out", "${header.BactrianRequestId}.json"));
        simulator.always(Call.CHAT, Reply.stream("x".repeat(4_000_000)));
        Path out = Files.createDirectories(folder.resolve("out"));
        AtomicBoolean done = new AtomicBoolean();
        Queue<String> broken = new ConcurrentLinkedQueue<>();
        CompletableFuture<Integer> reader = CompletableFuture.supplyAsync(() -> {
            int read = 0;
            while (!done.get()) {
                for (Path file : visible(out)) {
                    read++;
                    if (!whole(file)) {
                        broken.add(file.getFileName().toString());
                    }
                }
            }
            return read;
        });

        for (int i = 0; i < 10; i++) {
            // the same name twice: the second takes the place of the first
            emit("{\"id\": \"emit-" + i % 5 + "\", \"prompt\": \"hi\"}");
        }
        done.set(true);

        assertThat(reader.get()).isPositive();
        assertThat(broken).isEmpty();
        assertThat(out.toFile().list()).containsExactlyInAnyOrder("emit-0.json", "emit-1.json", "emit-2.json", "emit-3.json", "emit-4.json");
    }

    @Test
    void aDestinationOfTextOnlyGetsTheTextAlone() throws Exception {
        start("bactrian.emit.format", "content", "bactrian.emit.result", file("out", "${header.BactrianContentName}") + " | " + sink.chatUrl());
        simulator.on(Call.CHAT, Reply.stream("안녕", "하세요"));

        emit(GREETING);

        assertThat(Files.readAllBytes(folder.resolve("out/emit-greeting.txt"))).isEqualTo("안녕하세요".getBytes(StandardCharsets.UTF_8));
        assertThat(sink.requests().get(0).body()).isEqualTo("안녕하세요".getBytes(StandardCharsets.UTF_8));
        assertThat(sink.requests().get(0).header("Content-Type")).isEqualToIgnoringCase("text/plain; charset=UTF-8");
        takeChunks();
    }

    @Test
    void anErrorIsADocumentThoughContentIsAskedFor() throws Exception {
        start("bactrian.emit.format", "content");
        simulator.always(Call.CHAT, Reply.json(400, "{}"));

        emit(GREETING);

        assertThat(captured.errors.remove().json().path("error").path("type").asText()).isEqualTo("provider-rejected");
    }

    @Test
    void chunksGoToEachDestinationInOrder() throws Exception {
        start("bactrian.emit.chunk", "bean:captured?method=chunk | " + sink.chatUrl() + " | " + file("chunks", "all.txt") + "&fileExist=Append");
        List<String> pieces = IntStream.range(0, 20).mapToObj(i -> "조각 " + i + " ").toList();
        simulator.on(Call.CHAT, Reply.stream(pieces.toArray(String[]::new)));

        generate(GREETING);

        assertThat(sink.requests()).extracting(RecordedRequest::bodyText).containsExactlyElementsOf(pieces);
        assertThat(sink.requests()).extracting(request -> request.header("BactrianChunkIndex"))
                .containsExactlyElementsOf(IntStream.range(0, 20).mapToObj(String::valueOf).toList());
        assertThat(Files.readString(folder.resolve("chunks/all.txt"))).isEqualTo(String.join("", pieces));
        assertThat(takeChunks()).isEqualTo(String.join("|", pieces));
    }

    private String file(String directory, String name) {
        return "file:" + folder.resolve(directory) + "?fileName=" + name;
    }

    private JsonNode undelivered(String id) throws IOException {
        return ProviderJson.json(Files.readString(undeliveredFile(id + ".json"))).orElseThrow();
    }

    private static List<Path> visible(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            return new ArrayList<>(files.filter(file -> !file.getFileName().toString().startsWith(".")).toList());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean whole(Path file) {
        try {
            return ProviderJson.json(Files.readString(file)).isPresent();
        } catch (NoSuchFileException e) {
            // Just being replaced.
            return true;
        } catch (IOException e) {
            return false;
        }
    }
}
