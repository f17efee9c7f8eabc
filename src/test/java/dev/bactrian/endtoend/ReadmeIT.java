package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.packaging.Readme;
import dev.bactrian.simulator.Call;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The shell commands of README.md and docs/service.md do what these pages say. */
class ReadmeIT extends EndToEnd {

    private static final int PORT = 61616;

    private final List<Shell> typed = new ArrayList<>();

    @BeforeEach
    void checkOut() throws IOException {
        Shell.checkout(folder);
    }

    @AfterEach
    void endWhatWasTyped() {
        typed.forEach(Shell::close);
    }

    private Shell type(String text, Map<String, String> environment) throws IOException {
        Shell shell = Shell.type(folder, text, environment);
        typed.add(shell);
        return shell;
    }

    private Shell type(Readme block) throws IOException {
        return type(block.text(), Map.of());
    }

    private static TreeSet<String> names(JsonNode document) {
        TreeSet<String> names = new TreeSet<>();
        document.fieldNames().forEachRemaining(names::add);
        return names;
    }

    @Test
    void theDemoPrintsWhatIsShownAndEndsWell() throws Exception {
        Shell demo = type(Readme.DEMO);

        assertThat(demo.exit()).as("%s", demo.said()).isZero();
        List<String> outcomes = Pattern.compile("(?m)^\\S+ +succeeded  \\S+").matcher(Readme.shown().get(0)).results().map(line -> line.group()).toList();
        assertThat(outcomes).hasSize(5);
        assertThat(demo.said()).contains(outcomes);
    }

    @Test
    void theServiceDoesWhatIsTried() throws Exception {
        type(Readme.RUN).says(" ready with ");

        assertThat(type(Readme.TRY).exit()).isZero();

        JsonNode shown = Readme.shown().stream().filter(text -> text.startsWith("{")).findFirst().flatMap(ProviderJson::json).orElseThrow();
        JsonNode result = result("camel");
        assertThat(names(result)).isEqualTo(names(shown));
        assertThat(names(result.path("prediction"))).isEqualTo(names(shown.path("prediction")));
        assertThat(result.path("prompt")).isEqualTo(shown.path("prompt"));
        awaitFile(inbox(".done/camel.json"));
    }

    @Test
    void withTokensTheSameGoesToTheServices() throws Exception {
        Map<String, String> services = Map.of("BACTRIAN_UPSTAGE_API_ENDPOINT", simulator.chatUrl(),
                "BACTRIAN_REPLICATE_API_ENDPOINT", simulator.predictionsUrl(), "BACTRIAN_REPLICATE_POLL_ENDPOINT", simulator.pollUrl());
        type(Readme.WITH_TOKENS.text().replace("…", "readme"), services).says(" ready with ");

        drop("chat.json", CHAT);
        drop("picture.json", PICTURE);

        result("chat");
        result("picture");
        assertThat(simulator.requests(Call.CHAT)).singleElement().satisfies(call -> assertThat(call.header("Authorization")).isEqualTo("Bearer up_readme"));
        assertThat(simulator.requests(Call.CREATE)).singleElement().satisfies(call -> assertThat(call.header("Authorization")).isEqualTo("Bearer r8_readme"));
    }

    /** No request is sent: a result would leave this machine. */
    @Test
    void theServiceStartsWithTheSettingsOfItsSection() throws Exception {
        Files.writeString(folder.resolve("bactrian.properties"), Readme.SERVICE_SETTINGS.text());

        Shell service = type("exec java -jar target/bactrian.jar", Map.of()).says(" ready with ");

        assertThat(service.said()).contains("https://example.org/hook").doesNotContain(" WARN ", " ERROR ");
        assertThat(Files.readString(Readme.FILE)).contains("`java -jar target/bactrian.jar`");
    }

    @Test
    void aMessageOnTheQueueIsAnswered() throws Exception {
        try (ServerSocket free = new ServerSocket(PORT, 1, InetAddress.getLoopbackAddress())) {
            assertThat(free.isBound()).isTrue();
        } catch (IOException e) {
            Assumptions.abort("the README's port " + PORT + " is taken on this machine: " + e.getMessage());
        }
        type(Readme.RUN_WITH_QUEUE).says(" ready with ");

        Shell ask = type(Readme.ASK);

        assertThat(ask.exit()).as("%s", ask.said()).isZero();
        assertThat(ask.said()).contains("\"id\":\"camel\",\"status\":\"succeeded\"");
        assertThat(result("camel").path("images")).isNotEmpty();
        assertThat(simulator.count(Call.CREATE)).as("the simulator inside answered").isZero();
    }
}
