package dev.bactrian.house;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import dev.bactrian.simulator.Simulator;
import org.apache.camel.Exchange;
import org.apache.camel.main.Main;
import org.apache.camel.spi.CamelLogger;
import org.apache.camel.spi.LogListener;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The routes of README.md, as they stand there, against the simulator. */
class ReadmeTest {

    private static final Pattern YAML = Pattern.compile("```yaml\n(.*?)```", Pattern.DOTALL);
    private static final String ASK = """
            - route:
                from:
                  uri: timer:ask
                  parameters:
                    repeatCount: 1
                  steps:
                    - setBody:
                        expression:
                          constant:
                            expression: Why does a camel have humps?
            """;
    private static final String AND_SAY = """
                    - log:
                        message: "after: ${body}"
            - route:
                from:
                  uri: direct:chunk
                  steps:
                    - log:
                        message: "chunk: ${body}"
            """;

    private final Queue<String> said = new ConcurrentLinkedQueue<>();

    private static List<String> blocks() throws IOException {
        return YAML.matcher(Files.readString(Path.of("README.md"))).results().map(block -> block.group(1)).toList();
    }

    @ParameterizedTest
    @ValueSource(strings = {"kamelet:", "direct:generate\n", "direct:generate-stream"})
    void theExampleRuns(String of) throws Exception {
        String block = blocks().stream().filter(text -> text.contains(of)).findFirst().orElseThrow();
        String route = (block.startsWith("- route:") ? block : ASK + block) + AND_SAY;
        try (Simulator simulator = Simulator.builder().pause(Duration.ZERO).start()) {
            Main main = new Main();
            if (!of.startsWith("kamelet")) {
                main.configure().setRoutesIncludePattern("classpath:bactrian/*.camel.yaml");
            }
            main.addProperty("bactrian.file.enabled", "false");
            main.addProperty("bactrian.emit.chunk", of.equals("direct:generate\n") ? "direct:chunk" : "");
            main.addProperty("bactrian.upstage.api-endpoint", simulator.chatUrl());
            main.init();
            // A listener is told of what is logged alone.
            System.setProperty("org.slf4j.simpleLogger.log.readme", "info");
            main.getCamelContext().getGlobalOptions().put(Exchange.LOG_EIP_NAME, "readme");
            main.getCamelContext().getCamelContextExtension().addLogListener(new Said());
            PluginHelper.getRoutesLoader(main.getCamelContext()).loadRoutes(
                    ResourceHelper.fromString("readme.camel.yaml", route.replace("{{env:UPSTAGE_API_KEY}}", "up_any")));
            main.start();

            await().atMost(Duration.ofSeconds(20)).until(() -> said.stream().anyMatch(line -> line.startsWith("after: ")));
            main.stop();
        }
        String chunks = said.stream().filter(line -> line.startsWith("chunk: ")).map(line -> line.substring(7)).collect(Collectors.joining());
        assertThat(chunks).contains("A Bactrian camel has two humps");
    }

    private final class Said implements LogListener {

        @Override
        public String onLog(Exchange exchange, CamelLogger logger, String message) {
            said.add(message);
            return message;
        }
    }
}
