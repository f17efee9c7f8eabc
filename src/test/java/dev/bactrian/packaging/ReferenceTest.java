package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import dev.bactrian.config.Property;
import dev.bactrian.error.ErrorType;
import dev.bactrian.generate.Headers;
import org.junit.jupiter.api.Test;

/** The pages of the reference say what the code does. */
class ReferenceTest {

    private static String page(String name) throws IOException {
        return Files.readString(Path.of("docs/reference", name));
    }

    @Test
    void listsEveryPropertyWithItsDefaults() throws IOException {
        Map<String, String> documented = new LinkedHashMap<>();
        Matcher row = Pattern.compile("(?m)^\\| `(bactrian\\.[^`]+)` \\|([^|]*)\\|([^|]*)\\|").matcher(page("properties.md"));
        while (row.find()) {
            String ours = row.group(2).replace("`", "").trim();
            String playground = row.group(3).replace("`", "").trim();
            documented.put(row.group(1), ours + " / " + (playground.equals("the same") ? ours : playground));
        }
        Map<String, String> actual = new LinkedHashMap<>();
        for (Property property : Property.values()) {
            actual.put(property.key(), property.defaultValue(false).orElse("") + " / " + property.defaultValue(true).orElse(""));
        }
        assertThat(documented).containsExactlyInAnyOrderEntriesOf(actual);
    }

    @Test
    void listsEveryErrorType() throws IOException {
        for (ErrorType type : ErrorType.values()) {
            assertThat(page("documents.md")).contains("| `" + type + "` |");
        }
    }

    @Test
    void listsEveryHeader() throws Exception {
        for (var field : Headers.class.getFields()) {
            assertThat(page("documents.md")).contains("| `" + field.get(null) + "` |");
        }
    }
}
