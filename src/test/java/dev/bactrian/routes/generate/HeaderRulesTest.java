package dev.bactrian.routes.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.error.GenerateException;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.Exchange;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** What a caller's message carries beside the request reaches nobody and changes nothing; what leaves is the documented list. */
class HeaderRulesTest extends RouteTestSupport {

    private static final String CHAT = "{\"id\": \"r1\", \"prompt\": \"hi\"}";
    private static final String PREDICTION = "{\"id\": \"r2\", \"model\": \"gemma-2b\", \"prompt\": \"hi\"}";
    private static final Set<String> TRANSPORT = Set.of("Host", "Connection", "Content-length");
    private static final Set<String> RESULT_HEADERS =
            Set.of("BactrianRequestId", "BactrianProvider", "BactrianModel", "BactrianKind", "BactrianStatus");

    private Simulator evil;

    @BeforeEach
    void startTheServerThatNobodyMayReach() {
        evil = Simulator.start();
        System.setProperty("bactrian-test-secret", "s3cret");
    }

    @AfterEach
    void theOtherServerSawNothing() {
        System.clearProperty("bactrian-test-secret");
        List<RecordedRequest> seen = evil.requests();
        evil.close();
        assertThat(seen).as("requests to a server that a message named").isEmpty();
    }

    /** A host whose own endpoints change what passes. */
    @Override
    protected void configure(Main main) {
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:meddle").to("bean:captured?method=chunk")
                        .setHeader("X-Meddled").constant("yes").setHeader("CamelHttpUri").constant("http://127.0.0.1:1/")
                        .setProperty("meddled").constant("yes").setVariable("generation").constant("gone").setBody().constant("gone");
            }
        });
    }

    /** Headers that a caller may send, by what they would do to somebody who heeds them. */
    enum Hostile {
        CREDENTIALS("Authorization", "Bearer stolen", "Cookie", "a=b", "Proxy-Authorization", "Basic eDp5", "X-Api-Key", "k"),
        FRAMING("Host", "evil.example", "Transfer-Encoding", "chunked", "Content-Length", "3", "Connection", "close", "TE", "trailers",
                "Expect", "100-continue", "Upgrade", "h2c", "Trailer", "x", "Keep-Alive", "timeout=1"),
        CODING("Content-Encoding", "gzip", "Accept-Encoding", "br", "Accept-Charset", "utf-16", "Content-Language", "ko"),
        NEGOTIATION("Accept", "text/html", "User-Agent", "evil", "Accept-Language", "ko", "Prefer", "wait", "Cancel-After", "1s",
                "Range", "bytes=0-1", "If-None-Match", "*"),
        INVENTED("X-Anything", "{{sys:bactrian-test-secret}}", "X-Forwarded-For", "10.0.0.1", "traceparent", "00-1", "X-Home", "${sysenv.HOME}"),
        HTTP_URI("CamelHttpUri", "EVIL/?k={{sys:bactrian-test-secret}}"),
        HTTP_URI_TO_NOTHING("CamelHttpUri", "http://127.0.0.1:1/{{no.such.property}}"),
        HTTP_PATH("CamelHttpPath", "/evil/{{sys:bactrian-test-secret}}"),
        HTTP_QUERY("CamelHttpQuery", "k={{sys:bactrian-test-secret}}"),
        HTTP_RAW_QUERY("CamelHttpRawQuery", "k={{sys:bactrian-test-secret}}"),
        HTTP_METHOD("CamelHttpMethod", "DELETE"),
        HTTP_VERSION("CamelHttpProtocolVersion", "HTTP/1.0"),
        REST_URI("CamelRestHttpUri", "EVIL/rest/{{sys:bactrian-test-secret}}"),
        REST_QUERY("CamelRestHttpQuery", "k=v"),
        HTTP_OTHERS("CamelHttpUrl", "EVIL/", "CamelHttpBaseUri", "EVIL/", "CamelHttpServletRequest", "x", "CamelHttpCharacterEncoding", "UTF-16",
                "CamelHttpResponseCode", "500", "CamelHttpResponseText", "No", "CamelHttpHost", "evil", "CamelHttpPort", "1", "CamelHttpScheme", "ftp",
                "CamelAuthentication", "x", "CamelHttp.Uri", "EVIL/"),
        FILE("CamelFileName", "../../evil.txt", "CamelOverruleFileName", "evil", "CamelFileLength", "1", "CamelFileLastModified", "1"),
        ROUTING("CamelToEndpoint", "EVIL/", "CamelSlipEndpoint", "direct:evil", "CamelRecipientListEndpoint", "EVIL/", "CamelSplitIndex", "7",
                "CamelSplitComplete", "true", "CamelLoopIndex", "9", "CamelBeanMethodName", "fail", "CamelBeanMultiParameterArray", "true",
                "CamelMulticastIndex", "1", "CamelMessageTimestamp", "1", "CamelCharsetName", "UTF-16", "CamelInterceptedEndpoint", "x"),
        ERRORS("CamelRedelivered", "true", "CamelRedeliveryCounter", "7", "CamelRedeliveryMaxCounter", "9", "CamelRedeliveryDelay", "60000",
                "CamelRedeliveryExhausted", "true", "CamelFailureHandled", "true", "CamelErrorHandlerHandled", "true"),
        BACTRIAN("BactrianRequestId", "../evil", "BactrianKind", "image", "BactrianStatus", "failed", "BactrianChunkIndex", "9",
                "BactrianContentName", "../evil", "bactrianModel2", "x");

        private final String[] headers;

        Hostile(String... headers) {
            this.headers = headers;
        }

        Map<String, Object> headers(String evilUrl) {
            Map<String, Object> map = new LinkedHashMap<>();
            for (int i = 0; i < headers.length; i += 2) {
                map.put(headers[i], headers[i + 1].replace("EVIL", evilUrl));
            }
            return map;
        }
    }

    /** Ways to write a name. */
    enum Spelling {
        AS_IS, LOWER, UPPER, ODD;

        String of(String name) {
            return switch (this) {
                case AS_IS -> name;
                case LOWER -> name.toLowerCase(Locale.ROOT);
                case UPPER -> name.toUpperCase(Locale.ROOT);
                case ODD -> name.substring(0, 1).toLowerCase(Locale.ROOT) + name.substring(1, 2).toUpperCase(Locale.ROOT) + name.substring(2);
            };
        }
    }

    @TestFactory
    Stream<DynamicTest> noHeaderOfTheCallerChangesAChat() throws Exception {
        start("bactrian.upstage.api-key", "up_key");
        List<String> plain = chat(Map.of());
        return each((hostile, headers) -> assertThat(chat(headers)).isEqualTo(plain));
    }

    private List<String> chat(Map<String, Object> headers) {
        simulator.reset().on(Call.CHAT, Reply.status(429), Reply.stream("안녕", "하세요"));

        Exchange exchange = send(CHAT, headers);

        assertThat(exchange.getException()).isNull();
        assertThat(ProviderJson.json(exchange.getMessage().getBody(String.class)).orElseThrow().path("text").asText()).isEqualTo("안녕하세요");
        assertThat(takeChunks()).isEqualTo("안녕|하세요");
        assertThat(simulator.requests()).hasSize(2);
        return simulator.requests().stream().map(HeaderRulesTest::written).toList();
    }

    @TestFactory
    Stream<DynamicTest> noHeaderOfTheCallerChangesAnyCallOfAPrediction() throws Exception {
        start("bactrian.replicate.api-token", "r8_token", "bactrian.replicate.poll-max-attempts", "2");
        List<String> plain = predict(Map.of());
        assertThat(plain).hasSize(5);
        return each((hostile, headers) -> assertThat(predict(headers)).isEqualTo(plain));
    }

    /** A create that is made twice, two polls, and a cancel. */
    private List<String> predict(Map<String, Object> headers) {
        simulator.reset();
        simulator.on(Call.CREATE, Reply.status(429), Reply.json(201, "{\"id\": \"p1\", \"status\": \"starting\"}"));
        simulator.always(Call.POLL, Reply.json(200, "{\"id\": \"p1\", \"status\": \"processing\"}"));

        Exchange exchange = send(PREDICTION, headers);

        assertThat(exchange.getException()).isInstanceOf(GenerateException.class).hasMessageStartingWith("timeout");
        org.awaitility.Awaitility.await("cancelled").until(() -> simulator.count(Call.CANCEL) == 1);
        return simulator.requests().stream().map(HeaderRulesTest::written).toList();
    }

    @Test
    void aChatCarriesTheseHeadersAndNoOthers() throws Exception {
        start("bactrian.upstage.api-key", "up_key");
        simulator.on(Call.CHAT, Reply.stream("a"));

        generate(CHAT);

        RecordedRequest request = simulator.requests().get(0);
        assertThat(own(request)).isEqualTo(Map.of("Content-type", "application/json", "Accept", "text/event-stream",
                "Accept-encoding", "identity", "User-agent", request.header("User-Agent"), "Authorization", "Bearer up_key"));
        assertThat(request.header("User-Agent")).matches("bactrian/\\d+\\.\\d+\\.\\d+\\S*");
        assertThat(request.header("Host")).isEqualTo("127.0.0.1:" + simulator.port());
        assertThat(request.method()).isEqualTo("POST");
        assertThat(request.path()).isEqualTo("/v1/chat/completions");
        assertThat(takeChunks()).isEqualTo("a");
    }

    @Test
    void theCallsOfAPredictionCarryTheseHeadersAndNoOthers() throws Exception {
        start("bactrian.replicate.api-token", "r8_token", "bactrian.replicate.poll-max-attempts", "1", "bactrian.replicate.cancel-after", "90s");
        simulator.always(Call.CREATE, Reply.json(201, "{\"id\": \"p1\", \"status\": \"starting\"}"));
        simulator.always(Call.POLL, Reply.json(200, "{\"id\": \"p1\", \"status\": \"processing\"}"));

        generateFails(PREDICTION);
        org.awaitility.Awaitility.await("cancelled").until(() -> simulator.count(Call.CANCEL) == 1);

        RecordedRequest create = simulator.requests(Call.CREATE).get(0);
        assertThat(own(create).keySet()).isEqualTo(
                Set.of("Content-type", "Accept", "Accept-encoding", "User-agent", "Authorization", "Cancel-after"));
        assertThat(create.header("Content-Type")).isEqualTo("application/json");
        assertThat(create.header("Cancel-After")).isEqualTo("90s");
        assertThat(create.header("Authorization")).isEqualTo("Bearer r8_token");
        RecordedRequest poll = simulator.requests(Call.POLL).get(0);
        assertThat(own(poll).keySet()).isEqualTo(Set.of("Accept", "Accept-encoding", "User-agent", "Authorization"));
        assertThat(poll.method() + " " + poll.path()).isEqualTo("GET /v1/predictions/p1");
        assertThat(poll.body()).isEmpty();
        RecordedRequest cancel = simulator.requests(Call.CANCEL).get(0);
        assertThat(own(cancel).keySet()).isSubsetOf("Accept", "Accept-encoding", "User-agent", "Authorization", "Content-type");
        assertThat(cancel.method() + " " + cancel.path()).isEqualTo("POST /v1/predictions/p1/cancel");
        assertThat(cancel.body()).isEmpty();
    }

    @Test
    void theCallersExchangeIsAsItWasButForTheResult() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.stream("a").header("X-From-Provider", "x").header("Set-Cookie", "c=d"));
        Map<String, Object> headers = callersHeaders();

        Exchange exchange = template().request("direct:generate", request -> fill(request, headers));

        Map<String, Object> left = new TreeMap<>(exchange.getMessage().getHeaders());
        left.keySet().removeAll(RESULT_HEADERS);
        assertThat(left).isEqualTo(new TreeMap<>(headers));
        assertThat(exchange.getMessage().getHeaders()).containsEntry("BactrianRequestId", "r1").containsEntry("BactrianProvider", "upstage")
                .containsEntry("BactrianModel", "solar-pro4").containsEntry("BactrianKind", "text").containsEntry("BactrianStatus", "succeeded");
        assertUntouched(exchange);
        assertThat(takeChunks()).isEqualTo("a");
    }

    @Test
    void theCallersExchangeIsAsItWasAfterAFailureToo() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.status(400));
        Map<String, Object> headers = callersHeaders();

        Exchange exchange = template().request("direct:generate", request -> fill(request, headers));

        assertThat(exchange.getException()).isInstanceOf(GenerateException.class);
        assertThat(new TreeMap<>(exchange.getMessage().getHeaders())).isEqualTo(new TreeMap<>(headers));
        assertThat(exchange.getMessage().getBody()).isEqualTo(CHAT);
        assertUntouched(exchange);
    }

    @Test
    void theCallersExchangeIsAsItWasAfterAPrediction() throws Exception {
        start();
        Map<String, Object> headers = callersHeaders();

        Exchange exchange = template().request("direct:generate", request -> {
            fill(request, headers);
            request.getMessage().setBody(PREDICTION);
        });

        Map<String, Object> left = new TreeMap<>(exchange.getMessage().getHeaders());
        left.keySet().removeAll(RESULT_HEADERS);
        assertThat(left).isEqualTo(new TreeMap<>(headers));
        assertUntouched(exchange);
        takeChunks();
    }

    private static Map<String, Object> callersHeaders() {
        Map<String, Object> headers = new LinkedHashMap<>();
        headers.put("Cookie", "a=b");
        headers.put("CamelHttpUri", "http://host.example/");
        headers.put("CamelHttpMethod", "PUT");
        headers.put("CamelFileName", "cat.json");
        headers.put("X-Mine", List.of("a", "b"));
        return headers;
    }

    private static void fill(Exchange request, Map<String, Object> headers) {
        request.getMessage().setBody(CHAT);
        request.getMessage().setHeaders(new LinkedHashMap<>(headers));
        request.setProperty("mine", "p");
        request.setProperty("CamelFoo", "p");
        request.setVariable("mine", "v");
    }

    private static void assertUntouched(Exchange exchange) {
        Set<String> properties = new TreeSet<>(exchange.getProperties().keySet());
        properties.removeIf(name -> name.startsWith("Camel") && !name.equals("CamelFoo"));
        assertThat(properties).containsExactly("CamelFoo", "mine");
        assertThat(exchange.getProperty("mine")).isEqualTo("p");
        assertThat(exchange.getVariables()).isEqualTo(Map.of("mine", "v"));
        assertThat(exchange.getProperty(Exchange.EXCEPTION_CAUGHT)).isNull();
    }

    @TestFactory
    Stream<DynamicTest> aCallersVariablesAndPropertiesAreNotTakenForOurs() throws Exception {
        start();
        List<String> names = List.of("generation", "stream", "poll", "output", "chunks", "failure", "attempts", "recalled", "delivery",
                "emission", "summary", "bactrian");
        List<DynamicTest> tests = new ArrayList<>();
        for (String request : List.of(CHAT, PREDICTION)) {
            for (String name : names) {
                tests.add(DynamicTest.dynamicTest(name + " " + request, () -> {
                    simulator.reset().on(Call.CHAT, Reply.status(503), Reply.stream("a"));
                    simulator.on(Call.CREATE, Reply.status(429));

                    Exchange exchange = template().request("direct:generate", caller -> {
                        caller.getMessage().setBody(request);
                        caller.setVariable(name, "mine");
                        caller.setProperty(name, "mine");
                    });

                    assertThat(exchange.getException()).isNull();
                    assertThat(exchange.getMessage().getBody(String.class)).contains("\"succeeded\"");
                    assertThat(exchange.getVariables()).isEqualTo(Map.of(name, "mine"));
                    captured.chunks.clear();
                }));
            }
        }
        return tests.stream();
    }

    @Test
    void aChunkCarriesTheDocumentedHeadersAndNothingElse() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.stream("a", "b", "c").header("X-From-Provider", "x").header("Set-Cookie", "c=d"));

        send(CHAT, Hostile.CREDENTIALS.headers(evil.url()));

        int index = 0;
        for (Emitted chunk : captured.chunks) {
            assertThat(chunk.headers()).isEqualTo(Map.of("BactrianRequestId", "r1", "BactrianProvider", "upstage", "BactrianModel", "solar-pro4",
                    "BactrianKind", "text", "BactrianStatus", "processing", "BactrianChunkIndex", index++));
        }
        assertThat(takeChunks()).isEqualTo("a|b|c");
    }

    @Test
    void aChunkOfAPredictionCarriesTheSame() throws Exception {
        start();
        simulator.on(Call.CREATE, Reply.prediction("succeeded", "[\"a\", \"b\"]").header("X-From-Provider", "x"));

        send(PREDICTION, Hostile.CREDENTIALS.headers(evil.url()));

        int index = 0;
        for (Emitted chunk : captured.chunks) {
            assertThat(chunk.headers()).isEqualTo(Map.of("BactrianRequestId", "r2", "BactrianProvider", "replicate", "BactrianModel",
                    "google-deepmind/gemma-2b-it", "BactrianKind", "text", "BactrianStatus", "processing", "BactrianChunkIndex", index++));
        }
        assertThat(takeChunks()).isEqualTo("a|b");
    }

    @Test
    void aChunkEndpointThatMeddlesWithItsMessageChangesNothingElse() throws Exception {
        start("bactrian.emit.chunk", "direct:meddle | bean:captured?method=result");
        simulator.on(Call.CHAT, Reply.stream("a", "b"));

        Exchange exchange = send(CHAT, Map.of());

        assertThat(ProviderJson.json(exchange.getMessage().getBody(String.class)).orElseThrow().path("text").asText()).isEqualTo("ab");
        assertThat(captured.results).extracting(Emitted::body).containsExactly("a", "b");
        assertThat(captured.results).allSatisfy(chunk -> assertThat(chunk.headers()).doesNotContainKeys("X-Meddled", "CamelHttpUri"));
        assertThat(captured.chunks).allSatisfy(chunk -> assertThat(chunk.headers()).doesNotContainKeys("X-Meddled", "CamelHttpUri"));
        assertThat(exchange.getMessage().getHeaders()).containsOnlyKeys(RESULT_HEADERS.toArray(String[]::new));
        captured.results.clear();
        assertThat(takeChunks()).isEqualTo("a|b");
    }

    @Test
    void aChunkEndpointThatMeddlesAloneChangesNothingElse() throws Exception {
        start("bactrian.emit.chunk", "direct:meddle");
        simulator.on(Call.CHAT, Reply.stream("a", "b"));

        Exchange exchange = send(CHAT, Map.of());

        assertThat(ProviderJson.json(exchange.getMessage().getBody(String.class)).orElseThrow().path("text").asText()).isEqualTo("ab");
        assertThat(captured.chunks).allSatisfy(chunk -> assertThat(chunk.headers()).doesNotContainKeys("X-Meddled", "CamelHttpUri"));
        assertThat(exchange.getMessage().getHeaders()).containsOnlyKeys(RESULT_HEADERS.toArray(String[]::new));
        assertThat(takeChunks()).isEqualTo("a|b");
    }

    /** Calls whose answer sends the caller to another server. */
    @TestFactory
    Stream<DynamicTest> aRedirectOfACallOfAPredictionIsNotFollowed() throws Exception {
        start("bactrian.replicate.api-token", "r8_token", "bactrian.replicate.poll-max-attempts", "2", "bactrian.retry.max-attempts", "1");
        return DynamicTest.stream(Stream.of(301, 302, 303, 307, 308), String::valueOf, status -> {
            Reply away = Reply.status(status).header("Location", evil.predictionsUrl());

            simulator.reset().on(Call.CREATE, away);
            JsonNode create = generateFails(PREDICTION);
            assertThat(create.path("error").path("httpStatus").asInt()).isEqualTo(status);
            assertThat(simulator.count(Call.CREATE)).isEqualTo(1);

            simulator.reset().always(Call.POLL, away).always(Call.CANCEL, away);
            JsonNode poll = generateFails(PREDICTION);
            assertThat(poll.path("error").path("httpStatus").asInt()).isEqualTo(status);
            org.awaitility.Awaitility.await("cancelled").until(() -> simulator.count(Call.CANCEL) == 1);
        });
    }

    @Test
    void urlsInAnAnswerAreNotCalled() throws Exception {
        start("bactrian.replicate.api-token", "r8_token", "bactrian.replicate.poll-max-attempts", "2");
        String urls = "\"urls\": {\"get\": \"%1$s/g\", \"cancel\": \"%1$s/c\", \"stream\": \"%1$s/s\", \"web\": \"%1$s/w\"}".formatted(evil.url());
        simulator.always(Call.CREATE, Reply.json(201, "{\"id\": \"p1\", \"status\": \"starting\", " + urls + "}"));
        simulator.always(Call.POLL, Reply.json(200, "{\"id\": \"p1\", \"status\": \"processing\", " + urls + "}"));

        generateFails(PREDICTION);

        org.awaitility.Awaitility.await("cancelled").until(() -> simulator.count(Call.CANCEL) == 1);
    }

    private Stream<DynamicTest> each(Check check) {
        List<DynamicTest> tests = new ArrayList<>();
        for (Hostile hostile : Hostile.values()) {
            for (Spelling spelling : Spelling.values()) {
                tests.add(DynamicTest.dynamicTest(hostile + " " + spelling, () -> {
                    Map<String, Object> headers = new LinkedHashMap<>();
                    hostile.headers(evil.url()).forEach((name, value) -> headers.put(spelling.of(name), value));
                    check.of(hostile, headers);
                }));
            }
        }
        return tests.stream();
    }

    private interface Check {
        void of(Hostile hostile, Map<String, Object> headers) throws Exception;
    }

    private Exchange send(Object body, Map<String, Object> headers) {
        return template().request("direct:generate", exchange -> {
            exchange.getMessage().setBody(body);
            exchange.getMessage().setHeaders(new LinkedHashMap<>(headers));
        });
    }

    /** A request as its server saw it, all of it. */
    private static String written(RecordedRequest request) {
        return request.method() + " " + request.path() + " " + new TreeMap<>(request.headers()) + " " + request.bodyText();
    }

    private static Map<String, String> own(RecordedRequest request) {
        Map<String, String> headers = new TreeMap<>();
        request.headers().forEach((name, values) -> headers.put(name, String.join(",", values)));
        headers.keySet().removeAll(TRANSPORT);
        return headers;
    }
}
