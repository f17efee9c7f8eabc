package dev.bactrian.standalone;

import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

import dev.bactrian.config.SettingException;
import dev.bactrian.text.OneLine;

/** The main class of {@code java -jar bactrian.jar}: runs the service in the foreground until it is stopped. */
public final class Bactrian {

    private static final long LAST_WORDS_MILLIS = 1000;
    /** The exit code after SIGTERM. */
    private static final int TERMINATED = 143;

    private Bactrian() {
    }

    /** Runs the service. Exits with code 2 and a one-line error if it cannot start, for example because of a malformed property. */
    public static void main(String[] args) {
        useIso();
        quietLogs();
        quietNetty();
        ConsoleOutput output = ConsoleOutput.install();
        AtomicBoolean reported = new AtomicBoolean();
        try {
            Optional<ClassArchive> archive = ClassArchive.named();
            Service service = new Service(Configuration.load(System.getenv(), System.getProperties()));
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                reported.set(true);
                output.waitForNobody();
                archive.ifPresent(ClassArchive::close);
                boolean stopped = true;
                try {
                    stopped = service.stop();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                output.drain(LAST_WORDS_MILLIS);
                if (!stopped) {
                    // Camel's own shutdown hook waits for the same.
                    Runtime.getRuntime().halt(TERMINATED);
                }
            }, "bactrian-stop"));
            service.start();
            archive.ifPresent(ClassArchive::renew);
            service.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (Exception e) {
            if (reported.get()) {
                // A stop during the start is not an error.
                return;
            }
            output.drain(LAST_WORDS_MILLIS);
            System.err.println("bactrian: " + reason(e));
            Runtime.getRuntime().halt(2);
        }
    }

    /** Formats times and numbers as ISO does: some locales have another calendar or other digits. Must run before anything is logged. */
    static void useIso() {
        Locale.setDefault(Locale.ROOT);
    }

    /** Configures slf4j-simple, except for options that are already set. */
    static void quietLogs() {
        ServiceLogs.install();
        Map.ofEntries(
                Map.entry("logFile", "System.out"),
                Map.entry("showDateTime", "true"),
                Map.entry("dateTimeFormat", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"),
                Map.entry("showThreadName", "false"),
                Map.entry("log.org.apache", "warn"),
                // Each consumer would log every second that the broker is down; BrokerWatch logs it once.
                Map.entry("log.org.springframework.jms", "off"),
                Map.entry("log.org.apache.camel.component.jms.DefaultJmsMessageListenerContainer", "off"),
                Map.entry("log.dev.bactrian.jms.Connections$Consumers", "off"),
                Map.entry("log.org.messaginghub", "off"),
                Map.entry("log.org.apache.activemq.artemis.core.client", "off"),
                Map.entry("log.org.apache.camel.component.file.GenericFileOnCompletion", "error"),
                // The ledger logs problems of its database on one line.
                Map.entry("log.com.zaxxer.hikari", "off"),
                // Cutting work that takes longer than the shutdown timeout is expected.
                Map.entry("log.org.apache.camel.impl.engine.DefaultShutdownStrategy", "error"),
                Map.entry("log.org.apache.camel.impl.engine.DefaultInflightRepository", "error"),
                // The service reports a failed start on one line.
                Map.entry("log.org.apache.camel.impl.engine.AbstractCamelContext", "off"))
                .forEach((name, value) -> System.getProperties().putIfAbsent("org.slf4j.simpleLogger." + name, value));
    }

    /** Turns off Netty's use of Unsafe, which it can do without. From Java 24 on the JVM warns about it on standard error. */
    static void quietNetty() {
        if (Runtime.version().feature() >= 24) {
            System.getProperties().putIfAbsent("io.netty.noUnsafe", "true");
        }
    }

    /** Returns the one line that explains a failed start: the malformed property if there is one, or else the innermost cause. */
    static String reason(Throwable failure) {
        Throwable cause = failure;
        while (!(cause instanceof SettingException) && cause.getCause() != null && cause.getCause() != cause) {
            cause = cause.getCause();
        }
        String message = cause.getMessage() == null ? cause.toString() : cause.getMessage();
        return OneLine.of(message.lines().findFirst().orElse(cause.toString()));
    }
}
