package dev.bactrian.routes.support;

import static org.awaitility.Awaitility.await;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A server that does with each connection what a test says, byte by byte. */
public final class RawServer implements AutoCloseable {

    private static final Pattern LENGTH = Pattern.compile("(?im)^content-length: *(\\d+)");

    /** What is done with a connection; it is closed at the end. */
    public interface Script {
        void serve(Line line) throws Exception;
    }

    /** One connection. */
    public final class Line {
        private final Socket socket;
        private final InputStream in;
        /** Which connection of the server it is, from 1. */
        public final int number;

        private Line(Socket socket, int number) throws IOException {
            this.socket = socket;
            this.number = number;
            in = new BufferedInputStream(socket.getInputStream());
        }

        /** The next request, which is noted, or null at the end. */
        public String read() throws IOException {
            ByteArrayOutputStream head = new ByteArrayOutputStream();
            while (!head.toString(StandardCharsets.UTF_8).endsWith("\r\n\r\n")) {
                int b = in.read();
                if (b < 0) {
                    return null;
                }
                head.write(b);
            }
            String text = head.toString(StandardCharsets.UTF_8);
            Matcher length = LENGTH.matcher(text);
            String request = text + (length.find() ? new String(in.readNBytes(Integer.parseInt(length.group(1))), StandardCharsets.UTF_8) : "");
            requests.add(request);
            return request;
        }

        public void write(String text) throws IOException {
            socket.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
            socket.getOutputStream().flush();
        }

        /** The same text again and again, with that pause, until the other side has had enough. */
        public void writeForever(String text, long millis) throws IOException, InterruptedException {
            while (!server.isClosed()) {
                write(text);
                if (millis > 0) {
                    closing.awaitMillis(millis);
                }
            }
        }

        public Socket socket() {
            return socket;
        }

        /** Lets that much time pass, or the server be closed. */
        public void pause(long millis) throws InterruptedException {
            closing.awaitMillis(millis);
        }
    }

    private static final class Closing {
        private boolean closed;

        synchronized void awaitMillis(long millis) throws InterruptedException {
            long until = System.nanoTime() + millis * 1_000_000;
            while (!closed && until - System.nanoTime() > 0) {
                wait(Math.max(1, (until - System.nanoTime()) / 1_000_000));
            }
        }

        synchronized void close() {
            closed = true;
            notifyAll();
        }
    }

    public final List<String> requests = new CopyOnWriteArrayList<>();
    public final AtomicInteger connections = new AtomicInteger();
    private final ServerSocket server;
    private final String scheme;
    private final Closing closing = new Closing();
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final ExecutorService threads = Executors.newCachedThreadPool(work -> {
        Thread thread = new Thread(work, "raw-server");
        thread.setDaemon(true);
        return thread;
    });

    public RawServer(Script script) throws IOException {
        this(new ServerSocket(0, 100, InetAddress.getLoopbackAddress()), "http", script);
    }

    public RawServer(ServerSocket server, String scheme, Script script) {
        this.server = server;
        this.scheme = scheme;
        threads.execute(() -> accept(script));
    }

    private void accept(Script script) {
        while (!server.isClosed()) {
            try {
                Socket socket = server.accept();
                open.add(socket);
                int number = connections.incrementAndGet();
                threads.execute(() -> {
                    try (socket) {
                        script.serve(new Line(socket, number));
                    } catch (Exception e) {
                        // the other side has left, or the test has ended
                    } finally {
                        open.remove(socket);
                    }
                });
            } catch (IOException e) {
                // closed
            }
        }
    }

    /** Cuts the connections that are open, with a reset or a proper end, and goes on with new ones. */
    public void cut(boolean reset) throws IOException {
        List<Socket> cut = List.copyOf(open);
        for (Socket socket : cut) {
            socket.setSoLinger(reset, 0);
            socket.close();
        }
        // A thread that is blocked in a read keeps its connection alive, and may still read a request, until it has woken up.
        await("no line of these is read any more").until(() -> Collections.disjoint(open, cut));
    }

    public int port() {
        return server.getLocalPort();
    }

    public String url(String path) {
        return scheme + "://127.0.0.1:" + port() + path;
    }

    /** How many requests began so. */
    public long count(String start) {
        return requests.stream().filter(request -> request.startsWith(start)).count();
    }

    @Override
    public void close() throws IOException {
        server.close();
        closing.close();
        for (Socket socket : open) {
            socket.close();
        }
        threads.shutdownNow();
    }

    /** A whole answer of JSON. */
    public static String json(int status, String body) {
        return "HTTP/1.1 " + status + " x\r\nContent-Type: application/json\r\nContent-Length: "
                + body.getBytes(StandardCharsets.UTF_8).length + "\r\n\r\n" + body;
    }

    /** A prediction as the service answers it. */
    public static String prediction(int status, String state) {
        return json(status, "{\"id\":\"p1\",\"status\":\"" + state + "\"" + (state.equals("succeeded") ? ",\"output\":[\"hi\"]" : "") + "}");
    }

    /** A whole chat's answer that says that. */
    public static String chat(String text) {
        String body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + text + "\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
        return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: " + body.getBytes(StandardCharsets.UTF_8).length
                + "\r\n\r\n" + body;
    }

    /** What answers every request well: predictions and chats. */
    public static void answer(Line line) throws IOException {
        for (String request = line.read(); request != null; request = line.read()) {
            line.write(answer(request));
        }
    }

    /** The good answer to that request. */
    public static String answer(String request) {
        if (request.startsWith("GET")) {
            return prediction(200, "succeeded");
        }
        return request.contains("\"messages\"") ? chat("hi") : prediction(201, "starting");
    }
}
