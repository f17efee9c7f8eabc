package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.bactrian.simulator.Simulator;
import org.apache.camel.Exchange;
import org.apache.camel.main.Main;
import org.apache.camel.spi.CamelLogger;
import org.apache.camel.spi.LogListener;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The examples for an application in README.md and docs/use.md, unchanged, against the simulator. */
@Tag("slow")
class ReadmeTest {

    /** A route of the reader's, for the blocks that are steps. */
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
            """;
    private static final String ANSWER = "A Bactrian camel has two humps";

    private final Queue<String> said = new ConcurrentLinkedQueue<>();

    private static Properties properties(String text) throws IOException {
        Properties properties = new Properties();
        properties.load(new StringReader(text));
        return properties;
    }

    /** Runs a route in an application with those properties, which only goes to the simulator in place of the services. */
    private void run(Properties properties, String route) throws Exception {
        try (Simulator simulator = Simulator.builder().pause(Duration.ZERO).start()) {
            Main main = new Main();
            properties.forEach((name, value) -> main.addProperty(name.toString(), value.toString()));
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
    }

    private Stream<String> lines(String start) {
        return said.stream().filter(line -> line.startsWith(start)).map(line -> line.substring(start.length()));
    }

    @Test
    void aKameletNeedsNoOtherLine() throws Exception {
        run(new Properties(), Readme.KAMELET.text() + AND_SAY);

        assertThat(lines("chunk: ").collect(Collectors.joining())).contains(ANSWER);
        assertThat(lines("result: ")).singleElement().asString().startsWith("{\"id\":").contains(ANSWER);
    }

    @Test
    void anEndpointIsAnsweredWithTheSettingsBesideIt() throws Exception {
        run(properties(Readme.ENDPOINT_SETTINGS.text()), ASK + Readme.ENDPOINT.text() + AND_SAY);

        assertThat(said).first().asString().contains(ANSWER).doesNotStartWith("{");
    }

    @Test
    void chunksComeToHandWithTheSameSettings() throws Exception {
        run(properties(Readme.ENDPOINT_SETTINGS.text()), ASK + Readme.STREAM.text() + AND_SAY);

        assertThat(lines("chunk: ").collect(Collectors.joining())).contains(ANSWER);
        assertThat(lines("chunk: ").count()).isGreaterThan(1);
    }

    @Test
    void theDependencyIsThisProject() throws IOException {
        String pom = Files.readString(Path.of("pom.xml"));

        assertThat(Readme.DEPENDENCY.text().lines().map(String::trim).filter(line -> line.matches("<(groupId|artifactId|version)>.*")))
                .hasSize(3).allSatisfy(line -> assertThat(pom.substring(0, pom.indexOf("<name>"))).contains(line));
    }

    /** Those of the shell and of the service are typed by {@code ReadmeIT} and {@code ReadmeQueueIT}. */
    @Test
    void everyBlockThatIsTypedIsKnownToTheTests() {
        assertThat(Stream.of(Readme.values()).filter(Readme::isListed).map(Readme::text)).containsExactlyInAnyOrderElementsOf(Readme.typed());
    }

    private final class Said implements LogListener {

        @Override
        public String onLog(Exchange exchange, CamelLogger logger, String message) {
            said.add(message);
            return message;
        }
    }
}
