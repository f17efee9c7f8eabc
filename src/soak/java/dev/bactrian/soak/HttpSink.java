package dev.bactrian.soak;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;

/** A destination that is sometimes busy, sometimes silent and sometimes not there. It counts what it has accepted. */
final class HttpSink implements AutoCloseable {

    /** How it treats what is posted to it. */
    enum Mood {
        WELL, BUSY, SILENT, GONE
    }

    private final int port;
    private final ExecutorService handlers = Executors.newCachedThreadPool();
    private final Map<String, AtomicInteger> accepted = new ConcurrentHashMap<>();
    private final Queue<HttpExchange> unanswered = new ConcurrentLinkedQueue<>();
    private volatile Mood mood = Mood.WELL;
    private HttpServer server;

    HttpSink() throws IOException {
        server = listen(0);
        port = server.getAddress().getPort();
    }

    private HttpServer listen(int at) throws IOException {
        HttpServer listening = HttpServer.create(new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), at), 500);
        listening.setExecutor(handlers);
        listening.createContext("/", this::answer);
        listening.start();
        return listening;
    }

    private void answer(HttpExchange exchange) throws IOException {
        exchange.getRequestBody().readAllBytes();
        if (mood == Mood.SILENT) {
            unanswered.add(exchange);
            return;
        }
        boolean well = mood == Mood.WELL;
        if (well) {
            accepted.computeIfAbsent(exchange.getRequestHeaders().getFirst("BactrianRequestId"), id -> new AtomicInteger()).incrementAndGet();
        }
        exchange.sendResponseHeaders(well ? 204 : 503, -1);
        exchange.close();
    }

    void become(Mood next) throws IOException {
        Mood before = mood;
        mood = next;
        if (next == Mood.GONE) {
            server.stop(0);
        } else if (before == Mood.GONE) {
            server = listen(port);
        }
        if (next != Mood.SILENT) {
            unanswered.forEach(HttpExchange::close);
            unanswered.clear();
        }
    }

    /** How often it has accepted an outcome of that request. */
    int accepted(String id) {
        AtomicInteger count = accepted.get(id);
        return count == null ? 0 : count.get();
    }

    String uri() {
        return "http://127.0.0.1:" + port + "/outcome";
    }

    @Override
    public void close() {
        server.stop(0);
        handlers.shutdownNow();
    }
}
