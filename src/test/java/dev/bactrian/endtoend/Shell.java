package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** What a reader types: a line for the shell, in a folder that holds what the project's folder does. */
final class Shell implements AutoCloseable {

    private final Process process;
    private final Path output;

    private Shell(Process process, Path output) {
        this.process = process;
        this.output = output;
    }

    /** Lays what the project's folder has for its user into another one. */
    static void checkout(Path folder) throws IOException {
        for (String name : List.of("Makefile", "mvnw", "pom.xml", "routes", "src", "examples", "target")) {
            Files.createSymbolicLink(folder.resolve(name), Path.of(name).toAbsolutePath());
        }
    }

    /** Types that in the folder, as a user whose environment has these variables more, and none of Bactrian's or of make's. */
    static Shell type(Path folder, String text, Map<String, String> more) throws IOException {
        Path output = Files.createTempFile(folder, "typed", ".log");
        ProcessBuilder builder = new ProcessBuilder("sh", "-c", text).directory(folder.toFile())
                .redirectErrorStream(true).redirectOutput(output.toFile());
        Map<String, String> environment = builder.environment();
        environment.keySet().removeIf(name -> name.startsWith("BACTRIAN_") || name.startsWith("MAKE") || name.startsWith("CAMEL_")
                || List.of("MFLAGS", "MVN", "REPLICATE_API_TOKEN", "UPSTAGE_API_KEY", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS").contains(name));
        String java = System.getProperty("java.home");
        environment.putAll(new HashMap<>(Map.of("JAVA_HOME", java, "LC_ALL", "C.UTF-8", "BACTRIAN_MANAGEMENT_PORT", "0", "BACTRIAN_ARCHIVE", "off",
                "PATH", java + "/bin" + File.pathSeparator + environment.getOrDefault("PATH", ""))));
        environment.putAll(more);
        return new Shell(builder.start(), output);
    }

    /** What it and its children printed so far. */
    String said() {
        try {
            return Files.readString(output);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Waits until it has printed that. */
    Shell says(String text) {
        await(text).atMost(Duration.ofSeconds(60)).pollInterval(Duration.ofMillis(50)).until(() -> !process.isAlive() || said().contains(text));
        assertThat(said()).contains(text);
        return this;
    }

    /** Waits for its end. Its exit code. */
    int exit() throws InterruptedException {
        assertThat(process.waitFor(2, TimeUnit.MINUTES)).as("ended; it said %s", said()).isTrue();
        return process.exitValue();
    }

    /** Kills it and all that it started. */
    @Override
    public void close() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }
}
