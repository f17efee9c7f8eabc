package dev.bactrian.routes.emit;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.bactrian.error.GenerateException;
import dev.bactrian.routes.support.InboxTestSupport;
import dev.bactrian.routes.support.ReplicateReplies;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Reply;
import dev.bactrian.support.CapturedLog;
import jakarta.jms.Connection;
import jakarta.jms.JMSException;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import org.apache.camel.CamelExecutionException;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.component.jms.JmsComponent;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Whatever a request or its answer holds, its outcome lies in a file of its own, which anybody can read. */
class OutcomeTest extends InboxTestSupport {

    private static final String HALF = "\\ud83d";
    private static final String OTHER_HALF = "\\udc2a";
    /** What others read with: the usual limits, and nothing lenient. */
    private static final ObjectMapper OTHERS = new ObjectMapper();

    private Path outbox;

    /** What a trigger does around {@code direct:generate}, without the seconds that the inbox takes to trust a file. */
    @Override
    protected void configure(Main main) {
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:trigger")
                        .doTry().to("direct:generate")
                        .doCatch(GenerateException.class).bean("bactrianAnswer", "error").end()
                        .to("direct:bactrian-emit");
            }
        });
    }

    /** With the default destinations, in this test's folder, and chunks in one file. */
    private void startWithFiles(String... properties) throws Exception {
        outbox = folder.resolve("outbox");
        start(List.of("bactrian.emit.result", "file:" + outbox + "?fileName=${header.BactrianRequestId}.json",
                "bactrian.emit.error", "file:" + outbox + "?fileName=${header.BactrianRequestId}.error.json",
                "bactrian.emit.chunk", "file:" + folder + "?fileName=chunks.txt&fileExist=Append&appendChars=|"), properties);
    }

    /** The documents in the outbox by the names of their files, all of them whole. */
    private Map<String, JsonNode> documents() throws IOException {
        Map<String, JsonNode> documents = new TreeMap<>();
        try (Stream<Path> files = Files.list(outbox)) {
            for (Path file : files.toList()) {
                documents.put(file.getFileName().toString(), OTHERS.readTree(Files.readString(file)));
            }
        }
        return documents;
    }

    private JsonNode onlyDocument() throws IOException {
        Map<String, JsonNode> documents = documents();
        assertThat(documents).hasSize(1);
        Files.delete(outbox.resolve(documents.keySet().iterator().next()));
        return documents.values().iterator().next();
    }

    private String takeFileOfChunks() throws IOException {
        Path file = folder.resolve("chunks.txt");
        return Files.exists(file) ? delete(file, Files.readString(file)) : "";
    }

    private static String delete(Path file, String content) throws IOException {
        Files.delete(file);
        return content;
    }

    private static String chat(String... contents) {
        StringBuilder events = new StringBuilder();
        for (String content : contents) {
            events.append("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"").append(content).append("\"}}]}\n\n");
        }
        return events + "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    }

    private static String deep(int levels) {
        return "{\"a\":".repeat(levels) + "1" + "}".repeat(levels);
    }

    @Test
    void filesWhoseTextsAreCutInACharacterHaveTheirOutcome() throws Exception {
        Files.writeString(inbox.resolve("chat.json"), "{\"prompt\": \"cut " + HALF + "\", \"user\": \"" + OTHER_HALF + "\"}");
        Files.writeString(inbox.resolve("image.json"), "{\"model\": \"sd-3\", \"prompt\": \"cut " + HALF + "\", \"" + HALF + "\": 1}");
        Files.writeString(inbox.resolve("name.json"), "{\"model\": \"who/what" + HALF + "\", \"prompt\": \"p\"}");
        Files.writeString(inbox.resolve("none.json"), "{\"model\": \"no such " + HALF + "\", \"prompt\": \"p\"}");
        simulator.on(Call.CHAT, Reply.rawStream(chat("hi " + HALF)));
        startWithFiles("bactrian.file.enabled", "true", "bactrian.emit.chunk", "");

        await().until(() -> names("").isEmpty());

        await().until(() -> names(".done").size() == 3 && names(".failed").size() == 1);
        Map<String, JsonNode> documents = documents();
        assertThat(documents.keySet()).containsExactly("chat.json", "image.json", "name.json", "none.error.json");
        assertThat(documents.get("chat.json").path("text").asText()).isEqualTo("hi \uFFFD");
        assertThat(documents.get("image.json").path("prompt").asText()).isEqualTo("cut \uFFFD");
        assertThat(documents.get("name.json").path("model").asText()).isEqualTo("who/what\uFFFD");
        assertThat(documents.get("none.error.json").path("error").path("message").asText()).contains("'no such \uFFFD'");
        assertThat(simulator.requests(Call.CHAT).get(0).json().at("/messages/0/content").asText()).isEqualTo("cut \uFFFD");
        assertThat(simulator.requests(Call.CREATE)).extracting(RecordedRequest::bodyText).anyMatch(body -> body.contains("\"\uFFFD\":1"))
                .allMatch(body -> StandardCharsets.UTF_8.newEncoder().canEncode(body));
    }

    /** What Replicate says, with halves of characters in it, and what comes of it. */
    private enum Halves {
        TEXT("{'model': 'gemma-2b', 'prompt': 'p'}", succeeded("\"hi " + HALF + "\""), "text", "hi \uFFFD", "hi \uFFFD|"),
        PIECES("{'model': 'gemma-2b', 'prompt': 'p'}", succeeded("[\"hi " + HALF + "\", \"" + OTHER_HALF + " there\"]"), "text", "hi 🐪 there",
                "hi |🐪 there|"),
        METRICS("{'model': 'gemma-2b', 'prompt': 'p'}",
                Reply.json(200, "{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": \"a\", \"metrics\": {\"" + HALF + "\": \"" + OTHER_HALF + "\"}}"),
                "prediction", "\uFFFD", "a|"),
        VALUE("{'model': 'gemma-2b', 'prompt': 'p'}", succeeded("{\"" + HALF + "\": 1}"), "output", "\uFFFD", ""),
        IMAGE("{'model': 'sd-3', 'prompt': 'p'}", succeeded("\"https://x.replicate.delivery/" + HALF + ".png\""), "images",
                "https://x.replicate.delivery/\uFFFD.png", ""),
        FAILED("{'model': 'gemma-2b', 'prompt': 'p'}", ReplicateReplies.failed("\"no " + HALF + "\"", "null"), "error", "no \uFFFD", ""),
        FAILED_WITH_LOG("{'model': 'gemma-2b', 'prompt': 'p'}", ReplicateReplies.failed("null", "\"log " + HALF + "\""), "error", "log \uFFFD", ""),
        STATUS("{'model': 'gemma-2b', 'prompt': 'p'}", ReplicateReplies.poll("odd " + HALF), "error", "1 polls", "");

        private final String request;
        private final Reply reply;
        private final String field;
        private final String holds;
        private final String chunks;

        Halves(String request, Reply reply, String field, String holds, String chunks) {
            this.request = request.replace('\'', '"');
            this.reply = reply;
            this.field = field;
            this.holds = holds;
            this.chunks = chunks;
        }
    }

    @TestFactory
    Stream<DynamicTest> halvesOfCharactersInAnAnswerLoseNothing() throws Exception {
        startWithFiles("bactrian.replicate.poll-max-attempts", "1");
        return Stream.of(Halves.values()).map(one -> dynamicTest(one.name(), () -> {
            simulator.reset().on(Call.CREATE, created()).on(Call.POLL, one.reply);

            template().sendBody("direct:trigger", one.request);

            assertThat(onlyDocument().path(one.field).toString()).contains(one.holds);
            assertThat(takeFileOfChunks()).isEqualTo(one.chunks);
        }));
    }

    @Test
    void anExceptionIsValidUnicode() throws Exception {
        startWithFiles();
        simulator.on(Call.CREATE, created()).on(Call.POLL, ReplicateReplies.failed("\"no " + HALF + "\"", "null"));

        try {
            template().requestBody("direct:generate", "{\"model\": \"a/b" + HALF + "\", \"kind\": \"text\", \"prompt\": \"p\"}", String.class);
        } catch (CamelExecutionException e) {
            GenerateException failure = (GenerateException) e.getCause();
            assertThat(failure).hasMessage("prediction-failed: no \uFFFD");
            assertThat(failure.getHeaders()).containsEntry("BactrianModel", "a/b\uFFFD");
            assertThat(OTHERS.readTree(failure.getDocument()).path("error").path("message").asText()).isEqualTo("no \uFFFD");
            return;
        }
        throw new AssertionError("the request succeeded");
    }

    @Test
    void contentAloneIsValidUnicode() throws Exception {
        startWithFiles("bactrian.emit.format", "content", "bactrian.emit.chunk", "",
                "bactrian.emit.result", "file:" + folder.resolve("outbox") + "?fileName=${header.BactrianContentName}");
        simulator.on(Call.CREATE, created(), created()).on(Call.POLL, succeeded("[\"hi " + HALF + "\", \"" + OTHER_HALF + HALF + "\"]"),
                succeeded("{\"" + HALF + "\": " + deep(990) + "}")).on(Call.CHAT, Reply.rawStream(chat("hi " + HALF)));

        template().sendBody("direct:trigger", "{\"id\": \"a\", \"model\": \"gemma-2b\", \"prompt\": \"p\"}");
        template().sendBody("direct:trigger", "{\"id\": \"b\", \"model\": \"gemma-2b\", \"prompt\": \"p\"}");
        template().sendBody("direct:trigger", "{\"id\": \"c\", \"prompt\": \"p\"}");

        assertThat(Files.readString(outbox.resolve("a.txt"))).isEqualTo("hi 🐪\uFFFD");
        assertThat(OTHERS.readTree(Files.readString(outbox.resolve("b.txt"))).has("\uFFFD")).isTrue();
        assertThat(Files.readString(outbox.resolve("c.txt"))).isEqualTo("hi \uFFFD");
    }

    @Test
    void whatCannotBeDeliveredIsKeptInValidUnicodeHoweverDeepItIs() throws Exception {
        startWithFiles("bactrian.emit.result", "direct:nobody-listens?block=false", "bactrian.retry.max-attempts", "0", "bactrian.emit.chunk", "");
        simulator.on(Call.CREATE, created()).on(Call.POLL, Reply.json(200,
                "{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": \"hi " + HALF + "\", \"metrics\": " + deep(998) + "}"));
        template().sendBody("direct:trigger", "{\"id\": \"lost\", \"model\": \"gemma-2b\", \"prompt\": \"p\"}");

        JsonNode document = OTHERS.readTree(Files.readString(undeliveredFile("lost.json")));
        assertThat(document.path("partialText").asText()).isEqualTo("hi \uFFFD");
        assertThat(document.path("undelivered").path("text").asText()).isEqualTo("hi \uFFFD");
        assertThat(document.toString()).contains("left out: nested deeper than 500 levels");
    }

    /** Any JSON that is passed on, as deep as can be. */
    private enum Deep {
        METRICS(Reply.json(200, "{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": \"hi\", \"metrics\": " + deep(998) + "}")),
        OUTPUT(succeeded(deep(998))),
        LIST(succeeded("[".repeat(998) + "]".repeat(998))),
        ERROR(ReplicateReplies.failed(deep(998), "null")),
        METRICS_OF_A_FAILURE(Reply.json(200, "{\"id\": \"p1\", \"status\": \"failed\", \"error\": \"hi\", \"metrics\": " + deep(998) + "}")),
        BEYOND_WHAT_ANYBODY_READS(succeeded(deep(5000)));

        private final Reply reply;

        Deep(Reply reply) {
            this.reply = reply;
        }
    }

    @TestFactory
    Stream<DynamicTest> whatIsNestedDeepIsCutAndTheRestArrives() throws Exception {
        startWithFiles();
        return Stream.of(Deep.values()).map(deep -> dynamicTest(deep.name(), () -> {
            simulator.reset().on(Call.CREATE, created()).on(Call.POLL, deep.reply);

            template().sendBody("direct:trigger", "{\"model\": \"gemma-2b\", \"prompt\": \"p\"}");

            assertThat(onlyDocument().path("prediction").path("id").asText()).isEqualTo("p1");
            takeFileOfChunks();
        }));
    }

    @Test
    void usageAndCallsOfToolsThatAreNestedDeepAreCut() throws Exception {
        startWithFiles();
        simulator.on(Call.CHAT, Reply.rawStream("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\n"
                + "data: {\"choices\":[],\"usage\":" + deep(990) + "}\n\ndata: [DONE]\n\n"));

        template().sendBody("direct:trigger", "hi");

        JsonNode document = onlyDocument();
        assertThat(document.path("text").asText()).isEqualTo("hi");
        assertThat(document.path("usage").toString()).contains("left out: nested deeper than 500 levels");
        takeFileOfChunks();
    }

    @Test
    void byTheQueueNothingIsLostEither() throws Exception {
        startWithFiles("bactrian.jms.enabled", "true", "bactrian.emit.result", "jms:queue:results", "bactrian.emit.error", "jms:queue:errors",
                "bactrian.emit.chunk", "jms:queue:chunks");
        simulator.on(Call.CREATE, created(), created()).on(Call.POLL, Reply.json(200, "{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": [\"hi "
                + HALF + "\", \"" + OTHER_HALF + HALF + "\"], \"metrics\": {\"deep\": " + deep(990) + ", \"n\": NaN, \"m\": 1e999999999}}"));

        template().sendBody("jms:queue:bactrian.requests", "{\"id\": \"a\", \"model\": \"gemma-2b\", \"prompt\": \"cut " + HALF + "\"}");

        JsonNode result = OTHERS.readTree(take("results").getText());
        assertThat(result.path("text").asText()).isEqualTo("hi 🐪\uFFFD");
        assertThat(result.path("prediction").path("metrics").path("n").asText()).isEqualTo("NaN");
        assertThat(take("chunks").getText()).isEqualTo("hi ");
        assertThat(take("chunks").getText()).isEqualTo("🐪\uFFFD");

        simulator.on(Call.POLL, ReplicateReplies.failed("\"no " + HALF + "\"", "null"));
        template().sendBody("jms:queue:bactrian.requests", "{\"id\": \"b\", \"model\": \"sd-3\", \"prompt\": \"cut " + HALF + "\"}");

        assertThat(OTHERS.readTree(take("errors").getText()).path("error").path("message").asText()).isEqualTo("no \uFFFD");
    }

    private TextMessage take(String queue) throws JMSException {
        try (Connection connection = context().getComponent("jms", JmsComponent.class).getConfiguration().getConnectionFactory().createConnection()) {
            connection.start();
            Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
            return (TextMessage) session.createConsumer(session.createQueue(queue)).receive(20_000);
        }
    }

    @Test
    void filesOfSimilarNamesHaveAResultEach() throws Exception {
        for (String name : List.of("김서현", "김수란", "a b", "a_b", "\u00e9", "e\u0301")) {
            Files.writeString(inbox.resolve(name + ".txt"), name);
        }
        simulator.always(Call.CHAT, Reply.normally());
        startWithFiles("bactrian.file.enabled", "true", "bactrian.emit.chunk", "");

        await().until(() -> names(".done").size() == 6);

        Map<String, JsonNode> documents = documents();
        assertThat(documents).hasSize(6);
        documents.forEach((file, document) -> assertThat(file).isEqualTo(document.path("id").asText() + ".json"));
    }

    @Test
    void aResultNeverHasTheNameOfAnotherRequestsError() throws Exception {
        startWithFiles("bactrian.emit.chunk", "");
        simulator.on(Call.CHAT, Reply.stream("a"), Reply.json(400, "{}"), Reply.stream("b"), Reply.json(400, "{}"), Reply.stream("c"));

        for (String id : List.of("app.error", "app", "APP.Error", "app.error", "app.error.error")) {
            template().sendBody("direct:trigger", "{\"id\": \"" + id + "\", \"prompt\": \"hi\"}");
        }

        Map<String, JsonNode> documents = documents();
        assertThat(documents.keySet()).containsExactlyInAnyOrder("app.error~.json", "app.error.json", "APP.Error~.json", "app.error.error.json",
                "app.error.error~.json");
        assertThat(documents.get("app.error~.json").path("text").asText()).isEqualTo("a");
        assertThat(documents.get("app.error~.json").path("id").asText()).isEqualTo("app.error");
        assertThat(documents.get("app.error.json").path("id").asText()).isEqualTo("app");
        assertThat(documents.get("app.error.error.json").path("id").asText()).isEqualTo("app.error");
    }

    @Test
    void whereNoFileIsWrittenAnIdIsWhatItIs() throws Exception {
        startWithFiles("bactrian.emit.chunk", "", "bactrian.emit.result", "bean:captured?method=result");

        template().sendBody("direct:trigger", "{\"id\": \"app.error\", \"prompt\": \"hi\"}");

        assertThat(captured.results.remove().headers()).containsEntry("BactrianRequestId", "app.error");
    }

    @Test
    void aResultThatReplacesAnotherSaysSo() throws Exception {
        startWithFiles("bactrian.emit.chunk", "");
        String log = logOf(() -> template().sendBody("direct:trigger", "{\"id\": \"cat\", \"prompt\": \"first\"}"));
        assertThat(log).doesNotContain("replaced");

        log = logOf(() -> template().sendBody("direct:trigger", "{\"id\": \"cat\", \"prompt\": \"second\"}"));

        assertThat(log).contains("WARN", "cat: " + outbox.resolve("cat.json") + " is there already");
        assertThat(onlyDocument().path("text").asText()).contains("second");
    }

    private static String logOf(Runnable work) {
        try (CapturedLog log = new CapturedLog()) {
            work.run();
            return log.toString();
        }
    }
}
