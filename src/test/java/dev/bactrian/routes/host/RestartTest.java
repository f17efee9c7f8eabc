package dev.bactrian.routes.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelContext;
import org.apache.camel.Route;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Test;

/** An application that pauses, stops and starts routes, loads them anew while it runs, or is not the only one in its process. */
class RestartTest extends RouteTestSupport {

    private static final String PREDICTION = "{\"model\": \"gemma-2b\", \"prompt\": \"p\"}";

    private static final String HOST = """
            - route:
                id: host
                from:
                  uri: direct:host
                  steps:
                    - to:
                        uri: direct:generate
                    - setBody:
                        simple: "VERSION ${body}"
            """;

    private boolean reload;

    @Override
    protected void configure(Main main) {
        if (reload) {
            main.configure().setRoutesIncludePattern("classpath:bactrian/*.camel.yaml,file:" + folder.resolve("host") + "/*.yaml");
            main.configure().withRoutesReloadEnabled(true).withRoutesReloadDirectory(folder.resolve("host").toString())
                    .withRoutesReloadRemoveAllRoutes(false);
        }
    }

    private void everyWayWorks() {
        assertThat(generate("hi").path("status").asText()).isEqualTo("succeeded");
        assertThat(generate(PREDICTION).path("status").asText()).isEqualTo("succeeded");
        assertThat(takeChunks()).isNotEmpty();
        template().sendBody("direct:generate-and-emit", "hi");
        template().sendBody("direct:generate-and-emit", PREDICTION);
        await("emitted").until(() -> captured.results.size() == 2);
        captured.results.clear();
        assertThat(takeChunks()).isNotEmpty();
    }

    private void theQueueWorks() {
        template().sendBody("jms:queue:bactrian.requests", "hi");
        template().sendBody("jms:queue:bactrian.requests", PREDICTION);
        await("emitted").until(() -> captured.results.size() == 2);
        assertThat(captured.results).allSatisfy(result -> assertThat(result.json().path("status").asText()).isEqualTo("succeeded"));
        captured.results.clear();
        assertThat(takeChunks()).isNotEmpty();
    }

    @Test
    void afterASuspensionAllGoesOnAndAfterAStopNothingIsLeft() throws Exception {
        Set<Thread> before = Thread.getAllStackTraces().keySet();
        start(Property.JMS_ENABLED.key(), "true");
        everyWayWorks();

        context().suspend();
        context().resume();

        everyWayWorks();
        theQueueWorks();

        stop();

        // The JMS client's own threads, and those of this test's simulator, go by and by.
        await("threads gone").pollInSameThread().atMost(SOON).untilAsserted(() -> assertThat(Thread.getAllStackTraces().keySet())
                .filteredOn(thread -> !before.contains(thread)).extracting(Thread::getName)
                .allMatch(name -> name.startsWith("simulator-") || name.contains("activemq-")));
    }

    @Test
    void routesThatAreStoppedAndStartedWorkAsBefore() throws Exception {
        start(Property.JMS_ENABLED.key(), "true");
        everyWayWorks();
        List<String> ids = context().getRoutes().stream().map(Route::getId).toList();

        for (String id : ids) {
            context().getRouteController().stopRoute(id);
        }
        for (String id : ids) {
            context().getRouteController().startRoute(id);
        }

        everyWayWorks();
        theQueueWorks();
    }

    @Test
    void oneRouteThatStopsLeavesTheOthers() throws Exception {
        start(Property.JMS_ENABLED.key(), "true");
        everyWayWorks();

        context().getRouteController().stopRoute("bactrian-replicate-stream");

        assertThat(generate("hi").path("status").asText()).isEqualTo("succeeded");
        assertThat(takeChunks()).isNotEmpty();
        template().sendBody("jms:queue:bactrian.requests", "hi");
        await("emitted").until(() -> captured.results.size() + captured.errors.size() == 1);
        assertThat(captured.errors).isEmpty();
        captured.results.clear();
        takeChunks();
    }

