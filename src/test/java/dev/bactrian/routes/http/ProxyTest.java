package dev.bactrian.routes.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.routes.support.RawServer;
import dev.bactrian.routes.support.RouteTestSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a proxy says is the proxy's, and no provider's. */
@Timeout(60)
class ProxyTest extends RouteTestSupport {

    private static final String CHAT = "{\"model\":\"solar-pro4\",\"prompt\":\"x\"}";
    private static final String PREDICTION = "{\"model\":\"google-deepmind/gemma-2b-it\",\"prompt\":\"x\"}";

    private RawServer proxy;

    private void serve(String scheme, RawServer.Script script) throws Exception {
        proxy = new RawServer(script);
        start("bactrian.replicate.api-endpoint", scheme + "://api.example/predictions", "bactrian.replicate.api-token", "r8_canary",
                "bactrian.replicate.poll-endpoint", scheme + "://api.example/predictions/{id}", "bactrian.upstage.api-key", "up_canary",
                "bactrian.upstage.api-endpoint", scheme + "://api.example/chat", "bactrian.emit.chunk", "", "bactrian.retry.max-attempts", "2",
                "bactrian.response-timeout", "600ms", "bactrian.stall-timeout", "600ms", "bactrian.connect-timeout", "600ms",
                "bactrian.replicate.proxy", proxy.url("").replace("//", "//me:canary@"), "bactrian.upstage.proxy", proxy.url(""));
    }

    @AfterEach
    void closeProxy() throws Exception {
        stop();
        proxy.close();
    }

    private void isTheProxys(JsonNode document, String said) {
        JsonNode error = document.path("error");
        assertThat(error.path("type").asText()).isEqualTo("provider-unavailable");
        assertThat(error.path("message").asText()).contains("the proxy 127.0.0.1:" + proxy.port()).contains(said).hasLineCount(1)
                .doesNotContain("canary").doesNotContain("api-token");
        assertThat(error.path("attempts").asInt()).as("nothing has reached the provider: it is tried again").isEqualTo(3);
        assertThat(error.path("retryable").asBoolean()).isTrue();
    }

    /** Columns: what the proxy answers CONNECT; what is said of it. */
    enum Refusal {
        FORBIDDEN("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "answered 403 to CONNECT"),
        UNAUTHORIZED("HTTP/1.1 401 x\r\nContent-Length: 0\r\n\r\n", "answered 401 to CONNECT"),
        CREDENTIALS("HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n", "answered 407 to CONNECT"),
        CREDENTIALS_OF_ANOTHER_KIND("HTTP/1.1 407 x\r\nProxy-Authenticate: Other\r\nContent-Length: 0\r\n\r\n", "answered 407 to CONNECT"),
        TOO_MANY("HTTP/1.1 429 x\r\nContent-Length: 0\r\n\r\n", "answered 429 to CONNECT"),
        BAD_GATEWAY("HTTP/1.1 502 x\r\nConnection: close\r\n\r\n<html>", "answered 502 to CONNECT"),
        NO_CONTENT("HTTP/1.1 204 x\r\n\r\n", "answered 204 to CONNECT"),
        CUT("", "did not answer CONNECT"),
        HALF("HTTP/1.1 200 OK\r\nx: ", "the proxy"),
        NO_HTTP("SSH-2.0-OpenSSH\r\n", "did not answer CONNECT"),
        AN_ANSWER_OF_ITS_OWN("HTTP/1.1 200 OK\r\n\r\n" + RawServer.prediction(201, "succeeded"), "before the tunnel's other end"),
        CUT_IN_THE_HANDSHAKE("HTTP/1.1 200 OK\r\n\r\n", "the TLS handshake with api.example:443");

        final String answer;
        final String said;

        Refusal(String answer, String said) {
            this.answer = answer;
            this.said = said;
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatItAnswersConnectIsItsOwn(Refusal row) throws Exception {
        serve("https", line -> {
            for (String request = line.read(); request != null; request = line.read()) {
                line.write(row.answer);
                if (!row.answer.contains("Content-Length: 0")) {
                    return;
                }
            }
        });

        isTheProxys(generateFails(PREDICTION), row.said);
        isTheProxys(generateFails(CHAT), row.said);
        assertThat(proxy.requests).allMatch(request -> request.startsWith("CONNECT api.example:443 ") && !request.contains("r8_canary"));
    }

    @Test
    void aRefusalWithoutEndHoldsNothing() throws Exception {
        serve("https", line -> {
            line.read();
            line.write("HTTP/1.1 403 x\r\nContent-Length: 100000\r\n\r\n");
            line.writeForever("x", 100);
        });

        isTheProxys(generateFails(PREDICTION), "did not answer CONNECT");
    }

    @Test
    void credentialsThatAnOrdinaryProxyDoesNotTakeAreItsBusiness() throws Exception {
        serve("http", line -> {
            while (line.read() != null) {
                line.write("HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n");
            }
        });

        for (String request : List.of(PREDICTION, CHAT)) {
            JsonNode error = generateFails(request);
            isTheProxys(error, "answered 407: it wants a user and a password, or others");
            assertThat(error.path("error").path("httpStatus").asInt()).isEqualTo(407);
        }
    }

    @Test
    void whatComesThroughItIsTheProviders() throws Exception {
        serve("http", line -> {
            while (line.read() != null) {
                line.write(RawServer.json(403, "{\"detail\":\"no\"}"));
            }
        });

        assertThat(Stream.of(PREDICTION, CHAT).map(request -> generateFails(request).path("error").path("type").asText()))
                .containsOnly("authentication");
    }
}
