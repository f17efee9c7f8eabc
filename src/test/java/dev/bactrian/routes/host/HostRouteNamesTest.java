package dev.bactrian.routes.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;

import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A host with routes of its own that have our names. */
class HostRouteNamesTest extends RouteTestSupport {

    private static final String CHAT = "{\"model\":\"solar-pro4\",\"prompt\":\"x\"}";

    private final List<String> uris = new ArrayList<>();
    private String id = "host-own";

    @Override
    protected void configure(Main main) {
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                for (String uri : uris) {
                    from(uri).routeId(id).setBody().constant("the host's own");
                }
            }
        });
    }

    @ParameterizedTest
    @CsvSource({"direct:bactrian-generate, bactrian-generate", "direct://bactrian-cancel, bactrian-cancel",
            "{{host.uri:direct:bactrian-generate-stream}}, bactrian-generate-stream",
            "direct:bactrian-generate-and-emit?block=false, bactrian-generate-and-emit", "direct:bactrian-emit, bactrian-emit"})
    void anEndpointOfOursStopsTheStartWithOneLine(String uri, String ours) {
        uris.add(uri);

        assertThatThrownBy(this::start).hasMessageMatching(
                "direct:[a-z-]+: Bactrian's route " + ours + " takes from it, and so does the route host-own of the application; let that one have another name");
    }

    @ParameterizedTest
    @ValueSource(strings = {"direct:generate", "direct://cancel", "{{host.uri:direct:generate-stream}}", "direct:generate-and-emit?block=false"})
    void aShortNameIsTheHostsWhereItHasOne(String uri) throws Exception {
        uris.add(uri);
        start();

        String name = uri.replaceAll("^.*direct:(//)?", "direct:").replaceAll("[?}].*", "");
        assertThat(template().requestBody(name, "hello", String.class)).isEqualTo("the host's own");
        assertThat(ProviderJson.json(template().requestBody("direct:bactrian-generate", CHAT, String.class)).orElseThrow().path("status").asText())
                .isEqualTo("succeeded");
        assertThat(takeChunks()).isNotEmpty();
    }

    @Test
    void withoutShortNamesThereAreNone() throws Exception {
        start("bactrian.short-names", "false");

        assertThat(context().getRoutes()).extracting(route -> route.getEndpoint().getEndpointUri())
                .contains("direct://bactrian-generate").doesNotContain("direct://generate", "direct://cancel");
    }

    @Test
    void aRoutesIdOfOursStopsTheStart() {
        uris.add("direct:own");
        id = "bactrian-generate";

        assertThatThrownBy(this::start).hasMessageContaining("Duplicate route ids detected: bactrian-generate");
    }

    /** It loads the packaged routes itself, later than the host's own are loaded. */
    @Test
    void anEndpointOfOursStopsTheStartOfAHostThatHasAKameletAlone() {
        uris.add("direct:bactrian-generate");
        Main main = new Main();
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:bactrian-generate").routeId("host-own").to("kamelet:upstage-chat-action");
            }
        });

        assertThatThrownBy(main::start).hasMessageStartingWith("direct:bactrian-generate: Bactrian's route bactrian-generate takes from it, and so does the route host-own");
        main.stop();
    }
}
