package dev.bactrian.routes.generate;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.Map;
import java.util.stream.IntStream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.error.GenerateException;
import dev.bactrian.generate.Account;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.main.Main;
import org.apache.camel.support.SynchronizationAdapter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Several keys, endpoints and defaults in one application, by the requests that the servers see. */
class AccountTest extends RouteTestSupport {

    private static final String GLOBAL_KEY = "up_global";
    private static final String OWN_KEY = "up_own+&%{{x}}";

    private final Account own = new Account();
    private Simulator other;

    @BeforeEach
    void startOther() {
        other = Simulator.builder().pause(Duration.ZERO).start();
    }

    @AfterEach
    void stopOther() {
        stop();
        other.close();
    }

    @Override
    protected void configure(Main main) {
        main.bind("own", own);
    }

    private void start() throws Exception {
        start("bactrian.upstage.api-key", GLOBAL_KEY, "bactrian.replicate.api-token", "r8_global", "bactrian.emit.chunk", "");
    }

    private JsonNode ask(Object account, Object body, Map<String, Object> headers) {
        Exchange answer = template().request("direct:generate", exchange -> {
            exchange.setVariable(Account.VARIABLE, account);
            exchange.getMessage().setBody(body);
            exchange.getMessage().getHeaders().putAll(headers);
        });
        assertThat(answer.getVariable(Account.VARIABLE)).as("the caller's variable stays").isEqualTo(account);
        String document = answer.getException() instanceof GenerateException failure ? failure.getDocument() : answer.getMessage().getBody(String.class);
        assertThat(answer.getException()).isIn((Object) null, answer.getException(GenerateException.class));
        return ProviderJson.json(document).orElseThrow();
    }

    private JsonNode ask(Object account, Object body) {
        return ask(account, body, Map.of());
    }

    private static String token(RecordedRequest request) {
        return request.header("Authorization");
    }

    @Test
    void eachAccountHasItsKeyAndItsEndpoint() throws Exception {
        own.setUpstageApiKey(OWN_KEY);
        own.setUpstageEndpoint(other.chatUrl());
        start();

        IntStream.range(0, 20).parallel().forEach(i ->
                assertThat(ask(i % 2 == 0 ? "own" : null, "Hello").path("status").asText()).isEqualTo("succeeded"));

        assertThat(other.requests(Call.CHAT)).hasSize(10).allMatch(request -> ("Bearer " + OWN_KEY).equals(token(request)));
        assertThat(simulator.requests(Call.CHAT)).hasSize(10).allMatch(request -> ("Bearer " + GLOBAL_KEY).equals(token(request)));
        assertThat(other.requests(Call.CHAT)).allMatch(request -> request.header("Bactrian-Account") == null);
    }

    @Test
    void replicateIsPolledAndCancelledWithTheAccountThatCreated() throws Exception {
        own.setReplicateApiToken("r8_own");
        own.setReplicateEndpoint(other.predictionsUrl());
        own.setPollDelay("1ms");
        own.setPollMaxAttempts("2");
        other.always(Call.POLL, Reply.json(200, "{\"status\":\"processing\"}"));
        start();

        JsonNode error = ask("own", Map.of("model", "gemma-2b", "prompt", "hi"));

        assertThat(error.at("/error/type").asText()).isEqualTo("timeout");
        assertThat(error.at("/prediction/polls").asInt()).isEqualTo(2);
        await().until(() -> other.count(Call.CANCEL) == 1);
        assertThat(other.requests()).hasSize(4).allMatch(request -> "Bearer r8_own".equals(token(request)));
        assertThat(simulator.requests()).isEmpty();
    }

    @Test
    void whatIsNotSetIsAsTheApplicationSays() throws Exception {
        own.setTemperature("0.2");
        own.setMaxTokens("64");
        own.setUpstageApiKey(" ");
        start();

        ask("own", "Hello");
        ask("own", Map.of("prompt", "Hello", "temperature", 1));

        assertThat(simulator.requests(Call.CHAT)).hasSize(2).allMatch(request -> ("Bearer " + GLOBAL_KEY).equals(token(request)));
        assertThat(simulator.requests(Call.CHAT)).extracting(request -> request.json().path("temperature").asText()).containsExactly("0.2", "1");
        assertThat(simulator.requests(Call.CHAT)).allMatch(request -> request.json().path("max_tokens").asInt() == 64);
    }

    @Test
    void itsModelBeatsTheHeaderOfAnEarlierAnswerButNotTheRequest() throws Exception {
        own.setModel("solar-mini");
        start();

        assertThat(ask("own", "Hello", Map.of("BactrianModel", "gemma-2b", "BactrianProvider", "replicate")).path("model").asText()).isEqualTo("solar-mini");
        assertThat(ask("own", Map.of("prompt", "Hello", "model", "solar-pro3")).path("model").asText()).isEqualTo("solar-pro3");
    }

    @Test
    void itsProviderAndKindChooseTheDefault() throws Exception {
        own.setProvider("replicate");
        own.setKind("image");
        start();

        assertThat(ask("own", "a cat").path("model").asText()).isEqualTo("stability-ai/stable-diffusion-3");
    }

