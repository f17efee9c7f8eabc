package dev.bactrian.jms;

import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;

/**
 * Sets up the queue trigger: the beans {@code bactrianQueue} and {@code bactrianQueueDeliveries}, and the component {@code bactrianJms} of
 * {@code routes/from-jms.camel.yaml}, and, where the application has none, the component {@code jms} for destinations.
 * Does nothing where the trigger is off, and names no class of JMS itself: an application without it on its class path
 * loads the routes all the same.
 */
public final class Queues implements CamelContextAware {

    private CamelContext camelContext;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
    }

    /**
     * Starts the broker where it is inside the process, and adds the components; the Camel context stops them after its
     * routes. A broker elsewhere need not be there yet. (Camel makes the beans of a route file more than once.)
     *
     * @throws SettingException where a property is wrong or a library is missing
     */
    public void start() throws Exception {
        Settings settings = Settings.of(camelContext);
        if (!settings.flag(Property.JMS_ENABLED)) {
            return;
        }
        try {
            if (camelContext.hasService(Connections.class) == null) {
                Connections connections = new Connections(camelContext, settings);
                camelContext.addService(connections);
                camelContext.addLifecycleStrategy(new ShutdownTimeoutHandler());
                QueueMessages messages = new QueueMessages(camelContext);
                camelContext.getRegistry().bind("bactrianQueue", new QueueRequests(camelContext, messages));
                camelContext.getRegistry().bind("bactrianQueueDeliveries", new QueueDeliveries(camelContext, messages, connections));
            }
        } catch (NoClassDefFoundError e) {
            throw new SettingException(Property.JMS_ENABLED.key(), "the queue needs camel-jms, artemis-jakarta-client (for a broker "
                    + "inside the process artemis-jakarta-server) and pooled-jms on the class path; missing is " + e.getMessage());
        }
    }
}
