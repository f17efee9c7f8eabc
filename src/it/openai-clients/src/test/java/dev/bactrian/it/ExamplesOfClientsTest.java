package dev.bactrian.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;

import dev.bactrian.examples.openaiclients.Chat;
import dev.bactrian.simulator.Simulator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The programs of {@code examples/openai-clients}, as they stand. The one in Python is not run. */
@Timeout(120)
class ExamplesOfClientsTest {

    private static final Path EXAMPLES = Path.of("../../../examples/openai-clients");

    private final Service service = Service.start();
    private final Simulator simulator = service.simulator();

    private void assertShowsAll(Command program, String answer, String image, String models) {
        Command ended = program.at(service).run();

        assertThat(ended.status()).as("%s", ended.output()).isZero();
        assertThat(ended.output()).contains(answer).containsPattern(image).containsPattern(models).contains("404");
    }

    private void assertShowsAll(Command program) {
        assertShowsAll(program, "You asked: \"Why does a camel have humps?\"", "(?m)^" + simulator.url() + "/files/.*\\.png$", "(?m)^.*\\bsolar-pro4, ");
    }

    @Test
    void thatOfNode() throws Exception {
        Node.install();

        assertShowsAll(Command.of(Node.FOLDER, "node", "chat.mjs"));
    }

    @Test
    void thatOfJava() {
        String classPath = System.getProperty("java.class.path");

        assertShowsAll(Command.of(Path.of("target"), Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1", "-cp", classPath, Chat.class.getName()));
    }

    @Test
    void thatOfCurl() {
        Command.require("curl");

        assertShowsAll(Command.of(EXAMPLES, "./chat.sh"), "data: [DONE]", "\"url\": ?\"" + simulator.url() + "/files/.*\\.png\"", "\"id\": ?\"solar-pro4\"");
    }
}
