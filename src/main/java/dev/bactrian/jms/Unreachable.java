package dev.bactrian.jms;

import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.channels.ClosedChannelException;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ScheduledExecutorService;

import dev.bactrian.http.Tls;
import dev.bactrian.text.OneLine;
import io.netty.channel.ChannelFuture;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.concurrent.Future;
import org.apache.activemq.artemis.api.core.ActiveMQException;
import org.apache.activemq.artemis.api.core.TransportConfiguration;
import org.apache.activemq.artemis.core.protocol.core.impl.ActiveMQClientProtocolManager;
import org.apache.activemq.artemis.core.remoting.impl.netty.NettyConnector;
import org.apache.activemq.artemis.core.remoting.impl.netty.NettyConnectorFactory;
import org.apache.activemq.artemis.core.server.ActiveMQComponent;
import org.apache.activemq.artemis.jms.client.ActiveMQConnectionFactory;
import org.apache.activemq.artemis.spi.core.remoting.BaseConnectionLifeCycleListener;
import org.apache.activemq.artemis.spi.core.remoting.Connection;

/** Finds out why a broker cannot be reached: the Artemis client only logs the reason, with a stack trace. */
final class Unreachable {

    private static final long LONGEST_MILLIS = 3_000;

    private Unreachable() {
    }

    /** Returns the reason on one line, or empty if a connection can be made. Takes up to several seconds per host. */
    static Optional<String> why(ActiveMQConnectionFactory factory, ScheduledExecutorService threads) {
        return Arrays.stream(factory.getStaticConnectors() == null ? new TransportConfiguration[0] : factory.getStaticConnectors())
                .filter(connector -> NettyConnectorFactory.class.getName().equals(connector.getFactoryClassName()))
                .map(connector -> why(connector.getParams(), threads)).filter(Objects::nonNull).findFirst();
    }

    private static String why(Map<String, Object> connector, ScheduledExecutorService threads) {
        String host = Tcp.host(connector);
        int port = Tcp.port(connector);
        try {
            NettyConnector netty = new NettyConnector(connector, (connection, buffer) -> { }, new Nobody(), threads, threads, threads, new ActiveMQClientProtocolManager());
            try {
                netty.start();
                Throwable problem = problem(netty.getBootStrap().connect(new InetSocketAddress(host, port)));
                return problem == null ? null : words(problem, host);
            } finally {
                netty.close();
            }
        } catch (RuntimeException e) {
            return words(e, host);
        }
    }

    private static Throwable problem(ChannelFuture connected) {
        try {
            if (!connected.awaitUninterruptibly(LONGEST_MILLIS)) {
                return new IllegalStateException("no connection within " + LONGEST_MILLIS + " ms");
            }
            SslHandler tls = connected.channel().pipeline().get(SslHandler.class);
            Future<?> shaken = tls == null ? connected : tls.handshakeFuture();
            if (connected.isSuccess() && !shaken.awaitUninterruptibly(LONGEST_MILLIS)) {
                return new IllegalStateException("no answer to the TLS handshake within " + LONGEST_MILLIS + " ms");
            }
            return connected.isSuccess() ? shaken.cause() : connected.cause();
        } finally {
            connected.channel().close();
        }
    }

    private static String words(Throwable problem, String host) {
        String fault = Tls.certificateFault(problem, host);
        if (fault != null) {
            return fault;
        }
        Throwable cause = problem;
        while (cause.getCause() != null && cause.getCause() != cause) {
            cause = cause.getCause();
        }
        if (cause instanceof ClosedChannelException) {
            return "closed before it was open; are trustStorePath, keyStorePath and their passwords right?";
        }
        String words = OneLine.of(String.valueOf(cause.getMessage()));
        return cause instanceof UnknownHostException ? "unknown host " + host : cause.getMessage() == null ? cause.getClass().getSimpleName() : words;
    }

    /** Ignores the events of a connection that is only opened for a test. */
    private static final class Nobody implements BaseConnectionLifeCycleListener<ActiveMQClientProtocolManager> {

        @Override
        public void connectionCreated(ActiveMQComponent component, Connection connection,
                ActiveMQClientProtocolManager protocol) {
            // closed at once
        }

        @Override
        public void connectionDestroyed(Object connectionId, boolean failed) {
            // intended
        }

        @Override
        public void connectionException(Object connectionId, ActiveMQException problem) {
            // reported by the caller
        }

        @Override
        public void connectionReadyForWrites(Object connectionId, boolean ready) {
            // nothing is written
        }
    }
}
