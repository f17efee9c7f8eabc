package dev.bactrian.upstage;

import java.util.ArrayList;
import java.util.List;

import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.core.Provider;
import dev.bactrian.generate.Models;
import dev.bactrian.http.ProviderHttp;
import dev.bactrian.model.ProviderName;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.StartupListener;
import org.apache.camel.builder.TemplatedRouteBuilder;
import org.apache.camel.model.ModelCamelContext;
import org.apache.camel.model.RouteDefinition;
import org.apache.camel.spi.Registry;

/** Makes the beans and the route of each provider that the catalogue adds with {@code protocol: openai}. */
public final class OpenAiProviders implements CamelContextAware, StartupListener {

    /** The template of the routes. */
    static final String TEMPLATE = "bactrian-chat-completions";

    private static final String ROUTE = "bactrian-";
    private static final String HTTP = "Http";

    private CamelContext camelContext;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
    }

    /** Registers the listener that makes the providers. */
    public void start() throws Exception {
        camelContext.addStartupListener(this);
    }

    /** At this point all route files that the application includes are loaded, and no route has started. */
    @Override
    public void onCamelContextStarting(CamelContext context, boolean alreadyStarted) throws Exception {
        settle(context);
    }

    @Override
    public void onCamelContextStarted(CamelContext context, boolean alreadyStarted) {
        // done in onCamelContextStarting
    }

    /**
     * Makes the beans and routes that do not exist yet. Does nothing if the template is not loaded.
     *
     * @throws SettingException if Bactrian or the application already has a route or a bean of a provider's name
     */
    public static void settle(CamelContext context) throws Exception {
        ModelCamelContext model = (ModelCamelContext) context;
        if (model.getRouteTemplateDefinition(TEMPLATE) == null) {
            return;
        }
        for (ProviderName provider : Models.of(context).catalogue().openAiProviders().keySet()) {
            make(model, provider.toString());
        }
    }

    private static void make(ModelCamelContext context, String name) throws Exception {
        Registry registry = context.getRegistry();
        String bean = Provider.bean(name);
        String id = ROUTE + name;
        Object present = registry.lookupByName(bean);
        if (present != null && present.getClass() == OpenAi.class && context.getRouteDefinition(id) != null) {
            return;
        }
        List<String> taken = new ArrayList<>();
        taken.add(present == null ? null : "bean " + bean);
        taken.add(registry.lookupByName(bean + HTTP) == null ? null : "bean " + bean + HTTP);
        taken.add(takes(context, id) ? "route from direct:" + id : null);
        taken.removeIf(java.util.Objects::isNull);
        if (!taken.isEmpty()) {
            throw new SettingException(Property.MODELS.key(), "'" + name + "' cannot be the name of a provider with a protocol, because there is a "
                    + taken.get(0));
        }
        OpenAi provider = new OpenAi(name);
        provider.setCamelContext(context);
        registry.bind(bean, provider);
        ProviderHttp http = new ProviderHttp();
        http.setCamelContext(context);
        http.setProvider(name);
        http.start();
        registry.bind(bean + HTTP, http);
        TemplatedRouteBuilder.builder(context, TEMPLATE).routeId(id).parameter("name", name).parameter("bean", bean).add();
        if (context.getRouteController().getRouteStatus(id) == null) {
            // Camel does not start a route that is added while the context is starting.
            context.startRouteDefinitions(List.of(context.getRouteDefinition(id)));
        }
    }

    private static boolean takes(ModelCamelContext context, String id) {
        for (RouteDefinition route : context.getRouteDefinitions()) {
            if (id.equals(route.getId()) || route.getInput() != null && route.getInput().getEndpointUri().replaceFirst("\\?.*", "").equals("direct:" + id)) {
                return true;
            }
        }
        return false;
    }
}
