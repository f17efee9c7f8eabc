package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The host applications of {@code examples/}: small, on this version, and built by CI, which runs their own tests. */
class ExamplesTest {

    static List<Path> hosts() throws IOException {
        try (Stream<Path> folders = Files.list(Path.of("examples"))) {
            return folders.filter(folder -> Files.exists(folder.resolve("pom.xml"))).sorted().toList();
        }
    }

    private static String value(Path pom, String pattern) throws IOException {
        Matcher matcher = Pattern.compile(pattern).matcher(Files.readString(pom));
        assertThat(matcher.find()).as("%s in %s", pattern, pom).isTrue();
        return matcher.group(1);
    }

    @ParameterizedTest
    @MethodSource("hosts")
    void isBuiltByCi(Path host) throws IOException {
        assertThat(Files.readString(Path.of("src/it/pom.xml"))).contains("<module>../../examples/" + host.getFileName() + "</module>");
    }

    @Test
    void areBuiltInOneRunWithTheLibraryWhichIsNotInstalled() throws IOException {
        assertThat(Files.readString(Path.of("src/it/pom.xml"))).contains("<module>../..</module>");
        assertThat(Files.readString(Path.of("Makefile"))).contains("-f src/it/pom.xml verify").doesNotContainPattern("(?m)^\\t.*\\b(install|deploy)\\b");
        assertThat(Files.readString(Path.of(".ci/run"))).contains("-Dmaven.repo.local=").contains("make test");
    }

    @ParameterizedTest
    @MethodSource("hosts")
    void hasAShortReadmeThatNamesItsFiles(Path host) throws IOException {
        String readme = Files.readString(host.resolve("README.md"));

        assertThat(readme.lines().filter(line -> !line.isBlank()).count()).isBetween(6L, 12L);
        assertThat(readme).contains("-f examples/" + host.getFileName() + "/pom.xml");
        Matcher link = Pattern.compile("]\\(([^)]+)\\)").matcher(readme);
        while (link.find()) {
            assertThat(host.resolve(link.group(1))).exists();
        }
        assertThat(Files.readString(Path.of("README.md"))).contains("(examples/" + host.getFileName() + ")");
    }

    @ParameterizedTest
    @MethodSource("hosts")
    void isOnTheseVersionsAndNeedsNoParent(Path host) throws IOException {
        Path ours = Path.of("pom.xml");
        Path theirs = host.resolve("pom.xml");

        assertThat(value(theirs, "<artifactId>bactrian</artifactId>\\s*<version>([^<]+)<")).as("said once").isEqualTo("${bactrian.version}");
        if (!host.endsWith("quarkus")) {
            assertThat(value(theirs, "<camel.version>([^<]+)<")).isEqualTo(value(ours, "<camel.version>([^<]+)<"));
        }
        assertThat(Files.readString(theirs)).doesNotContain("<parent>");
    }

    @Test
    void camelMainHoldsNoLineOfJava() throws IOException {
        try (Stream<Path> files = Files.walk(Path.of("examples/camel-main"))) {
            assertThat(files.filter(file -> !file.startsWith("examples/camel-main/target"))).noneMatch(file -> file.toString().endsWith(".java"));
        }
    }
}
