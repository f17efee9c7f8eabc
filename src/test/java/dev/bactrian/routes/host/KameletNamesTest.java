package dev.bactrian.routes.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Stream;

import dev.bactrian.config.SettingException;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import org.apache.camel.CamelContext;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.model.ModelCamelContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The name after a Kamelet's slash means one thing, or the start says that it does not: nobody's request goes with another's key. */
@Tag("slow")
class KameletNamesTest {

    private static final List<String> KAMELETS = List.of("upstage-chat-action", "upstage-chat-sink", "replicate-text-action", "replicate-text-sink",
            "replicate-image-action", "replicate-image-sink", "generate-action", "generate-sink");

    @TempDir
    Path folder;

    private Simulator simulator;
    private CamelContext context;

    @BeforeEach
    void start() {
        simulator = Simulator.builder().pause(Duration.ZERO).start();
        simulator.always(Call.CHAT, Reply.stream("a"));
        context = new DefaultCamelContext();
        Properties properties = new Properties();
        properties.putAll(Map.of("bactrian.upstage.api-endpoint", simulator.chatUrl(), "bactrian.file.enabled", "false",
                "bactrian.data-dir", folder.resolve("data").toString(), "bactrian.emit.chunk", "", "key.a", "up_a", "key.b", "up_b"));
        context.getPropertiesComponent().setInitialProperties(properties);
    }

    @AfterEach
    void stop() {
        context.stop();
        simulator.close();
    }

