package dev.bactrian.routes.upstage;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.support.FreePort;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.ThrowingConsumer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a caller of {@code direct:generate} sees of all that can go wrong with a chat, and what the server sees. */
class UpstageErrorsTest extends RouteTestSupport {

    private static final String WORDS = "both humps are empty";
    private static final String REQUEST = "{\"id\": \"r1\", \"model\": \"solar-mini4\", \"prompt\": \"hi\"}";

    /** The error table of the reference, by status. */
    enum Status {
        MALFORMED(400, "provider-rejected", false),
        BAD_KEY(401, "authentication", false),
        NO_CREDIT(402, "authentication", false),
        SUSPENDED(403, "authentication", false),
        NOT_THERE(404, "provider-rejected", false),
        NOT_ALLOWED(405, "provider-rejected", false),
        TOO_SLOW(408, "provider-rejected", true),
        CONFLICT(409, "provider-rejected", false),
        TOO_LARGE(413, "provider-rejected", false),
        UNPROCESSABLE(422, "provider-rejected", false),
        TOO_MANY(429, "rate-limited", true),
        BROKEN(500, "provider-unavailable", false, true),
        NOT_IMPLEMENTED(501, "provider-unavailable", false),
        BAD_GATEWAY(502, "provider-unavailable", true),
        UNAVAILABLE(503, "provider-unavailable", true),
        GATEWAY_TIMEOUT(504, "provider-unavailable", true),
        UNKNOWN(520, "provider-unavailable", false, true),
        ORIGIN_TIMEOUT(524, "provider-unavailable", false, true),
        OVERLOADED(529, "provider-unavailable", false, true),
        NO_STANDARD(530, "provider-unavailable", false);

        private final int status;
        private final String type;
        private final boolean repeated;
        private final boolean retryable;

        Status(int status, String type, boolean repeated) {
            this(status, type, repeated, repeated);
        }

        Status(int status, String type, boolean repeated, boolean retryable) {
            this.status = status;
            this.type = type;
            this.repeated = repeated;
            this.retryable = retryable;
        }
    }

    @TestFactory
    Stream<DynamicTest> anErrorStatusBecomesADocumentWithTheProvidersOwnWords() throws Exception {
        start("bactrian.retry.max-attempts", "2");
        return each(Status.values(), answered -> {
            simulator.reset();
            simulator.always(Call.CHAT, Reply.json(answered.status, "{\"error\":{\"message\":\"" + WORDS
                    + "\",\"type\":\"invalid_request_error\",\"param\":\"\",\"code\":\"c\"}}"));

            JsonNode document = generateFails(REQUEST);

            JsonNode error = document.path("error");
            assertThat(error.path("type").asText()).isEqualTo(answered.type);
            assertThat(error.path("httpStatus").asInt()).isEqualTo(answered.status);
            assertThat(error.path("message").asText()).contains(WORDS, "upstage", String.valueOf(answered.status));
            assertThat(error.path("attempts").asInt()).isEqualTo(answered.repeated ? 3 : 1);
            assertThat(error.path("retryable").asBoolean()).isEqualTo(answered.retryable);
            assertThat(document.path("partialText").asText("missing")).isEmpty();
            assertThat(document.path("id").asText()).isEqualTo("r1");
            assertThat(document.path("status").asText()).isEqualTo("failed");
            assertThat(document.path("provider").asText()).isEqualTo("upstage");
            assertThat(document.path("model").asText()).isEqualTo("solar-mini4");
            assertThat(simulator.count(Call.CHAT)).isEqualTo(answered.repeated ? 3 : 1);
        });
    }

    @TestFactory
    Stream<DynamicTest> aChatThatIsRepeatedSucceedsOnceTheServiceIsBack() throws Exception {
        start();
        return each(new Status[] {Status.TOO_SLOW, Status.TOO_MANY, Status.BAD_GATEWAY, Status.UNAVAILABLE, Status.GATEWAY_TIMEOUT}, answered -> {
            simulator.reset();
            simulator.on(Call.CHAT, Reply.status(answered.status), Reply.stream("back"));

            assertThat(generate(REQUEST).path("text").asText()).isEqualTo("back");

            assertThat(simulator.requests(Call.CHAT)).hasSize(2);
            assertThat(simulator.requests(Call.CHAT).get(1).body()).isEqualTo(simulator.requests(Call.CHAT).get(0).body());
            assertThat(takeChunks()).isEqualTo("back");
        });
    }

