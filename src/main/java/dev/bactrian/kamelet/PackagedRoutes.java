package dev.bactrian.kamelet;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.generate.Models;
import dev.bactrian.host.RouteNames;
import dev.bactrian.model.ProviderName;
import dev.bactrian.upstage.OpenAiProviders;
import org.apache.camel.CamelContext;
import org.apache.camel.ServiceStatus;
import org.apache.camel.model.ModelCamelContext;
import org.apache.camel.model.RouteDefinition;
import org.apache.camel.spi.Resource;
import org.apache.camel.support.PluginHelper;

/** Loads the packaged routes that the Kamelets call: {@code direct:} routes are not part of a Kamelet. */
public final class PackagedRoutes {

    /**
     * The files in {@code classpath:bactrian/} that are neither triggers nor providers, each with the id of a route or
     * configuration that shows whether the file is loaded.
     */
    private static final Map<String, String> FILES = Map.of(
            "batch", "bactrian-batch",
            "cancel", "bactrian-cancel",
            "emit", "bactrian-emit",
            "errors", "bactrian-errors",
            "generate", "bactrian-generate",
            "images", "bactrian-images",
            "sink", "bactrian-generate-and-emit",
            "stream", "bactrian-generate-stream");

    private PackagedRoutes() {
    }

    /** Returns these files and those of the providers, if they are packaged. */
    public static Map<String, String> files(Set<ProviderName> providers) {
        Map<String, String> files = new LinkedHashMap<>(FILES);
        providers.stream().map(ProviderName::toString).filter(name -> PackagedRoutes.class.getResource("/bactrian/" + name + ".camel.yaml") != null)
                .forEach(name -> files.put(name, "bactrian-" + name));
        return files;
    }

    /** Loads and starts the routes that the application has not included itself. */
    static synchronized void require(CamelContext context) throws Exception {
        ModelCamelContext model = (ModelCamelContext) context;
        List<RouteDefinition> before = List.copyOf(model.getRouteDefinitions());
        List<Resource> missing = new ArrayList<>();
        files(Models.of(context).catalogue().providers()).forEach((file, route) -> {
            if (model.getRouteDefinition(route) == null && model.getRouteConfigurationDefinition(route) == null) {
                missing.add(PluginHelper.getResourceLoader(context).resolveResource("classpath:bactrian/" + file + ".camel.yaml"));
            }
        });
        PluginHelper.getRoutesLoader(context).loadRoutes(missing);
        List<RouteDefinition> added = new ArrayList<>(model.getRouteDefinitions());
        added.removeAll(before);
        OpenAiProviders.settle(context);
        RouteNames.settle(context, Settings.of(context).flag(Property.SHORT_NAMES));
        // Camel does not start routes that are added while the context is starting.
        added.removeIf(route -> {
            ServiceStatus status = context.getRouteController().getRouteStatus(route.getId());
            return status != null && status.isStarted();
        });
        model.startRouteDefinitions(added);
    }
}
