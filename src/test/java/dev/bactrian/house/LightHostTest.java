package dev.bactrian.house;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import dev.bactrian.simulator.Simulator;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Test;

/** An application that has none of the optional libraries on its class path: no JMS, no broker, no database, nothing that observes. */
class LightHostTest {

    private static final Pattern OPTIONAL =
            Pattern.compile(".*(camel-jms|camel-spring|spring-|artemis|pooled-jms|jakarta\\.jms|jakarta\\.transaction|netty|HikariCP|postgresql-|/h2-|"
                    + "camel-micrometer|camel-platform-http|camel-vertx|camel-telemetry|camel-opentelemetry|micrometer|prometheus|vertx|opentelemetry).*\\.jar");

    @Test
    void loadsTheRoutesAndIsAnswered() throws Exception {
        String classPath = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !OPTIONAL.matcher(entry).matches()).collect(Collectors.joining(File.pathSeparator));
        try (Simulator simulator = Simulator.start()) {
            Process host = new ProcessBuilder(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp", classPath,
                    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", Host.class.getName(), simulator.chatUrl())).redirectErrorStream(true).start();
            String said = new String(host.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(host.waitFor()).as(said).isZero();
            assertThat(said).contains("\"status\":\"succeeded\"");
        }
    }

    /** The application. */
    static final class Host {

        private Host() {
        }

        public static void main(String[] args) throws Exception {
            Main main = new Main();
            main.configure().setRoutesIncludePattern("classpath:bactrian/*.camel.yaml");
            main.addProperty("bactrian.file.enabled", "false");
            main.addProperty("bactrian.upstage.api-endpoint", args[0]);
            main.start();
            try (ProducerTemplate template = main.getCamelContext().createProducerTemplate()) {
                System.out.println(template.requestBody("direct:generate", "Hello", String.class));
            } finally {
                main.stop();
            }
        }
    }
}
