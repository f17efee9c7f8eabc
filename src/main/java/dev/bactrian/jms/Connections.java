package dev.bactrian.jms;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.text.OneLineLogger;
import jakarta.jms.Connection;
import jakarta.jms.ConnectionFactory;
import jakarta.jms.Destination;
import jakarta.jms.InvalidDestinationException;
import jakarta.jms.JMSException;
import jakarta.jms.JMSSecurityException;
import jakarta.jms.ResourceAllocationException;
import jakarta.jms.Session;
import org.apache.activemq.artemis.api.core.ActiveMQException;
import org.apache.activemq.artemis.api.core.TransportConfiguration;
import org.apache.activemq.artemis.core.client.impl.ClientSessionInternal;
import org.apache.activemq.artemis.core.protocol.core.CoreRemotingConnection;
import org.apache.activemq.artemis.core.protocol.core.impl.PacketImpl;
import org.apache.activemq.artemis.jms.client.ActiveMQConnectionFactory;
import org.apache.activemq.artemis.jms.client.ActiveMQDestination;
import org.apache.activemq.artemis.jms.client.ActiveMQQueue;
import org.apache.activemq.artemis.jms.client.ActiveMQSession;
import org.apache.camel.CamelContext;
import org.apache.camel.component.jms.ConsumerType;
import org.apache.camel.component.jms.DefaultJmsMessageListenerContainer;
import org.apache.camel.component.jms.JmsComponent;
import org.apache.camel.component.jms.JmsEndpoint;
import org.apache.camel.support.service.ServiceSupport;
import org.messaginghub.pooled.jms.JmsPoolConnectionFactory;
import org.messaginghub.pooled.jms.JmsPoolSession;
import org.slf4j.Logger;
import org.springframework.jms.support.destination.DestinationResolver;
import org.springframework.jms.support.destination.DynamicDestinationResolver;
import org.springframework.util.backoff.BackOffExecution;

/** Sets up the connections to the broker and the Camel components that use them. */
final class Connections extends ServiceSupport {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.jms");

    /** Each listener container keeps one connection; the rest is for senders on other threads. */
    private static final int CONNECTIONS = 4;
    /** Limits unwrapping, in case a factory of the application wraps itself. */
    private static final int MOST_WRAPPERS = 10;

    private final EmbeddedBroker broker;
    private final JmsPoolConnectionFactory pool;
    private final BrokerWatch watch;
    private final ActiveMQConnectionFactory artemis;
    private final RawMessages raw;
    private final ConnectionFactory factory;
    private final DestinationResolver names = new DynamicDestinationResolver();
    private final Map<String, ActiveMQQueue> queues;

    Connections(CamelContext context, Settings settings) {
        queues = Stream.of(Property.JMS_REQUESTS, Property.JMS_POLLS, Property.JMS_DELIVERIES, Property.JMS_DEAD_LETTERS)
                .map(settings::require).distinct().collect(Collectors.toMap(name -> name, Connections::queue));
        String bean = settings.text(Property.JMS_CONNECTION_FACTORY).map(name -> name.replaceFirst("^#(bean:)?", "")).orElse(null);
        if (bean != null) {
            ConnectionFactory hosts = context.getRegistry().lookupByNameAndType(bean, ConnectionFactory.class);
            if (hosts == null) {
                throw new SettingException(Property.JMS_CONNECTION_FACTORY.key(), "no ConnectionFactory bean is named '" + bean + "'");
            }
            broker = null;
            pool = null;
            artemis = artemis(hosts);
            watch = new BrokerWatch(context, hosts, artemis, "of " + bean);
            raw = readBodiesLater(artemis, settings);
            factory = hosts;
            addComponents(context, hosts);
            return;
        }
        String url = settings.text(Property.JMS_URL).orElse(null);
        broker = url != null ? null : EmbeddedBroker.start(Path.of(settings.require(Property.DATA_DIR), "broker").toAbsolutePath(), settings);
        artemis = factory(url == null ? broker.url() : url, settings);
        // The broker inside the process deletes no queue, so that the client need not ask about other queues for each message either.
        artemis.setCacheDestinations(url == null);
        raw = readBodiesLater(artemis, settings);
        pool = new JmsPoolConnectionFactory();
        pool.setConnectionFactory(artemis);
        pool.setMaxConnections(CONNECTIONS);
        pool.setMaxSessionsPerConnection(-1);
        pool.start();
        factory = pool;
        watch = new BrokerWatch(context, artemis, artemis, url == null ? "inside the process" : Settings.withoutQueries(url));
        addComponents(context, pool);
    }

