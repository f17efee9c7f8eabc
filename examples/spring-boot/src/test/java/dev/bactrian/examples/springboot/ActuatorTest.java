package dev.bactrian.examples.springboot;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import org.apache.camel.ProducerTemplate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;

/** With Spring Boot's actuator and its registry for Prometheus on the class path, on a server. */
class ActuatorTest {

    private static final Simulator SIMULATOR = Simulator.start();
    private static ConfigurableApplicationContext spring;

    @BeforeAll
    static void start() {
        spring = new SpringApplicationBuilder(Application.class).run("--spring.main.web-application-type=servlet", "--server.port=0",
                "--bactrian.upstage.api-endpoint=" + SIMULATOR.chatUrl(), "--bactrian.upstage.api-key=up_spring",
                "--management.endpoints.web.exposure.include=health,prometheus", "--management.endpoint.health.show-details=always",
                "--management.endpoint.health.probes.enabled=true",
                "--management.endpoint.health.group.readiness.include=readinessState,camelReadinessState");
    }

    @AfterAll
    static void stop() {
        spring.close();
        SIMULATOR.close();
    }

    private static HttpResponse<String> get(String path) throws Exception {
        URI uri = URI.create("http://127.0.0.1:" + spring.getEnvironment().getProperty("local.server.port") + path);
        return HttpClient.newHttpClient().send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
    }

    @Test
    void eachRequestIsCountedOnceWherePrometheusLooks() throws Exception {
        spring.getBean(ProducerTemplate.class).requestBody("direct:ask", "Why?", String.class);

        assertThat(get("/actuator/prometheus").body().lines()).containsOnlyOnce(
                "bactrian_requests_seconds_count{error_type=\"none\",model=\"solar-pro4\",provider=\"upstage\",status=\"succeeded\"} 1",
                "bactrian_in_flight{provider=\"upstage\"} 0.0");
    }

    @Test
    void aKeyThatIsNotTakenIsSeenInHealthAndReadiness() throws Exception {
        SIMULATOR.always(Call.MODELS, Reply.json(401, "{}"));

        HttpResponse<String> health = get("/actuator/health");

        assertThat(health.statusCode()).as(health.body()).isEqualTo(503);
        JsonNode camel = new ObjectMapper().readTree(health.body()).at("/components/camelHealth/details");
        assertThat(camel.path("bactrian-upstage").asText()).isEqualTo("DOWN");
        assertThat(camel.at("/bactrian-upstage.data/reason").asText()).isEqualTo("upstage does not take the token: it answered 401");
        assertThat(camel.path("bactrian-replicate").asText()).as("not configured").isNotEqualTo("DOWN");
        assertThat(get("/actuator/health/readiness").statusCode()).isEqualTo(503);
        assertThat(get("/actuator/health/liveness").statusCode()).isEqualTo(200);
    }
}
