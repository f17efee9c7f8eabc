package dev.bactrian.replicate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import java.io.IOException;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Properties;

import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Generation;
import dev.bactrian.model.Kind;
import dev.bactrian.model.Model;
import dev.bactrian.model.ProviderName;
import dev.bactrian.request.RequestReader;
import dev.bactrian.request.RequestReader.Format;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.http.base.HttpOperationFailedException;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A prediction from its create to its end, as far as that can be told without a network. */
class ReplicateTest {

    private static final Model SD_3 = new Model(ProviderName.REPLICATE, "stability-ai/stable-diffusion-3", Kind.IMAGE, "527d");
    private static final String ENDPOINT = "bactrian.replicate.api-endpoint";

    private final DefaultCamelContext context = new DefaultCamelContext();
    private final Generation generation = generation("{'id':'cat','prompt':'a cat','seed':1}", SD_3);

    @AfterEach
    void close() throws IOException {
        context.close();
    }

    private Replicate replicate(String... pairs) {
        Properties properties = new Properties();
        properties.setProperty(ENDPOINT, "http://localhost:1/v1/predictions");
        for (int i = 0; i < pairs.length; i += 2) {
            properties.setProperty(pairs[i], pairs[i + 1]);
        }
        context.getPropertiesComponent().setInitialProperties(properties);
        Replicate replicate = new Replicate();
        replicate.setCamelContext(context);
        return replicate;
    }

    private static Generation generation(String json, Model model) {
        return Generation.begin("cat", new RequestReader(1_000_000).read(json.replace('\'', '"'), Format.JSON), model, true, "");
    }

    private static String json(String text) {
        return text.replace('\'', '"');
    }

    private GenerationFailure failure(Replicate replicate, PollState poll) {
        try {
            replicate.fail(generation, poll);
        } catch (GenerationFailure e) {
            return e;
        }
        return fail("no failure");
    }

    @Test
    void anOfficialCreateIsVersionAndInputAndNothingElse() {
        assertThat(new String(replicate().body(generation), StandardCharsets.UTF_8))
                .isEqualTo("{\"version\":\"527d\",\"input\":{\"prompt\":\"a cat\",\"seed\":1}}");
    }

    @Test
    void aCreateOnTheHomepageNamesTheModelToo() {
        assertThat(new String(replicate("bactrian.replicate.api", "homepage").body(generation), StandardCharsets.UTF_8))
                .isEqualTo("{\"model\":\"stability-ai/stable-diffusion-3\",\"version\":\"527d\",\"input\":{\"prompt\":\"a cat\",\"seed\":1}}");
    }

    @Test
    void anImageIsMadeFromTheLastMessageAndATextFromAll() {
        String messages = "{'messages':[{'role':'system','content':'be brief'},{'role':'user','content':'한글'}]}";
        Model gemma = new Model(ProviderName.REPLICATE, "google-deepmind/gemma-2b-it", Kind.TEXT, "dff9");

        assertThat(new String(replicate().body(generation(messages, SD_3)), StandardCharsets.UTF_8)).contains("\"prompt\":\"한글\"");
        assertThat(new String(replicate().body(generation(messages, gemma)), StandardCharsets.UTF_8))
                .contains("\"prompt\":\"System: be brief\\nUser: 한글\\nAssistant:\"");
    }

    @Test
    void withoutATokenNothingIsSentToTheOfficialEndpoint() {
        Replicate replicate = replicate(ENDPOINT, "https://api.replicate.com/v1/predictions", "bactrian.replicate.api-token", " ");

        assertThatThrownBy(() -> replicate.body(generation)).isInstanceOfSatisfying(GenerationFailure.class,
                failure -> assertThat(failure.type()).isEqualTo(ErrorType.AUTHENTICATION)).hasMessageContaining("bactrian.replicate.api-token");
    }

    @Test
    void ofACreatesAnswerThatBreaksOffTheIdIsEnough() {
        PollState poll = replicate().created(generation, "{\"id\":\"p1\",\"status\":\"succeeded\",\"output\":[\"half");

        assertThat(poll.getId()).isEqualTo("p1");
        assertThat(poll.isPending()).isTrue();
    }

    @Test
    void anOptionGoesOutAsItIsHoweverDeepItIs() throws Exception {
        String deep = "[".repeat(990) + "]".repeat(990);

        assertThat(new String(replicate().body(generation("{'prompt':'a \\ud83d','x':" + deep + "}", SD_3)), StandardCharsets.UTF_8))
                .contains("\"a \uFFFD\"", deep);
    }

