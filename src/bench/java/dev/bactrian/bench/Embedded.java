package dev.bactrian.bench;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.camel.Exchange;
import org.apache.camel.ExchangePattern;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;

/**
 * Bactrian as an application embeds it: the packaged routes in a camel-main of its own, called at {@code direct:generate}.
 *
 * <p>Chunks go to an endpoint that ignores them, or with {@link #noting} to one that reports the first chunk of each answer.
 */
public final class Embedded implements ChatClient, PredictionClient, AutoCloseable {

    /** The number of threads for requests to Replicate; each is free again after the first poll. */
    private static final int CALLERS = 8;
    private static final int MOST_STREAMS = 1000;
    static final String NO_OP = "log:bench?level=OFF";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Main main;
    private final ProducerTemplate template;
    private final AtomicInteger ids = new AtomicInteger();
    private final AtomicInteger splitOff = new AtomicInteger();
    private final Map<String, Runnable> firsts = new ConcurrentHashMap<>();
    private final ExecutorService callers = Executors.newFixedThreadPool(CALLERS, work -> {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        return thread;
    });

    /** Creates a context whose chunks go to an endpoint that ignores them. */
    public Embedded(String url) throws Exception {
        this(url, System.getProperty("bench.chunk", NO_OP));
    }

    /** Creates a context that sends no chunks. */
    static Embedded withoutChunks(String url) throws Exception {
        return new Embedded(url, "");
    }

    private Embedded(String url, String chunks) throws Exception {
        main = routes(url);
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:bench-no-op").process(exchange -> { });
                from("direct:bench-first").process(Embedded.this::first);
                from("direct:bench-value").to("direct:generate-stream")
                        .split(body()).streaming().process(exchange -> splitOff.incrementAndGet()).end()
                        .setBody(simple("${body.document}"));
            }
        });
        main.addProperty("bactrian.file.enabled", "false");
        main.addProperty("bactrian.max-in-flight", String.valueOf(MOST_STREAMS));
        main.addProperty("bactrian.emit.chunk", chunks);
        main.start();
        template = main.getCamelContext().createProducerTemplate();
        template.setExecutorService(callers);
    }

    /** Returns the packaged routes in a camel-main that is not started yet, with the simulator as provider. */
    static Main routes(String url) throws IOException {
        Main main = new Main();
        main.configure().setRoutesIncludePattern("classpath:bactrian/*.camel.yaml");
        main.addProperty("bactrian.data-dir", TestBed.folder("work").toString());
        main.addProperty("bactrian.upstage.api-endpoint", url + "/v1/chat/completions");
        main.addProperty("bactrian.replicate.api-endpoint", url + "/v1/predictions");
        main.addProperty("bactrian.replicate.poll-endpoint", url + "/v1/predictions/{id}");
        main.addProperty("bactrian.replicate.poll-delay", "1s");
        main.addProperty("bactrian.replicate.max-creates-per-minute", "10000000");
        main.addProperty("bactrian.replicate.max-requests-per-minute", "600000");
        return main;
    }

    /** Creates a context that reports the first chunk of each answer. */
    static Embedded noting(String url) throws Exception {
        return new Embedded(url, "direct:bench-first");
    }

    private void first(Exchange exchange) {
        Integer index = exchange.getMessage().getHeader("BactrianChunkIndex", Integer.class);
        if (index != null && index == 0) {
            firsts.get(exchange.getMessage().getHeader("BactrianRequestId", String.class)).run();
        }
    }

    @Override
    public int chat(Runnable first) throws Exception {
        String id = "bench-" + ids.incrementAndGet();
        firsts.put(id, first);
        String request = JSON.writeValueAsString(Map.of("id", id, "prompt", QUESTION));
        String result = template.requestBody("direct:generate", request, String.class);
        firsts.remove(id);
        return JSON.readTree(result).path("chunks").intValue();
    }

    /** Splits a stream in a route and returns the number of chunks that reached its steps. */
    int split() {
        splitOff.set(0);
        template.requestBody("direct:bench-value", QUESTION, String.class);
        return splitOff.get();
    }

    @Override
    public CompletableFuture<Void> predict() {
        return template.asyncSend("direct:generate", exchange -> {
            exchange.setPattern(ExchangePattern.InOut);
            exchange.getMessage().setBody(JSON.writeValueAsString(Map.of("model", "gemma-2b", "prompt", QUESTION)));
        }).thenAccept(exchange -> {
            if (exchange.getException() != null || !"succeeded".equals(exchange.getMessage().getHeader("BactrianStatus"))) {
                throw new IllegalStateException("no result", exchange.getException());
            }
        });
    }

    @Override
    public void close() {
        main.stop();
    }
}
