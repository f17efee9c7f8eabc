package dev.bactrian.jms;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.channels.UnresolvedAddressException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.error.Cause;
import org.apache.activemq.artemis.api.core.QueueConfiguration;
import org.apache.activemq.artemis.api.core.RoutingType;
import org.apache.activemq.artemis.api.core.SimpleString;
import org.apache.activemq.artemis.api.core.TransportConfiguration;
import org.apache.activemq.artemis.core.config.ConfigurationUtils;
import org.apache.activemq.artemis.core.config.CoreAddressConfiguration;
import org.apache.activemq.artemis.core.config.impl.ConfigurationImpl;
import org.apache.activemq.artemis.core.remoting.impl.netty.NettyAcceptor;
import org.apache.activemq.artemis.core.server.JournalType;
import org.apache.activemq.artemis.core.server.embedded.EmbeddedActiveMQ;
import org.apache.activemq.artemis.core.settings.impl.AddressSettings;

/** An Artemis broker inside the process, with its journal in a folder. Only this process can connect, unless an acceptor is configured. */
final class EmbeddedBroker implements AutoCloseable {

    /** Avoids the ids of an embedded broker of the application. */
    private static final AtomicInteger NEXT_ID = new AtomicInteger(47_100);

    private final EmbeddedActiveMQ broker = new EmbeddedActiveMQ();
    private final int id = NEXT_ID.getAndIncrement();
    private FileChannel lock;

    private EmbeddedBroker() {
    }

    /**
     * Starts a broker.
     *
     * @throws SettingException if it cannot start, for example because another process uses the folder
     */
    static EmbeddedBroker start(Path folder, Settings settings) {
        TransportConfiguration acceptor = settings.text(Property.JMS_ACCEPTOR).map(EmbeddedBroker::acceptor).orElse(null);
        EmbeddedBroker started = new EmbeddedBroker();
        try {
            started.lock(folder);
            started.broker.setConfiguration(started.configuration(folder, settings));
            started.broker.start();
        } catch (Exception e) {
            started.unlock();
            throw new SettingException(Property.DATA_DIR.key(), "the broker cannot start in '" + folder + "': " + e.getMessage());
        }
        if (acceptor != null) {
            started.open(acceptor);
        }
        return started;
    }

    private static TransportConfiguration acceptor(String url) {
        try {
            List<TransportConfiguration> acceptors = ConfigurationUtils.parseAcceptorURI("bactrian", url);
            if (acceptors.size() == 1 && Tcp.isAddress(acceptors.get(0))) {
                return acceptors.get(0);
            }
        } catch (RuntimeException e) {
            // reported below
        }
        throw new SettingException(Property.JMS_ACCEPTOR.key(), "is not a URL of an acceptor of Artemis, such as tcp://127.0.0.1:61616");
    }

    /** Opens the acceptor separately, because the broker's start would only log a failure, with a stack trace, and continue. */
    private void open(TransportConfiguration acceptor) {
        try {
            // The constructor throws, for example, on a bad key store; the broker itself would only log that.
            new NettyAcceptor(acceptor.getName(), null, acceptor.getParams(), null, null, null, null, Map.of(), null, null);
            broker.getActiveMQServer().getRemotingService().createAcceptor(acceptor).start();
        } catch (Exception e) {
            close();
            Throwable cause = e;
            while (cause.getCause() != null && cause.getCause() != cause) {
                cause = cause.getCause();
            }
            String host = Tcp.host(acceptor.getParams());
            throw new SettingException(Property.JMS_ACCEPTOR.key(), "cannot be opened at " + host + ":" + Tcp.port(acceptor.getParams()) + ": "
                    + (cause instanceof UnresolvedAddressException ? "unknown host " + host : Cause.words(cause)));
        }
    }

    /** Locks the folder. Artemis has a lock of its own, but waits for it and logs a page when it fails. */
    private void lock(Path folder) throws IOException {
        Files.createDirectories(folder);
        lock = FileChannel.open(folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            if (lock.tryLock() != null) {
                return;
            }
        } catch (OverlappingFileLockException e) {
            // reported below
        }
        throw new IOException("another one is running there");
    }

    private void unlock() {
        try {
            if (lock != null) {
                lock.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private ConfigurationImpl configuration(Path folder, Settings settings) throws Exception {
        ConfigurationImpl configuration = new ConfigurationImpl();
        configuration.setName("bactrian-" + id).setSecurityEnabled(false).setPersistenceEnabled(true);
        configuration.setJournalDirectory(folder.resolve("journal").toString()).setBindingsDirectory(folder.resolve("bindings").toString())
                .setLargeMessagesDirectory(folder.resolve("large").toString()).setPagingDirectory(folder.resolve("paging").toString());
        configuration.setJournalType(JournalType.NIO);
        // The time in ns that a write waits to share a sync to disk with others. With the default of 3.3 ms, few consumers would be slow.
        configuration.setJournalBufferTimeout_NIO(300_000);
        configuration.setMaxDiskUsage(98);
        configuration.addAcceptorConfiguration("in-vm", url());
        String deadLetters = settings.require(Property.JMS_DEAD_LETTERS);
        configuration.addAddressSetting("#", new AddressSettings()
                .setDeadLetterAddress(SimpleString.of(deadLetters)).setExpiryAddress(SimpleString.of(deadLetters))
                // No limit here: the routes limit the attempts, because the broker's count includes deliveries that a stopping
                // consumer returned.
                .setMaxDeliveryAttempts(-1).setRedeliveryDelay(500).setRedeliveryMultiplier(2).setMaxRedeliveryDelay(5_000)
                .setAutoDeleteQueues(false).setAutoDeleteAddresses(false));
        for (Property queue : List.of(Property.JMS_REQUESTS, Property.JMS_POLLS, Property.JMS_DELIVERIES, Property.JMS_DEAD_LETTERS)) {
            String name = settings.require(queue);
            configuration.addAddressConfiguration(new CoreAddressConfiguration().setName(name).addRoutingType(RoutingType.ANYCAST)
                    .addQueueConfiguration(QueueConfiguration.of(name).setRoutingType(RoutingType.ANYCAST).setDurable(true)));
        }
        return configuration;
    }

    /** Returns the URL for clients in this process. */
    String url() {
        return "vm://" + id;
    }

    @Override
    public void close() {
        try {
            broker.stop();
        } catch (Exception e) {
            throw new IllegalStateException("the broker cannot be stopped: " + e.getMessage(), e);
        } finally {
            unlock();
        }
    }
}
