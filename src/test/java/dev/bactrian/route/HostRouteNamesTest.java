package dev.bactrian.route;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;

import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A host with routes of its own that have our names. */
class HostRouteNamesTest extends RouteTestSupport {

    private final List<String> uris = new ArrayList<>();
    private String id = "host-own";

    @Override
    void configure(Main main) {
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                for (String uri : uris) {
                    from(uri).routeId(id).log("the host's own");
                }
            }
        });
    }

    @ParameterizedTest
    @CsvSource({"direct:generate, bactrian-generate", "direct://cancel, bactrian-cancel", "{{host.uri:direct:generate-stream}}, bactrian-generate-stream",
            "direct:generate-and-emit?block=false, bactrian-generate-and-emit", "direct:bactrian-emit, bactrian-emit"})
    void anEndpointOfOursStopsTheStartWithOneLine(String uri, String ours) {
        uris.add(uri);

        assertThatThrownBy(this::start).hasMessageMatching(
                "direct:[a-z-]+: Bactrian's route " + ours + " takes from it, and so does the route host-own of the application; let that one have another name");
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
        uris.add("direct:generate");
        Main main = new Main();
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:generate").routeId("host-own").to("kamelet:upstage-chat-action");
            }
        });

        assertThatThrownBy(main::start).hasMessageStartingWith("direct:generate: Bactrian's route bactrian-generate takes from it, and so does the route host-own");
        main.stop();
    }
}
