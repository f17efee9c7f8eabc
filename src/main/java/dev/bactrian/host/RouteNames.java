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
 * The names of the endpoints that our routes take from. Those for callers have a short name, too, where no route of the
 * application takes from that.
 */
public final class RouteNames implements StartupListener {

    private static final List<String> SHORT_NAMES = List.of("generate", "generate-stream", "generate-and-emit", "cancel", "replicate-webhook");
    private static final String OURS = "bactrian-";
    private static final String SHORT = OURS + "short-";
    private static final String TEMPLATE = "bactrian-short-name";
    private static final String DIRECT = "direct:";

    private final boolean shortNames;

    /** Where a route of the application takes from an endpoint of ours. Its message is one line. */
    public static final class DoubleEndpointException extends IllegalStateException {

        private static final long serialVersionUID = 1L;

        private DoubleEndpointException(String endpoint, String ours, String others) {
            super(endpoint + ": Bactrian's route " + ours + " takes from it, and so does the route " + others
                    + " of the application; let that one have another name");
        }
    }

    /** The names of an application. {@code shortNames}: whether it wants the short ones. */
    RouteNames(boolean shortNames) {
        this.shortNames = shortNames;
    }

    /** By now all routes that the application includes are known, and none has started. */
    @Override
    public void onCamelContextStarting(CamelContext context, boolean alreadyStarted) throws Exception {
        settle(context, shortNames);
    }

    @Override
    public void onCamelContextStarted(CamelContext context, boolean alreadyStarted) {
        // done before
    }

    /**
     * Checks the routes that are there, and adds the short names.
     *
     * @throws DoubleEndpointException where a route of the application takes from an endpoint of ours; Camel would name
     *         neither the other route nor what to do
     */
    public static void settle(CamelContext context, boolean shortNames) throws Exception {
        ModelCamelContext model = (ModelCamelContext) context;
        Map<String, RouteDefinition> first = new HashMap<>();
        for (RouteDefinition route : model.getRouteDefinitions()) {
            // The input of a route of ours that is made from the template is not resolved before it starts.
            String uri = route.getInput() == null || isShort(route) ? "" : EndpointHelper.resolveEndpointUriPropertyPlaceholders(context, route.getInput().getEndpointUri());
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
                    // While the application starts, routes that are added are not taken up.
                    model.startRouteDefinitions(List.of(model.getRouteDefinition(SHORT + name)));
                }
            }
        }
    }

    private static boolean isShort(RouteDefinition route) {
        return route.getId() != null && route.getId().startsWith(SHORT);
    }

    private static boolean isOurs(RouteDefinition route) {
        return route.getId() != null && route.getId().startsWith(OURS);
    }
}