    /** Returns the factory of connections to the broker. */
    ConnectionFactory factory() {
        return factory;
    }

    private static ActiveMQConnectionFactory factory(String url, Settings settings) {
        ActiveMQConnectionFactory factory;
        try {
            factory = new ActiveMQConnectionFactory(url,
                    settings.text(Property.JMS_USER).orElse(null), settings.text(Property.JMS_PASSWORD).orElse(null));
        } catch (RuntimeException e) {
            throw noUrl();
        }
        for (TransportConfiguration connector : factory.getStaticConnectors() == null ? new TransportConfiguration[0] : factory.getStaticConnectors()) {
            if (!Tcp.isAddress(connector) && !url.startsWith("vm:")) {
                throw noUrl();
            }
        }
        if (!url.contains("consumerWindowSize")) {
            // No prefetch: a slow request must not hold back the messages behind it.
            factory.setConsumerWindowSize(0);
        }
        factory.setDeserializationDenyList("*");
        return factory;
    }

    /** Returns the Artemis factory that the application's factory is or wraps, or null. */
    private static ActiveMQConnectionFactory artemis(ConnectionFactory factory) {
        Object inner = factory;
        for (int i = 0; i < MOST_WRAPPERS && inner != null; i++) {
            if (inner instanceof ActiveMQConnectionFactory found) {
                return found;
            }
            inner = target(inner);
        }
        return null;
    }

    /** Leaves the bodies of our queues undecoded. Does not affect the application's consumers of other queues. */
    private static RawMessages readBodiesLater(ActiveMQConnectionFactory artemis, Settings settings) {
        RawMessages raw = new RawMessages(Stream.of(Property.JMS_REQUESTS, Property.JMS_POLLS, Property.JMS_DELIVERIES).map(settings::require).toList());
        if (artemis != null) {
            artemis.getServerLocator().addIncomingInterceptor(raw);
        }
        return raw;
    }

    /** Returns the factory that a pool or wrapper uses, or null. pooled-jms and Spring have these getters. */
    private static Object target(Object factory) {
        for (String getter : List.of("getConnectionFactory", "getTargetConnectionFactory")) {
            try {
                return factory.getClass().getMethod(getter).invoke(factory);
            } catch (ReflectiveOperationException | RuntimeException e) {
                // try the next getter
            }
        }
        return null;
    }

    private static ActiveMQQueue queue(String name) {
        ActiveMQQueue queue = new ActiveMQQueue(name);
        queue.setCreated(true);
        return queue;
    }

    private static SettingException noUrl() {
        return new SettingException(Property.JMS_URL.key(), "is not a URL of the Artemis client, such as tcp://host:61616, "
                + "or with TLS tcp://host:61617?sslEnabled=true");
    }

    private void addComponents(CamelContext context, ConnectionFactory factory) {
        context.addComponent("bactrianJms", component(factory));
        boolean hostHasItsOwn = context.hasComponent("jms") != null || context.getRegistry().lookupByName("jms") != null
                || !context.getRegistry().findByType(ConnectionFactory.class).isEmpty();
        if (!hostHasItsOwn) {
            context.addComponent("jms", component(factory));
        }
    }

