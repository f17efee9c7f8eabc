package dev.bactrian.standalone;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import dev.bactrian.text.OneLineLogger;
import org.slf4j.ILoggerFactory;
import org.slf4j.IMarkerFactory;
import org.slf4j.Logger;
import org.slf4j.simple.SimpleServiceProvider;
import org.slf4j.spi.MDCAdapter;
import org.slf4j.spi.SLF4JServiceProvider;

/**
 * The logging of the service: slf4j-simple, with each message on one line, including those of Camel and the broker, and with ISO
 * 8601 times regardless of the platform's calendar and digits.
 */
public final class ServiceLogs implements SLF4JServiceProvider {

    private static final String SIMPLE = "org.slf4j.simple.SimpleServiceProvider";

    private final SimpleServiceProvider simple = new SimpleServiceProvider();
    private final Map<String, Logger> loggers = new ConcurrentHashMap<>();

    /** Makes SLF4J use this provider, unless another one is configured or slf4j-simple is missing. */
    static void install() {
        try {
            Class.forName(SIMPLE);
        } catch (ClassNotFoundException e) {
            return;
        }
        System.getProperties().putIfAbsent("slf4j.provider", ServiceLogs.class.getName());
        // SLF4J would report the choice on standard error.
        System.getProperties().putIfAbsent("slf4j.internal.verbosity", "WARN");
    }

    @Override
    public void initialize() {
        simple.initialize();
    }

    @Override
    public ILoggerFactory getLoggerFactory() {
        return name -> loggers.computeIfAbsent(name, same -> new OneLineLogger(simple.getLoggerFactory().getLogger(same)));
    }

    @Override
    public IMarkerFactory getMarkerFactory() {
        return simple.getMarkerFactory();
    }

    @Override
    public MDCAdapter getMDCAdapter() {
        return simple.getMDCAdapter();
    }

    @Override
    public String getRequestedApiVersion() {
        return simple.getRequestedApiVersion();
    }
}
