package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** Every route file is valid by the schema of the YAML DSL, in canonical notation, and described. */
class RouteFilesTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    /** The packaged ones, and those of the providers that a contributor copies. */
    static List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("routes")); Stream<Path> copied = Files.list(Path.of("src/test/resources/providers"))) {
            return Stream.concat(files, copied.filter(file -> file.toString().endsWith(".camel.yaml"))).sorted().toList();
        }
    }

    private static JsonNode read(Path file) throws IOException {
        return JSON.valueToTree(new Load(LoadSettings.builder().build()).loadFromString(Files.readString(file)));
    }

    @ParameterizedTest
    @MethodSource("files")
    void isValidByTheSchemaOfTheYamlDsl(Path file) throws IOException {
        assertThat(YamlDsl.faults(read(file))).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("files")
    void namesAndDescribesEveryRouteAndConfiguration(Path file) throws IOException {
        for (JsonNode item : read(file)) {
            for (String kind : Set.of("route", "routeConfiguration")) {
                if (item.has(kind)) {
                    assertThat(item.path(kind).path("id").asText()).startsWith("bactrian-");
                    assertThat(item.path(kind).path("description").asText()).endsWith(".");
                }
            }
            item.path("beans").forEach(bean -> assertThat(bean.path("name").asText()).startsWith("bactrian"));
        }
    }

    @ParameterizedTest
    @MethodSource("files")
    void writesEndpointsInCanonicalNotation(Path file) throws IOException {
        List<String> uris = new ArrayList<>();
        JsonNode items = read(file);
        items.findValues("uri").forEach(uri -> uris.add(uri.asText()));
        assertThat(uris.isEmpty()).isEqualTo(items.findValues("route").isEmpty());
        assertThat(uris).noneMatch(uri -> uri.contains("?")).noneMatch(uri -> uri.matches("[a-z]+:.*"));
    }

    /** Camel 4.18 reads them in the platform's charset. */
    @ParameterizedTest
    @MethodSource("files")
    void isAscii(Path file) throws IOException {
        assertThat(Files.readString(file).chars().allMatch(c -> c < 128)).isTrue();
    }

    /** Camel 4.18 introspects the object anew for each evaluation of {@code ${variable.bactrian.id}}, say, and keeps the object. */
    @ParameterizedTest
    @MethodSource("files")
    void readsNoPropertyOfAnObjectInAnExpression(Path file) throws IOException {
        assertThat(Files.readString(file)).doesNotContainPattern("[$][{](variable|body|header|exchangeProperty)[.]?\\w*[.\\[]\\w*[.\\[]");
    }

    /** Camel's {@code bean} step calls by reflection, and its {@code method} language copies the exchange for each call. */
    @ParameterizedTest
    @MethodSource("files")
    void callsBeansByTheirStepsAlone(Path file) throws IOException {
        JsonNode items = read(file);
        assertThat(items.findValues("bean")).isEmpty();
        assertThat(items.findValues("method")).isEmpty();
    }

    /** A route that names no error handler of its own would take the host's, and one without a configuration the host's of every route. */
    @ParameterizedTest
    @MethodSource("files")
    void namesAnErrorHandlerForEveryRoute(Path file) throws IOException {
        for (JsonNode item : read(file)) {
            JsonNode route = item.path("route");
            assertThat(route.isMissingNode() || route.has("errorHandler") && route.path("routeConfigurationId").asText().startsWith("bactrian-"))
                    .as("%s", route.path("id")).isTrue();
            assertThat(route.isMissingNode() || route.path("streamCache").isBoolean() && !route.path("streamCache").asBoolean())
                    .as("%s: streamCache", route.path("id")).isTrue();
        }
    }

    @Test
    void aDefaultGivenInARouteIsThatOfTheReference() throws IOException {
        Map<String, String> defaults = new java.util.HashMap<>();
        for (dev.bactrian.config.Property property : dev.bactrian.config.Property.values()) {
            property.defaultValue(false).ifPresent(value -> defaults.put(property.key(), value));
        }
        List<String> seen = new ArrayList<>();
        for (Path file : files()) {
            java.util.regex.Matcher m = java.util.regex.Pattern.compile("\\{\\{(bactrian[^:}]+):([^}]*)}}").matcher(Files.readString(file));
            while (m.find()) {
                seen.add(m.group(1));
                assertThat(m.group(2)).as(m.group(1)).isEqualTo(defaults.getOrDefault(m.group(1), ""));
            }
        }
        assertThat(seen).contains("bactrian.max-in-flight", "bactrian.file.inbox");
    }
}