    private void uses(String from, String kamelet) throws Exception {
        context.addRoutes(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:" + from).to(kamelet);
            }
        });
    }

    private String ask(String from) {
        return context.createProducerTemplate().requestBody("direct:" + from, "hi", String.class);
    }

    private List<String> tokens() {
        return simulator.requests(Call.CHAT).stream().map(request -> request.header("Authorization")).toList();
    }

    /** What a user reads: the one line at the end of the causes. */
    private static String line(Throwable failure) {
        Throwable cause = failure;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        assertThat(cause).isInstanceOf(SettingException.class);
        assertThat(cause.getMessage()).hasLineCount(1);
        return cause.getMessage();
    }

    static Stream<Arguments> pairs() {
        return KAMELETS.stream().flatMap(first -> Stream.of(1, 6).map(step ->
                Arguments.of(first, KAMELETS.get((KAMELETS.indexOf(first) + step) % KAMELETS.size()))));
    }

    @ParameterizedTest
    @MethodSource("pairs")
    void twoKameletsOfOneNameStopTheStart(String first, String second) throws Exception {
        uses("one", "kamelet:" + first + "/team");
        uses("two", "kamelet:" + second + "/team");

        assertThat(line(catchThrowable(context::start))).contains("kamelet:" + first + "/team", "kamelet:" + second + "/team", "name of its own");
    }

    @ParameterizedTest
    @ValueSource(strings = {"upstage-chat-action/team?apiKey={{key.b}}", "upstage-chat-action/team", "upstage-chat-action?routeId=team&model=solar-mini"})
    void twoUsesOfOneNameWithDifferentPropertiesStopTheStart(String second) throws Exception {
        uses("one", "kamelet:upstage-chat-action/team?apiKey={{key.a}}");
        uses("two", "kamelet:" + second);

        assertThat(line(catchThrowable(context::start))).contains("kamelet:upstage-chat-action/team", "apiKey", "different")
                .doesNotContain("up_a", "up_b");
    }

    @Test
    void theSameUseTwiceIsOne() throws Exception {
        uses("one", "kamelet:upstage-chat-action/team?apiKey={{key.a}}&model=solar-mini");
        uses("two", "kamelet:upstage-chat-action/team?model=solar-mini&apiKey=RAW({{key.a}})");
        uses("three", "kamelet:upstage-chat-action/team?apiKey={{key.a}}&model=solar-mini");
        uses("other", "kamelet:upstage-chat-action/other?apiKey={{key.b}}");
        context.start();

        for (String from : List.of("one", "two", "three", "other")) {
            assertThat(ask(from)).contains("\"text\":\"a\"");
        }
        assertThat(tokens()).containsExactly("Bearer up_a", "Bearer up_a", "Bearer up_a", "Bearer up_b");
    }

    @ParameterizedTest
    @ValueSource(strings = {"generate-action/team?upstageApiKey=up_b", "upstage-chat-action/team?apiKey=up_b", "generate-sink/team"})
    void oneThatComesLaterIsRefusedAndTheFirstGoesOn(String second) throws Exception {
        uses("one", "kamelet:upstage-chat-action/team?apiKey={{key.a}}");
        context.start();
        ask("one");

        Throwable late = catchThrowable(() -> uses("two", "kamelet:" + second));
        assertThat(line(late)).contains("kamelet:" + second.split("\\?")[0], "name of its own").doesNotContain("up_a", "up_b");
        assertThat(line(catchThrowable(() -> context.createProducerTemplate().requestBody("kamelet:" + second, "hi"))))
                .contains("name of its own");

        assertThat(ask("one")).contains("\"text\":\"a\"");
        assertThat(tokens()).containsExactly("Bearer up_a", "Bearer up_a");
    }

    private void addForeign() throws Exception {
        context.addRoutes(new RouteBuilder() {
            @Override
            public void configure() {
                routeTemplate("their-action").from("kamelet:source").setBody().constant("theirs");
            }
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"upstage-chat-action,their-action", "their-action,upstage-chat-action"})
    void aKameletOfTheApplicationsOwnIsNoException(String two) throws Exception {
        addForeign();
        uses("one", "kamelet:" + two.split(",")[0] + "/team");
        uses("two", "kamelet:" + two.split(",")[1] + "/team");

        assertThat(line(catchThrowable(context::start))).contains("kamelet:their-action/team", "kamelet:upstage-chat-action/team");
    }

    @Test
    void whatIsNotOursIsNoneOfOurBusiness() throws Exception {
        addForeign();
        uses("one", "kamelet:their-action/team?x=1");
        uses("two", "kamelet:their-action/team?x=2");
        uses("ours", "kamelet:upstage-chat-action/ours");
        context.start();

        assertThat(ask("two")).isEqualTo("theirs");
        assertThat(ask("ours")).contains("\"text\":\"a\"");
    }

    @Test
    void oneThatIsRemovedWithItsEndpointsLeavesItsNameFree() throws Exception {
        uses("one", "kamelet:upstage-chat-action/team?apiKey={{key.a}}");
        context.start();
        ask("one");
        ModelCamelContext model = (ModelCamelContext) context;
        model.removeRouteDefinitions(model.getRouteDefinitions().stream().filter(route -> !route.getId().startsWith("bactrian-")).toList());
        context.getEndpointRegistry().clear();

        uses("one", "kamelet:upstage-chat-action/team?apiKey={{key.b}}");

        assertThat(ask("one")).contains("\"text\":\"a\"");
        assertThat(tokens()).containsExactly("Bearer up_a", "Bearer up_b");
    }

    @ParameterizedTest
    @ValueSource(strings = {"upstage-chat-action", "generate-action/team", "replicate-text-action/team?model=gemma-2b"})
    void twoUsesWithStepsUnderOneNameStopTheStart(String kamelet) throws Exception {
        context.addRoutes(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:one").kamelet(kamelet).to("mock:one").end();
                from("direct:two").kamelet(kamelet).to("mock:two").end();
            }
        });

        assertThat(line(catchThrowable(context::start))).contains("kamelet:" + kamelet.split("\\?")[0], "twice", "name of its own");
    }

    @Test
    void twoUsesWithStepsUnderTwoNamesOrOtherPropertiesAreTwo() throws Exception {
        context.addRoutes(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:one").kamelet("upstage-chat-action/one").to("mock:one").end();
                from("direct:two").kamelet("upstage-chat-action?model=solar-mini").to("mock:two").end();
                from("direct:three").kamelet("upstage-chat-action?model=solar-pro3").to("mock:three").end();
                from("direct:four").to("kamelet:upstage-chat-action");
                from("direct:five").to("kamelet:upstage-chat-action");
            }
        });
        context.start();

        for (String from : List.of("one", "two", "three", "four", "five")) {
            assertThat(ask(from)).contains("\"text\":\"a\"");
        }
    }

    @Test
    void theLineIsTheCauseOfWhatTheHostSees() throws Exception {
        uses("one", "kamelet:upstage-chat-action/team");
        uses("two", "kamelet:generate-action/team");

        assertThatThrownBy(context::start).hasStackTraceContaining("SettingException: kamelet:");
    }
}
