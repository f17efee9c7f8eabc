package dev.bactrian.routes.replicate;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Map;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;

/** A create that waits for its output ({@code Prefer: wait}), and what its answer is taken for. */
@Timeout(30)
class ReplicateWaitTest extends RouteTestSupport {

    private static final String FILES = "[\"https://x.example/a.png\", \"data:image/png;base64,AAAA\"]";

    /** Answers of a create that waited; {@code polls}: whether the prediction is polled. */
    enum Answered {
        FILES_OF_AN_IMAGE_MODEL("image", 201, "'processing', 'output': " + FILES, false),
        FILES_WITH_ALL_FIELDS("image", 201, "'processing', 'output': " + FILES
                + ", 'error': null, 'logs': '', 'started_at': null, 'completed_at': null", false),
        A_FILE("image", 201, "'processing', 'output': 'https://x.example/a.png'", false),
        ACCEPTED_WITH_FILES("image", 202, "'processing', 'output': " + FILES, false),
        ENDED("text", 201, "'succeeded', 'output': ['x']", false),
        FILES_WHILE_IT_RUNS("image", 201, "'processing', 'output': " + FILES + ", 'started_at': '2026-11-20T09:15:05.004117Z'", true),
        FILES_AND_AN_ERROR("image", 201, "'processing', 'output': " + FILES + ", 'error': 'NSFW'", true),
        FILES_AND_MORE("image", 201, "'processing', 'output': ['https://x.example/a.png', 'and more']", true),
        OTHER_VALUES("image", 201, "'processing', 'output': {'url': 'https://x.example/a.png'}", true),
        NO_FILES("image", 201, "'processing', 'output': []", true),
        A_TEXT_SO_FAR("text", 201, "'processing', 'output': ['x', 'y']", true),
        A_TEXT("text", 201, "'processing', 'output': 'x'", true),
        A_URL_AS_TEXT("text", 201, "'processing', 'output': ['https://x.example/a.png']", true),
        NOTHING_YET("image", 201, "'processing', 'output': null", true),
        NO_OUTPUT("image", 201, "'processing'", true),
        NOT_STARTED("image", 201, "'starting', 'output': null", true),
        ACCEPTED("image", 202, "'starting'", true),
        STARTING_WITH_FILES("image", 202, "'starting', 'output': " + FILES, true),
        QUEUED_WITH_FILES("image", 202, "'queued', 'output': " + FILES, true);

        private final String kind;
        private final Reply reply;
        private final boolean polls;

        Answered(String kind, int status, String fields, boolean polls) {
            this.kind = kind;
            this.reply = Reply.json(status, ("{'id': 'p1', 'status': " + fields + "}").replace('\'', '"'))
                    .header("Preference-Applied", "wait=2");
            this.polls = polls;
        }
    }

    @TestFactory
    Stream<DynamicTest> anAnswerIsTheEndOnlyWhereThatIsSure() throws Exception {
        start("bactrian.replicate.prefer-wait", "2s");
        return DynamicTest.stream(Stream.of(Answered.values()), Object::toString, row -> {
            simulator.reset().on(Call.CREATE, row.reply)
                    .on(Call.POLL, Reply.prediction("succeeded", row.kind.equals("image") ? FILES : "[\"x\", \"y\", \"z\"]"));

            JsonNode document = generate(Map.of("provider", "replicate", "kind", row.kind, "prompt", "hi"));

            assertThat(simulator.count(Call.POLL)).isEqualTo(row.polls ? 1 : 0);
            assertThat(document.path("prediction").path("polls").asInt()).isEqualTo(row.polls ? 1 : 0);
            assertThat(simulator.requests(Call.CREATE)).hasSize(1).extracting(request -> request.header("Prefer")).containsExactly("wait=2");
            if (row.kind.equals("image")) {
                assertThat(document.path("images").path(0).path("url").asText()).isEqualTo("https://x.example/a.png");
            } else {
                assertThat(takeChunks()).isEqualTo(row.polls ? "x|y|z" : "x");
            }
        });
    }

    @Test
    void anImageThatTheServiceWaitedForNeedsNoPoll() throws Exception {
        start("bactrian.replicate.prefer-wait", "1m");

        JsonNode document = generate(Map.of("provider", "replicate", "kind", "image", "prompt", "a camel"));

        assertThat(document.path("images").path(0).path("url").asText()).startsWith("data:image/png;base64,");
        assertThat(document.path("prediction").path("id").asText()).matches("[a-z0-9]{26}");
        assertThat(simulator.requests(Call.CREATE).get(0).header("Prefer")).isEqualTo("wait=60");
        assertThat(simulator.count(Call.POLL)).isZero();
    }

    @Test
    void theResponseTimeoutOfTheCreateCountsFromTheEndOfTheWait() throws Exception {
        start("bactrian.replicate.prefer-wait", "2s", "bactrian.response-timeout", "500ms", "bactrian.retry.max-attempts", "0");
        simulator.on(Call.CREATE, Reply.prediction("starting", null).after(Duration.ofMillis(1200)))
                .on(Call.POLL, Reply.prediction("succeeded", "[\"x\"]").after(Duration.ofMillis(1200)));

        JsonNode document = generateFails(Map.of("provider", "replicate", "prompt", "hi"));

        assertThat(document.path("error").path("type").asText()).as("of the poll, which does not wait").isEqualTo("provider-unavailable");
        assertThat(document.path("prediction").has("id")).isTrue();
        assertThat(simulator.count(Call.POLL)).isEqualTo(1);
    }

    @Test
    void whatHasNotEndedByThenIsStreamed() throws Exception {
        start("bactrian.replicate.prefer-wait", "1s", "bactrian.replicate.stream-hosts", "127.0.0.1");
        simulator.on(Call.CREATE, Reply.prediction("processing", "[\"T\"]")).on(Call.STREAM, Reply.stream("Two", " humps"));

        assertThat(generate(Map.of("provider", "replicate", "prompt", "hi")).path("text").asText()).isEqualTo("Two humps");
        assertThat(takeChunks()).isEqualTo("Two| humps");
    }

    @Test
    void noCreateWaitsUnasked() throws Exception {
        start();
        simulator.on(Call.CREATE, Reply.json(201, "{\"id\": \"p1\", \"status\": \"processing\", \"output\": " + FILES + "}"))
                .on(Call.POLL, Reply.prediction("succeeded", FILES));

        assertThat(generate(Map.of("provider", "replicate", "kind", "image", "prompt", "hi")).path("prediction").path("polls").asInt()).isEqualTo(1);
        assertThat(simulator.requests(Call.CREATE).get(0).header("Prefer")).isNull();
    }

    @Test
    void theHomePageIsNotAskedToWait() throws Exception {
        start("bactrian.replicate.prefer-wait", "1s", "bactrian.replicate.api", "homepage",
                "bactrian.replicate.api-endpoint", simulator.homepageCreateUrl(), "bactrian.replicate.poll-endpoint", simulator.homepagePollUrl());

        generate(Map.of("provider", "replicate", "prompt", "hi"));

        assertThat(simulator.requests(Call.CREATE).get(0).header("Prefer")).isNull();
        assertThat(takeChunks()).contains("|");
    }
}
