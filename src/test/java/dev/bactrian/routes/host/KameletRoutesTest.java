package dev.bactrian.routes.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import org.apache.camel.CamelContext;
import org.apache.camel.ServiceStatus;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.main.KameletMain;
import org.apache.camel.main.MainConfigurationProperties;
import org.apache.camel.model.ModelCamelContext;
import org.apache.camel.model.RouteDefinition;
import org.apache.camel.support.PluginHelper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A Kamelet brings the routes that it needs, once, whatever the application includes itself and whenever it does. */
@Tag("slow")
class KameletRoutesTest {

    private static final String REPOSITORY = "maven.repo.local";

    @TempDir
    Path folder;

    private Simulator simulator;
    private CamelContext context;

    @BeforeEach
    void start() {
        simulator = Simulator.builder().pause(Duration.ZERO).start();
        simulator.always(Call.CHAT, Reply.stream("a"));
        context = new DefaultCamelContext();
        properties(Map.of());
    }

    @AfterEach
    void stop() {
        context.stop();
        simulator.close();
    }

    private void properties(Map<String, String> more) {
        Properties properties = new Properties();
        properties.putAll(defaults());
        properties.putAll(more);
        context.getPropertiesComponent().setInitialProperties(properties);
    }

    private Map<String, String> defaults() {
        return Map.of("bactrian.upstage.api-endpoint", simulator.chatUrl(), "bactrian.file.enabled", "false",
                "bactrian.data-dir", folder.resolve("data").toString(), "bactrian.emit.chunk", "");
    }

