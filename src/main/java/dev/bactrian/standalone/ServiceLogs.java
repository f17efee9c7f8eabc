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
 * The service's logging: slf4j-simple, of whose messages each is one line, those of Camel, the broker and all others
 * included, and whose times are those of ISO 8601 whatever the platform's calendar and digits are.
 */
public final class ServiceLogs implements SLF4JServiceProvider {

    private static final String SIMPLE = "org.slf4j.simple.SimpleServiceProvider";

    private final SimpleServiceProvider simple = new SimpleServiceProvider();
    private final Map<String, Logger> loggers = new ConcurrentHashMap<>();

    /** Has SLF4J take this one, unless somebody has chosen another, or has put another in the place of slf4j-simple. */
    static void install() {
        try {
            Class.forName(SIMPLE);
        } catch (ClassNotFoundException e) {
            return;
        }
        System.getProperties().putIfAbsent("slf4j.provider", ServiceLogs.class.getName());
        // It would tell on standard error which one it takes.
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
