package dev.bactrian.host;

import java.util.regex.Pattern;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import org.apache.camel.AsyncProducer;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Endpoint;
import org.apache.camel.Predicate;
import org.apache.camel.Processor;
import org.apache.camel.spi.InterceptEndpointFactory;
import org.apache.camel.spi.InterceptSendToEndpoint;
import org.apache.camel.support.DefaultInterceptSendToEndpoint;
import org.apache.camel.support.PluginHelper;

/**
 * Excludes the internal endpoints from an application's {@code interceptSendToEndpoint}: those between our routes
 * ({@code direct:bactrian-…}), the queues, and the calls to the providers.
 *
 * <p>Such an interceptor applies to the whole context, wherever it is declared: with {@code http*} it would see, change or skip
 * calls that are paid for. Endpoints that the application itself calls, such as {@code direct:generate} by its short name, and the
 * destinations that it configures are intercepted as usual.
 */
public final class InternalEndpoints implements CamelContextAware {

    private static final Pattern INTERNAL = Pattern.compile("direct:(//)?bactrian-.*|bactrianJms:.*|http:.*[?&]httpClient=(#|%23)bean(:|%3A)bactrian.*");

    private CamelContext camelContext;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    /** Registers the listener that adds the short names of the routes. */
    public void start() throws Exception {
        camelContext.addStartupListener(new RouteNames(Settings.of(camelContext).flag(Property.SHORT_NAMES)));
    }

    /** Installs the factory. Camel creates this bean while it reads the route files, before it creates endpoints. */
    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        InterceptEndpointFactory present = PluginHelper.getInterceptEndpointFactory(camelContext);
        if (!(present instanceof Factory)) {
            camelContext.getCamelContextExtension().addContextPlugin(InterceptEndpointFactory.class, new Factory(present));
        }
    }

    private record Factory(InterceptEndpointFactory contexts) implements InterceptEndpointFactory {
        @Override
        public InterceptSendToEndpoint createInterceptSendToEndpoint(CamelContext context, Endpoint endpoint, boolean skip, Predicate onWhen,
                Processor before, Processor after) {
            return INTERNAL.matcher(endpoint.getEndpointUri()).matches() ? new NotIntercepted(endpoint)
                    : contexts.createInterceptSendToEndpoint(context, endpoint, skip, onWhen, before, after);
        }
    }

    /** An endpoint that Camel registers as intercepted, but that sends directly. */
    private static final class NotIntercepted extends DefaultInterceptSendToEndpoint {

        NotIntercepted(Endpoint endpoint) {
            super(endpoint, false);
        }

        @Override
        public AsyncProducer createAsyncProducer() throws Exception {
            return getOriginalEndpoint().createAsyncProducer();
        }
    }
}
