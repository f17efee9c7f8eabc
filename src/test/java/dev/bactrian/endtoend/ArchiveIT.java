package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.bactrian.Version;
import dev.bactrian.config.Property;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The archive of the service, unpacked and started by its script. */
class ArchiveIT extends EndToEnd {

    private Path home;

    @BeforeEach
    void unpack() throws Exception {
        // A blank in its path is nothing to stumble over.
        home = unpack(Files.createDirectory(folder.resolve("opt of ours")));
    }

    /** Unpacks the archive into that folder, and returns the folder of its contents. */
    static Path unpack(Path opt) throws Exception {
        Path archive = Path.of("target", "bactrian-" + Version.current() + "-bin.tar.gz").toAbsolutePath();
        assertThat(archive).isRegularFile();
        assertThat(new ProcessBuilder("tar", "-xzf", archive.toString()).directory(opt.toFile()).inheritIO().start().waitFor()).isZero();
        try (Stream<Path> unpacked = Files.list(opt)) {
            return unpacked.collect(Collectors.collectingAndThen(Collectors.toList(), all -> {
                assertThat(all).singleElement().extracting(path -> path.getFileName().toString()).isEqualTo("bactrian-" + Version.current());
                return all.get(0);
            }));
        }
    }

    private ServiceProcess.Builder script() {
        return service().script(home.resolve("bin/bactrian")).env("BACTRIAN_ARCHIVE", "off");
    }

    private static TreeSet<String> namesIn(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).collect(Collectors.toCollection(TreeSet::new));
        }
    }

    @Test
    void holdsWhatTheServiceNeedsAndNothingElse() throws IOException {
        assertThat(namesIn(home)).containsExactly("LICENSE", "README", "bactrian.jar", "bin", "conf", "examples", "lib", "systemd");
        assertThat(home.resolve("bin/bactrian")).isExecutable();
        assertThat(Files.readString(home.resolve("README"))).contains("Bactrian " + Version.current()).doesNotContain("${");
        assertThat(Files.readString(home.resolve("systemd/bactrian.service"))).contains("SuccessExitStatus=143").doesNotContain("${");
        try (JarFile jar = new JarFile(home.resolve("bactrian.jar").toFile())) {
            List<String> needed = Arrays.asList(jar.getManifest().getMainAttributes().getValue("Class-Path").split(" "));
            assertThat(namesIn(home.resolve("lib"))).containsExactlyInAnyOrderElementsOf(needed.stream().map(entry -> entry.replace("lib/", "")).toList());
        }
    }

    @Test
    void itsScriptAnswersARequestAndStopsBySigterm() throws IOException {
        Files.writeString(home.resolve("conf/bactrian.properties"), "bactrian.emit.chunk = file:chunks\n");
        ServiceProcess service = run(script());
        assertThat(service.said("Chunks    file:chunks")).as("its conf/ counts").isTrue();
        assertThat(service.handle().info().command()).as("the JVM has taken the place of the shell").hasValueSatisfying(java -> assertThat(java).endsWith("java"));
        drop("chat.json", CHAT);
        result("chat");

        assertThat(service.sigterm().awaitExit(SOON)).isEqualTo(143);
        assertThat(service.err()).isEmpty();
        assertThat(done()).containsExactly("chat.json");
    }

    @Test
    void itsScriptStartsByALinkWithTheOptionsThatItsUserGives() throws IOException {
        Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("opt of ours", home.getFileName().toString(), "bin", "bactrian"));
        Files.writeString(folder.resolve("bactrian.properties"), "bactrian.emit.result = file:elsewhere?fileName=${header.BactrianRequestId}.json\n");
        ServiceProcess service = run(service().script(link).env("BACTRIAN_ARCHIVE", "off").env("LC_ALL", null).env("JAVA_OPTS", "-Xmx96m -Dbactrian.file.inbox=in"));
        List<String> arguments = Arrays.asList(service.handle().info().arguments().orElseThrow());
        assertThat(arguments).contains("-Xmx96m").containsSubsequence("-XX:MaxRAMPercentage=50", "-Xmx96m");

        drop(folder.resolve("in"), "낙타.json", CHAT);
        Path elsewhere = folder.resolve("elsewhere");
        awaitFile(elsewhere);
        assertThat(service.said(folder.resolve("in").toString())).isTrue();
        assertThat(service.sigterm().awaitExit(SOON)).isEqualTo(143);
        assertThat(names(elsewhere)).hasSize(1);
        assertThat(service.err()).isEmpty();
    }

    @Test
    void itsScriptSaysWhatIsWrongWithJavaOrASetting() {
        ServiceProcess without = start(script().env("JAVA_HOME", "/nowhere"));
        assertThat(without.awaitExit(SOON)).isEqualTo(1);
        assertThat(without.err()).singleElement().asString().contains("/nowhere/bin/java", "JAVA_HOME");

        ServiceProcess wrong = start(script().set(Property.MAX_IN_FLIGHT, "many"));
        assertThat(wrong.awaitExit(Duration.ofSeconds(60))).isEqualTo(2);
        assertThat(wrong.err()).singleElement().asString().contains(Property.MAX_IN_FLIGHT.key());
    }

    @Test
    void itsScriptPrintsWhatWasSpent() throws Exception {
        String costs = "'" + home.resolve("bin/bactrian") + "' costs";
        Path work = Files.createDirectory(folder.resolve("work"));
        try (Shell nothing = Shell.type(work, costs, Map.of()); Shell wrong = Shell.type(work, costs + " november", Map.of())) {
            assertThat(nothing.exit()).isZero();
            assertThat(nothing.said()).isEqualTo("nothing is recorded\n");
            assertThat(wrong.exit()).isEqualTo(2);
            assertThat(wrong.said().lines()).singleElement().asString().startsWith("bactrian: costs: 'november' is not a day");
        }
    }

    @Test
    void itsSettingsAreThoseThatThereAreWithTheirDefaultsAndNoSecret() throws IOException {
        Map<String, Property> known = Stream.of(Property.values()).collect(Collectors.toMap(Property::key, Function.identity()));
        Map<String, String> settings = new TreeMap<>();
        Files.readAllLines(home.resolve("conf/bactrian.properties")).stream().filter(line -> line.matches("#?bactrian\\..*")).forEach(line -> {
            assertThat(line).as("commented out").startsWith("#");
            String[] parts = line.substring(1).split(" *= *", 2);
            settings.put(parts[0], parts[1]);
        });

        assertThat(known.keySet()).containsAll(settings.keySet());
        assertThat(settings).isNotEmpty().allSatisfy((key, value) -> {
            if (known.get(key).secret()) {
                assertThat(value).as(key).matches("|jdbc:postgresql://db\\.example\\.org/bactrian");
            }
        });
        assertThat(settings.keySet().stream().filter(key -> known.get(key).secret() && !settings.get(key).startsWith("jdbc:"))).hasSize(4);
    }
}
