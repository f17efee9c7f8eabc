package dev.bactrian.routes.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.bactrian.routes.support.RawServer;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.support.CapturedLog;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Endpoints on hosts of any name, reached through a proxy that knows where they are. */
@Timeout(60)
class EndpointTest extends RouteTestSupport {

    private RawServer proxy;

    private void serve(String origin) throws Exception {
        proxy = new RawServer(RawServer::answer);
        start("bactrian.replicate.api-endpoint", origin + "/predictions", "bactrian.replicate.api-token", "r8_canary",
                "bactrian.replicate.poll-endpoint", origin + "/predictions/{id}", "bactrian.upstage.api-key", "up_canary",
                "bactrian.upstage.api-endpoint", origin + "/chat", "bactrian.emit.chunk", "",
                "bactrian.replicate.proxy", proxy.url(""), "bactrian.upstage.proxy", proxy.url(""));
    }

    @AfterEach
    void closeProxy() throws Exception {
        stop();
        if (proxy != null) {
            proxy.close();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "HTTP://Provider.example, provider.example", "http://my_host:8080, my_host:8080", "http://한글.example, xn--bj0bj06e.example",
        "http://xn--bj0bj06e.example:81, xn--bj0bj06e.example:81", "http://[::1]:82, [::1]:82",
    })
    void aHostOfAnyNameIsCalledWithTheToken(String origin, String host) throws Exception {
        serve(origin);

        assertThat(generate("{\"model\":\"google-deepmind/gemma-2b-it\",\"prompt\":\"x\"}").path("text").asText()).isEqualTo("hi");
        assertThat(generate("{\"model\":\"solar-pro4\",\"prompt\":\"x\"}").path("text").asText()).isEqualTo("hi");

        assertThat(proxy.count("POST http://" + host + "/predictions ")).isOne();
        assertThat(proxy.count("GET http://" + host + "/predictions/p1 ")).isOne();
        assertThat(proxy.count("POST http://" + host + "/chat ")).isOne();
        assertThat(proxy.requests).allMatch(request -> request.contains("\r\nHost: " + host + "\r\n"))
                .allMatch(request -> request.contains("Authorization: Bearer r8_canary") || request.contains("Authorization: Bearer up_canary"));
    }

    private String said(String origin) throws Exception {
        try (CapturedLog log = new CapturedLog()) {
            serve(origin);
            return log.toString();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"http://api.example", "http://10.0.0.1:8080", "http://127.0.0.1.example"})
    void aTokenThatGoesInTheClearIsWarnedOf(String origin) throws Exception {
        assertThat(said(origin).lines().filter(line -> line.contains("in the clear"))).hasSize(2)
                .anyMatch(line -> line.contains("bactrian.replicate.api-token") && line.contains(origin))
                .anyMatch(line -> line.contains("bactrian.upstage.api-key") && line.contains(origin)).noneMatch(line -> line.contains("canary"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"https://api.example", "http://127.0.0.1:81", "http://localhost", "http://[::1]:82"})
    void oneThatDoesNotIsNot(String origin) throws Exception {
        assertThat(said(origin)).doesNotContain("in the clear");
    }
}
