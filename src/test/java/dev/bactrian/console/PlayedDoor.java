package dev.bactrian.console;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;

import java.awt.Color;
import java.awt.GradientPaint;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;

import javax.imageio.ImageIO;

/** A server that has the files of the page, and whose events and answers are those that a test says. */
final class PlayedDoor implements AutoCloseable {

    private static final String POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https: http:; "
            + "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
    private static final Map<String, String> FILES = Map.of("/", "index.html", "/console.css", "console.css", "/console.js", "console.js");
    private static final Map<String, String> TYPES = Map.of("html", "text/html; charset=utf-8", "css", "text/css; charset=utf-8", "js", "text/javascript; charset=utf-8");

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<OutputStream> readers = new CopyOnWriteArrayList<>();
    private final List<OutputStream> askers = new CopyOnWriteArrayList<>();
    private final List<String> calls = new CopyOnWriteArrayList<>();
    private final Map<String, String> bodies = new ConcurrentHashMap<>();
    private final Map<String, String> documents = new ConcurrentHashMap<>();
    private volatile JsonNode snapshot;
    private volatile String key;
    private HttpServer server;
    private int port;

    PlayedDoor(JsonNode snapshot) {
        this.snapshot = snapshot;
        start();
    }

    /** Opens it again, at the port that it had. */
    void start() {
        try {
            server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        port = server.getAddress().getPort();
        server.setExecutor(threads);
        server.createContext("/", this::answer);
        server.start();
    }

    /** Cuts every connection, and takes no more. */
    void stop() {
        server.stop(0);
        readers.clear();
        askers.clear();
    }

    String url() {
        return "http://127.0.0.1:" + port + "/";
    }

    /** What the next reader gets first. */
    void snapshot(JsonNode next) {
        snapshot = next;
    }

    /** Asks for a key from now on. */
    void lock(String with) {
        key = with;
    }

    /** What a GET of that path is answered. */
    void document(String path, String json) {
        documents.put(path, json);
    }

    /** The calls that were made, without those of files and events: {@code DELETE /requests/camel}. */
    List<String> calls() {
        return List.copyOf(calls);
    }

    String body(String call) {
        return bodies.get(call);
    }

    /** Sends an event to the pages that are open; at least one is waited for. */
    void say(String event, Object data) {
        await("a reader").pollDelay(Duration.ZERO).until(() -> !readers.isEmpty());
        readers.forEach(reader -> write(reader, event, data));
    }

    /** Sends an event to those who wait for the answer to a request of theirs. */
    void answerWith(String event, Object data) {
        await("a request").pollDelay(Duration.ZERO).until(() -> !askers.isEmpty());
        askers.forEach(asker -> write(asker, event, data));
    }

    /** Ends these answers. */
    void endAnswers() {
        askers.forEach(asker -> {
            try {
                asker.close();
            } catch (IOException e) {
                // it has gone away
            }
        });
        askers.clear();
    }

    private static void write(OutputStream to, String event, Object data) {
        try {
            synchronized (to) {
                to.write(("event: " + event + "\ndata: " + data + "\n\n").getBytes(UTF_8));
                to.flush();
            }
        } catch (IOException e) {
            // it has gone away
        }
    }

    private void answer(HttpExchange exchange) throws IOException {
        exchange.getResponseHeaders().set("Content-Security-Policy", POLICY);
        String path = exchange.getRequestURI().getRawPath();
        if (FILES.containsKey(path)) {
            String name = FILES.get(path);
            try (InputStream file = PlayedDoor.class.getResourceAsStream("/bactrian/console/" + name)) {
                answer(exchange, 200, TYPES.get(name.replaceFirst(".*\\.", "")), file.readAllBytes());
            }
            return;
        }
        if (path.startsWith("/pictures/")) {
            answer(exchange, 200, "image/png", dune(path.hashCode()));
            return;
        }
        if (key != null && !("Bearer " + key).equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
            answer(exchange, 401, "application/json", "{\"error\":{\"message\":\"no key of ours\"}}".getBytes(UTF_8));
            return;
        }
        if (path.equals("/events")) {
            OutputStream out = stream(exchange);
            write(out, "snapshot", snapshot);
            readers.add(out);
            return;
        }
        if (documents.containsKey(path)) {
            answer(exchange, 200, "application/json", documents.get(path).getBytes(UTF_8));
            return;
        }
        String call = exchange.getRequestMethod() + " " + path;
        bodies.put(call, new String(exchange.getRequestBody().readAllBytes(), UTF_8));
        if (path.equals("/v1/models")) {
            answer(exchange, 200, "application/json", """
                    {"object": "list", "data": [{"id": "solar-pro4", "provider": "upstage", "kind": "text"},
                     {"id": "solar-mini4", "provider": "upstage", "kind": "text"},
                     {"id": "stability-ai/stable-diffusion-3", "provider": "replicate", "kind": "image"}]}""".getBytes(UTF_8));
            return;
        }
        calls.add(call);
        if (call.equals("POST /requests")) {
            askers.add(stream(exchange));
        } else {
            answer(exchange, 202, "application/json", "{}".getBytes(UTF_8));
        }
    }

    private static OutputStream stream(HttpExchange exchange) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
        exchange.sendResponseHeaders(200, 0);
        return exchange.getResponseBody();
    }

    private static void answer(HttpExchange exchange, int status, String type, byte[] body) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.sendResponseHeaders(status, body.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    /** A picture: a sky over a dune. */
    private static byte[] dune(int seed) throws IOException {
        BufferedImage image = new BufferedImage(256, 256, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        float hue = (seed & 0xff) / 256f;
        graphics.setPaint(new GradientPaint(0, 0, Color.getHSBColor(hue, 0.5f, 0.9f), 0, 256, Color.getHSBColor(hue + 0.1f, 0.3f, 1f)));
        graphics.fillRect(0, 0, 256, 256);
        graphics.setPaint(Color.getHSBColor(0.09f, 0.55f, 0.75f));
        graphics.fillOval(-60, 150, 240, 240);
        graphics.setPaint(Color.getHSBColor(0.08f, 0.6f, 0.6f));
        graphics.fillOval(90, 170, 260, 220);
        graphics.dispose();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageIO.write(image, "png", out);
        return out.toByteArray();
    }

    @Override
    public void close() {
        stop();
        threads.shutdownNow();
    }
}