    /** The forms in which services word an error. */
    enum Wording {
        UPSTAGE("{\"error\":{\"message\":\"" + WORDS + "\"}}"),
        PLAIN_ERROR("{\"error\":\"" + WORDS + "\"}"),
        DETAIL("{\"title\":\"No\",\"detail\":\"" + WORDS + "\"}"),
        MESSAGE("{\"message\":\"" + WORDS + "\"}"),
        PLAIN_TEXT(WORDS + "\n"),
        A_STRING("\"" + WORDS + "\""),
        DETAIL_LIST("{\"detail\":[\"" + WORDS + "\"]}"),
        DETAIL_MESSAGES("{\"detail\":[{\"type\":\"missing\",\"msg\":\"" + WORDS + "\",\"input\":{}}]}"),
        DETAIL_OBJECT("{\"detail\":{\"message\":\"" + WORDS + "\"}}"),
        ERRORS("{\"errors\":[{\"message\":\"" + WORDS + "\"}]}"),
        ERRORS_IN_WORDS("{\"errors\":[\"" + WORDS + "\"]}"),
        MESSAGES("{\"message\":[\"" + WORDS + "\"]}"),
        ERROR_LIST("[{\"error\":{\"code\":400,\"message\":\"" + WORDS + "\"}}]"),
        TITLE("{\"type\":\"about:blank\",\"title\":\"" + WORDS + "\",\"status\":400}"),
        LINES("{\"error\":{\"message\":\"both humps\\nare empty\"}}"),
        ARRAY_BESIDE("{\"error\":{\"message\":\"" + WORDS + "\",\"param\":[1,{}]},\"x\":null}");

        private final String body;

        Wording(String body) {
            this.body = body;
        }
    }

    @TestFactory
    Stream<DynamicTest> theProvidersWordsAreFoundWhereverTheyStand() throws Exception {
        start();
        return each(Wording.values(), wording -> {
            simulator.reset();
            simulator.on(Call.CHAT, Reply.json(400, wording.body));

            assertThat(generateFails(REQUEST).path("error").path("message").asText()).isEqualTo("upstage answered 400: " + WORDS);
        });
    }

    /** Error bodies in which nothing is worded. */
    enum Wordless {
        HTML("text/html", "<html><head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>"),
        HTML_CALLED_JSON("application/json", "<!DOCTYPE html><p>oops"),
        NOTHING(null, ""),
        TORN_JSON("application/json", "{\"error\":{\"mess"),
        NULLS("application/json", "{\"error\":null,\"detail\":null}"),
        A_NUMBER("application/json", "17"),
        NOT_UTF_8("text/html; charset=ISO-8859-1", "<p>\u00e9</p>");

        private final String contentType;
        private final String body;

        Wordless(String contentType, String body) {
            this.contentType = contentType;
            this.body = body;
        }
    }

    @TestFactory
    Stream<DynamicTest> anErrorWithoutWordsIsOneLineAboutItsStatus() throws Exception {
        start("bactrian.retry.max-attempts", "1");
        return each(Wordless.values(), wordless -> {
            simulator.reset();
            simulator.always(Call.CHAT, Reply.body(502, wordless.contentType, wordless.body.getBytes(StandardCharsets.ISO_8859_1)));

            JsonNode error = generateFails(REQUEST).path("error");

            assertThat(error.path("message").asText()).isEqualTo("upstage answered 502");
            assertThat(error.path("type").asText()).isEqualTo("provider-unavailable");
            assertThat(error.path("attempts").asInt()).isEqualTo(2);
            assertThat(simulator.count(Call.CHAT)).isEqualTo(2);
        });
    }

    @Test
    void anErrorPageOfManyMegabytesIsNotReadToItsEnd() throws Exception {
        start("bactrian.max-response-bytes", "64KB");
        simulator.on(Call.CHAT, Reply.body(400, "text/html", new byte[4 << 20]));

        JsonNode error = generateFails(REQUEST).path("error");

        assertThat(error.path("type").asText()).isIn("provider-rejected", "provider-unavailable");
        assertThat(error.path("message").asText()).contains("bactrian.max-response-bytes");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
    }

