package dev.bactrian.routes.replicate;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.failed;
import static dev.bactrian.routes.support.ReplicateReplies.poll;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.support.CapturedLog;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every state a prediction has, the reasons of those that failed, and the forms in which answers come. */
class ReplicateStatesTest extends RouteTestSupport {

    private static final String REQUEST = "{\"model\": \"gemma-2b\", \"prompt\": \"p\"}";

    /** The state of an answer and the {@code error.type} it makes; none: the prediction succeeded. */
    private enum End {
        SUCCEEDED("succeeded", null),
        UPPER_CASE_SUCCEEDED("SUCCEEDED", null),
        FAILED("failed", "prediction-failed"),
        UPPER_CASE_FAILED("Failed", "prediction-failed"),
        CANCELED("canceled", "prediction-canceled"),
        ABORTED("aborted", "prediction-canceled"),
        UPPER_CASE_ABORTED("ABORTED", "prediction-canceled");

        private final String status;
        private final String error;

        End(String status, String error) {
            this.status = status;
            this.error = error;
        }
    }

    @TestFactory
    Stream<DynamicTest> aStateThatIsAnEndEndsThePolls() throws Exception {
        start();
        return Arrays.stream(End.values()).map(end -> dynamicTest(end.name(), () -> {
            simulator.reset();
            simulator.on(Call.CREATE, created()).on(Call.POLL, poll("processing"), poll(end.status));

            assertEnd(end);
            assertThat(simulator.count(Call.POLL)).isEqualTo(2);
        }));
    }

    @TestFactory
    Stream<DynamicTest> aCreateThatAnswersAnEndNeedsNoPoll() throws Exception {
        start();
        return Arrays.stream(End.values()).map(end -> dynamicTest(end.name(), () -> {
            simulator.reset();
            simulator.on(Call.CREATE, Reply.prediction(end.status, null));

            assertEnd(end);
            assertThat(simulator.count(Call.POLL)).isZero();
        }));
    }

    private void assertEnd(End end) {
        if (end.error == null) {
            assertThat(generate(REQUEST).path("status").asText()).isEqualTo("succeeded");
        } else {
            JsonNode document = generateFails(REQUEST);
            assertThat(document.path("error").path("type").asText()).isEqualTo(end.error);
            assertThat(document.path("error").path("retryable").asBoolean()).isFalse();
            assertThat(document.path("prediction").path("id").asText()).isNotEmpty();
        }
    }

    @Test
    void aCreateThatAnswersItsOutputIsTheResultWithNoPoll() throws Exception {
        start();
        simulator.on(Call.CREATE, Reply.prediction("succeeded", "[\"Hel\", \"lo\"]"));

        JsonNode result = generate(REQUEST);

        assertThat(result.path("text").asText()).isEqualTo("Hello");
        assertThat(result.path("prediction").path("polls").asInt(-1)).isZero();
        assertThat(takeChunks()).isEqualTo("Hel|lo");
    }

    @Test
    void aPredictionThatIsProcessingIsNotDoneThoughItHasAnOutput() throws Exception {
        start();
        simulator.on(Call.CREATE, Reply.json(201, "{\"id\": \"p1\", \"status\": \"processing\", \"output\": [\"Hel\"]}"))
                .on(Call.POLL, Reply.json(200, "{\"id\": \"p1\", \"status\": \"processing\", \"output\": [\"Hel\", \"lo\"]}"),
                        succeeded("[\"Hel\", \"lo\", \"!\"]"));

        assertThat(generate(REQUEST).path("text").asText()).isEqualTo("Hello!");
        assertThat(takeChunks()).isEqualTo("Hel|lo|!");
    }

    @Test
    void aStateThatNobodyKnowsCountsAsRunningAndIsWarnedOf() throws Exception {
        start();
        simulator.on(Call.CREATE, created()).on(Call.POLL, poll("queued"), poll("Reticulating\\nsplines"), succeeded("\"done\""));

        String log = logOf(() -> assertThat(generate(REQUEST).path("text").asText()).isEqualTo("done"));

        assertThat(log).contains("prediction p1 has the unknown status 'queued'");
        assertThat(log).contains("'Reticulating splines'");
        assertThat(takeChunks()).isEqualTo("done");
    }

    @Test
    void aCreateThatSaysNoStateIsPolled() throws Exception {
        start();
        simulator.on(Call.CREATE, Reply.json(201, "{\"id\": \"p1\"}")).on(Call.POLL, succeeded("\"done\""));

        assertThat(generate(REQUEST).path("text").asText()).isEqualTo("done");
        assertThat(takeChunks()).isEqualTo("done");
    }

    @Test
    void pollsThatNeverSayAStateAreAnErrorThatSaysSo() throws Exception {
        start();
        simulator.on(Call.CREATE, created()).always(Call.POLL, Reply.json(200, "{\"id\": \"p1\", \"output\": [\"half\"]}"));

        JsonNode error = generateFails(REQUEST).path("error");

        assertThat(error.path("type").asText()).isEqualTo("provider-unavailable");
        assertThat(error.path("message").asText()).contains("p1", "is not a prediction");
    }

