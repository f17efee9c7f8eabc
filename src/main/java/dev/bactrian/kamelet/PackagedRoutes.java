package dev.bactrian.kamelet;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.host.RouteNames;
import org.apache.camel.CamelContext;
import org.apache.camel.ServiceStatus;
import org.apache.camel.model.ModelCamelContext;
import org.apache.camel.model.RouteDefinition;
import org.apache.camel.spi.Resource;
import org.apache.camel.support.PluginHelper;

/** The packaged routes that the Kamelets call: {@code direct:} routes do not come along with a Kamelet. */
public final class PackagedRoutes {

    /** The files of {@code classpath:bactrian/} that are no triggers, each with a route by which to tell that it is there. */
    public static final Map<String, String> FILES = Map.of(
            "cancel", "bactrian-cancel",
            "emit", "bactrian-emit",
            "errors", "bactrian-failed",
            "generate", "bactrian-generate",
            "images", "bactrian-images",
            "limits", "bactrian-turn",
            "replicate", "bactrian-replicate",
            "sink", "bactrian-generate-and-emit",
            "stream", "bactrian-generate-stream",
            "upstage", "bactrian-upstage");

    private PackagedRoutes() {
    }

    /** Loads and starts those that the application has not included itself. */
    static synchronized void require(CamelContext context) throws Exception {
        ModelCamelContext model = (ModelCamelContext) context;
        List<RouteDefinition> before = List.copyOf(model.getRouteDefinitions());
        List<Resource> missing = new ArrayList<>();
        FILES.forEach((file, route) -> {
            if (model.getRouteDefinition(route) == null) {
                missing.add(PluginHelper.getResourceLoader(context).resolveResource("classpath:bactrian/" + file + ".camel.yaml"));
            }
        });
        PluginHelper.getRoutesLoader(context).loadRoutes(missing);
        List<RouteDefinition> added = new ArrayList<>(model.getRouteDefinitions());
        added.removeAll(before);
        RouteNames.settle(context, Settings.of(context).flag(Property.SHORT_NAMES));
        // While the application starts, routes that are added are not taken up.
        added.removeIf(route -> {
            ServiceStatus status = context.getRouteController().getRouteStatus(route.getId());
            return status != null && status.isStarted();
        });
        model.startRouteDefinitions(added);
    }
}