    @TestFactory
    Stream<DynamicTest> anAnswerThatIsEncodedAllTheSameIsRead() throws Exception {
        start();
        return each(Encoding.values(), encoding -> {
            simulator.reset();
            simulator.on(Call.CHAT, encoding.of.apply(Reply.stream("안녕", "하세요")));
            simulator.on(Call.CHAT, encoding.of.apply(Reply.json(400, "{\"error\":{\"message\":\"" + WORDS + "\"}}")));

            assertThat(generate(REQUEST).path("text").asText()).isEqualTo("안녕하세요");
            assertThat(generateFails(REQUEST).path("error").path("message").asText()).contains(WORDS);
            assertThat(takeChunks()).isEqualTo("안녕|하세요");
        });
    }

    /** What a server may put an answer into, though it was asked for identity. */
    enum Encoding {
        IDENTITY(reply -> reply), GZIP(Reply::gzip), DEFLATE(Reply::deflate);

        private final Function<Reply, Reply> of;

        Encoding(Function<Reply, Reply> of) {
            this.of = of;
        }
    }

    @Test
    void aClosedPortIsTriedAgainAndSaysSo() throws Exception {
        start("bactrian.upstage.api-endpoint", "http://127.0.0.1:" + FreePort.find() + "/v1/chat/completions",
                "bactrian.retry.max-attempts", "2");

        JsonNode error = generateFails(REQUEST).path("error");

        assertThat(error.path("type").asText()).isEqualTo("provider-unavailable");
        assertThat(error.path("message").asText()).contains("could not be reached");
        assertThat(error.path("httpStatus").isNull()).isTrue();
        assertThat(error.path("attempts").asInt()).isEqualTo(3);
        assertThat(error.path("retryable").asBoolean()).isTrue();
    }

    @Test
    void aServiceThatComesUpBetweenTwoTriesAnswers() throws Exception {
        int port = FreePort.find();
        start("bactrian.upstage.api-endpoint", "http://127.0.0.1:" + port + "/v1/chat/completions",
                "bactrian.retry.max-attempts", "50", "bactrian.retry.delay", "50ms");

        CompletableFuture<String> answer = template().asyncRequestBody("direct:generate", (Object) REQUEST, String.class);
        try (Simulator late = Simulator.builder().port(port).pause(Duration.ZERO).start()) {
            late.always(Call.CHAT, Reply.stream("late"));

            assertThat(answer.get(10, TimeUnit.SECONDS)).contains("\"text\":\"late\"");
            assertThat(late.count(Call.CHAT)).isEqualTo(1);
        }
        assertThat(takeChunks()).isEqualTo("late");
    }

    @Test
    void aHostThatNobodyKnowsIsTriedAgainAndSaysSo() throws Exception {
        start("bactrian.upstage.api-endpoint", "http://no-such-camel.invalid/v1/chat/completions",
                "bactrian.retry.max-attempts", "1");

        JsonNode error = generateFails(REQUEST).path("error");

        assertThat(error.path("type").asText()).isEqualTo("provider-unavailable");
        assertThat(error.path("message").asText()).contains("could not be reached", "no-such-camel.invalid");
        assertThat(error.path("attempts").asInt()).isEqualTo(2);
        assertThat(error.path("retryable").asBoolean()).isTrue();
    }

    @Test
    void anAnswerThatIsLostIsNotAskedForAgain() throws Exception {
        start();
        simulator.always(Call.CHAT, Reply.lost());

        JsonNode error = generateFails(REQUEST).path("error");

        assertThat(error.path("type").asText()).isEqualTo("provider-unavailable");
        assertThat(error.path("httpStatus").isNull()).isTrue();
        assertThat(error.path("attempts").asInt()).isEqualTo(1);
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
    }

    @Test
    void anAnswerThatBeginsTooLateTimesOutAndIsNotRepeated() throws Exception {
        start("bactrian.response-timeout", "300ms");
        simulator.always(Call.CHAT, Reply.stream("late").after(Duration.ofSeconds(20)));
        long begin = System.nanoTime();

        JsonNode error = generateFails(REQUEST).path("error");

        assertThat(Duration.ofNanos(System.nanoTime() - begin)).isBetween(Duration.ofMillis(300), Duration.ofSeconds(10));
        assertThat(error.path("type").asText()).isEqualTo("provider-unavailable");
        assertThat(error.path("message").asText()).contains("did not answer in time");
        assertThat(error.path("attempts").asInt()).isEqualTo(1);
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
        org.awaitility.Awaitility.await("the server sees the connection closed")
                .until(() -> simulator.clientAborts() == 1);
    }

