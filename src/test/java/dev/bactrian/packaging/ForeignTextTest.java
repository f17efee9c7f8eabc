package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is written by others is read, logged and formatted in the one way that is safe for it. */
class ForeignTextTest {

    /** What may stand in a few sources only, and which those are. */
    enum Rule {
        /** Each reader of JSON is without a shared table of names. */
        READERS_OF_JSON("new ObjectMapper|new JsonMapper|new JsonFactory|JsonMapper\\.builder\\(\\)|JsonFactory\\.builder|YAMLFactory|XmlMapper",
                "text/JsonMappers.java", "simulator/Json.java"),
        /** Each line of the log is one line. */
        LOGGERS("LoggerFactory\\.getLogger\\(", "text/OneLineLogger.java"),
        /** Numbers and letters are the same in all locales. */
        LOCALES("String\\.format\\(\"|\\.formatted\\(|\\.printf\\(|to(?:Lower|Upper)Case\\(\\)|ofPattern\\(\"[^\"]*\"\\)|new SimpleDateFormat|NumberFormat\\.get|new DecimalFormat"),
        /** YAML is read as text. */
        READERS_OF_YAML("new Load\\(|new Yaml\\(\\)\\.|new Compose\\(", "model/Yaml.java");

        private final Pattern pattern;
        private final List<String> places;

        Rule(String pattern, String... places) {
            this.pattern = Pattern.compile(pattern);
            this.places = List.of(places);
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatOthersHaveWrittenIsHandledInOnePlace(Rule rule) {
        Path root = Path.of("src/main/java/dev/bactrian");
        assertThat(Sources.in(root.toString())).filteredOn(path -> rule.pattern.matcher(Sources.text(path)).find())
                .extracting(path -> root.relativize(path).toString().replace('\\', '/')).isSubsetOf(rule.places);
    }

    @ParameterizedTest
    @EnumSource
    void theOnePlaceIsThere(Rule rule) {
        assertThat(rule.places).allSatisfy(place -> assertThat(Sources.text(Path.of("src/main/java/dev/bactrian", place))).containsPattern(rule.pattern));
    }
}
