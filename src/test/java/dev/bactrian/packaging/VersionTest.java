package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import dev.bactrian.Version;
import org.junit.jupiter.api.Test;

/** The version stands in pom.xml; what readers copy and can't take it from there says the same. */
class VersionTest {

    private static final Pattern OURS = Pattern.compile("<artifactId>bactrian</artifactId>\\s*<version>([^<]+)</version>");
    private static final Pattern SAID = Pattern.compile("<bactrian\\.version>([^<]+)<|" + OURS + "|Bactrian (\\S+) ready with|bactrian/(\\d[^\\s`]*)");

    private static String version() throws IOException {
        Matcher matcher = OURS.matcher(Files.readString(Path.of("pom.xml")));
        assertThat(matcher.find()).isTrue();
        return matcher.group(1);
    }

    /** The pages and the builds beside the project's own. */
    private static List<Path> files() throws IOException {
        List<Path> files = new ArrayList<>(List.of(Path.of("README.md")));
        for (String folder : List.of("docs", "examples", "src/it", "src/bench")) {
            try (Stream<Path> all = Files.walk(Path.of(folder))) {
                all.filter(file -> !file.toString().contains("/target/") && file.toString().matches(".*\\.(md|xml)")).forEach(files::add);
            }
        }
        return files;
    }

    @Test
    void isTheSameWhereverItIsSaid() throws IOException {
        List<String> wrong = new ArrayList<>();
        int said = 0;
        for (Path file : files()) {
            for (String version : SAID.matcher(Files.readString(file)).results()
                    .flatMap(hit -> Stream.of(hit.group(1), hit.group(2), hit.group(3), hit.group(4)))
                    .filter(version -> version != null && !version.equals("${bactrian.version}") && !version.equals("packaged")).toList()) {
                said++;
                if (!version.equals(version())) {
                    wrong.add(file + ": " + version);
                }
            }
        }
        assertThat(wrong).as("not %s, which is what pom.xml says", version()).isEmpty();
        assertThat(said).isGreaterThanOrEqualTo(9);
    }

    @Test
    void isThatOfTheLibrary() throws IOException {
        assertThat(Version.current()).isEqualTo(version());
    }

    @Test
    void isTheFirstInTheChangelogAndNotReleasedAsASnapshot() throws IOException {
        String first = Files.readString(Path.of("CHANGELOG.md")).lines().filter(line -> line.startsWith("## ")).findFirst().orElseThrow();

        assertThat(first).startsWith("## " + version().replace("-SNAPSHOT", "") + " ");
        assertThat(first.endsWith(" (not released)")).isEqualTo(version().endsWith("-SNAPSHOT"));
    }
}
