package dev.bactrian.routes.provider;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.util.Map;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.SettingException;
import dev.bactrian.routes.support.RouteTestSupport;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import org.apache.camel.health.HealthCheck.State;
import org.apache.camel.health.HealthCheckHelper;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A provider that Bactrian does not know is one route file, one class and one entry in the catalogue, as CONTRIBUTING.md says. */
class ThirdProviderTest extends RouteTestSupport {

    private static final String KEY = "acme-key-0123456789";

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private ScriptedServer server;

    @BeforeEach
    void startServer() throws Exception {
        server = new ScriptedServer();
    }

    @AfterEach
    void stopServer() {
        server.close();
    }

    @Override
    protected void configure(Main main) {
        main.configure().setRoutesIncludePattern("classpath:bactrian/*.camel.yaml,classpath:providers/acme.camel.yaml");
        main.bind("metricsRegistry", registry);
    }

    private void start() throws Exception {
        start("bactrian.models", "classpath:providers/models.yaml", "acme.key", KEY,
                "acme.endpoint", server.url() + "/write");
    }

    @Test
    void itsModelIsAnsweredByItsRoute() throws Exception {
        server.answer(200, "{\"text\": \"안녕\"}");
        start();

        JsonNode document = generate(Map.of("model", "anvil-1", "prompt", "Hello", "weight", 3));

        assertThat(document.path("provider").asText()).isEqualTo("acme");
        assertThat(document.path("model").asText()).isEqualTo("anvil");
        assertThat(document.path("text").asText()).isEqualTo("안녕");
        assertThat(takeChunks()).isEqualTo("안녕");
        assertThat(server.requests()).containsExactly("POST /write Bearer " + KEY + " {\"model\":\"anvil\",\"prompt\":\"Hello\",\"weight\":3}");
        assertThat(registry.get("bactrian.requests").tags("provider", "acme", "model", "anvil", "status", "succeeded").timer().count()).isOne();
        assertThat(registry.get("bactrian.in.flight").tags("provider", "acme").gauge().value()).isZero();
    }

    @Test
    void itsDefaultModelAnswersARequestThatNamesItAlone() throws Exception {
        server.answer(200, "{\"text\": \"Hi\"}");
        start();

        assertThat(generate(Map.of("provider", "acme", "prompt", "Hello")).path("model").asText()).isEqualTo("anvil");
        takeChunks();
    }

    @Test
    void aCallThatWasRefusedOrFailedIsRepeated() throws Exception {
        server.answer(429, "").answer(503, "").answer(200, "{\"text\": \"Hi\"}");
        start();

        assertThat(generate(Map.of("model", "anvil", "prompt", "Hello")).path("text").asText()).isEqualTo("Hi");
        assertThat(server.requests()).hasSize(3);
        takeChunks();
    }

    static Stream<Arguments> failures() {
        return Stream.of(
                Arguments.of(401, "{\"error\": \"no such key " + KEY + "\"}", "authentication", "^acme answered 401: no such key"),
                Arguments.of(200, "{\"error\": {\"type\": \"overloaded\", \"message\": \"busy, " + KEY + "\"}}", "provider-unavailable", "busy"));
    }

    @ParameterizedTest
    @MethodSource("failures")
    void whatIsNoAnswerIsAnErrorDocumentWithoutItsKey(int status, String answer, String type, String message) throws Exception {
        server.answer(status, answer);
        start();

        JsonNode error = generateFails(Map.of("model", "anvil", "prompt", "Hello")).path("error");

        assertThat(error.path("type").asText()).isEqualTo(type);
        assertThat(error.path("message").asText()).containsPattern(message).doesNotContain(KEY);
    }

    @Test
    void anUnknownProviderIsRefusedWithItsNameAmongTheKnown() throws Exception {
        start();

        assertThat(generateFails(Map.of("provider", "openai", "prompt", "Hello")).path("error").path("message").asText())
                .startsWith("provider: not replicate, upstage").endsWith(" or acme");
    }

    @Test
    void itsModelsNamesAloneAreValid() throws Exception {
        start();

        assertThat(generateFails(Map.of("provider", "acme", "model", "owner/name", "prompt", "Hello")).path("error").path("message").asText())
                .isEqualTo("'owner/name' is not a model of acme; valid names: anvil, anvil-1");
    }

    @Test
    void itsReadinessIsChecked() throws Exception {
        server.answer(401, "");
        start();

        assertThat(HealthCheckHelper.invokeReadiness(context()).stream().filter(result -> result.getCheck().getId().equals("bactrian-acme")))
                .singleElement().satisfies(result -> {
                    assertThat(result.getState()).isEqualTo(State.DOWN);
                    assertThat(result.getMessage()).hasValue("acme does not take the token: it answered 401");
                });
    }

    @Test
    void aCatalogueThatNamesNoProviderStopsTheStart() {
        assertThatThrownBy(() -> start("bactrian.models", "classpath:providers/models.yaml", "acme.key", KEY, "acme.endpoint", "http://localhost",
                "camel.main.routes-include-pattern", "classpath:bactrian/*.camel.yaml"))
                .isInstanceOf(SettingException.class).hasMessageContaining("'acme' is not a provider (replicate, upstage");
    }

    /** An application may list the route files that it loads; the packaged catalogue holds all packaged providers. */
    @Test
    void aPackagedProviderNeedNotBeLoaded() throws Exception {
        Files.writeString(Files.createDirectories(folder.resolve("classes/bactrian")).resolve("acme.camel.yaml"), "[]");
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        try (URLClassLoader withAcme = new URLClassLoader(new URL[] {folder.resolve("classes").toUri().toURL()}, before)) {
            thread.setContextClassLoader(withAcme);
            start("bactrian.models", "classpath:providers/models.yaml", "camel.main.routes-include-pattern", "classpath:bactrian/*.camel.yaml");
        } finally {
            thread.setContextClassLoader(before);
        }

        assertThat(generate(Map.of("provider", "upstage", "prompt", "Hello")).path("provider").asText()).isEqualTo("upstage");
        takeChunks();
    }
}