    private void uses(String kamelet) throws Exception {
        context.addRoutes(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:host").to(kamelet);
            }
        });
    }

    private void includes() throws Exception {
        PluginHelper.getRoutesLoader(context).loadRoutes(
                PluginHelper.getPackageScanResourceResolver(context).findResources("classpath:bactrian/*.camel.yaml"));
    }

    private String ask() {
        return context.createProducerTemplate().requestBody("direct:host", "hi", String.class);
    }

    private void isAnsweredByOneSetOfRoutes() {
        assertThat(ask()).contains("\"text\":\"a\"");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
        List<String> ids = ((ModelCamelContext) context).getRouteDefinitions().stream().map(RouteDefinition::getId).toList();
        assertThat(ids).doesNotHaveDuplicates().contains("bactrian-generate", "bactrian-replicate", "bactrian-emit", "bactrian-generate-and-emit");
        assertThat(context.getRoutes()).allSatisfy(route ->
                assertThat(context.getRouteController().getRouteStatus(route.getRouteId())).isEqualTo(ServiceStatus.Started));
    }

    @Test
    void kameletsWorkWhereNoRoutesAreIncluded() throws Exception {
        uses("kamelet:upstage-chat-action");
        context.start();

        isAnsweredByOneSetOfRoutes();
        assertThat(context.getRoutes()).noneMatch(route -> route.getRouteId().startsWith("bactrian-from-"));
    }

    @Test
    void kameletsWorkWhereRoutesAreIncludedBefore() throws Exception {
        includes();
        uses("kamelet:upstage-chat-action");
        context.start();

        isAnsweredByOneSetOfRoutes();
    }

    @Test
    void kameletsWorkWhereRoutesAreIncludedAfter() throws Exception {
        uses("kamelet:upstage-chat-action");
        includes();
        context.start();

        isAnsweredByOneSetOfRoutes();
    }

    @Test
    void kameletsWorkWhereSomeRoutesAreIncluded() throws Exception {
        PluginHelper.getRoutesLoader(context).loadRoutes(
                PluginHelper.getResourceLoader(context).resolveResource("classpath:bactrian/errors.camel.yaml"));
        uses("kamelet:upstage-chat-action");
        context.start();

        isAnsweredByOneSetOfRoutes();
    }

    @Test
    void kameletsWorkWhereManyStartThemAtOnce() throws Exception {
        context.start();
        for (int i = 0; i < 8; i++) {
            String from = "direct:late-" + i;
            String to = "kamelet:upstage-chat-action/late-" + i;
            context.addRoutes(new RouteBuilder() {
                @Override
                public void configure() {
                    from(from).to(to);
                }
            });
        }
        ExecutorService callers = Executors.newFixedThreadPool(8);
        List<CompletableFuture<String>> answers = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            String endpoint = "direct:late-" + i;
            answers.add(CompletableFuture.supplyAsync(() -> context.createProducerTemplate().requestBody(endpoint, "hi", String.class), callers));
        }

        assertThat(answers).allSatisfy(answer -> assertThat(answer.get()).contains("\"text\":\"a\""));
        callers.shutdown();
        simulator.reset().always(Call.CHAT, Reply.stream("a"));
        uses("kamelet:upstage-chat-action");
        isAnsweredByOneSetOfRoutes();
    }

    /**
     * A repository of Maven that holds nothing but the one file that {@link KameletMain} wants at its start, a list of
     * versions: what lies in the user's own decides nothing.
     */
    private Path repository() throws IOException {
        String version = context.getVersion();
        Path pom = folder.resolve("repository/org/apache/camel/camel-dependencies/" + version + "/camel-dependencies-" + version + ".pom");
        Files.createDirectories(pom.getParent());
        Files.writeString(pom, """
                <project><modelVersion>4.0.0</modelVersion>
                <groupId>org.apache.camel</groupId><artifactId>camel-dependencies</artifactId><version>%s</version><packaging>pom</packaging>
                </project>
                """.formatted(version));
        return folder.resolve("repository");
    }

    @Test
    void kameletsWorkInTheCommandLinesRuntime() throws IOException {
        KameletMain main = new KameletMain("test");
        main.setDownload(false);
        main.setAppName("test");
        defaults().forEach(main::addInitialProperty);
        MainConfigurationProperties configuration = main.configure();
        configuration.setRoutesIncludePattern("classpath:hosts/kamelet.camel.yaml");
        String before = System.getProperty(REPOSITORY);
        System.setProperty(REPOSITORY, repository().toString());
        try {
            main.start();
            context = main.getCamelContext();

            isAnsweredByOneSetOfRoutes();
        } finally {
            main.stop();
            if (before == null) {
                System.clearProperty(REPOSITORY);
            } else {
                System.setProperty(REPOSITORY, before);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"r8_abc", "a+b+", "a%2Bb%zz%", "a&b?c#d=e@f:g/h", "up_{{a", "up_a}}", "{{x}}", "${sysenv.HOME}", "RAW(k)", "\"a'b\\c"})
    void aKeyIsSentAsItIs(String key) throws Exception {
        properties(Map.of("camel.kamelet.upstage-chat-action.apiKey", key));
        uses("kamelet:upstage-chat-action");
        context.start();

        ask();

        assertThat(simulator.requests(Call.CHAT).get(0).header("Authorization")).isEqualTo("Bearer " + key);
    }

    @Test
    void aUseWithANameHasItsOwnKey() throws Exception {
        properties(Map.of("camel.kamelet.upstage-chat-action.apiKey", "all", "camel.kamelet.upstage-chat-action.team-b.apiKey", "b"));
        uses("kamelet:upstage-chat-action/team-b");
        context.start();
        ask();

        context.createProducerTemplate().requestBody("kamelet:upstage-chat-action/team-a", "hi");

        assertThat(simulator.requests(Call.CHAT)).extracting(request -> request.header("Authorization")).containsExactly("Bearer b", "Bearer all");
    }

    @Test
    void aKeyIsInNoDumpOfTheRoutesAndInNoUri() throws Exception {
        properties(Map.of("camel.kamelet.upstage-chat-action.apiKey", "up_secret"));
        uses("kamelet:upstage-chat-action?apiKey=RAW(up_other+secret)");
        context.addRoutes(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:other").to("kamelet:upstage-chat-action/other");
            }
        });
        context.start();
        ask();

        for (RouteDefinition route : ((ModelCamelContext) context).getRouteDefinitions()) {
            // The application's own route shows what it writes itself; those with a throttle can't be dumped by Camel.
            if (!"direct:host".equals(route.getEndpointUrl()) && !route.getId().startsWith("bactrian-")) {
                assertThat(PluginHelper.getModelToXMLDumper(context).dumpModelAsXml(context, route, true, true, true)).doesNotContain("secret");
            }
        }
        context.getEndpoints().forEach(endpoint -> assertThat(endpoint.toString()).doesNotContain("secret"));
    }

    @Test
    void aMalformedValueStopsTheStart() throws Exception {
        uses("kamelet:upstage-chat-action?promptStyle=baroque");

        assertThatThrownBy(context::start).hasStackTraceContaining("baroque");
    }

    @Test
    void theRoutesStayWhenTheKameletIsRemoved() throws Exception {
        context.start();
        uses("kamelet:upstage-chat-action");
        ask();
        String host = context.getRoutes().stream().filter(route -> route.getEndpoint().getEndpointUri().equals("direct://host")).findFirst().orElseThrow().getId();
        context.getRouteController().stopRoute(host);
        context.removeRoute(host);
        simulator.reset().always(Call.CHAT, Reply.stream("a"));

        uses("kamelet:upstage-chat-action/again");

        await().untilAsserted(() -> assertThat(ask()).contains("\"text\":\"a\""));
    }
}