    @Test
    void theStreamOfAnotherPredictionIsNotRead() {
        assertThat(Prediction.read(ProviderJson.json(json("{'id':'p1','urls':{'stream':'https://s/v1/predictions/p2'}}")).orElseThrow(), null).orElseThrow()
                .streamUrl()).isNull();
        assertThat(Prediction.read(ProviderJson.json(json("{'id':'p1','urls':{'stream':'https://s/v1/predictions/p1?x'}}")).orElseThrow(), null).orElseThrow()
                .streamUrl()).isEqualTo("https://s/v1/predictions/p1?x");
    }

    @Test
    void followUpUrlsAreBuiltFromConfigurationAndTheId() {
        Replicate replicate = replicate("bactrian.replicate.poll-endpoint", "http://localhost:1/poll?id={id}");
        PollState poll = replicate.created(generation, json(
                "{'id':'p1','status':'starting','urls':{'get':'http://evil/get','cancel':'http://evil/cancel'}}"));

        assertThat(replicate.pollUrl(generation, poll)).isEqualTo("http://localhost:1/poll?id=p1");
        assertThat(replicate.cancelUrl(generation, poll)).isEqualTo("http://localhost:1/v1/predictions/p1/cancel");
    }

    @ParameterizedTest
    @ValueSource(strings = {"../admin?x=1#y", "a/b", "..", "a?b", "a#b", "a%2Fb", "a b", "한글", "a\\n"})
    void anIdThatIsNotLettersAndDigitsIsNotUsed(String id) {
        assertThatThrownBy(() -> replicate().created(generation, json("{'id':'" + id + "','status':'starting'}")))
                .isInstanceOfSatisfying(GenerationFailure.class, failure -> {
                    assertThat(failure.type()).isEqualTo(ErrorType.PROVIDER_UNAVAILABLE);
                    assertThat(failure.retryable()).isFalse();
                });
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "<html>busy</html>", "{}", "[]", "{'detail':'hm'}", "{'id':null,'status':'starting'}"})
    void aCreateAnsweredWithoutAPredictionIsNotRetryable(String body) {
        assertThatThrownBy(() -> replicate().created(generation, json(body))).isInstanceOfSatisfying(GenerationFailure.class, failure -> {
            assertThat(failure.type()).isEqualTo(ErrorType.PROVIDER_UNAVAILABLE);
            assertThat(failure.retryable()).isFalse();
        });
    }

    @ParameterizedTest
    @CsvSource({"starting, true", "processing, true", "queued, true", "succeeded, false", "failed, false", "canceled, false", "aborted, false"})
    void itIsPolledAgainUntilItHasEnded(String status, boolean pending) {
        Replicate replicate = replicate();
        PollState created = replicate.created(generation, json("{'id':'p1','status':'" + status + "','output':null}"));

        assertThat(created.isPending()).isEqualTo(pending);
        assertThat(replicate.seen(generation, created, json("{'id':'p1','status':'" + status + "'}")).isPending()).isEqualTo(pending);
    }

    @Test
    void theFirstPollComesAtOnceAndTheOthersAfterTheDelay() {
        Replicate replicate = replicate("bactrian.replicate.poll-delay", "2s");
        PollState created = replicate.created(generation, json("{'id':'p1'}"));

        assertThat(created.getDelayMillis()).isZero();
        assertThat(replicate.seen(generation, created, json("{'status':'starting'}")).getDelayMillis()).isEqualTo(2000);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 30})
    void exactlySoManyPollsAreMade(int most) {
        Replicate replicate = replicate("bactrian.replicate.poll-max-attempts", String.valueOf(most));
        PollState poll = replicate.created(generation, json("{'id':'p1'}"));
        int polls = 0;
        while (poll.isPending()) {
            poll = replicate.seen(generation, poll, json("{'status':'processing'}"));
            polls++;
        }

        assertThat(polls).isEqualTo(most);
        assertThat(failure(replicate, poll).type()).isEqualTo(ErrorType.TIMEOUT);
    }

    @Test
    void aTimeoutSaysHowOftenItWasFoundWaitingAndRunning() {
        Replicate replicate = replicate("bactrian.replicate.poll-max-attempts", "3");
        PollState poll = replicate.created(generation, json("{'id':'p1'}"));
        for (String status : new String[] {"starting", "starting", "processing"}) {
            poll = replicate.seen(generation, poll, json("{'status':'" + status + "'}"));
        }

        assertThat(failure(replicate, poll)).hasMessageContaining("p1").hasMessageContaining("3 polls").hasMessageContaining("2 ").hasMessageContaining("1 running");
    }

    @Test
    void successOnTheLastPollCounts() {
        Replicate replicate = replicate("bactrian.replicate.poll-max-attempts", "1");
        PollState poll = replicate.seen(generation, replicate.created(generation, json("{'id':'p1'}")), json("{'status':'succeeded','output':'x'}"));

        assertThat(poll.isSucceeded()).isTrue();
    }

    @ParameterizedTest
    @CsvSource({"failed, PREDICTION_FAILED", "canceled, PREDICTION_CANCELED", "aborted, PREDICTION_CANCELED"})
    void aBadEndHasAType(String status, ErrorType type) {
        Replicate replicate = replicate();

        assertThat(failure(replicate, replicate.created(generation, json("{'id':'p1','status':'" + status + "'}"))).type()).isEqualTo(type);
    }

    @Test
    void aPollThatIsNotAnsweredWithAPredictionSaysSo() {
        Replicate replicate = replicate();
        PollState created = replicate.created(generation, json("{'id':'p1'}"));

        assertThatThrownBy(() -> replicate.seen(generation, created, "<html>busy</html>")).isInstanceOfSatisfying(GenerationFailure.class,
                failure -> assertThat(failure.type()).isEqualTo(ErrorType.PROVIDER_UNAVAILABLE)).hasMessageContaining("p1");
    }

    @Test
    void pollsThatFailInARowEndAfterTheRetries() {
        Replicate replicate = replicate("bactrian.retry.max-attempts", "2");
        PollState poll = replicate.created(generation, json("{'id':'p1'}"));
        int misses = 0;
        while (poll.isPending()) {
            poll = replicate.missed(generation, poll, new SocketException("Connection reset"));
            misses++;
        }

        assertThat(misses).isEqualTo(3);
        assertThat(failure(replicate, poll).type()).isEqualTo(ErrorType.PROVIDER_UNAVAILABLE);
    }

    @Test
    void aPollThatSucceedsForgivesThoseThatFailed() {
        Replicate replicate = replicate("bactrian.retry.max-attempts", "1");
        PollState poll = replicate.created(generation, json("{'id':'p1'}"));
        for (int i = 0; i < 5; i++) {
            poll = replicate.missed(generation, poll, new SocketException("Connection reset"));
            poll = replicate.seen(generation, poll, json("{'status':'processing'}"));
        }

        assertThat(poll.isPending()).isTrue();
        assertThat(poll.polls().answered()).isEqualTo(5);
    }

    @Test
    void aPollThatIsRefusedForGoodIsNotRepeated() {
        Replicate replicate = replicate();
        PollState poll = replicate.missed(generation, replicate.created(generation, json("{'id':'p1'}")),
                new HttpOperationFailedException("u", 401, "r", null, Map.of(), "{}"));

        assertThat(poll.isPending()).isFalse();
        assertThat(failure(replicate, poll).type()).isEqualTo(ErrorType.AUTHENTICATION);
    }

    @Test
    void aPollWaitsAsLongAsTheServiceAsks() {
        Replicate replicate = replicate();
        PollState poll = replicate.missed(generation, replicate.created(generation, json("{'id':'p1'}")),
                new HttpOperationFailedException("u", 429, "r", null, Map.of("Retry-After", "7"), ""));

        assertThat(poll.getDelayMillis()).isBetween(7000L, 30_000L);
    }

    @ParameterizedTest
    @CsvSource({"'', 210s", "1h, 3600s", "1s, 5s", "5500ms, 5s"})
    void theDeadlineIsSentInSeconds(String set, String sent) {
        Replicate replicate = set.isEmpty() ? replicate() : replicate("bactrian.replicate.cancel-after", set);

        assertThat(replicate.cancelAfter(generation)).isEqualTo(sent);
    }

    @Test
    void onlyTheOfficialApiCancels() {
        assertThat(replicate().cancels()).isTrue();
    }

    @Test
    void theHomepageNeitherCancelsNorHasADeadline() {
        Replicate replicate = replicate("bactrian.replicate.api", "homepage");

        assertThat(replicate.cancels()).isFalse();
        assertThat(replicate.cancelAfter(generation)).isNull();
    }

    @Test
    void anOutputThatTheServiceHasDeletedIsAnError() {
        Replicate replicate = replicate();
        PollState poll = replicate.created(generation, json("{'id':'p1','status':'succeeded','output':null,'data_removed':true}"));

        assertThatThrownBy(() -> replicate.output(generation, poll, null)).isInstanceOfSatisfying(GenerationFailure.class,
                failure -> assertThat(failure.type()).isEqualTo(ErrorType.EMPTY_OUTPUT)).hasMessageContaining("p1").hasMessageContaining("deleted");
    }
}
