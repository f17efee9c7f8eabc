package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.bactrian.config.Property;
import dev.bactrian.simulator.Call;
import dev.bactrian.support.FreePort;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Providers behind an HTTP proxy. */
class ProxyIT extends EndToEnd {

    /** What came to the proxy, each as {@code METHOD URL}. */
    private final List<String> forwarded = new CopyOnWriteArrayList<>();
    private final List<String> refused = new CopyOnWriteArrayList<>();
    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private HttpServer proxy;
    /** {@code user:password}, or null where the proxy asks for none. */
    private String credentials;

    @BeforeEach
    void startProxy() throws IOException {
        proxy = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 100);
        proxy.setExecutor(threads);
        proxy.createContext("/", this::forward);
        proxy.start();
    }

    @AfterEach
    void stopProxy() {
        proxy.stop(0);
        threads.shutdownNow();
    }

    private void forward(HttpExchange exchange) throws IOException {
        byte[] body = exchange.getRequestBody().readAllBytes();
        String sent = exchange.getRequestHeaders().getFirst("Proxy-Authorization");
        String line = exchange.getRequestMethod() + " " + exchange.getRequestURI();
        if (credentials != null
                && !("Basic " + Base64.getEncoder().encodeToString(credentials.getBytes(StandardCharsets.UTF_8))).equals(sent)) {
            refused.add(line);
            exchange.getResponseHeaders().set("Proxy-Authenticate", "Basic realm=\"proxy\", charset=\"UTF-8\"");
            exchange.sendResponseHeaders(407, -1);
            exchange.close();
            return;
        }
        forwarded.add(line);
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(exchange.getRequestURI().toString()))
                .method(exchange.getRequestMethod(), HttpRequest.BodyPublishers.ofByteArray(body));
        for (String name : List.of("Content-Type", "Accept", "Authorization")) {
            if (exchange.getRequestHeaders().containsKey(name)) {
                request.header(name, exchange.getRequestHeaders().getFirst(name));
            }
        }
        try {
            HttpResponse<InputStream> response = client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
            response.headers().firstValue("Content-Type").ifPresent(type -> exchange.getResponseHeaders().set("Content-Type", type));
            exchange.sendResponseHeaders(response.statusCode(), 0);
            try (OutputStream out = exchange.getResponseBody()) {
                response.body().transferTo(out);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private String proxyUrl(String userInfo) {
        return "http://" + userInfo + "127.0.0.1:" + proxy.getAddress().getPort();
    }

    /** Runs a request for each service; both succeed, and all of their calls went through the proxy. */
    private ServiceProcess bothGoThrough(String proxyUrl) {
        ServiceProcess service = run(service().set(Property.REPLICATE_PROXY, proxyUrl).set(Property.UPSTAGE_PROXY, proxyUrl)
                .env("REPLICATE_API_TOKEN", "r8_canary"));
        drop("camel.json", PICTURE);
        drop("greeting.txt", "안녕");

        result("camel");
        assertThat(result("greeting").path("text").asText()).isNotEmpty();
        assertThat(forwarded).hasSize(simulator.requests().size())
                .contains("POST " + simulator.predictionsUrl(), "POST " + simulator.chatUrl())
                .allMatch(line -> line.contains(" " + simulator.url() + "/"));
        assertThat(simulator.count(Call.CREATE)).isOne();
        assertThat(simulator.requests()).allMatch(request -> request.header("Proxy-Authorization") == null);
        assertThat(simulator.requests(Call.CREATE).get(0).header("Authorization")).isEqualTo("Bearer r8_canary");
        return service;
    }

    @Test
    void everyCallGoesThroughIt() {
        bothGoThrough(proxyUrl(""));
    }

    @ParameterizedTest
    @CsvSource(delimiter = ' ', value = {
        "me:secret me:secret",
        "me:p%40ss%3Aw%2Frd%25%20+%23 'me:p@ss:w/rd% +#'",
        "me:p@ss:w/rd+{{x}}$ me:p@ss:w/rd+{{x}}$",
        "me:%ED%95%9C%EA%B8%80 me:한글",
    })
    void itsCredentialsAreRightWhateverCharactersTheyHave(String written, String meant) {
        credentials = meant;

        ServiceProcess service = bothGoThrough(proxyUrl(written + "@"));

        String password = meant.substring(meant.indexOf(':') + 1);
        assertThat(service.toString()).doesNotContain(password).doesNotContain(written);
    }

    @Test
    void itsPasswordIsInNoLogAtAnyLevel() {
        credentials = "me:canary";
        ServiceProcess service = run(service().set(Property.REPLICATE_PROXY, proxyUrl("me:canary@")).set(Property.IMAGES, "download")
                .set(Property.IMAGES_HOSTS, "127.0.0.1").set("org.slf4j.simpleLogger.log.org.apache.hc", "trace"));
        drop("camel.json", PICTURE);

        assertThat(result("camel").path("images").path(0).path("file").asText()).isEqualTo("camel-0.png");
        assertThat(forwarded).anyMatch(line -> line.contains("/files/"));
        assertThat(service.said("org.apache.hc")).as("it logs").isTrue();
        assertThat(service.toString()).doesNotContain("canary")
                .doesNotContain(Base64.getEncoder().encodeToString(credentials.getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void wrongCredentialsAreSaidPlainly() {
        credentials = "me:right";
        ServiceProcess service = run(service().set(Property.REPLICATE_PROXY, proxyUrl("me:wrong-word@")));
        drop("camel.json", PICTURE);

        JsonNode error = error("camel");
        assertThat(error.path("httpStatus").asInt()).isEqualTo(407);
        assertThat(error.toString()).doesNotContain("wrong-word");
        assertThat(simulator.requests()).isEmpty();
        assertThat(service.toString()).doesNotContain("wrong-word").doesNotContain("\tat ");
    }

    @Test
    void oneThatIsNotThereMakesTheProviderUnavailable() throws IOException {
        String nowhere = "http://127.0.0.1:" + FreePort.find();
        ServiceProcess service = run(service().set(Property.REPLICATE_PROXY, nowhere).set(Property.UPSTAGE_PROXY, nowhere)
                .set(Property.RETRY_MAX_ATTEMPTS, "1"));
        drop("camel.json", PICTURE);
        drop("greeting.txt", "안녕");

        for (String id : List.of("camel", "greeting")) {
            JsonNode error = error(id);
            assertThat(error.path("type").asText()).isEqualTo("provider-unavailable");
            assertThat(error.path("message").asText()).contains(nowhere.substring("http://".length()));
            assertThat(error.path("attempts").asInt()).isEqualTo(2);
            assertThat(error.path("retryable").asBoolean()).isTrue();
        }
        assertThat(simulator.requests()).isEmpty();
        assertThat(service.toString()).doesNotContain("\tat ");
    }
}