    /** Redirects: to another server, with and without a change of method, and to the same one. */
    enum Redirect {
        MOVED(301), FOUND(302), SEE_OTHER(303), TEMPORARY(307), PERMANENT(308);

        private final int status;

        Redirect(int status) {
            this.status = status;
        }
    }

    @TestFactory
    Stream<DynamicTest> aRedirectIsNotFollowed() throws Exception {
        start("bactrian.upstage.api-key", "up_key");
        return each(Redirect.values(), redirect -> {
            simulator.reset();
            try (Simulator other = Simulator.start()) {
                simulator.always(Call.CHAT, Reply.status(redirect.status).header("Location", other.chatUrl()));

                JsonNode error = generateFails(REQUEST).path("error");

                assertThat(error.path("type").asText()).isEqualTo("provider-rejected");
                assertThat(error.path("httpStatus").asInt()).isEqualTo(redirect.status);
                assertThat(error.path("attempts").asInt()).isEqualTo(1);
                assertThat(simulator.requests()).hasSize(1);
                assertThat(other.requests()).isEmpty();
            }
        });
    }

    @Test
    void aRedirectToTheSameServerIsNotFollowedEither() throws Exception {
        start("bactrian.upstage.api-key", "up_key");
        simulator.always(Call.CHAT, Reply.status(307).header("Location", "/v1/chat/completions?again"));

        assertThat(generateFails(REQUEST).path("error").path("httpStatus").asInt()).isEqualTo(307);
        assertThat(simulator.requests()).hasSize(1);
    }

    @Test
    void anAnswerLargerThanTheLimitIsAnErrorThatNamesTheProperty() throws Exception {
        start("bactrian.max-response-bytes", "2KB");
        String[] pieces = new String[100];
        java.util.Arrays.fill(pieces, "0123456789");
        simulator.always(Call.CHAT, Reply.stream(pieces));

        JsonNode document = generateFails(REQUEST);

        JsonNode error = document.path("error");
        assertThat(error.path("type").asText()).isEqualTo("stream-interrupted");
        assertThat(error.path("message").asText()).contains("bactrian.max-response-bytes", "2048");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
        assertThat(takeChunks().replace("|", "")).isEqualTo(document.path("partialText").asText());
    }

    /** Forms in which a provider says when to come again; each with a wait that the default would not have. */
    enum Asked {
        SECONDS(at -> Reply.status(429).header("Retry-After", "1"), 1000),
        FRACTION(at -> Reply.status(503).header("Retry-After", "0.4"), 400),
        LOWER_CASE(at -> Reply.status(429).header("retry-after", "0.4"), 400),
        DATE(at -> Reply.status(429).header("Retry-After", DateTimeFormatter.RFC_1123_DATE_TIME.format(at.atZone(ZoneOffset.UTC))), -1),
        BODY(at -> Reply.json(429, "{\"retry_after\": 0.4}"), 400),
        EPOCH_REQUESTS(at -> Reply.status(429).header("X-Upstage-RateLimit-Retry-After-Requests", "" + at.getEpochSecond()), -1),
        EPOCH_TOKENS(at -> Reply.status(429).header("x-upstage-ratelimit-retry-after-tokens", "" + at.getEpochSecond()), -1),
        HEADER_BEFORE_BODY(at -> Reply.json(429, "{\"retry_after\": 20}").header("Retry-After", "0.4"), 400);

        private final Function<Instant, Reply> reply;
        private final int millis;

        Asked(Function<Instant, Reply> reply, int millis) {
            this.reply = reply;
            this.millis = millis;
        }
    }

    @TestFactory
    Stream<DynamicTest> aRetryComesNotBeforeTheProviderAskedForItAndSoonAfter() throws Exception {
        start("bactrian.retry.max-delay", "5s");
        return each(Asked.values(), asked -> {
            simulator.reset();
            Instant at = Instant.now().plusMillis(1300).truncatedTo(ChronoUnit.SECONDS);
            simulator.on(Call.CHAT, asked.reply.apply(at), Reply.stream("ok"));

            generate(REQUEST);

            Instant first = simulator.requests().get(0).at();
            Instant second = simulator.requests().get(1).at();
            Instant due = asked.millis >= 0 ? first.plusMillis(asked.millis) : at;
            assertThat(second).isBetween(due, due.plusMillis(3000));
            assertThat(takeChunks()).isEqualTo("ok");
        });
    }

