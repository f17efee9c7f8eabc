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
 * How many requests may be in work at once, per trigger: {@code bactrian.max-in-flight}, and no more than this process may
 * open files and connections for.
 */
public final class Capacity implements CamelContextAware, Expression {

    private static final String BEAN = "bactrianCapacity";
    private static final Logger LOG = OneLineLogger.of("dev.bactrian");

    /**
     * Descriptors of a request at most: its connection, one that lies idle meanwhile at the other service, the other end of
     * it where the simulator is built in, and a file that is read or written.
     */
    private static final int PER_REQUEST = 4;
    /** Left for the rest of the process. */
    private static final int RESERVE = 32;

    private CamelContext camelContext;
    private int most;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    /** Says on one line where it is less than what was asked for. */
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

    /** Once, though Camel may make a bean of a YAML file twice. */
    private void say(int asked, Descriptors.Count count) {
        if (camelContext.getRegistry().lookupByName(BEAN) == this) {
            LOG.warn("{} requests are in work at once, and not {}={}: the process may open {} files and connections (ulimit -n), has {} open, "
                    + "and a request takes up to {}", most, Property.MAX_IN_FLIGHT.key(), asked, count.most(), count.open(), PER_REQUEST);
        }
    }

    private static int affordable(int asked, Descriptors.Count descriptors) {
        return (int) Math.max(1, Math.min(asked, (descriptors.most() - descriptors.open() - RESERVE) / PER_REQUEST));
    }

    /** That of a context. */
    public static Capacity of(CamelContext context) {
        Capacity capacity = context.getRegistry().lookupByNameAndType(BEAN, Capacity.class);
        if (capacity == null) {
            capacity = new Capacity();
            capacity.setCamelContext(context);
        }
        return capacity;
    }

    /** Requests in work at once. */
    public int most() {
        return most;
    }

    /** For the routes: the same. */
    @Override
    public <T> T evaluate(Exchange exchange, Class<T> type) {
        return exchange.getContext().getTypeConverter().convertTo(type, exchange, most);
    }
}
