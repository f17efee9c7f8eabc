package dev.bactrian.routes.observe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.generate.Account;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.routes.support.Scrape;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.health.HealthCheck;
import org.apache.camel.health.HealthCheckHelper;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Test;

/** Readiness, as a probe asks for it over HTTP, and as an application finds it in Camel's registry. */
class HealthTest extends RouteTestSupport {

    @Override
    protected Simulator simulator() {
        return Simulator.builder().pause(Duration.ZERO).requireToken("good").start();
    }

    private final Map<String, Account> accounts = new LinkedHashMap<>();

    @Override
    protected void configure(Main main) {
        accounts.forEach(main::bind);
    }

    private void startServed(String... more) throws Exception {
        List<String> properties = new ArrayList<>(List.of(Scrape.SERVED));
        properties.addAll(List.of(Property.UPSTAGE_API_KEY.key(), "good", Property.REPLICATE_API_TOKEN.key(), "good"));
        properties.addAll(List.of(more));
        start(properties.toArray(String[]::new));
    }

    private HttpResponse<String> ready() {
        return Scrape.get(context(), "/observe/health/ready");
    }

    /** What the check of a provider has to say. */
    private static JsonNode check(HttpResponse<String> answer, String id) {
        for (JsonNode check : ProviderJson.json(answer.body()).orElseThrow().path("checks")) {
            if (check.path("name").asText().equals(id)) {
                return check;
            }
        }
        throw new AssertionError("no " + id + " in " + answer.body());
    }

    @Test
    void bothAreReachableAndNothingIsCreated() throws Exception {
        startServed();
        assertThat(simulator.requests()).as("asked before anybody wanted to know").isEmpty();

        HttpResponse<String> answer = ready();

        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        assertThat(check(answer, "bactrian-replicate").path("status").asText()).isEqualTo("UP");
        assertThat(check(answer, "bactrian-upstage").path("message").asText()).isEqualTo("upstage is reachable");
        assertThat(simulator.requests()).hasSize(2).allSatisfy(request -> assertThat(request.method()).isEqualTo("GET"));
        assertThat(simulator.count(Call.MODELS)).isOne();

        ready();
        assertThat(simulator.requests()).as("not asked again so soon").hasSize(2);
    }

    @Test
    void aProviderThatRefusesTheTokenIsNamed() throws Exception {
        startServed(Property.REPLICATE_API_TOKEN.key(), "bad-canary");

        HttpResponse<String> answer = ready();

        assertThat(answer.statusCode()).isEqualTo(503);
        assertThat(check(answer, "bactrian-replicate").path("status").asText()).isEqualTo("DOWN");
        assertThat(check(answer, "bactrian-replicate").path("message").asText())
                .isEqualTo("replicate does not take the token: it answered 401");
        assertThat(check(answer, "bactrian-upstage").path("status").asText()).isEqualTo("UP");
        assertThat(answer.body()).doesNotContain("canary");
    }

    @Test
    void aProviderThatIsDownIsNamed() throws Exception {
        int free;
        try (Simulator gone = Simulator.start()) {
            free = gone.port();
        }
        simulator.on(Call.POLL, Reply.status(503));
        startServed(Property.UPSTAGE_API_ENDPOINT.key(), "http://127.0.0.1:" + free + "/v1/chat/completions");

        HttpResponse<String> answer = ready();

        assertThat(answer.statusCode()).isEqualTo(503);
        assertThat(check(answer, "bactrian-upstage").path("message").asText()).startsWith("upstage is unreachable: ");
        assertThat(check(answer, "bactrian-replicate").path("message").asText()).isEqualTo("replicate is unavailable: it answered 503");
    }

    @Test
    void anAccountWhoseTokenIsNotTakenIsNamed() throws Exception {
        Account team = new Account();
        team.setUpstageApiKey("bad-canary");
        Account twin = new Account();
        twin.setUpstageApiKey("good");
        accounts.put("team", team);
        accounts.put("twin", twin);
        startServed();

        HttpResponse<String> answer = ready();

        assertThat(check(answer, "bactrian-upstage").path("message").asText())
                .isEqualTo("upstage does not take the token of account 'team': it answered 401");
        assertThat(check(answer, "bactrian-replicate").path("status").asText()).isEqualTo("UP");
        assertThat(simulator.count(Call.MODELS)).as("each token is tried once").isEqualTo(2);
        assertThat(answer.body()).doesNotContain("canary");
    }

    @Test
    void aProviderThatHangsDelaysNobodyForLong() throws Exception {
        startServed();
        simulator.always(Call.MODELS, Reply.json(401, "{\"error\": {}}").cutAt(3).thenHang());
        long begun = System.nanoTime();

        HttpResponse<String> answer = ready();

        assertThat(check(answer, "bactrian-upstage").path("message").asText()).startsWith("upstage is unreachable: ");
        assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(20));
    }

    @Test
    void aProviderBusyWithOurRequestsIsUp() throws Exception {
        startServed(Property.MAX_IN_FLIGHT.key(), "1");
        simulator.on(Call.CHAT, Reply.stream("a").after(Duration.ofSeconds(60)));
        CompletableFuture<String> asked = template().asyncRequestBody("direct:generate", "{\"id\": \"r1\", \"prompt\": \"p\"}", String.class);
        await().until(() -> simulator.concurrent(Call.CHAT) == 1);

        HttpResponse<String> answer = ready();

        assertThat(check(answer, "bactrian-upstage").path("message").asText()).isEqualTo("upstage is busy with our requests on all connections");
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        template().requestBody("direct:cancel", "r1");
        assertThatThrownBy(() -> asked.get(10, TimeUnit.SECONDS)).hasStackTraceContaining("canceled on request");
    }

    @Test
    void anUnconfiguredProviderDoesNotPreventReadiness() throws Exception {
        startServed(Property.UPSTAGE_API_ENDPOINT.key(), Property.UPSTAGE_API_ENDPOINT.defaultValue(false).orElseThrow(),
                Property.UPSTAGE_API_KEY.key(), "");

        HttpResponse<String> answer = ready();

        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        assertThat(check(answer, "bactrian-upstage").path("message").asText())
                .isEqualTo("upstage is not configured: bactrian.upstage.api-key is not set");
    }

    @Test
    void aLivenessProbeAsksNobody() throws Exception {
        startServed();

        assertThat(Scrape.get(context(), "/observe/health/live").statusCode()).isEqualTo(200);

        assertThat(simulator.requests()).isEmpty();
    }

    @Test
    void anApplicationFindsThemInCamelsRegistry() throws Exception {
        start(Property.UPSTAGE_API_KEY.key(), "good", Property.REPLICATE_API_TOKEN.key(), "bad");

        var results = HealthCheckHelper.invokeReadiness(context(), "full");

        assertThat(results).filteredOn(result -> result.getCheck().getId().startsWith("bactrian-"))
                .extracting(result -> result.getCheck().getId() + " " + result.getState())
                .contains("bactrian-upstage " + HealthCheck.State.UP, "bactrian-replicate " + HealthCheck.State.DOWN);
    }
}
