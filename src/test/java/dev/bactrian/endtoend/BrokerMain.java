package dev.bactrian.endtoend;

import java.nio.file.Path;
import java.util.Set;

import org.apache.activemq.artemis.core.config.Configuration;
import org.apache.activemq.artemis.core.config.impl.ConfigurationImpl;
import org.apache.activemq.artemis.core.security.CheckType;
import org.apache.activemq.artemis.core.security.Role;
import org.apache.activemq.artemis.core.server.JournalType;
import org.apache.activemq.artemis.core.server.embedded.EmbeddedActiveMQ;
import org.apache.activemq.artemis.core.settings.impl.AddressSettings;
import org.apache.activemq.artemis.spi.core.security.ActiveMQSecurityManager;

/** An Artemis broker with its journal in the working folder: {@code PORT [USER PASSWORD]}. It says when it accepts. */
final class BrokerMain {

    static final String READY = "Broker accepts";

    private static final int JOURNAL_BUFFER_NANOS = 300_000;
    /** No limit: the broker counts each crash several times over, and drops a request that it finds too often tried. */
    private static final int MAX_DELIVERY_ATTEMPTS = -1;

    private BrokerMain() {
    }

    /** Lets in one user, who may do everything. */
    private record OneUser(String name, String secret) implements ActiveMQSecurityManager {

        @Override
        public boolean validateUser(String user, String password) {
            return name.equals(user) && secret.equals(password);
        }

        @Override
        public boolean validateUserAndRole(String user, String password, Set<Role> roles, CheckType checkType) {
            return validateUser(user, password);
        }
    }

    private static Configuration configuration(int port, Path folder, boolean secured) throws Exception {
        return new ConfigurationImpl()
                .setPersistenceEnabled(true)
                .setJournalType(JournalType.NIO)
                .setJournalBufferTimeout_NIO(JOURNAL_BUFFER_NANOS)
                .setJournalDirectory(folder.resolve("journal").toString())
                .setBindingsDirectory(folder.resolve("bindings").toString())
                .setPagingDirectory(folder.resolve("paging").toString())
                .setLargeMessagesDirectory(folder.resolve("large-messages").toString())
                .setMaxDiskUsage(-1)
                .setSecurityEnabled(secured)
                .addAddressSetting("#", new AddressSettings().setMaxDeliveryAttempts(MAX_DELIVERY_ATTEMPTS))
                .addAcceptorConfiguration("tcp", "tcp://127.0.0.1:" + port);
    }

    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(args[0]);
        boolean secured = args.length == 3;
        EmbeddedActiveMQ broker = new EmbeddedActiveMQ()
                .setConfiguration(configuration(port, Path.of("").toAbsolutePath(), secured));
        if (secured) {
            broker.setSecurityManager(new OneUser(args[1], args[2]));
        }
        broker.start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                broker.stop();
            } catch (Exception e) {
                System.err.println("The broker did not stop: " + e);
            }
        }));
        System.out.println(READY + " at port " + port);
        Thread.currentThread().join();
    }
}