    @Test
    void aRequestThatNamesItsProviderAndNoModelGetsItsModel() throws Exception {
        own.setProvider("upstage");
        own.setModel("solar-mini");
        Account images = new Account();
        images.setProvider("replicate");
        images.setKind("image");
        start();

        assertThat(ask("own", Map.of("prompt", "Hello", "provider", "upstage")).path("model").asText()).isEqualTo("solar-mini");
        assertThat(ask("own", Map.of("prompt", "Hello", "provider", "replicate")).path("model").asText()).isEqualTo("google-deepmind/gemma-2b-it");
        assertThat(ask(images, Map.of("prompt", "a cat", "provider", "replicate")).path("kind").asText()).isEqualTo("image");
        assertThat(ask(images, Map.of("prompt", "Hello", "provider", "upstage")).path("model").asText()).isEqualTo("solar-pro4");
    }

    @Test
    void theAccountsKindBeatsHeadersAndAppliesToUnknownModels() throws Exception {
        own.setKind("image");
        start();
        String image = "[\"https://replicate.delivery/x.png\"]";
        simulator.on(Call.CREATE, created(), created()).on(Call.POLL, succeeded(image), succeeded(image));

        assertThat(ask("own", "a cat", Map.of("BactrianModel", "solar-pro4", "BactrianProvider", "upstage")).path("model").asText())
                .isEqualTo("stability-ai/stable-diffusion-3");
        ask("own", "{\"model\": \"owner/unknown\", \"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"user\", \"content\": \"b\"}]}");

        assertThat(simulator.requests(Call.CREATE).get(1).json().at("/input/prompt").asText()).as("of the last message").isEqualTo("b");
    }

    @Test
    void itsChunksGoWhereItSays() throws Exception {
        own.setChunkEndpoint("bean:captured?method=chunk");
        start();

        ask(null, "Hello");
        assertThat(takeChunks()).isEmpty();
        String text = ask("own", "Hello").path("text").asText();
        assertThat(takeChunks().replace("|", "")).isEqualTo(text);
    }

    @Test
    void itsKeyIsNotShownByAnErrorThatEchoesIt() throws Exception {
        own.setUpstageApiKey(OWN_KEY);
        simulator.always(Call.CHAT, Reply.json(401, "{\"error\":{\"message\":\"bad key " + OWN_KEY + "\"}}"));
        start();

        assertThat(ask("own", "Hello").toString()).contains("authentication", "bad key ***").doesNotContain(OWN_KEY);
    }

    @Test
    void anotherAccountDoesNotGoOnWithThePredictionOfTheFirst() throws Exception {
        own.setReplicateApiToken("r8_own");
        Account second = new Account();
        second.setReplicateApiToken("r8_second");
        start();
        CamelContext context = context();
        context.getRegistry().bind("second", second);
        Map<String, String> request = Map.of("id", "same", "model", "gemma-2b", "prompt", "hi");

        ask("own", request);
        ask("second", request);

        assertThat(simulator.requests(Call.CREATE)).extracting(AccountTest::token).containsExactly("Bearer r8_own", "Bearer r8_second");
    }

    @Test
    void anAccountThatIsOtherwiseSetGoesOnWithItsPrediction() throws Exception {
        own.setReplicateApiToken("r8_own");
        start("bactrian.replicate.api-token", "r8_global", "bactrian.emit.chunk", "");
        Account patient = new Account();
        patient.setReplicateApiToken("r8_own");
        patient.setPollDelay("30ms");
        context().getRegistry().bind("patient", patient);
        Map<String, String> request = Map.of("id", "same", "model", "gemma-2b", "prompt", "hi");

        template().request("direct:generate", exchange -> {
            exchange.setVariable(Account.VARIABLE, "own");
            exchange.getMessage().setBody(request);
            // What asked for it is not done with it, and comes again.
            exchange.getExchangeExtension().addOnCompletion(new SynchronizationAdapter() {
                @Override
                public void onDone(Exchange done) {
                    done.setException(new IllegalStateException("not yet"));
                }
            });
        });
        ask("patient", request);

        assertThat(simulator.count(Call.CREATE)).isOne();
    }

    @Test
    void aBadValueAndAnUnknownNameAreSaidPlainly() throws Exception {
        start();
        Account bad = new Account();
        bad.setCamelContext(context());
        bad.setUpstageEndpoint("nonsense");

        assertThatThrownBy(bad::start).hasMessageContaining("bactrian.upstage.api-endpoint").hasMessageContaining("'nonsense'");
        assertThatThrownBy(() -> bad.setTemperature("warm")).hasMessageContaining("temperature").hasMessageContaining("'warm'");
        assertThat(ask("nobody", "Hello").path("error").toString()).contains("authentication", "bactrianAccount: no bean 'nobody' is an account");
        JsonNode error = ask(bad, Map.of("id", "r1", "prompt", "Hello"));
        assertThat(error.path("id").asText()).isEqualTo("r1");
        assertThat(error.at("/error/message").asText()).isEqualTo("bactrianAccount: bactrian.upstage.api-endpoint: 'nonsense' is not an http or https URL");
        assertThat(error.at("/error/type").asText()).isEqualTo("authentication");
        assertThat(simulator.requests()).isEmpty();
    }
}
