package dev.bactrian.door;

import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.timeout.IdleStateEvent;
import io.netty.handler.timeout.IdleStateHandler;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.impl.VertxHttpRequestDecoder;
import io.vertx.core.net.impl.ConnectionBase;

/**
 * The connections of the server. One without a request is closed after a while, and at once if another one needs its place: clients that
 * open connections and say nothing hold up nobody. So is one whose client takes nothing of its answer, or sends on after it.
 */
final class Connections {

    /** Requests that a client may send before the first of them is answered. Vert.x keeps them all. */
    private static final int MOST_AHEAD = 100;

    /** The name under which Vert.x finds it. */
    private static final String DECODER = "httpDecoder";

    private final int most;
    private final Times times;
    private final HttpServerOptions options;
    /** Those without a request, the oldest first. */
    private final Set<Watch> silent = new LinkedHashSet<>();
    private int open;

    /** Creates the connections of a server, which has at most that many. */
    Connections(int most, Times times, HttpServerOptions options) {
        this.most = most;
        this.times = times;
        this.options = options;
    }

    void opened(HttpConnection connection) {
        ChannelHandlerContext last = ((ConnectionBase) connection).channelHandlerContext();
        last.pipeline().replace(VertxHttpRequestDecoder.class, DECODER, new Heads(options));
        last.pipeline().addBefore(last.name(), null, new Watch());
    }

    /** Returns how many are open. */
    synchronized int open() {
        return open;
    }

    /** Whether a connection of the server is closed, which Vert.x does not tell a request that was sent ahead and is handled later. */
    static boolean isClosed(HttpConnection connection) {
        return !((ConnectionBase) connection).channel().isActive();
    }

    /** Closes a connection at once. Vert.x's own close would wait until the client has read what was sent to it. */
    static void cut(HttpConnection connection) {
        if (connection instanceof ConnectionBase base) {
            base.channelHandlerContext().channel().close();
        } else {
            connection.close();
        }
    }

    /** Returns the connection that must make room for a new one, or null. */
    private synchronized Watch add(Watch added) {
        open++;
        Iterator<Watch> others = silent.iterator();
        Watch oldest = open <= most ? null : others.hasNext() ? others.next() : added;
        silent.add(added);
        return oldest;
    }

    private synchronized void remove(Watch closed) {
        open--;
        silent.remove(closed);
    }

    private synchronized void silent(Watch watch, boolean is) {
        silent.remove(watch);
        if (is && watch.context.channel().isOpen()) {
            silent.add(watch);
        }
    }

    /** Watches one connection. */
    private final class Watch extends IdleStateHandler {

        private ChannelHandlerContext context;
        private Future<?> end;
        private int unanswered;
        private boolean sending;
        private boolean closing;

        Watch() {
            super(true, 0, times.patience().toMillis(), 0, TimeUnit.MILLISECONDS);
        }

        @Override
        public void handlerAdded(ChannelHandlerContext added) throws Exception {
            super.handlerAdded(added);
            context = added;
            endAfter(times.head());
            Watch oldest = add(this);
            added.channel().closeFuture().addListener(closed -> {
                endAfter(null);
                remove(this);
            });
            if (oldest != null) {
                oldest.context.executor().execute(oldest.context::close);
            }
        }

        @Override
        public void channelRead(ChannelHandlerContext from, Object message) throws Exception {
            if (message instanceof HttpRequest) {
                sending = true;
                endAfter(null);
                silent(this, false);
                unanswered++;
                if (unanswered > MOST_AHEAD) {
                    from.close();
                }
            }
            if (message instanceof LastHttpContent) {
                sending = false;
                if (unanswered == 0 && !closing) {
                    endAfter(times.idle());
                }
            }
            super.channelRead(from, message);
        }

        @Override
        public void write(ChannelHandlerContext to, Object message, ChannelPromise promise) throws Exception {
            ChannelPromise written = promise;
            if (message instanceof HttpResponse response) {
                closing |= response.headers().contains(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE, true);
            }
            if (message instanceof LastHttpContent && !(message instanceof HttpResponse response && response.status().equals(HttpResponseStatus.CONTINUE))) {
                // From here on its place may go to another, even if the client does not read.
                silent(this, unanswered == 1);
                written = promise.unvoid().addListener(done -> answered());
            }
            super.write(to, message, written);
        }

        private void answered() {
            unanswered--;
            if (closing && context.channel() instanceof DuplexChannel channel) {
                channel.shutdownOutput();
            }
            if (closing || unanswered == 0) {
                // If it was closed while the client sends, the client might not see its answer.
                endAfter(closing || sending ? times.linger() : times.idle());
                silent(this, true);
            }
        }

        private void endAfter(Duration time) {
            if (end != null) {
                end.cancel(false);
            }
            end = time == null || !context.channel().isOpen() ? null : context.executor().schedule(() -> context.close(), time.toMillis(), TimeUnit.MILLISECONDS);
        }

        @Override
        protected void channelIdle(ChannelHandlerContext idle, IdleStateEvent event) {
            ChannelOutboundBuffer waiting = idle.channel().unsafe().outboundBuffer();
            if (waiting != null && waiting.totalPendingWriteBytes() > 0) {
                idle.close();
            }
        }
    }
}
