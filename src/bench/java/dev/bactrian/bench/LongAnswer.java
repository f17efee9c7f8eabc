package dev.bactrian.bench;

import java.io.BufferedOutputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;

import com.sun.net.httpserver.HttpServer;

/** A server that answers each chat with a stream of generated chunks: {@code LongAnswer CHUNKS BYTES}. */
public final class LongAnswer {

    private LongAnswer() {
    }

    /** Runs until the process is killed. */
    public static void main(String[] args) throws Exception {
        int chunks = Integer.parseInt(args[0]);
        byte[] event = event("{\"content\":\"" + "x".repeat(Integer.parseInt(args[1])) + "\"}", "null");
        byte[] end = event("{}", "\"stop\"");
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/v1/chat/completions", exchange -> {
            exchange.getRequestBody().readAllBytes();
            exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
            exchange.sendResponseHeaders(200, 0);
            try (OutputStream out = new BufferedOutputStream(exchange.getResponseBody(), 64 * 1024)) {
                for (int i = 0; i < chunks; i++) {
                    out.write(event);
                }
                out.write(end);
                out.write("data: [DONE]\n\n".getBytes(StandardCharsets.UTF_8));
            }
        });
        server.start();
        System.out.println(TestBed.READY + "http://127.0.0.1:" + server.getAddress().getPort());
    }

    private static byte[] event(String delta, String finishReason) {
        return ("data: {\"choices\":[{\"index\":0,\"delta\":" + delta + ",\"finish_reason\":" + finishReason + "}]}\n\n")
                .getBytes(StandardCharsets.UTF_8);
    }
}
