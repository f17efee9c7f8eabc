package dev.bactrian.host;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.apache.camel.CamelContext;
import org.apache.camel.StartupListener;
import org.apache.camel.builder.TemplatedRouteBuilder;
import org.apache.camel.model.ModelCamelContext;
import org.apache.camel.model.RouteDefinition;
import org.apache.camel.support.EndpointHelper;

/**
 * The names of our routes' endpoints. An endpoint for callers also has a short name, unless a route of the application consumes
 * from that name.
 */
public final class RouteNames implements StartupListener {

    private static final List<String> SHORT_NAMES = List.of("generate", "generate-stream", "generate-and-emit", "cancel", "replicate-webhook");
    private static final String OURS = "bactrian-";
    private static final String SHORT = OURS + "short-";
    private static final String TEMPLATE = "bactrian-short-name";
    private static final String DIRECT = "direct:";

    private final boolean shortNames;

    /** Thrown if a route of the application consumes from one of our endpoints. Its message is one line. */
    public static final class DoubleEndpointException extends IllegalStateException {

        private static final long serialVersionUID = 1L;

        private DoubleEndpointException(String endpoint, String ours, String others) {
            super(endpoint + ": Bactrian's route " + ours + " takes from it, and so does the route " + others
                    + " of the application; let that one have another name");
        }
    }

    /** Creates the listener; {@code shortNames} says whether the application wants the short names. */
    RouteNames(boolean shortNames) {
        this.shortNames = shortNames;
    }

    /** At this point all routes that the application includes are known, and none has started. */
    @Override
    public void onCamelContextStarting(CamelContext context, boolean alreadyStarted) throws Exception {
        settle(context, shortNames);
    }

    @Override
    public void onCamelContextStarted(CamelContext context, boolean alreadyStarted) {
        // done in onCamelContextStarting
    }

    /**
     * Checks the existing routes for duplicate endpoints, and adds the short names.
     *
     * @throws DoubleEndpointException if a route of the application consumes from one of our endpoints; Camel's own error would
     *         name neither the other route nor the remedy
     */
    public static void settle(CamelContext context, boolean shortNames) throws Exception {
        ModelCamelContext model = (ModelCamelContext) context;
        Map<String, RouteDefinition> first = new HashMap<>();
        for (RouteDefinition route : model.getRouteDefinitions()) {
            String uri = endpoint(context, route);
            if (!uri.startsWith(DIRECT)) {
                continue;
            }
            String endpoint = uri.replaceFirst("^direct:(//)?", DIRECT).replaceFirst("\\?.*", "");
            RouteDefinition other = first.putIfAbsent(endpoint, route);
            if (other != null && isOurs(route) != isOurs(other)) {
                throw new DoubleEndpointException(endpoint, (isOurs(route) ? route : other).getId(), (isOurs(route) ? other : route).getId());
            }
        }
        if (!shortNames) {
            return;
        }
        for (String name : SHORT_NAMES) {
            if (first.containsKey(DIRECT + OURS + name) && !first.containsKey(DIRECT + name) && model.getRouteDefinition(SHORT + name) == null) {
                TemplatedRouteBuilder.builder(context, TEMPLATE).routeId(SHORT + name).parameter("name", name).add();
                if (context.getRouteController().getRouteStatus(SHORT + name) == null) {
                    // Camel does not start a route that is added while the context is starting.
                    model.startRouteDefinitions(List.of(model.getRouteDefinition(SHORT + name)));
                }
            }
        }
    }

    /** Returns the URI from which a route takes, or an empty text. That of a route from a template is only resolved when the route starts. */
    private static String endpoint(CamelContext context, RouteDefinition route) {
        if (route.getInput() == null || isShort(route)) {
            return "";
        }
        return Boolean.TRUE.equals(route.isTemplate()) && isOurs(route) ? DIRECT + route.getId()
                : EndpointHelper.resolveEndpointUriPropertyPlaceholders(context, route.getInput().getEndpointUri());
    }

    private static boolean isShort(RouteDefinition route) {
        return route.getId() != null && route.getId().startsWith(SHORT);
    }

    private static boolean isOurs(RouteDefinition route) {
        return route.getId() != null && route.getId().startsWith(OURS);
    }
}
