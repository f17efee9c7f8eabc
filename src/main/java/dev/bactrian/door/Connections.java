package dev.bactrian.door;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

import io.vertx.core.Vertx;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.impl.ConnectionBase;

/**
 * The connections of the server. One without a request is closed after a while, and at once if another one needs its place: clients that
 * open connections and say nothing hold up nobody.
 */
final class Connections {

    private static final long HEAD_MILLIS = 10_000;
    private static final long IDLE_MILLIS = 60_000;

    private final Vertx vertx;
    private final int most;
    /** Those without a request, the oldest first, with the timers that close them. */
    private final Map<HttpConnection, Long> silent = new LinkedHashMap<>();
    private int open;

    /** Creates the connections of a server, which has at most that many. */
    Connections(Vertx vertx, int most) {
        this.vertx = vertx;
        this.most = most;
    }

    void opened(HttpConnection connection) {
        HttpConnection oldest = null;
        synchronized (this) {
            open++;
            if (open > most) {
                Iterator<HttpConnection> others = silent.keySet().iterator();
                oldest = others.hasNext() ? others.next() : connection;
            }
            silence(connection, HEAD_MILLIS);
        }
        connection.closeHandler(closed -> forget(connection));
        if (oldest != null) {
            cut(oldest);
        }
    }

    private void silence(HttpConnection connection, long millis) {
        silent.put(connection, vertx.setTimer(millis, timer -> cut(connection)));
    }

    /** Closes a connection at once. Vert.x's own close would wait until the client has read what was sent to it. */
    static void cut(HttpConnection connection) {
        if (connection instanceof ConnectionBase base) {
            base.channelHandlerContext().channel().close();
        } else {
            connection.close();
        }
    }

    private synchronized void forget(HttpConnection connection) {
        open--;
        speak(connection);
    }

    private void speak(HttpConnection connection) {
        Long timer = silent.remove(connection);
        if (timer != null) {
            vertx.cancelTimer(timer);
        }
    }

    /** Keeps the connection of a request until the request is answered. */
    void busy(HttpServerRequest request) {
        HttpConnection connection = request.connection();
        synchronized (this) {
            speak(connection);
        }
        request.response().endHandler(ended -> {
            synchronized (this) {
                silence(connection, IDLE_MILLIS);
            }
        });
    }
}
