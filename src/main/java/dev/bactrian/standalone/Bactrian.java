package dev.bactrian.standalone;

import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;

import dev.bactrian.config.SettingException;
import dev.bactrian.text.OneLine;

/** {@code java -jar bactrian.jar}: the service in the foreground, until it is told to stop. */
public final class Bactrian {

    private static final long LAST_WORDS_MILLIS = 1000;

    private Bactrian() {
    }

    /** Runs the service. A bad setting ends it with exit code 2 and one line that names the property. */
    public static void main(String[] args) {
        useIso();
        quietLogs();
        quietNetty();
        ConsoleOutput output = ConsoleOutput.install();
        AtomicBoolean told = new AtomicBoolean();
        try {
            Service service = new Service(Configuration.load(System.getenv(), System.getProperties()));
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                told.set(true);
                output.waitForNobody();
                service.close();
                output.drain(LAST_WORDS_MILLIS);
            }, "bactrian-stop"));
            service.start();
            service.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (Exception e) {
            if (told.get()) {
                // A start that is stopped under way is no bad setting.
                return;
            }
            output.drain(LAST_WORDS_MILLIS);
            System.err.println("bactrian: " + reason(e));
            Runtime.getRuntime().halt(2);
        }
    }

    /** Times and numbers are those of ISO: some locales have a calendar or digits of their own. Before anything is logged. */
    static void useIso() {
        Locale.setDefault(Locale.ROOT);
    }

    /** Sets what slf4j-simple logs, unless somebody has: the logging of a host application is not ours to set. */
    static void quietLogs() {
        ServiceLogs.install();
        Map.ofEntries(
                Map.entry("logFile", "System.out"),
                Map.entry("showDateTime", "true"),
                Map.entry("dateTimeFormat", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"),
                Map.entry("showThreadName", "false"),
                Map.entry("log.org.apache", "warn"),
                // What consumers say of a broker that is away, each of them every second, is said in one line.
                Map.entry("log.org.springframework.jms", "off"),
                Map.entry("log.org.apache.camel.component.jms.DefaultJmsMessageListenerContainer", "off"),
                Map.entry("log.dev.bactrian.jms.Connections$Consumers", "off"),
                Map.entry("log.org.messaginghub", "off"),
                Map.entry("log.org.apache.activemq.artemis.core.client", "off"),
                Map.entry("log.org.apache.camel.component.file.GenericFileOnCompletion", "error"),
                // What it has to say about the ledger's database, the ledger says in a line.
                Map.entry("log.com.zaxxer.hikari", "off"),
                // What is in work longer than a stop may take is broken off as it is meant to be.
                Map.entry("log.org.apache.camel.impl.engine.DefaultShutdownStrategy", "error"),
                Map.entry("log.org.apache.camel.impl.engine.DefaultInflightRepository", "error"),
                // A failed start is told by the service, in one line.
                Map.entry("log.org.apache.camel.impl.engine.AbstractCamelContext", "off"))
                .forEach((name, value) -> System.getProperties().putIfAbsent("org.slf4j.simpleLogger." + name, value));
    }

    /** From Java 24 on the JVM warns on standard error of Netty's way to memory, which Netty can do without. */
    private static void quietNetty() {
        if (Runtime.version().feature() >= 24) {
            System.getProperties().putIfAbsent("io.netty.noUnsafe", "true");
        }
    }

    /** The one line that explains a failed start: a bad setting where one is the cause, else the innermost cause. */
    static String reason(Throwable failure) {
        Throwable cause = failure;
        while (!(cause instanceof SettingException) && cause.getCause() != null && cause.getCause() != cause) {
            cause = cause.getCause();
        }
        String message = cause.getMessage() == null ? cause.toString() : cause.getMessage();
        return OneLine.of(message.lines().findFirst().orElse(cause.toString()));
    }
}
