package dev.bactrian.routes.upstage;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import org.apache.camel.Endpoint;
import org.junit.jupiter.api.Test;

/** Nothing grows with the number of requests. */
class UpstageManyRequestsTest extends RouteTestSupport {

    @Override
    protected Simulator simulator() {
        return Simulator.builder().pause(java.time.Duration.ZERO).polls(0).recording(false).start();
    }

    @Test
    void twoThousandRequestsLeaveNoMoreEndpointsOrThreadsThanFifty() throws Exception {
        start("bactrian.replicate.max-creates-per-minute", "100000");
        simulator.always(Call.CHAT, Reply.stream("a"));
        send(0, 50);
        Set<String> endpoints = endpoints();
        Set<String> threads = threads();
        int routes = context().getRoutes().size();
        int services = context().getTypeConverterRegistry().size();

        send(50, 2000);

        assertThat(endpoints()).isEqualTo(endpoints);
        assertThat(threads()).hasSizeLessThanOrEqualTo(threads.size() + 3);
        assertThat(context().getRoutes()).hasSize(routes);
        assertThat(context().getTypeConverterRegistry().size()).isEqualTo(services);
        assertThat(context().getInflightRepository().size()).isZero();
        try (var left = java.nio.file.Files.walk(folder)) {
            assertThat(left.filter(java.nio.file.Files::isRegularFile))
                    .as("only what is kept for some minutes").allMatch(file -> file.startsWith(folder.resolve("data/created")));
        }
    }

    private void send(int from, int to) {
        for (int i = from; i < to; i++) {
            String model = i % (i < 50 ? 3 : 16) == 0 ? "gemma-2b" : "solar-pro4";
            if (i % 25 == 0) {
                simulator.on(Call.CHAT, Reply.status(400));
                generateAnyhow("{\"id\": \"고양이-" + i + "\", \"prompt\": \"hi\"}");
            }
            generateAnyhow("{\"id\": \"r-" + i + "\", \"model\": \"" + model + "\", \"prompt\": \"hi " + i + "\"}");
        }
        captured.chunks.clear();
    }

    private void generateAnyhow(String request) {
        template().request("direct:generate", exchange -> exchange.getMessage().setBody(request));
    }

    private Set<String> endpoints() {
        return context().getEndpoints().stream().map(Endpoint::getEndpointUri).collect(Collectors.toCollection(TreeSet::new));
    }

    /** The pool that polls predictions counts as one: its size is fixed. */
    private static Set<String> threads() {
        return Thread.getAllStackTraces().keySet().stream().map(thread -> thread.getName().replaceFirst(".*bactrian-poll$", "bactrian-poll")).filter(name -> !name.startsWith("simulator-"))
                .collect(Collectors.toCollection(TreeSet::new));
    }
}
