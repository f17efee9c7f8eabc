package dev.bactrian.routes.replicate;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.poll;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.time.Duration;
import java.util.Arrays;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** What is called is built from configuration and the prediction's id: no URL of an answer, no redirect, no odd id. */
class ReplicateUrlsTest extends RouteTestSupport {

    private static final String TOKEN = "r8_canary";
    private static final String REQUEST = "{\"model\": \"gemma-2b\", \"prompt\": \"p\"}";

    /** The server that answers point to. It must get no request at all. */
    private Simulator other;

    @BeforeEach
    void startTheOther() {
        other = Simulator.start();
    }

    @AfterEach
    void theOtherWasNotAskedForAnything() {
        other.close();
        assertThat(other.requests()).isEmpty();
    }

    @Test
    void noUrlOfAnAnswerIsCalled() throws Exception {
        start("bactrian.replicate.api-token", TOKEN, "bactrian.replicate.poll-max-attempts", "2");
        String urls = ("\"urls\": {\"get\": \"U/v1/predictions/p1\", \"cancel\": \"U/v1/predictions/p1/cancel\", \"stream\": \"U/stream\","
                + " \"web\": \"U/p/p1\"}, \"webhook\": \"U/hook\"}").replace("U", other.url());
        simulator.on(Call.CREATE, Reply.json(201, "{\"id\": \"p1\", \"status\": \"starting\", " + urls)
                        .header("Location", other.url() + "/v1/predictions/p1").header("Content-Location", other.url() + "/v1/predictions/p1"))
                .always(Call.POLL, Reply.json(200, "{\"id\": \"p1\", \"status\": \"processing\", " + urls)
                        .header("Refresh", "0; url=" + other.url()).header("Link", "<" + other.url() + ">; rel=next"));

        assertThat(generateFails(REQUEST).path("error").path("type").asText()).isEqualTo("timeout");

        await().until(() -> simulator.count(Call.CANCEL) == 1);
        assertThat(simulator.requests()).extracting(RecordedRequest::path).containsExactly("/v1/predictions", "/v1/predictions/p1",
                "/v1/predictions/p1", "/v1/predictions/p1/cancel");
        assertThat(simulator.requests()).extracting(request -> request.header("Authorization")).containsOnly("Bearer " + TOKEN);
    }

    @Test
    void theUrlOfAnImageIsPassedOnAndNotCalled() throws Exception {
        start("bactrian.replicate.api-token", TOKEN);
        simulator.on(Call.CREATE, created()).on(Call.POLL, succeeded("[\"" + other.url() + "/out.png\"]"));

        JsonNode result = generate("{\"model\": \"sd-3\", \"prompt\": \"p\"}");

        assertThat(result.path("images").path(0).path("url").asText()).isEqualTo(other.url() + "/out.png");
    }

    @TestFactory
    Stream<DynamicTest> aRedirectOfTheCreateIsAnError() throws Exception {
        start("bactrian.replicate.api-token", TOKEN);
        return Stream.of(301, 302, 303, 307, 308).map(status -> dynamicTest("status " + status, () -> {
            simulator.reset().on(Call.CREATE, redirect(status));

            JsonNode error = generateFails(REQUEST).path("error");

            assertThat(error.path("type").asText()).isEqualTo("provider-rejected");
            assertThat(error.path("httpStatus").asInt()).isEqualTo(status);
            assertThat(simulator.requests()).hasSize(1);
        }));
    }

    @TestFactory
    Stream<DynamicTest> aRedirectOfAPollIsAnError() throws Exception {
        start("bactrian.replicate.api-token", TOKEN);
        return Stream.of(301, 302, 303, 307, 308).map(status -> dynamicTest("status " + status, () -> {
            simulator.reset().on(Call.CREATE, created()).on(Call.POLL, redirect(status));

            JsonNode error = generateFails(REQUEST).path("error");

            assertThat(error.path("type").asText()).isEqualTo("provider-rejected");
            assertThat(error.path("httpStatus").asInt()).isEqualTo(status);
            assertThat(simulator.count(Call.POLL)).isEqualTo(1);
        }));
    }

