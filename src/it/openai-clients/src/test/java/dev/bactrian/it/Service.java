package dev.bactrian.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import dev.bactrian.simulator.Simulator;

/** The built service as a process with keys of its callers, and the simulator behind it: one of each for all tests of a JVM. */
final class Service {

    /** The key of the callers. */
    static final String KEY = "sk-of-a-caller";
    /** The key of the provider. */
    static final String PROVIDER_KEY = "up_of_the_service";

    private static final Path JAR = Path.of("../../../target/bactrian.jar").toAbsolutePath().normalize();

    private static final Pattern ADDRESS = Pattern.compile("HTTP +http://127\\.0\\.0\\.1:(\\d+)/v1");

    private static Service started;

    private final Simulator simulator = Simulator.builder().pause(Duration.ZERO).start();
    private final int port;
    private final Path log;

    private Service() throws IOException {
        assertThat(JAR).as("the built jar").isRegularFile();
        Path folder = Files.createTempDirectory(Files.createDirectories(Path.of("target")), "service-").toAbsolutePath();
        log = folder.resolve("service.log");
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
        properties().forEach((name, value) -> command.add("-D" + name + "=" + value));
        command.addAll(List.of("-jar", JAR.toString()));
        ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true)
                .redirectOutput(log.toFile()).redirectInput(new File("/dev/null"));
        builder.environment().keySet().removeIf(name -> name.startsWith("BACTRIAN_") || name.startsWith("CAMEL_")
                || List.of("REPLICATE_API_TOKEN", "UPSTAGE_API_KEY", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS").contains(name));
        Process process = builder.start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        await().atMost(Duration.ofSeconds(60)).pollInterval(Duration.ofMillis(20))
                .until(() -> !process.isAlive() || log().contains(" ready with "));
        assertThat(process.isAlive()).as("alive; it said %s", log()).isTrue();
        Matcher address = ADDRESS.matcher(log());
        assertThat(address.find()).as("its address in %s", log()).isTrue();
        port = Integer.parseInt(address.group(1));
    }

    /** Returns the service, which the first call starts, in front of a simulator without scripts and records. */
    static synchronized Service start() {
        try {
            if (started == null) {
                started = new Service();
            }
            started.simulator.reset();
            return started;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Map<String, String> properties() {
        Map<String, String> properties = new LinkedHashMap<>();
        properties.put("bactrian.http.port", "0");
        properties.put("bactrian.http.api-keys", "team=" + KEY);
        properties.put("bactrian.management.port", "0");
        properties.put("bactrian.file.enabled", "false");
        properties.put("bactrian.upstage.api-endpoint", simulator.chatUrl());
        properties.put("bactrian.upstage.api-key", PROVIDER_KEY);
        properties.put("bactrian.replicate.api-endpoint", simulator.predictionsUrl());
        properties.put("bactrian.replicate.poll-endpoint", simulator.pollUrl());
        properties.put("bactrian.replicate.api-token", "r8_of_the_service");
        properties.put("bactrian.replicate.stream-hosts", "127.0.0.1");
        properties.put("bactrian.images.hosts", "127.0.0.1");
        properties.put("bactrian.replicate.poll-delay", "50ms");
        properties.put("bactrian.replicate.poll-max-attempts", "5");
        // Whatever one test has the provider do is seen by the client, and by no other test.
        properties.put("bactrian.retry.max-attempts", "0");
        properties.put("bactrian.circuit-breaker.failure-rate", "0");
        return properties;
    }

    /** Returns the provider of the service. */
    Simulator simulator() {
        return simulator;
    }

    /** Returns the address of the service, without a slash at its end. */
    String url() {
        return "http://127.0.0.1:" + port;
    }

    /** Returns the address that the clients are given: {@code …/v1}. */
    String baseUrl() {
        return url() + "/v1";
    }

    /** Returns what the service has printed so far. */
    String log() {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
