package dev.bactrian.routes.provider;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;

/** Stands in for the service of a provider on loopback: gives the answers of a test in their order, then 404, and records the calls. */
final class ScriptedServer implements AutoCloseable {

    private record Answer(int status, String body, int missing) {
    }

    private final Queue<Answer> answers = new ConcurrentLinkedQueue<>();
    private final Queue<String> requests = new ConcurrentLinkedQueue<>();
    private final HttpServer server;

    ScriptedServer() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::answer);
        server.start();
    }

    String url() {
        return "http://localhost:" + server.getAddress().getPort();
    }

    /** Adds an answer of JSON. */
    ScriptedServer answer(int status, String body) {
        answers.add(new Answer(status, body, 0));
        return this;
    }

    /** Adds an answer that breaks off after its body. */
    ScriptedServer brokenOff(int status, String body) {
        answers.add(new Answer(status, body, 100));
        return this;
    }

    /** Returns the method, path, key and body of each call. */
    List<String> requests() {
        return List.copyOf(requests);
    }

    private static String key(HttpExchange call) {
        String key = call.getRequestHeaders().getFirst("X-Acorn-Key");
        return key != null ? key : call.getRequestHeaders().getFirst("Authorization");
    }

    private void answer(HttpExchange call) throws IOException {
        requests.add((call.getRequestMethod() + " " + call.getRequestURI() + " " + key(call) + " "
                + new String(call.getRequestBody().readAllBytes(), StandardCharsets.UTF_8)).trim());
        Answer answer = answers.isEmpty() ? new Answer(404, "", 0) : answers.remove();
        byte[] body = answer.body.getBytes(StandardCharsets.UTF_8);
        call.getResponseHeaders().set("Content-Type", "application/json");
        call.sendResponseHeaders(answer.status, body.length == 0 ? -1 : body.length + answer.missing);
        call.getResponseBody().write(body);
        call.getResponseBody().flush();
        call.close();
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