    /** What is no reason to wait longer than by default, or at all. */
    enum NotAsked {
        ZERO("0"), NEGATIVE("-5"), PAST("Sun, 06 Nov 1994 08:49:37 GMT"), GARBAGE("soon"), EMPTY(""), HUGE_GARBAGE("99999999999999999999999");

        private final String value;

        NotAsked(String value) {
            this.value = value;
        }
    }

    @TestFactory
    Stream<DynamicTest> aRetryAfterThatSaysNothingLeavesTheDefault() throws Exception {
        start("bactrian.retry.delay", "100ms", "bactrian.retry.max-delay", "20s");
        return each(NotAsked.values(), asked -> {
            simulator.reset();
            simulator.on(Call.CHAT, Reply.status(429).header("Retry-After", asked.value), Reply.stream("ok"));

            generate(REQUEST);

            assertThat(millisBetween(simulator.requests())).isBetween(99L, 5000L);
            assertThat(takeChunks()).isEqualTo("ok");
        });
    }

    @TestFactory
    Stream<DynamicTest> noProviderCanAskForMoreThanTheLongestDelay() throws Exception {
        start("bactrian.retry.max-delay", "300ms");
        return each(TooMuch.values(), asked -> {
            simulator.reset();
            simulator.on(Call.CHAT, Reply.json(429, asked.body).header(asked.header, asked.value), Reply.stream("ok"));

            generate(REQUEST);

            assertThat(millisBetween(simulator.requests())).isBetween(299L, 5000L);
            assertThat(takeChunks()).isEqualTo("ok");
        });
    }

    /** Waits of a day and more. */
    enum TooMuch {
        SECONDS("Retry-After", "86400", "{}"),
        DATE("Retry-After", "Wed, 06 Nov 2199 08:49:37 GMT", "{}"),
        BODY("X-Nothing", "", "{\"retry_after\": 1e30}"),
        EPOCH("X-Upstage-RateLimit-Retry-After-Requests", "9999999999", "{}");

        private final String header;
        private final String value;
        private final String body;

        TooMuch(String header, String value, String body) {
            this.header = header;
            this.value = value;
            this.body = body;
        }
    }

    @Test
    void aRetryOfNoneIsNone() throws Exception {
        start("bactrian.retry.max-attempts", "0");
        simulator.always(Call.CHAT, Reply.status(503));

        assertThat(generateFails(REQUEST).path("error").path("attempts").asInt()).isEqualTo(1);
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
    }

    @Test
    void aRequestInARetrysWaitHoldsNoConnection() throws Exception {
        start("bactrian.retry.delay", "400ms", "bactrian.retry.max-delay", "400ms", "bactrian.max-in-flight", "1");
        simulator.on(Call.CHAT, Reply.status(503), Reply.stream("other"), Reply.stream("first"));

        CompletableFuture<String> first = template().asyncRequestBody("direct:generate", (Object) "a", String.class);
        org.awaitility.Awaitility.await().until(() -> simulator.count(Call.CHAT) == 1);
        assertThat(generate("b").path("text").asText()).isEqualTo("other");

        assertThat(first.get(20, TimeUnit.SECONDS)).contains("\"text\":\"first\"");
        assertThat(takeChunks()).isEqualTo("other|first");
    }

