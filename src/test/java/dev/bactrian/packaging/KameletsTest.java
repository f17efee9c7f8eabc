package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.kamelet.PackagedRoutes;
import dev.bactrian.model.Catalogue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/**
 * The Kamelets pass the rules that the validator of the Apache Kamelet catalogue applies (its script/validator), hold no
 * field that the Kamelet's definition in Kubernetes does not know, and are described by docs/kamelets.md as they are.
 */
class KameletsTest {

    private static final Path FOLDER = Path.of("src/main/resources/kamelets");
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String CREDENTIALS = "urn:camel:group:credentials";
    private static final Pattern PLACEHOLDER = Pattern.compile("\\{\\{\\??([A-Za-z0-9._-]+)(?::[^}]*)?}}");
    private static final Set<String> SMALL_WORDS = Set.of("a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with");

    static List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(FOLDER)) {
            return files.sorted().toList();
        }
    }

    private static JsonNode read(Path file) throws IOException {
        return JSON.valueToTree(new Load(LoadSettings.builder().build()).loadFromString(Files.readString(file)));
    }

    private static Map<Path, JsonNode> all() throws IOException {
        Map<Path, JsonNode> kamelets = new TreeMap<>();
        for (Path file : files()) {
            kamelets.put(file, read(file));
        }
        return kamelets;
    }

    private static JsonNode annotation(JsonNode kamelet, String name) {
        return kamelet.path("metadata").path("annotations").path("camel.apache.org/" + name);
    }

    private static String type(JsonNode kamelet) {
        return kamelet.path("metadata").path("labels").path("camel.apache.org/kamelet.type").asText();
    }

    private static Set<String> names(JsonNode node) {
        Set<String> names = new TreeSet<>();
        node.fieldNames().forEachRemaining(names::add);
        return names;
    }

    private static void used(JsonNode node, Set<String> into) {
        if (node.isTextual()) {
            Matcher placeholder = PLACEHOLDER.matcher(node.asText());
            while (placeholder.find()) {
                into.add(placeholder.group(1));
            }
        }
        node.forEach(child -> used(child, into));
    }

    @Test
    void areAnActionAndASinkForEach() throws IOException {
        assertThat(files()).extracting(file -> file.getFileName().toString()).containsExactly(
                "generate-action.kamelet.yaml", "generate-sink.kamelet.yaml",
                "replicate-image-action.kamelet.yaml", "replicate-image-sink.kamelet.yaml",
                "replicate-text-action.kamelet.yaml", "replicate-text-sink.kamelet.yaml",
                "upstage-chat-action.kamelet.yaml", "upstage-chat-sink.kamelet.yaml");
    }

    @ParameterizedTest
    @MethodSource("files")
    void isNamedAfterItsFileAndItsType(Path file) throws IOException {
        JsonNode kamelet = read(file);
        String name = kamelet.path("metadata").path("name").asText();

        assertThat(kamelet.path("apiVersion").asText()).isEqualTo("camel.apache.org/v1");
        assertThat(kamelet.path("kind").asText()).isEqualTo("Kamelet");
        assertThat(file.getFileName()).hasToString(name + ".kamelet.yaml");
        assertThat(type(kamelet)).isIn("source", "sink", "action");
        assertThat(name).endsWith("-" + type(kamelet));
    }

    @ParameterizedTest
    @MethodSource("files")
    void hasTheAnnotationsOfTheCatalogue(Path file) throws IOException {
        JsonNode kamelet = read(file);

        assertThat(annotation(kamelet, "kamelet.icon").asText()).matches("data:image/svg\\+xml;base64,[A-Za-z0-9+/]+=*");
        assertThat(annotation(kamelet, "catalog.version").asText()).as("filled in by the build").isEqualTo("${project.version}");
        assertThat(annotation(kamelet, "provider").asText()).as("the validator of Apache's catalogue knows its own alone").isEqualTo("Bactrian");
        assertThat(annotation(kamelet, "kamelet.support.level").asText()).isIn("Preview", "Stable");
        assertThat(annotation(kamelet, "kamelet.group").asText()).isNotBlank();
        assertThat(annotation(kamelet, "kamelet.namespace").asText()).isNotBlank();
        kamelet.path("metadata").path("annotations").forEach(value -> assertThat(value.isTextual()).isTrue());
    }

    @ParameterizedTest
    @MethodSource("files")
    void isTitledAndDescribed(Path file) throws IOException {
        JsonNode definition = read(file).path("spec").path("definition");
        String type = type(read(file));

        assertThat(definition.path("title").asText()).endsWith(Character.toUpperCase(type.charAt(0)) + type.substring(1));
        assertThat(definition.path("description").asText()).isNotBlank();
        assertThat(definition.path("type").asText()).isEqualTo("object");
    }

    @ParameterizedTest
    @MethodSource("files")
    void titlesDescribesAndTypesEveryProperty(Path file) throws IOException {
        JsonNode definition = read(file).path("spec").path("definition");

        assertThat(definition.path("properties")).isNotEmpty();
        definition.path("properties").properties().forEach(entry -> {
            JsonNode property = entry.getValue();
            String title = property.path("title").asText();
            assertThat(title).as(entry.getKey()).isNotBlank().doesNotStartWith("The ").doesNotStartWith("A ").doesNotStartWith("An ");
            assertThat(title.split(" ")).as(entry.getKey())
                    .allMatch(word -> SMALL_WORDS.contains(word) || word.equals(Character.toUpperCase(word.charAt(0)) + word.substring(1)));
            assertThat(property.path("description").asText()).as(entry.getKey()).isNotBlank();
            assertThat(property.path("type").asText()).as(entry.getKey()).isIn("string", "integer", "number", "boolean");
            assertThat(property.has("example")).as("%s: example", entry.getKey()).isTrue();
        });
        List<String> required = new ArrayList<>();
        definition.path("required").forEach(name -> required.add(name.asText()));
        assertThat(required).doesNotHaveDuplicates();
        assertThat(names(definition.path("properties"))).containsAll(required);
    }

    @ParameterizedTest
    @MethodSource("files")
    void marksSecretsAsPasswords(Path file) throws IOException {
        read(file).path("spec").path("definition").path("properties").properties().forEach(entry -> {
            List<String> descriptors = new ArrayList<>();
            entry.getValue().path("x-descriptors").forEach(descriptor -> descriptors.add(descriptor.asText()));
            boolean secret = entry.getKey().endsWith("piKey") || entry.getKey().endsWith("piToken");
            assertThat("password".equals(entry.getValue().path("format").asText())).as(entry.getKey()).isEqualTo(secret);
            assertThat(descriptors).as(entry.getKey()).isEqualTo(secret ? List.of(CREDENTIALS) : List.of());
        });
    }

    @ParameterizedTest
    @MethodSource("files")
    void usesWhatItDeclaresAndDeclaresWhatItUses(Path file) throws IOException {
        JsonNode spec = read(file).path("spec");
        Set<String> declared = names(spec.path("definition").path("properties"));
        spec.path("template").path("beans").forEach(bean -> declared.add(bean.path("name").asText()));
        Set<String> used = new TreeSet<>();
        used(spec.path("template"), used);

        assertThat(used).isEqualTo(declared);
    }

    @ParameterizedTest
    @MethodSource("files")
    void beginsAndDependsAsTheCatalogueWants(Path file) throws IOException {
        JsonNode spec = read(file).path("spec");

        assertThat(spec.path("template").path("from").path("uri").asText()).isEqualTo("kamelet:source");
        spec.path("dependencies").forEach(dependency -> assertThat(dependency.asText()).matches("(camel:|mvn:|github:apache/).+"));
        assertThat(spec.path("dependencies")).extracting(JsonNode::asText).as("what a tool has to fetch").contains("mvn:dev.bactrian:bactrian:${project.version}");
    }

    @Test
    void noTwoHaveTheSameTitleOrDescription() throws IOException {
        List<String> titles = new ArrayList<>();
        List<String> descriptions = new ArrayList<>();
        all().values().forEach(kamelet -> {
            titles.add(kamelet.path("spec").path("definition").path("title").asText());
            descriptions.add(kamelet.path("spec").path("definition").path("description").asText());
        });
        assertThat(titles).doesNotHaveDuplicates();
        assertThat(descriptions).doesNotHaveDuplicates();
    }

    /** The fields of a Kamelet in camel.apache.org/v1. */
    @ParameterizedTest
    @MethodSource("files")
    void hasNoFieldThatAKameletHasNot(Path file) throws IOException {
        JsonNode kamelet = read(file);
        JsonNode definition = kamelet.path("spec").path("definition");

        assertThat(names(kamelet)).isSubsetOf("apiVersion", "kind", "metadata", "spec", "status");
        assertThat(names(kamelet.path("spec"))).isSubsetOf("dataTypes", "definition", "dependencies", "sources", "template", "types", "versions");
        assertThat(names(definition)).isSubsetOf("$schema", "dependencies", "description", "example", "externalDocs", "id", "properties",
                "required", "title", "type");
        definition.path("properties").forEach(property -> assertThat(names(property)).isSubsetOf("default", "deprecated", "description",
                "enum", "example", "exclusiveMaximum", "exclusiveMinimum", "format", "id", "maxItems", "maxLength", "maxProperties",
                "maximum", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "nullable", "pattern", "title", "type",
                "uniqueItems", "x-descriptors"));
    }

    /** A template is what a route template is in the YAML DSL. */
    @Test
    void haveTemplatesThatAreValidByTheSchemaOfTheYamlDsl() throws IOException {
        ArrayNode document = JsonNodeFactory.instance.arrayNode();
        for (JsonNode kamelet : all().values()) {
            ObjectNode template = kamelet.path("spec").path("template").deepCopy();
            template.set("id", kamelet.path("metadata").path("name"));
            document.addObject().set("routeTemplate", template);
        }
        assertThat(YamlDsl.faults(document)).isEmpty();
    }

    /** Camel 4.18 reads them in the platform's charset. */
    @ParameterizedTest
    @MethodSource("files")
    void isAscii(Path file) throws IOException {
        assertThat(Files.readString(file).chars().allMatch(c -> c < 128)).isTrue();
    }

    /** As the packaged routes do. */
    @ParameterizedTest
    @MethodSource("files")
    void callsBeansByTheirStepsAlone(Path file) throws IOException {
        JsonNode steps = read(file).path("spec").path("template").path("from");
        assertThat(steps.findValues("bean")).isEmpty();
        assertThat(steps.findValues("method")).isEmpty();
    }

    /** A sink takes what its action takes. */
    @Test
    void aSinkHasThePropertiesOfItsAction() throws IOException {
        for (Path file : files()) {
            String name = file.getFileName().toString();
            if (name.endsWith("-sink.kamelet.yaml")) {
                JsonNode action = read(FOLDER.resolve(name.replace("-sink.", "-action.")));
                assertThat(read(file).path("spec").path("definition").path("properties"))
                        .isEqualTo(action.path("spec").path("definition").path("properties"));
            }
        }
    }

    /** In docs/kamelets.md each row of the table of properties is: its name, the Kamelets that have it, what it means. */
    @Test
    void theDocumentationNamesEveryPropertyOfEach() throws IOException {
        String page = Files.readString(Path.of("docs/kamelets.md"));
        Map<String, Set<String>> documented = new TreeMap<>();
        Matcher row = Pattern.compile("(?m)^\\| ((?:`\\w+`(?:, )?)+) \\| ([^|]+) \\| ").matcher(page);
        while (row.find()) {
            for (String property : row.group(1).replace("`", "").split(", ")) {
                for (String kamelet : row.group(2).replace("`", "").split(", ")) {
                    documented.computeIfAbsent(kamelet.trim(), none -> new TreeSet<>()).add(property);
                }
            }
        }
        Map<String, Set<String>> actual = new TreeMap<>();
        for (JsonNode kamelet : all().values()) {
            String name = kamelet.path("metadata").path("name").asText();
            actual.put(name.substring(0, name.lastIndexOf('-')), names(kamelet.path("spec").path("definition").path("properties")));
            assertThat(page).contains("`" + name + "`");
        }
        assertThat(documented).isEqualTo(actual);
    }

    /** What a Kamelet loads is there, and is all that is packaged but the triggers. */
    @Test
    void loadEveryPackagedRouteThatIsNoTrigger() throws IOException {
        Set<String> files = new HashSet<>();
        try (Stream<Path> routes = Files.list(Path.of("routes"))) {
            routes.map(file -> file.getFileName().toString().replace(".camel.yaml", "")).filter(name -> !name.startsWith("from-")).forEach(files::add);
        }
        Map<String, String> loaded = PackagedRoutes.files(Catalogue.read("models", Files.readString(Path.of("src/main/resources/bactrian/models.yaml")), uri -> null, null).providers());
        assertThat(loaded.keySet()).isEqualTo(files);
        for (Map.Entry<String, String> entry : loaded.entrySet()) {
            assertThat(Files.readString(Path.of("routes", entry.getKey() + ".camel.yaml"))).containsPattern("    (id|routeId): " + entry.getValue() + "\n");
        }
    }
}
