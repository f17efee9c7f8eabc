package dev.bactrian.support;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.opentest4j.TestAbortedException;

/**
 * A Chromium without a window, with an empty profile, for the tests of one run. It is driven by the DevTools protocol, so it needs
 * nothing but the browser. Tests get it as a parameter, by {@code @ExtendWith(Chromium.Installed.class)}.
 */
public final class Chromium implements AutoCloseable {

    static final ObjectMapper JSON = new ObjectMapper();

    private static final List<String> NAMES = List.of("chromium", "chromium-browser", "google-chrome", "google-chrome-stable");
    /** Without a sandbox, because root in a container cannot have one; it opens only pages of the tests. */
    private static final List<String> ARGUMENTS = List.of("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--disable-dev-shm-usage", "--no-first-run", "--no-default-browser-check", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-extensions", "--hide-scrollbars", "--lang=en",
            "--force-color-profile=srgb", "--remote-debugging-port=0");
    private static final Duration LONGEST_START = Duration.ofSeconds(60);

    private final Path profile;
    private final Process process;
    private final WebSocket socket;
    private final AtomicInteger ids = new AtomicInteger();
    private final Map<Integer, CompletableFuture<JsonNode>> answers = new ConcurrentHashMap<>();
    private final Map<String, BiConsumer<String, JsonNode>> sessions = new ConcurrentHashMap<>();

    private Chromium(Path program) {
        try {
            profile = Files.createTempDirectory("chromium");
            List<String> command = Stream.of(Stream.of(program.toString()), ARGUMENTS.stream(),
                    Stream.of("--user-data-dir=" + profile, "about:blank")).flatMap(part -> part).toList();
            ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true)
                    .redirectOutput(profile.resolve("output").toFile());
            builder.environment().put("HOME", profile.toString());
            process = builder.start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        socket = HttpClient.newHttpClient().newWebSocketBuilder().buildAsync(address(), new Messages()).join();
    }

    /** Where it takes commands, as it says in a file of its profile: the port and the path. */
    private URI address() {
        Path file = profile.resolve("DevToolsActivePort");
        await("a start of Chromium").atMost(LONGEST_START).pollInterval(Duration.ofMillis(20))
                .until(() -> !process.isAlive() || lines(file).size() == 2);
        if (!process.isAlive()) {
            throw new IllegalStateException("Chromium ended: " + lines(profile.resolve("output")));
        }
        return URI.create("ws://127.0.0.1:" + lines(file).get(0) + lines(file).get(1));
    }

    private static List<String> lines(Path file) {
        try {
            return Files.exists(file) ? Files.readAllLines(file) : List.of();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Opens a tab that shares no storage with other tabs. */
    public Tab open() {
        String context = call(null, "Target.createBrowserContext", Map.of()).path("browserContextId").asText();
        String target = call(null, "Target.createTarget", Map.of("url", "about:blank", "browserContextId", context)).path("targetId").asText();
        String session = call(null, "Target.attachToTarget", Map.of("targetId", target, "flatten", true)).path("sessionId").asText();
        return new Tab(this, context, session);
    }

    void listen(String session, BiConsumer<String, JsonNode> listener) {
        sessions.put(session, listener);
    }

    void forget(String session) {
        sessions.remove(session);
    }

    /**
     * Sends a command and waits for its answer.
     *
     * @param session the session of a tab; null for the browser itself
     */
    JsonNode call(String session, String method, Map<String, ?> parameters) {
        int id = ids.incrementAndGet();
        CompletableFuture<JsonNode> answer = new CompletableFuture<>();
        answers.put(id, answer);
        var message = JSON.createObjectNode().put("id", id).put("method", method);
        message.set("params", JSON.valueToTree(parameters));
        if (session != null) {
            message.put("sessionId", session);
        }
        synchronized (this) {
            socket.sendText(message.toString(), true).join();
        }
        try {
            JsonNode document = answer.get(60, TimeUnit.SECONDS);
            if (document.has("error")) {
                throw new AssertionError(method + ": " + document.path("error"));
            }
            return document.path("result");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        } catch (ExecutionException | TimeoutException e) {
            throw new AssertionError(method + " was not answered", e);
        }
    }

    @Override
    public void close() throws IOException {
        socket.abort();
        List<ProcessHandle> all = Stream.concat(process.descendants(), Stream.of(process.toHandle())).toList();
        process.destroy();
        try {
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        all.forEach(ProcessHandle::destroyForcibly);
        await("the end of Chromium").atMost(LONGEST_START).until(() -> all.stream().noneMatch(ProcessHandle::isAlive));
        try (Stream<Path> files = Files.walk(profile)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }

    /** Puts the parts of a message together, and hands it to who waits for it. */
    private final class Messages implements WebSocket.Listener {

        private final StringBuilder text = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
            text.append(data);
            if (last) {
                String whole = text.toString();
                text.setLength(0);
                try {
                    read(JSON.readTree(whole));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
            from.request(1);
            return null;
        }

        private void read(JsonNode message) {
            if (message.has("id")) {
                answers.remove(message.path("id").asInt()).complete(message);
            } else {
                BiConsumer<String, JsonNode> listener = sessions.get(message.path("sessionId").asText());
                if (listener != null) {
                    listener.accept(message.path("method").asText(), message.path("params"));
                }
            }
        }
    }

    /** Starts the browser for the first test that asks, and ends it after the last. Without one the tests are skipped; in CI they fail. */
    public static final class Installed implements BeforeAllCallback, ParameterResolver {

        @Override
        public void beforeAll(ExtensionContext context) {
            browser(context);
        }

        @Override
        public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
            return parameter.getParameter().getType() == Chromium.class;
        }

        @Override
        public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
            return browser(context);
        }

        private static Chromium browser(ExtensionContext context) {
            Optional<Path> program = Arrays.stream(System.getenv().getOrDefault("PATH", "").split(":")).map(Path::of)
                    .flatMap(folder -> NAMES.stream().map(folder::resolve)).filter(Files::isExecutable).findFirst();
            if (program.isEmpty()) {
                String missing = "Chromium is not installed: none of " + NAMES + " is on the PATH";
                throw System.getenv("CI") == null ? new TestAbortedException(missing) : new IllegalStateException(missing);
            }
            return context.getRoot().getStore(ExtensionContext.Namespace.GLOBAL)
                    .getOrComputeIfAbsent(Chromium.class, type -> new Chromium(program.get()), Chromium.class);
        }
    }
}