    /** Requests that nobody can do. */
    enum Invalid {
        TORN_JSON("{\"prompt\": \"hi\"", "not JSON"),
        TWO_DOCUMENTS("{\"prompt\": \"hi\"} {}", "not JSON"),
        A_KEY_TWICE("{\"prompt\": \"a\", \"prompt\": \"b\"}", "not JSON"),
        EMPTY("", "no prompt"),
        BLANK(" \n\t", "no prompt"),
        NO_PROMPT("{\"model\": \"solar-pro4\"}", "no prompt"),
        BLANK_PROMPT("{\"prompt\": \"  \"}", "no prompt"),
        PROMPT_OF_A_WRONG_TYPE("{\"prompt\": 1}", "prompt"),
        MODEL_OF_A_WRONG_TYPE("{\"prompt\": \"hi\", \"model\": []}", "model"),
        UNKNOWN_PROVIDER("{\"prompt\": \"hi\", \"provider\": \"camel\"}", "provider"),
        UNKNOWN_KIND("{\"prompt\": \"hi\", \"kind\": \"video\"}", "kind"),
        STREAM_OF_A_WRONG_TYPE("{\"prompt\": \"hi\", \"stream\": \"yes\"}", "stream"),
        NO_MESSAGES("{\"messages\": []}", "messages"),
        MESSAGES_OF_A_WRONG_TYPE("{\"messages\": \"hi\"}", "messages"),
        A_MESSAGE_OF_A_WRONG_TYPE("{\"messages\": [\"hi\"]}", "messages[0]"),
        AN_UNKNOWN_ROLE("{\"messages\": [{\"role\": \"camel\", \"content\": \"hi\"}]}", "messages[0].role"),
        CONTENT_OF_A_WRONG_TYPE("{\"messages\": [{\"role\": \"user\", \"content\": 1}]}", "messages[0].content"),
        NO_CONTENT("{\"messages\": [{\"role\": \"user\"}]}", "messages[0].content"),
        BLANK_MESSAGES("{\"messages\": [{\"role\": \"user\", \"content\": \" \"}]}", "no prompt"),
        NOT_UTF_8(new byte[] {'h', (byte) 0xFF, 'i'}, "UTF-8"),
        TOO_LARGE("x".repeat(1025), "bactrian.max-request-bytes"),
        TOO_LARGE_IN_BYTES("가".repeat(400), "bactrian.max-request-bytes"),
        NOT_A_REQUEST(new int[] {1}, "not a request");

        private final Object body;
        private final String said;

        Invalid(Object body, String said) {
            this.body = body;
            this.said = said;
        }
    }

    @TestFactory
    Stream<DynamicTest> anInvalidRequestIsRefusedAndNothingIsSent() throws Exception {
        start("bactrian.max-request-bytes", "1KB");
        return each(Invalid.values(), invalid -> {
            simulator.reset();
            JsonNode document = generateFails(invalid.body);

            JsonNode error = document.path("error");
            assertThat(error.path("type").asText()).isEqualTo("invalid-request");
            assertThat(error.path("message").asText()).contains(invalid.said).doesNotContain("Exception", "\n");
            assertThat(error.path("httpStatus").isNull()).isTrue();
            assertThat(error.path("retryable").asBoolean(true)).isFalse();
            assertThat(document.path("provider").isNull()).isTrue();
            assertThat(document.path("model").isNull()).isTrue();
            assertThat(document.path("partialText").asText("missing")).isEmpty();
            assertThat(document.path("id").asText()).isNotEmpty();
            assertThat(simulator.requests()).isEmpty();
        });
    }

    /** Ids that name no file, or a file somewhere else. */
    enum BadId {
        EMPTY(""), UP("../etc"), DOT(".hidden"), SLASH("a/b"), BLANK("a b"), PLACEHOLDER("{{sys:user.home}}"),
        EXPRESSION("${sysenv.HOME}"), HANGUL("고양이"), LINE("a\nb"), LONG("x".repeat(129)), QUERY("a?b=c");

        private final String id;

        BadId(String id) {
            this.id = id;
        }
    }

    @TestFactory
    Stream<DynamicTest> aBadIdIsRefusedAndTheErrorGoesOutUnderAnotherOne() throws Exception {
        start();
        return each(BadId.values(), bad -> {
            simulator.reset();
            JsonNode document = generateFails(java.util.Map.of("id", bad.id, "prompt", "hi"));

            assertThat(document.path("error").path("type").asText()).isEqualTo("invalid-request");
            assertThat(document.path("error").path("message").asText()).startsWith("id: ");
            assertThat(document.path("id").asText()).matches("[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}").isNotEqualTo(bad.id);
            assertThat(simulator.requests()).isEmpty();
        });
    }

