package dev.bactrian.generate;

import java.util.Optional;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.threads.Descriptors;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Expression;
import org.slf4j.Logger;

/**
 * The number of requests that each trigger may process at once: {@code bactrian.max-in-flight}, or fewer if the process may not open
 * enough files and connections.
 */
public final class Capacity implements CamelContextAware, Expression {

    private static final String BEAN = "bactrianCapacity";
    private static final Logger LOG = OneLineLogger.of("dev.bactrian");

    /**
     * The maximum number of file descriptors for one request: its connection, an idle connection to the other service, the server side of
     * a connection to the built-in simulator, and a file.
     */
    private static final int PER_REQUEST = 4;
    /** File descriptors for everything else in the process. */
    private static final int RESERVE = 32;

    private CamelContext camelContext;
    private int most;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    /** Logs one warning if fewer requests are possible than configured. */
    @Override
    public void setCamelContext(CamelContext context) {
        if (camelContext == context) {
            return;
        }
        camelContext = context;
        int asked = Settings.of(context).count(Property.MAX_IN_FLIGHT);
        Optional<Descriptors.Count> count = Descriptors.count();
        most = count.map(descriptors -> affordable(asked, descriptors)).orElse(asked);
        if (most < asked) {
            try {
                context.addStartupListener((started, already) -> say(asked, count.get()));
            } catch (Exception e) {
                say(asked, count.get());
            }
        }
    }

    /** Logs only for the bean in the registry, because Camel may create a bean of a YAML file twice. */
    private void say(int asked, Descriptors.Count count) {
        if (camelContext.getRegistry().lookupByName(BEAN) == this) {
            LOG.warn("{} requests are in work at once, and not {}={}: the process may open {} files and connections (ulimit -n), has {} open, "
                    + "and a request takes up to {}", most, Property.MAX_IN_FLIGHT.key(), asked, count.most(), count.open(), PER_REQUEST);
        }
    }

    private static int affordable(int asked, Descriptors.Count descriptors) {
        return (int) Math.max(1, Math.min(asked, (descriptors.most() - descriptors.open() - RESERVE) / PER_REQUEST));
    }

    /** Returns the capacity of a context. */
    public static Capacity of(CamelContext context) {
        Capacity capacity = context.getRegistry().lookupByNameAndType(BEAN, Capacity.class);
        if (capacity == null) {
            capacity = new Capacity();
            capacity.setCamelContext(context);
        }
        return capacity;
    }

    /** Returns the number of requests that may be processed at once. */
    public int most() {
        return most;
    }

    /** Returns {@link #most()}, for the routes. */
    @Override
    public <T> T evaluate(Exchange exchange, Class<T> type) {
        return exchange.getContext().getTypeConverter().convertTo(type, exchange, most);
    }
}
