package dev.bactrian.routes.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.error.GenerateException;
import dev.bactrian.http.ProviderHttp;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelExecutionException;
import org.apache.camel.Exchange;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.main.Main;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;

/**
 * The packaged routes in a Camel of their own, against the simulator over a socket. After each test no connection is
 * leased, no thread of ours is left, and nothing was emitted that the test did not take.
 */
@Tag("slow")
public abstract class RouteTestSupport {

    /** What a test waits for at most, where it takes a moment: plenty, for a machine that is busy with something else. */
    protected static final Duration SOON = Duration.ofSeconds(30);

    static {
        Awaitility.setDefaultTimeout(SOON);
    }

    /** A message that was emitted: its body, and all of its headers. */
    public record Emitted(Object body, Map<String, Object> headers) {

        public String text() {
            return (String) body;
        }

        public JsonNode json() {
            return ProviderJson.json(text()).orElseThrow();
        }
    }

    /** Where {@code bean:captured?method=…} puts what is emitted. */
    public static final class Captured {
        public final Queue<Emitted> chunks = new ConcurrentLinkedQueue<>();
        public final Queue<Emitted> results = new ConcurrentLinkedQueue<>();
        public final Queue<Emitted> errors = new ConcurrentLinkedQueue<>();

        public void chunk(Exchange exchange) {
            chunks.add(emitted(exchange));
        }

        public void result(Exchange exchange) {
            results.add(emitted(exchange));
        }

        public void error(Exchange exchange) {
            errors.add(emitted(exchange));
        }

        private static Emitted emitted(Exchange exchange) {
            return new Emitted(exchange.getMessage().getBody(), new LinkedHashMap<>(exchange.getMessage().getHeaders()));
        }
    }

    @TempDir
    protected Path folder;

    protected final Captured captured = new Captured();
    protected Simulator simulator;
    private Main main;
    private ProducerTemplate template;
    private Set<Thread> before;

    /** The simulator of this test; another may be made here. */
    protected Simulator simulator() {
        return Simulator.builder().pause(Duration.ZERO).start();
    }

    @BeforeEach
    void startSimulator() {
        before = Thread.getAllStackTraces().keySet();
        simulator = simulator();
    }

    /** Starts the routes with quick waits, the simulator's endpoints, and these properties: name, value, name, value, … */
    protected void start(String... properties) throws Exception {
        main = new Main();
        main.configure().setRoutesIncludePattern("classpath:bactrian/*.camel.yaml");
        defaults().forEach(main::addProperty);
        for (int i = 0; i < properties.length; i += 2) {
            main.addProperty(properties[i], properties[i + 1]);
        }
        main.bind("captured", destination());
        configure(main);
        main.start();
        template = main.getCamelTemplate();
    }

    /** The same with properties that the tests of a class share; one that is there again in those of a test is as it says. */
    protected void start(List<String> shared, String... properties) throws Exception {
        start(Stream.concat(shared.stream(), Stream.of(properties)).toArray(String[]::new));
    }

    /** The bean {@code captured}. */
    protected Object destination() {
        return captured;
    }

    /** Adds what a test's host has beside the packaged routes. */
    protected void configure(Main main) throws Exception {
        // nothing by default
    }

    /** Returns the values of the ledger's records of creates and predictions. */
    protected List<String> records() throws IOException {
        Path records = folder.resolve("data/predictions");
        if (!Files.exists(records)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(records)) {
            return files.filter(file -> !file.getFileName().toString().startsWith(".") && !file.getFileName().toString().contains("=")).map(file -> {
                try {
                    return Files.readString(file);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }).toList();
        }
    }

    private Map<String, String> defaults() {
        Map<String, String> properties = new LinkedHashMap<>();
        properties.put(Property.REPLICATE_API_ENDPOINT.key(), simulator.predictionsUrl());
        properties.put(Property.REPLICATE_POLL_ENDPOINT.key(), simulator.pollUrl());
        properties.put(Property.UPSTAGE_API_ENDPOINT.key(), simulator.chatUrl());
        properties.put(Property.REPLICATE_POLL_DELAY.key(), "20ms");
        properties.put(Property.REPLICATE_LOOKUP_DELAY.key(), "50ms");
        properties.put(Property.RETRY_DELAY.key(), "20ms");
        properties.put(Property.RETRY_MAX_DELAY.key(), "100ms");
        // Tests that let many calls fail are not about circuit breakers.
        properties.put(Property.CIRCUIT_BREAKER_CALLS.key(), "1000");
        properties.put(Property.FILE_ENABLED.key(), "false");
        properties.put(Property.FILE_INBOX.key(), folder.resolve("inbox").toString());
        properties.put(Property.UNDELIVERED.key(), folder.resolve("undelivered").toString());
        properties.put(Property.DATA_DIR.key(), folder.resolve("data").toString());
        properties.put(Property.EMIT_RESULT.key(), "bean:captured?method=result");
        properties.put(Property.EMIT_ERROR.key(), "bean:captured?method=error");
        properties.put(Property.EMIT_BATCH.key(), "file:" + folder.resolve("outbox") + "?fileName=${header.BactrianRequestId}.results.jsonl");
        properties.put(Property.EMIT_CHUNK.key(), "bean:captured?method=chunk");
        properties.put("camel.main.shutdown-timeout", "5");
        return properties;
    }

    /** Where a file lies that could not be delivered. */
    protected Path undeliveredFile(String name) {
        return folder.resolve("undelivered").resolve(name);
    }

    protected CamelContext context() {
        return main.getCamelContext();
    }

    /** Whether the routes run. */
    protected boolean isStarted() {
        return main != null && main.isStarted();
    }

    protected ProducerTemplate template() {
        return template;
    }

    /** The result document of a request to {@code direct:generate}. */
    protected JsonNode generate(Object request) {
        return ProviderJson.json(template().requestBody("direct:generate", request, String.class)).orElseThrow();
    }

    /** The error document of a request to {@code direct:generate} that must fail. */
    protected JsonNode generateFails(Object request) {
        try {
            template().requestBody("direct:generate", request, String.class);
        } catch (CamelExecutionException e) {
            assertThat(e.getCause()).isInstanceOf(GenerateException.class);
            return ProviderJson.json(((GenerateException) e.getCause()).getDocument()).orElseThrow();
        }
        throw new AssertionError("the request succeeded");
    }

    /** The text of the chunks, each taken from what was emitted, joined by {@code |}. */
    protected String takeChunks() {
        String chunks = captured.chunks.stream().map(Emitted::text).collect(Collectors.joining("|"));
        captured.chunks.clear();
        return chunks;
    }

    /** Returns the application that was started, which the test then stops itself, so that it can start another beside it. */
    protected Main detach() {
        Main started = main;
        main = null;
        return started;
    }

    /** Stops the routes before the end of the test. */
    protected void stop() {
        if (main != null) {
            main.stop();
            main = null;
        }
    }

    @AfterEach
    void nothingIsLeftOver() {
        if (main != null) {
            for (ProviderHttp http : context().getRegistry().findByType(ProviderHttp.class)) {
                await("connections given back").until(() -> http.leased() == 0);
            }
        }
        stop();
        simulator.close();
        await("threads gone").until(() -> Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> !before.contains(thread) && thread.getName().contains("bactrian")));
        assertThat(captured.chunks).as("chunks that no assertion took").isEmpty();
        assertThat(captured.results).as("results that no assertion took").isEmpty();
        assertThat(captured.errors).as("errors that no assertion took").isEmpty();
    }
}
