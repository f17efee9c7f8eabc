package dev.bactrian.jms;

import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;

/**
 * Sets up the queue trigger: the beans {@code bactrianQueue} and {@code bactrianQueueDeliveries}, the component {@code bactrianJms}
 * of {@code routes/from-jms.camel.yaml}, and, unless the application has one, the component {@code jms} for destinations. Does
 * nothing if the trigger is off. This class refers to no JMS class, so that the routes also load in an application without JMS.
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
     * Starts the embedded broker, if it is used, and adds the components. The Camel context stops them after its routes. An external
     * broker need not be up. Does nothing on a further call, because Camel creates the beans of a route file more than once.
     *
     * @throws SettingException if a property is malformed or a library is missing
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
                camelContext.getRegistry().bind(QueueRequests.BEAN, new QueueRequests(camelContext, messages));
                camelContext.getRegistry().bind(QueueDeliveries.BEAN, new QueueDeliveries(camelContext, messages, connections));
            }
        } catch (NoClassDefFoundError e) {
            throw new SettingException(Property.JMS_ENABLED.key(), "the queue needs camel-jms, artemis-jakarta-client (for a broker "
                    + "inside the process artemis-jakarta-server) and pooled-jms on the class path; missing is " + e.getMessage());
        }
    }
}
