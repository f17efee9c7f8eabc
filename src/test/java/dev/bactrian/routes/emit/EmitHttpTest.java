package dev.bactrian.routes.emit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpServer;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Destinations that speak HTTP: those that do not answer, and those that are slow. */
class EmitHttpTest extends RouteTestSupport {

    private static final int MANY = 45;
    private static final Duration LONG = Duration.ofSeconds(30);

    @ParameterizedTest
    @CsvSource({"200ms, /hook", "30s, /hook?responseTimeout=200&soTimeout=200", "30s, /hook?token=abc&responseTimeout=200&soTimeout=200"})
    void aDestinationThatNeverAnswersTimesOut(String timeout, String path) throws Exception {
        Path kept = folder.resolve("kept");
        try (ServerSocket silent = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            start("bactrian.emit.chunk", "", "bactrian.retry.max-attempts", "1", "bactrian.emit.timeout", timeout, "bactrian.undelivered", kept.toString(),
                    "bactrian.emit.result", "http://127.0.0.1:" + silent.getLocalPort() + path);
            simulator.on(Call.CHAT, Reply.stream("a"));

            template().sendBody("direct:generate-and-emit", "{\"id\": \"r\", \"prompt\": \"hi\"}");

            await().until(() -> Files.exists(kept.resolve("r.json")));
            JsonNode error = ProviderJson.json(Files.readString(kept.resolve("r.json"))).orElseThrow().path("error");
            assertThat(error.path("attempts").asInt()).isEqualTo(2);
            assertThat(error.path("message").asText()).contains("/hook").doesNotContain("abc");
        }
    }

    @Test
    void aChunkDestinationThatNeverAnswersTimesOut() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 10, InetAddress.getLoopbackAddress())) {
            start("bactrian.emit.timeout", "200ms", "bactrian.emit.chunk", "http://127.0.0.1:" + silent.getLocalPort() + "/hook?key=abcdef");
            simulator.on(Call.CHAT, Reply.stream("a"));

            JsonNode error = generateFails("hi").path("error");

            assertThat(error.path("type").asText()).isEqualTo("delivery-failed");
            assertThat(error.path("message").asText()).doesNotContain("abcdef");
        }
    }

    /** Camel's own limits are 20 connections to a host, and 200 in all. */
    @Test
    void deliveriesRunAsManyAtOnceAsRequests() throws Exception {
        CountDownLatch all = new CountDownLatch(MANY);
        AtomicInteger answered = new AtomicInteger();
        ExecutorService threads = Executors.newCachedThreadPool();
        HttpServer hook = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), MANY);
        hook.setExecutor(threads);
        hook.createContext("/", exchange -> {
            exchange.getRequestBody().readAllBytes();
            all.countDown();
            if (!awaited(all)) {
                throw new IOException("the others did not come");
            }
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
            answered.incrementAndGet();
        });
        hook.start();
        try {
            start("bactrian.emit.chunk", "", "bactrian.max-in-flight", String.valueOf(MANY), "bactrian.retry.max-attempts", "0",
                    "bactrian.undelivered", folder.resolve("kept").toString(),
                    "bactrian.emit.result", "http://127.0.0.1:" + hook.getAddress().getPort() + "/hook");
            simulator.always(Call.CHAT, Reply.stream("a"));
            for (int i = 0; i < MANY; i++) {
                template().sendBody("direct:generate-and-emit", "hi " + i);
            }

            await().atMost(LONG).until(() -> answered.get() == MANY);
            assertThat(folder.resolve("kept")).doesNotExist();
        } finally {
            hook.stop(0);
            threads.shutdownNow();
        }
    }

    private static boolean awaited(CountDownLatch all) {
        try {
            return all.await(LONG.toSeconds(), TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
