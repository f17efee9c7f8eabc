package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.jar.JarFile;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.bactrian.Version;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;

/** The library as an application's build gets it, and the jar of the service, which has its class path in target/lib. */
class LibraryJarIT {

    private static final File LIBRARY = new File("target/library/bactrian.jar");
    private static final File SERVICE = new File("target/bactrian.jar");

    @TempDir
    Path folder;

    private static String attribute(File jar, String name) throws IOException {
        try (JarFile file = new JarFile(jar)) {
            return file.getManifest().getMainAttributes().getValue(name);
        }
    }

    private static String text(JarFile jar, String name) throws IOException {
        return new String(jar.getInputStream(jar.getEntry(name)).readAllBytes(), StandardCharsets.UTF_8);
    }

    @Test
    void theServicesAloneHasAClassPath() throws IOException {
        assertThat(attribute(LIBRARY, "Class-Path")).isNull();
        assertThat(attribute(LIBRARY, "Automatic-Module-Name")).isEqualTo("dev.bactrian");

        assertThat(attribute(SERVICE, "Main-Class")).isEqualTo("dev.bactrian.standalone.Bactrian");
        try (Stream<Path> libraries = Files.list(Path.of("target/lib"))) {
            List<String> inFolder = libraries.map(file -> "lib/" + file.getFileName()).toList();
            assertThat(Arrays.asList(attribute(SERVICE, "Class-Path").split(" "))).containsExactlyInAnyOrderElementsOf(inFolder);
        }
    }

    @Test
    void aHostCompilesAgainstItWithoutWarnings() throws IOException {
        Path source = Files.writeString(folder.resolve("Host.java"), """
                final class Host {
                    Object account = new dev.bactrian.generate.Account();
                }
                """);
        String classPath = LIBRARY + File.pathSeparator + Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> entry.matches(".*/camel-(api|util|support)-[^/]*\\.jar")).toList().stream().reduce((a, b) -> a + File.pathSeparator + b).orElseThrow();
        StringWriter said = new StringWriter();
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();

        boolean compiled = compiler.getTask(said, null, null, List.of("-Xlint:all", "-Werror", "-cp", classPath, "-d", folder.toString()), null,
                compiler.getStandardFileManager(null, null, null).getJavaFileObjects(source.toFile())).call();

        assertThat(said.toString()).isEmpty();
        assertThat(compiled).isTrue();
    }

    @Test
    void itsKameletsSayWhoseTheyAreAndWhatTheyNeed() throws IOException {
        try (JarFile jar = new JarFile(LIBRARY)) {
            List<String> kamelets = jar.stream().map(entry -> entry.getName()).filter(name -> name.endsWith(".kamelet.yaml")).toList();

            assertThat(kamelets).hasSize(8);
            for (String kamelet : kamelets) {
                assertThat(text(jar, kamelet)).as(kamelet).contains("camel.apache.org/provider: Bactrian\n",
                        "camel.apache.org/catalog.version: \"" + Version.current() + "\"\n", "- mvn:dev.bactrian:bactrian:" + Version.current() + "\n")
                        .doesNotContain("${project");
            }
        }
    }

    @Test
    void itTellsSpringBootOfItsSettingsAndOfWhatIsWrongWithThem() throws IOException {
        try (JarFile jar = new JarFile(LIBRARY)) {
            JsonNode metadata = new ObjectMapper().readTree(text(jar, "META-INF/spring-configuration-metadata.json"));

            assertThat(metadata.path("properties")).extracting(property -> property.path("name").asText()).contains("bactrian.upstage.api-key");
            assertThat(text(jar, "META-INF/spring.factories")).contains("FailureAnalyzer=dev.bactrian.host.SpringFailures");
        }
    }
}