    /** Both components use the same factory, so that what a consumer's thread sends is part of the consumer's transaction. */
    private JmsComponent component(ConnectionFactory factory) {
        JmsComponent component = new JmsComponent();
        component.setConnectionFactory(factory);
        component.setTransacted(true);
        component.setLazyCreateTransactionManager(false);
        component.setCacheLevelName("CACHE_CONSUMER");
        component.setDestinationResolver(this::destination);
        component.setRecoveryInterval(1000);
        component.setConsumerType(ConsumerType.Custom);
        component.setMessageListenerContainerFactory(endpoint -> new Consumers(endpoint, watch));
        component.setExceptionListener(watch);
        component.setErrorHandler(this::givenBack);
        return component;
    }

    /**
     * Resolves a name. The Artemis client asks the broker three times per message whether its queue exists. For our own queues it need
     * not: since 2.28, a broker that has deleted the queue because it was empty creates it again when a message arrives, or rejects the
     * message. An older broker would drop the message, and is asked.
     */
    private Destination destination(Session session, String name, boolean topic) throws JMSException {
        ActiveMQQueue own = topic ? null : queues.get(name);
        return own != null && createsQueues(session) ? own : names.resolveDestinationName(session, name, topic);
    }

    private static boolean createsQueues(Session session) throws JMSException {
        Session inner = session instanceof JmsPoolSession pooled ? pooled.getInternalSession() : session;
        return inner instanceof ActiveMQSession artemis && artemis.getCoreSession() instanceof ClientSessionInternal core
                && core.getConnection() instanceof CoreRemotingConnection connection
                && connection.getChannelVersion() >= PacketImpl.ARTEMIS_2_28_0_VERSION;
    }

    /**
     * Whether the reply destination still exists. If not, Artemis' client would create the temporary queue again, and nobody would read it.
     *
     * @throws JMSException if the broker cannot be queried
     */
    boolean isThere(Destination destination) throws JMSException {
        if (pool == null || !(destination instanceof ActiveMQDestination artemis) || !artemis.isTemporary()) {
            return true;
        }
        try (Connection connection = pool.createConnection();
                Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE)) {
            ActiveMQSession inner = (ActiveMQSession) ((JmsPoolSession) session).getInternalSession();
            return inner.getCoreSession().addressQuery(artemis.getSimpleAddress()).isExists();
        } catch (ActiveMQException e) {
            throw (JMSException) new JMSException(e.getMessage()).initCause(e);
        }
    }

    /** Logs that a message is redelivered because its consumer failed. If the broker is the reason, the watch has logged it. */
    private void givenBack(Throwable failure) {
        Throwable cause = failure;
        while (cause.getCause() != null && !(cause instanceof JMSException)) {
            cause = cause.getCause();
        }
        boolean refused = cause instanceof JMSSecurityException || cause instanceof InvalidDestinationException
                || cause instanceof ResourceAllocationException;
        if (cause instanceof JMSException && !refused || cause instanceof RejectedExecutionException) {
            LOG.debug("A message goes back to its queue", failure);
        } else {
            LOG.warn("A message goes back to its queue: {}: {}", cause.getClass().getSimpleName(), cause.getMessage());
        }
    }

    /** The consumers of a queue. While the broker is down, the watch tries to connect, and not each consumer every second. */
    private static final class Consumers extends DefaultJmsMessageListenerContainer {

        private final BrokerWatch watch;

        Consumers(JmsEndpoint endpoint, BrokerWatch watch) {
            super(endpoint);
            this.watch = watch;
        }

        @Override
        protected boolean applyBackOffTime(BackOffExecution execution) {
            boolean goOn = super.applyBackOffTime(execution);
            watch.await(this::isRunning);
            return goOn;
        }
    }

    @Override
    protected void doStop() {
        watch.close();
        if (artemis != null) {
            artemis.getServerLocator().removeIncomingInterceptor(raw);
        }
        if (pool != null) {
            pool.stop();
        }
        if (broker != null) {
            broker.close();
        }
    }
}
