package dev.bactrian.routes.door;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.text.ProviderJson;

/** A client of the door that writes and reads each byte itself. Characters are bytes. */
final class Wire implements AutoCloseable {

    private static final int LONGEST_WAIT_MILLIS = 60_000;

    /** A response as it came. */
    record Response(int status, Map<String, String> headers, String body) {

        JsonNode error() {
            return ProviderJson.json(body).orElseThrow(() -> new AssertionError(this)).path("error");
        }
    }

    private final Socket socket;
    private final InputStream in;

    private Wire(Socket socket) throws IOException {
        this.socket = socket;
        in = socket.getInputStream();
    }

    static Wire to(int port) throws IOException {
        return to(port, 0);
    }

    static Wire to(InetAddress address, int port) throws IOException {
        return to(new InetSocketAddress(address, port), 0);
    }

    /** A client that has room for so many bytes that it has not read. */
    static Wire to(int port, int room) throws IOException {
        return to(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), port), room);
    }

    private static Wire to(InetSocketAddress address, int room) throws IOException {
        Socket socket = new Socket();
        if (room > 0) {
            socket.setReceiveBufferSize(room);
        }
        socket.setSoTimeout(LONGEST_WAIT_MILLIS);
        socket.connect(address);
        return new Wire(socket);
    }

    Wire send(String text) throws IOException {
        return send(text.getBytes(ISO_8859_1));
    }

    Wire send(byte[] bytes) throws IOException {
        socket.getOutputStream().write(bytes);
        return this;
    }

    /** Sends a request with these lines after the first one. */
    Wire request(String line, String body, String... headers) throws IOException {
        StringBuilder head = new StringBuilder(line).append(" HTTP/1.1\r\nHost: localhost\r\n");
        for (String header : headers) {
            head.append(header).append("\r\n");
        }
        if (body != null) {
            head.append("Content-Length: ").append(body.length()).append("\r\n");
        }
        return send(head.append("\r\n").append(body == null ? "" : body).toString());
    }

    /** Reads the head of a response, and leaves its body. */
    Response head() throws IOException {
        String first = line();
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        for (String line = line(); !line.isEmpty(); line = line()) {
            int colon = line.indexOf(':');
            headers.put(line.substring(0, colon), line.substring(colon + 1).trim());
        }
        return new Response(Integer.parseInt(first.split(" ")[1]), headers, "");
    }

    /** Reads a response. */
    Response response() throws IOException {
        Response head = head();
        String length = head.headers().get("Content-Length");
        String body;
        if (length != null) {
            body = new String(in.readNBytes(Integer.parseInt(length)), ISO_8859_1);
        } else if ("chunked".equals(head.headers().get("Transfer-Encoding"))) {
            StringBuilder chunks = new StringBuilder();
            for (int size = Integer.parseInt(line(), 16); size > 0; size = Integer.parseInt(line(), 16)) {
                chunks.append(new String(in.readNBytes(size), ISO_8859_1));
                line();
            }
            line();
            body = chunks.toString();
        } else {
            body = head.status() == 204 ? "" : new String(in.readAllBytes(), ISO_8859_1);
        }
        return new Response(head.status(), head.headers(), body);
    }

    private String line() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        int previous = 0;
        while (true) {
            int next = in.read();
            if (next < 0) {
                throw new IOException("the connection was closed after " + line.size() + " bytes of a line: " + line.toString(ISO_8859_1).toLowerCase(Locale.ROOT));
            }
            line.write(next);
            if (previous == '\r' && next == '\n') {
                return line.toString(ISO_8859_1).strip();
            }
            previous = next;
        }
    }

    /** Reads one byte of a body; -1 at its end. */
    int read() throws IOException {
        return in.read();
    }

    /** How many bytes have come that were not read. */
    int available() throws IOException {
        return in.available();
    }

    /** Waits until the other side closes the connection, and drops what comes before. */
    void awaitClose() throws IOException {
        byte[] dropped = new byte[8192];
        try {
            while (in.read(dropped) >= 0) {
                // goes on
            }
        } catch (java.net.SocketException e) {
            // reset
        }
    }

    /** Goes away without a word: the other side sees a reset. */
    void reset() throws IOException {
        socket.setSoLinger(true, 0);
        socket.close();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
