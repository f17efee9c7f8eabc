package dev.bactrian.standalone;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

import dev.bactrian.config.Property;

/**
 * Runs the service once in the working folder, with the simulator and a few requests, so that Java writes the archive of the classes
 * that this has loaded. Reads no settings and calls nobody outside the process.
 */
final class TrainingRun {

    private static final Duration LONGEST = Duration.ofMinutes(5);
    private static final Duration PAUSE = Duration.ofMillis(20);
    private static final String CHAT = "{\"model\": \"solar-pro4\", \"messages\": [{\"role\": \"user\", \"content\": \"a camel\"}], \"stream\": true}";

    private TrainingRun() {
    }

    /** Exits with code 0 when all requests have their results, and with 1 if anything fails or that takes longer than five minutes. */
    public static void main(String[] args) {
        Thread watchdog = new Thread(TrainingRun::haltLate, "bactrian-training");
        watchdog.setDaemon(true);
        watchdog.start();
        Bactrian.useIso();
        Bactrian.quietLogs();
        Bactrian.quietNetty();
        ConsoleOutput.install();
        try {
            run();
        } catch (Exception e) {
            System.err.println("bactrian: " + Bactrian.reason(e));
            Runtime.getRuntime().halt(1);
        }
        System.exit(0);
    }

    private static void haltLate() {
        try {
            Thread.sleep(LONGEST.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        Runtime.getRuntime().halt(1);
    }

    private static void run() throws Exception {
        int http = freePort();
        Map<String, String> properties = Configuration.load(Map.of(
                Property.environmentName(Property.SIMULATOR.key()), "true",
                Property.environmentName(Property.HTTP_PORT.key()), String.valueOf(http),
                Property.environmentName(Property.MANAGEMENT_PORT.key()), String.valueOf(freePort())), System.getProperties());
        Path inbox = Files.createDirectories(Path.of(properties.getOrDefault(Property.FILE_INBOX.key(), Property.FILE_INBOX.defaultValue(false).orElseThrow())));
        Files.writeString(inbox.resolve("chat.txt"), "a camel");
        Files.writeString(inbox.resolve("picture.json"), "{\"model\": \"sd-3\", \"prompt\": \"a camel\"}");
        try (Service service = new Service(properties)) {
            service.start();
            ask(http);
            while (!Files.exists(Path.of("outbox/chat.json")) || !Files.exists(Path.of("outbox/picture.json"))) {
                Thread.sleep(PAUSE.toMillis());
            }
        }
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Has a chat over HTTP. */
    private static void ask(int port) throws IOException {
        HttpURLConnection call = (HttpURLConnection) URI.create("http://127.0.0.1:" + port + "/v1/chat/completions").toURL().openConnection();
        call.setRequestProperty("Content-Type", "application/json");
        call.setDoOutput(true);
        call.getOutputStream().write(CHAT.getBytes(StandardCharsets.UTF_8));
        try (InputStream answer = call.getInputStream()) {
            answer.readAllBytes();
        }
    }
}
