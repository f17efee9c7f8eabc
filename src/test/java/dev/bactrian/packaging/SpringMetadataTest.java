package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.config.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What IDEs complete in a Spring Boot application's settings is the table of docs/reference/properties.md, with the types and choices of
 * {@link Property}. {@code -Dmetadata=write} writes the file anew.
 */
class SpringMetadataTest {

    private static final Path FILE = Path.of("src/main/resources/META-INF/spring-configuration-metadata.json");
    private static final ObjectMapper JSON = new ObjectMapper();

    /** The last cell of a property's row, without its links and marks. */
    private static String description(String page, Property property) {
        Matcher row = Pattern.compile("(?m)^\\| `" + Pattern.quote(property.key()) + "` \\|[^|]*\\|[^|]*\\|(.*)\\|$").matcher(page);
        assertThat(row.find()).as(property.key()).isTrue();
        boolean value = row.group(1).trim().startsWith("`");
        String text = row.group(1).replaceAll("\\[([^]]*)]\\([^)]*\\)", "$1").replace("`", "").replaceAll("\\s+", " ").trim();
        return (value ? text : Character.toUpperCase(text.charAt(0)) + text.substring(1)) + ".";
    }

    private static String made() throws IOException {
        String page = Files.readString(Path.of("docs/reference/properties.md"));
        ObjectNode metadata = JSON.createObjectNode();
        metadata.putArray("groups").addObject().put("name", "bactrian").put("description", "Generative models behind Camel endpoints.");
        ArrayNode properties = metadata.putArray("properties");
        ArrayNode hints = metadata.putArray("hints");
        for (Property property : Property.values()) {
            ObjectNode node = properties.addObject().put("name", property.key()).put("type", property.type()).put("description", description(page, property));
            property.defaultValue(false).ifPresent(value -> {
                switch (property.type()) {
                    case "java.lang.Integer" -> node.put("defaultValue", Integer.valueOf(value));
                    case "java.lang.Boolean" -> node.put("defaultValue", Boolean.valueOf(value));
                    default -> node.put("defaultValue", value);
                }
            });
            property.formerKey().ifPresent(former -> properties.addObject().put("name", former).put("type", property.type())
                    .putObject("deprecation").put("level", "warning").put("replacement", property.key()));
            if (!property.choices().isEmpty()) {
                ArrayNode values = hints.addObject().put("name", property.key()).putArray("values");
                property.choices().forEach(choice -> values.addObject().put("value", choice));
            }
        }
        DefaultPrettyPrinter lines = new DefaultPrettyPrinter();
        lines.indentArraysWith(new DefaultIndenter("  ", "\n"));
        lines.indentObjectsWith(new DefaultIndenter("  ", "\n"));
        return JSON.writer(lines).writeValueAsString(metadata) + "\n";
    }

    @Test
    void isTheTableOfTheReference(@TempDir Path folder) throws IOException {
        if ("write".equals(System.getProperty("metadata"))) {
            Files.writeString(FILE, made(), StandardCharsets.UTF_8);
        }
        Path made = Files.writeString(folder.resolve("made.json"), made(), StandardCharsets.UTF_8);
        assertThat(Files.mismatch(FILE, made)).as("the first byte of %s that is out of date; -Dmetadata=write writes it", FILE).isEqualTo(-1);
    }

    @Test
    void knowsTypesAndChoices() {
        assertThat(Property.RETRY_DELAY.type()).isEqualTo("java.time.Duration");
        assertThat(Property.MAX_IN_FLIGHT.type()).isEqualTo("java.lang.Integer");
        assertThat(Property.JMS_ENABLED.type()).isEqualTo("java.lang.Boolean");
        assertThat(Property.MAX_REQUEST_BYTES.type()).isEqualTo("org.springframework.util.unit.DataSize");
        assertThat(Property.UPSTAGE_API_KEY.type()).isEqualTo("java.lang.String");
        assertThat(Property.IMAGES.choices()).containsExactly("url", "download", "inline");
    }
}