    /** What a failed prediction says, and what the error says of it. */
    private enum Reason {
        TEXT("\"NSFW content detected (E005)\"", "null", "NSFW content detected (E005)"),
        LINES("\"Traceback\\n  boom\\n\"", "null", "Traceback boom"),
        OBJECT_WITH_MESSAGE("{\"code\": 7, \"message\": \"out of memory\"}", "\"log\"", "out of memory"),
        OBJECT_WITH_DETAIL("{\"detail\": \"out of memory\"}", "\"log\"", "out of memory"),
        OBJECT_OF_ANOTHER_FORM("{\"code\": 7}", "\"log\"", "{\"code\":7}"),
        LIST("[\"a\", \"b\"]", "\"log\"", "a; b"),
        NUMBER("1001", "\"log\"", "1001"),
        NULL("null", "\"one\\ntwo\\nboom\\n\\n\"", "p1", "no reason", "boom"),
        EMPTY("\"\"", "\"one\\ntwo\\nboom\\n\"", "p1", "no reason", "boom"),
        BLANK("\" \\n\"", "\"boom\"", "p1", "no reason", "boom"),
        EMPTY_OBJECT("{}", "\"boom\"", "p1", "no reason", "boom"),
        EMPTY_LIST("[]", "\"boom\"", "p1", "no reason", "boom"),
        NULL_WITHOUT_A_LOG("null", "null", "p1", "no reason"),
        NULL_WITH_AN_EMPTY_LOG("null", "\"\\n\"", "p1", "no reason");

        private final String error;
        private final String logs;
        private final List<String> said;

        Reason(String error, String logs, String... said) {
            this.error = error;
            this.logs = logs;
            this.said = List.of(said);
        }
    }

    @TestFactory
    Stream<DynamicTest> aFailureAlwaysHasAReason() throws Exception {
        start();
        return Arrays.stream(Reason.values()).map(reason -> dynamicTest(reason.name(), () -> {
            simulator.on(Call.CREATE, created()).on(Call.POLL, failed(reason.error, reason.logs));

            JsonNode error = generateFails(REQUEST).path("error");

            assertThat(error.path("type").asText()).isEqualTo("prediction-failed");
            assertThat(error.path("message").asText()).contains(reason.said).doesNotContain("\n");
        }));
    }

    /** A form in which the answer to a poll comes. */
    private enum Form {
        PLAIN(answer("{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": \"안녕\"}")),
        GZIP(PLAIN.reply.gzip()),
        DEFLATE(PLAIN.reply.deflate()),
        IN_TWO_READS(PLAIN.reply.splitAt(52)),
        TEXT_PLAIN(PLAIN.reply.header("Content-Type", "text/plain;charset=UTF-8")),
        WRONG_CHARSET(PLAIN.reply.header("Content-Type", "text/plain; charset=ISO-8859-1")),
        UPPER_CASE_CHARSET(PLAIN.reply.header("Content-Type", "application/json; charset=UTF-8")),
        NO_CONTENT_TYPE(Reply.body(200, null, "{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": \"안녕\"}".getBytes(StandardCharsets.UTF_8))),
        NEW_LINE_AT_THE_END(answer("{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": \"안녕\"}\n")),
        MODEL_TWICE(answer("{\"id\": \"p1\", \"model\": \"a/b\", \"status\": \"succeeded\", \"model\": \"c/d\", \"output\": \"안녕\"}")),
        BYTE_ORDER_MARK(answer("\uFEFF{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": \"안녕\"}")),
        NOT_A_NUMBER(answer("{\"id\": \"p1\", \"metrics\": {\"loss\": NaN, \"a\": -Infinity}, \"status\": \"succeeded\", \"output\": \"안녕\"}")),
        NOT_UTF_8(notUtf8("{\"id\": \"p1\", \"logs\": \"caf\u00e9\", \"status\": \"succeeded\", \"output\": \"", "안녕\"}")),
        CONTROL_CHARACTERS(answer("{\"id\": \"p1\", \"logs\": \"a\tb\u0000\nc\", \"status\": \"succeeded\", \"output\": \"안녕\"}")),
        TRAILING_COMMA(answer("{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": [\"안녕\",],}")),
        AFTER_ITS_END(answer("{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": \"안녕\"}}\n<!-- -->")),
        HUGE_NUMBERS(answer("{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": \"안녕\", \"metrics\": {\"predict_time\": 1e999999999,"
                + " \"total_time\": 1e99999999999, \"n\": " + "9".repeat(20_000) + "}}")),
        DEEP_METRICS(answer("{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": \"안녕\", \"metrics\": " + deep(998) + "}")),
        DEEPER_METRICS(answer("{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": \"안녕\", \"metrics\": " + deep(20_000) + "}")),
        NO_ID(answer("{\"status\": \"succeeded\", \"output\": \"안녕\"}")),
        ODD_TIMES(answer("{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": \"안녕\", \"created_at\": \"yesterday\","
                + " \"started_at\": 7, \"completed_at\": \"2026-11-20T09:15:06.123456789Z\", \"metrics\": null, \"logs\": {}}")),
        MORE_FIELDS(answer("{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": \"안녕\", \"error\": \"\", \"urls\": [], \"new\": {\"a\": 1}}"));

        private final Reply reply;

        Form(Reply reply) {
            this.reply = reply;
        }

        private static Reply answer(String json) {
            return Reply.json(200, json);
        }

        private static String deep(int levels) {
            return "{\"a\":".repeat(levels) + "1" + "}".repeat(levels);
        }

        private static Reply notUtf8(String latin, String utf8) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            bytes.writeBytes(latin.getBytes(StandardCharsets.ISO_8859_1));
            bytes.writeBytes(utf8.getBytes(StandardCharsets.UTF_8));
            return Reply.body(200, "application/json", bytes.toByteArray());
        }
    }