    @Test
    void anIdThatIsInWorkIsRefusedAndUsableAgainAfterwards() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.stream("one").after(Duration.ofMillis(500)), Reply.stream("two"));

        CompletableFuture<String> first = template().asyncRequestBody("direct:generate", (Object) REQUEST, String.class);
        org.awaitility.Awaitility.await().until(() -> simulator.count(Call.CHAT) == 1);
        JsonNode second = generateFails(REQUEST);

        assertThat(second.path("error").path("type").asText()).isEqualTo("invalid-request");
        assertThat(second.path("error").path("message").asText()).contains("r1", "in work");
        assertThat(second.path("id").asText()).as("the first one's documents are not replaced").isNotEqualTo("r1");
        assertThat(first.get(20, TimeUnit.SECONDS)).contains("\"text\":\"one\"");
        assertThat(generate(REQUEST).path("text").asText()).isEqualTo("two");
        assertThat(takeChunks()).isEqualTo("one|two");
    }

    @Test
    void anUnknownModelIsRefusedWithTheNamesThatAreKnown() throws Exception {
        start();

        JsonNode document = generateFails("{\"id\": \"r1\", \"model\": \"gpt-4\", \"prompt\": \"hi\"}");

        assertThat(document.path("error").path("type").asText()).isEqualTo("unsupported-model");
        assertThat(document.path("error").path("message").asText()).contains("gpt-4", "solar-pro4", "google-deepmind/gemma-2b-it");
        assertThat(document.path("error").path("retryable").asBoolean(true)).isFalse();
        assertThat(document.path("id").asText()).isEqualTo("r1");
        assertThat(simulator.requests()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void theOfficialEndpointWithoutAKeyIsNotCalled(NoKey none) throws Exception {
        // A proxy would see the attempt.
        start("bactrian.upstage.api-endpoint", none.endpoint, "bactrian.upstage.api-key", none.key,
                "bactrian.upstage.proxy", simulator.url());

        JsonNode error = generateFails(REQUEST).path("error");

        assertThat(error.path("type").asText()).isEqualTo("authentication");
        assertThat(error.path("message").asText()).contains("bactrian.upstage.api-key");
        assertThat(error.path("httpStatus").isNull()).isTrue();
        assertThat(error.path("retryable").asBoolean(true)).isFalse();
        assertThat(simulator.requests()).isEmpty();
    }

    /** Ways to have no key. */
    enum NoKey {
        EMPTY("https://api.upstage.ai/v1/chat/completions", ""),
        BLANK("https://api.upstage.ai/v1/chat/completions", "  "),
        UPPER_CASE("https://API.UPSTAGE.AI/v1/chat/completions", ""),
        PLAIN_HTTP("http://api.upstage.ai/v1/chat/completions", "");

        private final String endpoint;
        private final String key;

        NoKey(String endpoint, String key) {
            this.endpoint = endpoint;
            this.key = key;
        }
    }

    @Test
    void anotherEndpointWithoutAKeyIsCalledWithoutOne() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.stream("ok"));

        generate(REQUEST);

        assertThat(simulator.requests().get(0).header("Authorization")).isNull();
        assertThat(takeChunks()).isEqualTo("ok");
    }

    @Test
    void aFailureLeavesTheRequestsBesideItUntouched() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.stream("slow").after(Duration.ofMillis(300)), Reply.status(400));

        CompletableFuture<String> slow = template().asyncRequestBody("direct:generate", (Object) "a", String.class);
        org.awaitility.Awaitility.await().until(() -> simulator.count(Call.CHAT) == 1);
        generateFails("b");

        assertThat(slow.get(20, TimeUnit.SECONDS)).contains("\"text\":\"slow\"");
        assertThat(takeChunks()).isEqualTo("slow");
    }

    @Test
    void theDocumentSaysWhenItBeganAndHowLongItTook() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.status(400).after(Duration.ofMillis(200)));
        Instant before = Instant.now();

        JsonNode document = generateFails(REQUEST);
        Instant after = Instant.now();

        assertThat(Instant.parse(document.path("startedAt").asText())).isBetween(before.truncatedTo(ChronoUnit.MILLIS), after.minusMillis(200));
        assertThat(document.path("durationMs").asLong()).isBetween(200L, Duration.between(before, after).toMillis() + 1);
    }

    private static <T> Stream<DynamicTest> each(T[] cases, ThrowingConsumer<T> test) {
        return DynamicTest.stream(Stream.of(cases), Object::toString, test);
    }

    private static long millisBetween(List<RecordedRequest> requests) {
        assertThat(requests).hasSize(2);
        return Duration.between(requests.get(0).at(), requests.get(1).at()).toMillis();
    }
}