    @Test
    void aRedirectOfTheCancelIsNotFollowed() throws Exception {
        start("bactrian.replicate.api-token", TOKEN, "bactrian.replicate.poll-max-attempts", "1");
        simulator.on(Call.CREATE, created()).on(Call.POLL, poll("processing")).on(Call.CANCEL, redirect(307));

        generateFails(REQUEST);

        await().until(() -> simulator.count(Call.CANCEL) == 1);
        await().during(Duration.ofMillis(300)).until(() -> simulator.count(Call.CANCEL) == 1);
    }

    @TestFactory
    Stream<DynamicTest> aRedirectOfTheChatIsAnError() throws Exception {
        start("bactrian.upstage.api-key", "up_canary");
        return Stream.of(302, 307, 308).map(status -> dynamicTest("status " + status, () -> {
            simulator.reset().on(Call.CHAT, Reply.status(status).header("Location", other.chatUrl()));

            assertThat(generateFails("hi").path("error").path("httpStatus").asInt()).isEqualTo(status);
            assertThat(simulator.requests()).hasSize(1);
        }));
    }

    /** An id that is not used for a URL. */
    private enum OddId {
        UP("../admin?x=1#y"), UP_AND_DOWN("p1/../../admin"), SLASH("a/b"), BACKSLASH("a\\b"), DOTS(".."), DOT("a.b"),
        QUERY("a?b=c"), FRAGMENT("a#b"), PERCENT("a%2Fb"), BLANK("a b"), EMPTY(""), NEW_LINE("a\nb"), NEW_LINE_AT_THE_END("a\n"), NUL("a\0b"),
        HANGUL("가"), AT("user@evil"), URL("http://127.0.0.1/"), PLACEHOLDER("{{sys:user.home}}"), EXPRESSION("${sys.user.home}"),
        TOO_LONG("x".repeat(129)), TEN_KILOBYTES("x".repeat(10_240));

        private final String id;

        OddId(String id) {
            this.id = id;
        }
    }

    @TestFactory
    Stream<DynamicTest> anIdThatIsNoneIsNotUsed() throws Exception {
        start("bactrian.replicate.api-token", TOKEN);
        return Arrays.stream(OddId.values()).map(odd -> dynamicTest(odd.name(), () -> {
            simulator.reset().on(Call.CREATE, Reply.json(201, "{\"status\": \"starting\", \"id\": "
                    + JsonNodeFactory.instance.textNode(odd.id) + "}"));

            JsonNode error = generateFails(REQUEST).path("error");

            assertThat(error.path("type").asText()).isEqualTo("provider-unavailable");
            assertThat(error.path("message").asText()).isNotEmpty().hasSizeLessThan(300);
            assertThat(simulator.requests()).hasSize(1);
        }));
    }

    @Test
    void anIdOf128LettersDigitsAndDashesIsUsed() throws Exception {
        start();
        String id = "Az0_-".repeat(25) + "xyz";
        simulator.on(Call.CREATE, created(id)).on(Call.POLL, succeeded("\"a\""));

        assertThat(generate(REQUEST).path("prediction").path("id").asText()).isEqualTo(id);
        assertThat(simulator.requests(Call.POLL).get(0).path()).isEqualTo("/v1/predictions/" + id);
        assertThat(takeChunks()).isEqualTo("a");
    }

    @Test
    void theEndpointsOwnQueryIsKept() throws Exception {
        start("bactrian.replicate.api-endpoint", simulator.predictionsUrl() + "?tenant=a%20b",
                "bactrian.replicate.poll-endpoint", simulator.pollUrl() + "?tenant=a%20b", "bactrian.replicate.poll-max-attempts", "1");
        simulator.on(Call.CREATE, created()).on(Call.POLL, poll("processing"));

        generateFails(REQUEST);

        await().until(() -> simulator.count(Call.CANCEL) == 1);
        assertThat(simulator.requests()).extracting(RecordedRequest::path).containsExactly("/v1/predictions?tenant=a%20b",
                "/v1/predictions/p1?tenant=a%20b", "/v1/predictions/p1/cancel?tenant=a%20b");
    }

    private Reply redirect(int status) {
        return Reply.status(status).header("Location", other.predictionsUrl() + "/p1");
    }
}
