package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.bactrian.Version;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;

/**
 * The library and the simulator as another's build gets them, and the jar of the service, which holds both and has its class
 * path in target/lib.
 */
class LibraryJarIT {

    private static final File LIBRARY = new File("target/library/bactrian.jar");
    private static final File SIMULATOR = new File("target/library/bactrian-simulator.jar");
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

    /** The names of a jar's classes and resources, without what the build writes about it. */
    private static Set<String> entries(File jar) throws IOException {
        try (JarFile file = new JarFile(jar)) {
            return file.stream().filter(entry -> !entry.isDirectory()).map(entry -> entry.getName())
                    .filter(name -> !name.equals(JarFile.MANIFEST_NAME) && !name.startsWith("META-INF/maven/")).collect(Collectors.toCollection(TreeSet::new));
        }
    }

    private static boolean isOfTheSimulator(String name) {
        return name.startsWith("dev/bactrian/simulator/");
    }

    private static boolean isOfTheService(String name) {
        return name.startsWith("dev/bactrian/standalone/");
    }

    private static String libraries(String pattern) {
        return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator)).filter(entry -> entry.matches(pattern))
                .collect(Collectors.joining(File.pathSeparator));
    }

    @Test
    void theLibraryHoldsNeitherSimulatorNorService() throws IOException {
        assertThat(entries(LIBRARY)).noneMatch(LibraryJarIT::isOfTheSimulator).noneMatch(LibraryJarIT::isOfTheService)
                .contains("bactrian/generate.camel.yaml", "META-INF/services/org/apache/camel/TypeConverterLoader");
        assertThat(entries(SIMULATOR)).allMatch(LibraryJarIT::isOfTheSimulator).contains("dev/bactrian/simulator/Simulator.class");

        Set<String> all = new TreeSet<>(entries(LIBRARY));
        all.addAll(entries(SIMULATOR));
        assertThat(entries(SERVICE).stream().filter(name -> !isOfTheService(name))).as("the jar of the service").containsExactlyElementsOf(all);
        assertThat(entries(SERVICE)).contains("dev/bactrian/standalone/Bactrian.class");
    }

    @Test
    void theSimulatorNeedsJacksonAlone() throws Exception {
        String classPath = SIMULATOR + File.pathSeparator + libraries(".*/jackson-(annotations|core|databind)-[^/]*\\.jar");
        assertAnswers(classPath);
    }

    @Test
    void theSimulatorIsInTheJarOfTheServiceToo() throws Exception {
        assertAnswers(SERVICE.getPath());
    }

    private static void assertAnswers(String classPath) throws Exception {
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp", classPath,
                "dev.bactrian.simulator.Simulator").redirectErrorStream(true).start();
        try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
            String said = reader.readLine();
            assertThat(said).startsWith("Simulator listening on http://127.0.0.1:");
            HttpRequest request = HttpRequest.newBuilder(URI.create(said.substring(said.indexOf("http://")) + "/v1/chat/completions"))
                    .POST(BodyPublishers.ofString("{\"model\": \"solar-pro4\", \"messages\": [{\"role\": \"user\", \"content\": \"a camel\"}]}")).build();

            assertThat(HttpClient.newHttpClient().send(request, BodyHandlers.ofString()).body()).contains("a camel");
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void theServicesAloneHasAClassPath() throws IOException {
        assertThat(attribute(LIBRARY, "Class-Path")).isNull();
        assertThat(attribute(SIMULATOR, "Class-Path")).isNull();
        assertThat(attribute(SIMULATOR, "Automatic-Module-Name")).isEqualTo("dev.bactrian.simulator");
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
        String classPath = LIBRARY + File.pathSeparator + libraries(".*/camel-(api|util|support)-[^/]*\\.jar");
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
