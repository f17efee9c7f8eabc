package dev.bactrian.door;

import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.net.SocketAddress;
import org.apache.camel.Message;
import org.apache.camel.component.platform.http.vertx.HttpMessage;

/**
 * A client of a Vert.x server. The first of several chunks is sent at once; those that come while it is on its way, and in the millisecond
 * after that, are sent together: a write for each would limit the rate of a stream, at the client as well.
 */
final class VertxClient implements Client {

    /** Bytes that are collected for a client before the writer waits; a client that takes fewer in its time is gone. */
    private static final int MOST_WAITING = 64 * 1024;

    /** Bytes that are sent without waiting for more. */
    private static final int WORTH_SENDING = 8 * 1024;
    private static final long PAUSE_MILLIS = 1;

    private final HttpServerRequest request;
    private final HttpServerResponse response;
    private final Duration patience;
    private final ByteArrayOutputStream waiting = new ByteArrayOutputStream();
    /** No monitor: before Java 24 a virtual thread that waits in one holds a platform thread. */
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private boolean writing;
    private boolean ending;
    private boolean gone;
    private Runnable task;

    private VertxClient(HttpServerRequest request, HttpServerResponse response, Duration patience) {
        this.request = request;
        this.response = response;
        this.patience = patience;
    }

    private void watch() {
        response.exceptionHandler(failure -> leave());
        response.closeHandler(closed -> leave());
        if (response.closed()) {
            leave();
        }
    }

    static Client of(Message message, Duration patience) {
        if (message instanceof HttpMessage http) {
            VertxClient client = new VertxClient(http.getRequest(), http.getResponse(), patience);
            client.watch();
            return client;
        }
        throw new IllegalArgumentException("not a message of platform-http: " + message.getClass().getName());
    }

    /** Returns a client to read the head of its request alone. */
    static Client head(HttpServerRequest request) {
        return new VertxClient(request, request.response(), Duration.ZERO);
    }

    @Override
    public String header(String name) {
        List<String> values = request.headers().getAll(name);
        return values.isEmpty() ? null : String.join(", ", values);
    }

    @Override
    public String field(String name) {
        return request.getFormAttribute(name);
    }

    @Override
    public String method() {
        return request.method().name();
    }

    @Override
    public boolean isOnLoopback() {
        SocketAddress local = request.localAddress();
        InetSocketAddress address = local == null || !local.isInetSocket() ? null : new InetSocketAddress(local.hostAddress(), local.port());
        InetAddress there = address == null ? null : address.getAddress();
        return there == null || there.isLoopbackAddress();
    }

    @Override
    public void begin(int status, Map<String, String> headers) {
        response.setStatusCode(status).setChunked(true);
        headers.forEach(response::putHeader);
    }

    @Override
    public boolean write(byte[] bytes) throws InterruptedException {
        lock.lock();
        try {
            long deadline = System.nanoTime() + patience.toNanos();
            while (waiting.size() > MOST_WAITING && !gone) {
                long left = (deadline - System.nanoTime()) / 1_000_000;
                if (left <= 0) {
                    abort();
                    return false;
                }
                changed.await(left, TimeUnit.MILLISECONDS);
            }
            if (gone || ending) {
                return false;
            }
            waiting.writeBytes(bytes);
            if (!writing) {
                flush();
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    private void flush() {
        lock.lock();
        try {
            if (gone || ending) {
                return;
            }
            byte[] bytes = waiting.toByteArray();
            waiting.reset();
            writing = bytes.length > 0;
            changed.signalAll();
            if (writing) {
                response.write(Buffer.buffer(bytes)).onComplete(written -> {
                    if (written.failed()) {
                        leave();
                    } else {
                        sent();
                    }
                });
            }
        } finally {
            lock.unlock();
        }
    }

    /** Sends what has come meanwhile. Runs on the event loop. */
    private void sent() {
        lock.lock();
        try {
            if (waiting.size() == 0 || waiting.size() >= WORTH_SENDING || ending) {
                flush();
            } else {
                Vertx.currentContext().owner().setTimer(PAUSE_MILLIS, timer -> flush());
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public boolean isBehind() {
        lock.lock();
        try {
            return writing;
        } finally {
            lock.unlock();
        }
    }

    /** {@inheritDoc} Also if the client is gone; otherwise the consumer would try to answer. */
    @Override
    public void end() {
        lock.lock();
        try {
            if (!ending) {
                ending = true;
                Future<Void> written = response.end(Buffer.buffer(waiting.toByteArray()));
                if (request.version() == HttpVersion.HTTP_1_0) {
                    // Only the end of the connection tells such a client the end of an answer without a length.
                    written.onComplete(end -> request.connection().close());
                }
                waiting.reset();
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void onGone(Runnable run) {
        lock.lock();
        try {
            task = run;
            if (!gone) {
                return;
            }
        } finally {
            lock.unlock();
        }
        run.run();
    }

    private void abort() {
        Connections.cut(request.connection());
        leave();
    }

    private void leave() {
        Runnable run;
        lock.lock();
        try {
            if (gone || response.ended()) {
                return;
            }
            gone = true;
            run = task;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        if (run != null) {
            run.run();
        }
    }
}
