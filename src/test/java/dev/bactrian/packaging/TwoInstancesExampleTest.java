package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import org.junit.jupiter.api.Test;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** The files of {@code examples/two-instances} fit the code and each other. Its commands are run by hand. */
class TwoInstancesExampleTest {

    private static final Path FOLDER = Path.of("examples/two-instances");

    private static Map<String, String> properties(String file) throws IOException {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(FOLDER.resolve(file))) {
            properties.load(reader);
        }
        return properties.entrySet().stream().collect(Collectors.toMap(e -> e.getKey().toString(), e -> e.getValue().toString()));
    }

    private static JsonNode compose() throws IOException {
        return new ObjectMapper().valueToTree(new Load(LoadSettings.builder().build()).loadFromString(Files.readString(FOLDER.resolve("compose.yaml"))));
    }

    @Test
    void setsPropertiesThatThereAre() throws IOException {
        Settings settings = Settings.of(properties("bactrian.properties"));

        assertThat(settings.flag(Property.JMS_ENABLED)).isTrue();
        assertThat(settings.text(Property.LEDGER)).hasValueSatisfying(url -> assertThat(url).startsWith("jdbc:postgresql:"));
    }

    @Test
    void leavesGivingUpToBactrian() throws IOException {
        assertThat(properties("broker.properties")).containsEntry("addressSettings.\"bactrian.#\".maxDeliveryAttempts", "-1")
                .containsEntry("addressSettings.\"bactrian.#\".deadLetterAddress", Property.JMS_DEAD_LETTERS.defaultValue(false).orElseThrow());
    }

    @Test
    void mountsExistingFilesAndSetsPropertiesByEnvironment() throws IOException {
        List<String> names = List.of(Property.values()).stream().map(property -> Property.environmentName(property.key())).toList();
        List<String> mounted = new ArrayList<>();
        for (JsonNode service : compose().path("services")) {
            for (JsonNode volume : service.path("volumes")) {
                String source = volume.textValue().split(":")[0];
                if (source.startsWith(".")) {
                    mounted.add(source);
                    assertThat(FOLDER.resolve(source)).exists();
                } else {
                    assertThat(compose().path("volumes").has(source)).as(source).isTrue();
                }
            }
            service.path("environment").fieldNames().forEachRemaining(name -> {
                if (name.startsWith("BACTRIAN_")) {
                    assertThat(names).contains(name);
                }
            });
        }
        assertThat(mounted).contains("./bactrian.properties", "./broker.properties", "../../target");
        assertThat(compose().at("/services/two")).isEqualTo(compose().at("/services/one"));
    }

    @Test
    void usesTheVersionOfTheBrokerThatIsTested() throws IOException {
        Matcher version = Pattern.compile("<artemis\\.version>([^<]+)<").matcher(Files.readString(Path.of("pom.xml")));
        assertThat(version.find()).isTrue();

        assertThat(compose().at("/services/broker/image").textValue()).isEqualTo("apache/activemq-artemis:" + version.group(1));
        assertThat(Files.readString(FOLDER.resolve("README.md"))).contains("apache-artemis:" + version.group(1) + ":tar.gz")
                .contains("apache-artemis-" + version.group(1) + "/bin/artemis");
    }
}
