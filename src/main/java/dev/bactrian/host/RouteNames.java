package dev.bactrian.host;

import java.util.HashMap;
import java.util.Map;

import org.apache.camel.CamelContext;
import org.apache.camel.StartupListener;
import org.apache.camel.model.ModelCamelContext;
import org.apache.camel.model.RouteDefinition;
import org.apache.camel.support.EndpointHelper;

/** Stops the start where a route of the application takes from an endpoint that one of ours takes from, too. */
public final class RouteNames implements StartupListener {

    private static final String OURS = "bactrian-";

    /** Where routes of one application would take from one endpoint. Its message is one line. */
    public static final class DoubleEndpointException extends IllegalStateException {

        private static final long serialVersionUID = 1L;

        private DoubleEndpointException(String endpoint, String ours, String others) {
            super(endpoint + ": Bactrian's route " + ours + " takes from it, and so does the route " + others
                    + " of the application; let that one have another name");
        }
    }

    /** By now all routes that the application includes are known, and none has started. */
    @Override
    public void onCamelContextStarting(CamelContext context, boolean alreadyStarted) {
        check(context);
    }

    @Override
    public void onCamelContextStarted(CamelContext context, boolean alreadyStarted) {
        // done before
    }

    /**
     * Checks the routes that are there.
     *
     * @throws DoubleEndpointException where there are two for an endpoint of ours; Camel would name neither the other
     *         route nor what to do
     */
    public static void check(CamelContext context) {
        Map<String, RouteDefinition> first = new HashMap<>();
        for (RouteDefinition route : ((ModelCamelContext) context).getRouteDefinitions()) {
            String uri = route.getInput() == null ? "" : EndpointHelper.resolveEndpointUriPropertyPlaceholders(context, route.getInput().getEndpointUri());
            if (!uri.startsWith("direct:")) {
                continue;
            }
            String endpoint = uri.replaceFirst("^direct:(//)?", "direct:").replaceFirst("\\?.*", "");
            RouteDefinition other = first.putIfAbsent(endpoint, route);
            if (other != null && isOurs(route) != isOurs(other)) {
                throw new DoubleEndpointException(endpoint, (isOurs(route) ? route : other).getId(), (isOurs(route) ? other : route).getId());
            }
        }
    }

    private static boolean isOurs(RouteDefinition route) {
        return route.getId() != null && route.getId().startsWith(OURS);
    }
}