    @TestFactory
    Stream<DynamicTest> anAnswerOfThisFormIsRead() throws Exception {
        start();
        return Arrays.stream(Form.values()).map(form -> dynamicTest(form.name(), () -> {
            simulator.on(Call.CREATE, created()).on(Call.POLL, form.reply);

            JsonNode result = generate(REQUEST);

            assertThat(result.path("text").asText()).isEqualTo("안녕");
            assertThat(result.path("prediction").path("id").asText()).isEqualTo("p1");
            assertThat(result.path("prediction").path("metrics").isObject()).isTrue();
            assertThat(takeChunks()).isEqualTo("안녕");
        }));
    }

    /** A create is never made again: its answer must not be lost. */
    @TestFactory
    Stream<DynamicTest> anAnswerToTheCreateOfThisFormIsRead() throws Exception {
        start();
        String answer = "{\"id\": \"p1\", \"status\": \"starting\", \"metrics\": {\"a\": %s}, \"logs\": \"%s\"}";
        return Stream.of("\uFEFF" + answer.formatted("1", ""), answer.formatted("NaN", ""), answer.formatted("1e99999999999", ""),
                answer.formatted(Form.deep(998), "\u0001"), answer.formatted("1", "caf\u00e9")).map(json -> dynamicTest(json.substring(0, 60), () -> {
                    simulator.on(Call.CREATE, Reply.body(201, "application/json", json.getBytes(
                            json.contains("caf") ? StandardCharsets.ISO_8859_1 : StandardCharsets.UTF_8))).on(Call.POLL, succeeded("\"done\""));

                    JsonNode result = generate(REQUEST);

                    assertThat(result.path("prediction").path("id").asText()).isEqualTo("p1");
                    assertThat(takeChunks()).isEqualTo("done");
                }));
    }

    @Test
    void anEncodedAnswerToTheCreateIsRead() throws Exception {
        start();
        simulator.on(Call.CREATE, created().gzip(), created().deflate()).always(Call.POLL, succeeded("\"a\""));

        assertThat(generate(REQUEST).path("text").asText()).isEqualTo("a");
        assertThat(generate(REQUEST).path("text").asText()).isEqualTo("a");
        assertThat(takeChunks()).isEqualTo("a|a");
    }

    @Test
    void whatAnEncodedErrorSaysIsRead() throws Exception {
        start();
        simulator.on(Call.CREATE, Reply.json(422, "{\"title\": \"Input validation failed\", \"detail\": \"- input: 안녕\\n\"}").gzip());

        JsonNode error = generateFails(REQUEST).path("error");

        assertThat(error.path("type").asText()).isEqualTo("provider-rejected");
        assertThat(error.path("message").asText()).contains("input: 안녕");
    }

    @Test
    void anOutputThatTheServiceHasDeletedSinceIsAnErrorThatSaysSo() throws Exception {
        start();
        simulator.on(Call.CREATE, created()).on(Call.POLL, Reply.json(200,
                "{\"id\": \"p1\", \"status\": \"succeeded\", \"input\": {}, \"output\": null, \"logs\": null, \"data_removed\": true}"));

        JsonNode error = generateFails(REQUEST).path("error");

        assertThat(error.path("type").asText()).isEqualTo("empty-output");
        assertThat(error.path("message").asText()).contains("p1", "deleted");
    }

    @Test
    void theMetricsOfThePredictionAreInTheResult() throws Exception {
        start();
        simulator.on(Call.CREATE, created()).on(Call.POLL, Reply.json(200,
                "{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": \"\", \"metrics\": {\"predict_time\": 1.197838, \"total_time\": 2.1, \"image_count\": 2}}"));

        assertThat(generate(REQUEST).path("prediction").toString())
                .isEqualTo("{\"id\":\"p1\",\"polls\":1,\"metrics\":{\"predict_time\":1.197838,\"total_time\":2.1,\"image_count\":2},\"queuedMs\":902,\"predictMs\":1198}");
    }

    /** What goes to the log while something is done. */
    private static String logOf(Runnable work) {
        try (CapturedLog log = new CapturedLog()) {
            work.run();
            return log.toString();
        }
    }
}