    @Test
    void theHostsRoutesAreLoadedAnewBesideOurs() throws Exception {
        Path host = Files.createDirectories(folder.resolve("host")).resolve("host.yaml");
        Files.writeString(host, HOST.replace("VERSION", "one"));
        reload = true;
        start();
        assertThat(template().requestBody("direct:host", "hi", String.class)).startsWith("one {");

        Files.writeString(host, HOST.replace("VERSION", "two"));

        await("reloaded").ignoreExceptions().until(() -> template().requestBody("direct:host", "hi", String.class).startsWith("two {"));
        takeChunks();
        everyWayWorks();
    }

    @Test
    void twoInOneProcessAreApart() throws Exception {
        try (Simulator otherSimulator = Simulator.builder().pause(Duration.ZERO).start()) {
            start(Property.UPSTAGE_API_KEY.key(), "up_one", Property.REPLICATE_API_TOKEN.key(), "r8_one", Property.JMS_ENABLED.key(), "true");
            Main other = new Main();
            other.configure().setRoutesIncludePattern("classpath:bactrian/*.camel.yaml");
            other.addProperty("camel.main.name", "other");
            other.addProperty(Property.FILE_ENABLED.key(), "false");
            other.addProperty(Property.JMS_ENABLED.key(), "true");
            other.addProperty(Property.DATA_DIR.key(), folder.resolve("other-data").toString());
            other.addProperty(Property.REPLICATE_POLL_DELAY.key(), "20ms");
            other.addProperty(Property.REPLICATE_API_ENDPOINT.key(), otherSimulator.predictionsUrl());
            other.addProperty(Property.REPLICATE_POLL_ENDPOINT.key(), otherSimulator.pollUrl());
            other.addProperty(Property.UPSTAGE_API_ENDPOINT.key(), otherSimulator.chatUrl());
            other.addProperty(Property.UPSTAGE_API_KEY.key(), "up_other");
            other.addProperty(Property.REPLICATE_API_TOKEN.key(), "r8_other");
            other.addProperty(Property.EMIT_RESULT.key(), "seda:results");
            other.start();
            try {
                everyWayWorks();
                theQueueWorks();
                List<String> answers = new ArrayList<>();
                for (String request : List.of("hi", PREDICTION)) {
                    answers.add(other.getCamelTemplate().requestBody("direct:generate", request, String.class));
                    other.getCamelTemplate().sendBody("jms:queue:bactrian.requests", request);
                    answers.add(other.getCamelContext().createConsumerTemplate().receiveBody("seda:results", SOON.toMillis(), String.class));
                }
                assertThat(answers).allSatisfy(answer -> {
                    JsonNode document = ProviderJson.json(answer).orElseThrow();
                    assertThat(document.path("status").asText()).isEqualTo("succeeded");
                });
                assertThat(beans(other.getCamelContext())).hasSameSizeAs(beans(context())).noneMatch(beans(context())::contains);
                assertThat(tokens(simulator)).containsExactlyInAnyOrder("Bearer up_one", "Bearer r8_one");
                assertThat(tokens(otherSimulator)).containsExactlyInAnyOrder("Bearer up_other", "Bearer r8_other");
            } finally {
                other.stop();
            }

            everyWayWorks();
            theQueueWorks();
            assertThat(otherSimulator.count(Call.CHAT)).isEqualTo(2);
        }
    }

    /** Pools of threads, clients, webhooks that wait, requests in work: each is a bean. */
    private static Set<Object> beans(CamelContext context) {
        Set<Object> beans = Collections.newSetFromMap(new IdentityHashMap<>());
        context.getRegistry().findByTypeWithName(Object.class).forEach((name, bean) -> {
            if (name.startsWith("bactrian")) {
                beans.add(bean);
            }
        });
        return beans;
    }

    private static Set<String> tokens(Simulator simulator) {
        return simulator.requests().stream().map(request -> request.header("Authorization")).collect(Collectors.toSet());
    }
}
