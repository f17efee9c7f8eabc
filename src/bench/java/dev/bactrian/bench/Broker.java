package dev.bactrian.bench;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;

import org.apache.activemq.artemis.core.config.impl.ConfigurationImpl;
import org.apache.activemq.artemis.core.server.JournalType;
import org.apache.activemq.artemis.core.server.embedded.EmbeddedActiveMQ;
import org.apache.activemq.artemis.core.settings.impl.AddressSettings;

/**
 * A broker in a process of its own: {@code Broker FOLDER}. Runs an Artemis server with the journal settings of Bactrian's embedded broker.
 */
public final class Broker {

    /** The prefix of the line with the URL. */
    static final String READY = "Broker listening on ";

    private Broker() {
    }

    /** Runs until the process is killed. */
    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]).toAbsolutePath();
        String url = "tcp://127.0.0.1:" + freePort();
        ConfigurationImpl configuration = new ConfigurationImpl();
        configuration.setName("bench").setSecurityEnabled(false).setPersistenceEnabled(true).setMaxDiskUsage(98);
        configuration.setJournalDirectory(folder.resolve("journal").toString()).setBindingsDirectory(folder.resolve("bindings").toString())
                .setLargeMessagesDirectory(folder.resolve("large").toString()).setPagingDirectory(folder.resolve("paging").toString());
        configuration.setJournalType(JournalType.NIO).setJournalBufferTimeout_NIO(300_000);
        configuration.addAcceptorConfiguration("tcp", url);
        configuration.addAddressSetting("#", new AddressSettings().setAutoDeleteQueues(false).setAutoDeleteAddresses(false));
        new EmbeddedActiveMQ().setConfiguration(configuration).start();
        System.out.println(READY + url);
        new CountDownLatch(1).await();
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }
}
