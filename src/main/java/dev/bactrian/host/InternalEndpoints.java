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
 * Keeps an application's {@code interceptSendToEndpoint} off the endpoints that only our routes use: those between them
 * ({@code direct:bactrian-…}), the queues, and the calls to the providers.
 *
 * <p>To Camel such an interceptor is the whole context's, wherever it is declared: with {@code http*} it would see, change
 * or skip calls that a provider is paid for. What the application calls itself, such as {@code direct:generate}, by its short name, and the
 * destinations that it names are intercepted as any other endpoint.
 */
public final class InternalEndpoints implements CamelContextAware {

    private static final Pattern INTERNAL = Pattern.compile("direct:(//)?bactrian-.*|bactrianJms:.*|http:.*[?&]httpClient=(#|%23)bean(:|%3A)bactrian.*");

    private CamelContext camelContext;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    /** The init method. */
    public void start() throws Exception {
        camelContext.addStartupListener(new RouteNames(Settings.of(camelContext).flag(Property.SHORT_NAMES)));
    }

    /** Is there before the endpoints are: this bean is made when the route files are read. */
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

    /** Camel takes it for intercepted and leaves it at that. */
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
