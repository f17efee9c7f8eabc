package dev.bactrian.simulator;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;

/** Sends one response, with its pauses and faults. Holds no thread while it waits. */
final class ResponseSender {

    private static final byte[] COMMENT = ": ping\n\n".getBytes(StandardCharsets.US_ASCII);
    /** A larger write may block on a slow client, so it runs on a thread of its own. */
    private static final int LIGHT = 64 * 1024;
    /** A client that leaves during a shorter pause is noticed soon enough by the next write. */
    private static final Duration LONG_PAUSE = Duration.ofMillis(200);

    private final Simulator simulator;
    private final HttpExchange exchange;
    private final Call call;
    private final Reply reply;
    private final Supplier<PreparedResponse> source;
    private final AtomicBoolean released = new AtomicBoolean();
    private final AtomicBoolean aborted = new AtomicBoolean();

    private List<Frame> frames;
    private OutputStream out;
    private int next;
    private boolean waited;
    private boolean heavy;

    /** Creates the sender, which takes the answer from {@code source} after the delay of the reply. */
    ResponseSender(Simulator simulator, HttpExchange exchange, Call call, Reply reply, Supplier<PreparedResponse> source) {
        this.simulator = simulator;
        this.exchange = exchange;
        this.call = call;
        this.reply = reply;
        this.source = source;
    }

    void start(Duration delay) {
        if (delay.isZero()) {
            begin();
        } else {
            later(delay, this::begin);
        }
    }

    private void begin() {
        if (reply.kind == Reply.Kind.LOST) {
            source.get();
            release();
            exchange.close();
            return;
        }
        try {
            PreparedResponse answer = source.get();
            frames = answer.frames();
            if (reply.encoding != null) {
                frames = Frame.encode(frames, reply.encoding);
            }
            long length = Frame.length(frames);
            for (int at : reply.splits) {
                frames = Frame.split(frames, at);
            }
            if (reply.cutAt >= 0) {
                frames = Frame.cut(frames, reply.cutAt);
            }
            boolean chunked = answer.streamed() || reply.staysOpen() && reply.cutAt < 0;
            heavy = reply.byteByByte || length > LIGHT;
            headers(answer);
            boolean empty = length == 0 && !chunked || "HEAD".equals(exchange.getRequestMethod());
            if (empty) {
                release();
            }
            exchange.sendResponseHeaders(answer.status(), empty ? -1 : chunked ? 0 : length);
            if (!empty) {
                out = exchange.getResponseBody();
                run(this::step);
            }
        } catch (IOException e) {
            abort();
        }
    }

    private void headers(PreparedResponse answer) {
        Headers headers = exchange.getResponseHeaders();
        answer.headers().forEach(headers::set);
        if (reply.encoding != null) {
            headers.set("Content-Encoding", reply.encoding.header());
        }
        reply.headers.forEach((name, values) -> {
            headers.remove(name);
            values.forEach(value -> headers.add(name, value));
        });
    }

    private void step() {
        try {
            while (next < frames.size()) {
                Frame frame = frames.get(next);
                if (!frame.gap().isZero() && !waited) {
                    waited = true;
                    out.flush();
                    later(frame.gap(), this::step);
                    return;
                }
                waited = false;
                if (reply.listener != null && frame.piece() >= 0) {
                    out.flush();
                    reply.listener.accept(frame.piece());
                }
                byte[] bytes = frame.bytes();
                if (++next == frames.size() && !reply.staysOpen()) {
                    // Released before the client can see the end, so that no client still counts after it has seen the end of its
                    // own response.
                    int last = Math.max(0, bytes.length - 1);
                    write(bytes, 0, last);
                    release();
                    write(bytes, last, bytes.length);
                } else {
                    write(bytes, 0, bytes.length);
                }
            }
            end();
        } catch (IOException e) {
            abort();
        } catch (RuntimeException | Error e) {
            release();
            breakOff();
            throw e;
        }
    }

    private void write(byte[] bytes, int from, int to) throws IOException {
        if (reply.byteByByte) {
            for (int i = from; i < to; i++) {
                out.write(bytes[i]);
                out.flush();
            }
        } else {
            out.write(bytes, from, to - from);
        }
    }

    private void end() throws IOException {
        if (reply.staysOpen()) {
            out.flush();
            if (reply.comments != null) {
                later(reply.comments, this::comment);
            } else {
                simulator.departures().watch(clientPort(), this::abort);
            }
        } else if (reply.cutAt >= 0) {
            out.flush();
            release();
            breakOff();
        } else {
            release();
            out.close();
        }
    }

    private void comment() {
        try {
            out.write(COMMENT);
            out.flush();
            later(reply.comments, this::comment);
        } catch (IOException e) {
            abort();
        }
    }

    /** Handles a client that left before the end. */
    private void abort() {
        if (aborted.compareAndSet(false, true)) {
            simulator.departures().forget(clientPort());
            simulator.clientAborted();
            release();
            breakOff();
        }
    }

    private void release() {
        if (released.compareAndSet(false, true)) {
            simulator.left(call);
        }
    }

    /** Closes the connection without ending the body; a plain close would end a chunked one. */
    private void breakOff() {
        if (out != null) {
            exchange.setStreams(null, new Unclosable());
        }
        exchange.close();
    }

    private void later(Duration delay, Runnable task) {
        boolean watched = delay.compareTo(LONG_PAUSE) >= 0;
        if (watched) {
            simulator.departures().watch(clientPort(), this::abort);
        }
        simulator.later(delay, () -> {
            if (watched) {
                simulator.departures().forget(clientPort());
            }
            if (!aborted.get()) {
                run(task);
            }
        });
    }

    private void run(Runnable task) {
        if (heavy) {
            simulator.aside(task);
        } else {
            task.run();
        }
    }

    private int clientPort() {
        return exchange.getRemoteAddress().getPort();
    }

    /** A stream that cannot be closed, so that closing the exchange drops the connection. */
    private static final class Unclosable extends OutputStream {
        @Override
        public void write(int b) throws IOException {
            throw new IOException("broken off");
        }

        @Override
        public void close() throws IOException {
            throw new IOException("broken off");
        }
    }
}
