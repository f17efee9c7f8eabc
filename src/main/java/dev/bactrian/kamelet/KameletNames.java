package dev.bactrian.kamelet;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

import dev.bactrian.config.SettingException;
import org.apache.camel.CamelContext;
import org.apache.camel.component.kamelet.Kamelet;
import org.apache.camel.component.kamelet.KameletEndpoint;
import org.apache.camel.model.KameletDefinition;
import org.apache.camel.model.ModelCamelContext;
import org.apache.camel.model.ModelLifecycleStrategySupport;
import org.apache.camel.model.ProcessorDefinitionHelper;
import org.apache.camel.model.RouteDefinition;
import org.apache.camel.util.StringHelper;

/**
 * Sees to it that the name after a Kamelet's slash means one thing. To Camel it is the id of a route: a second Kamelet of that
 * name, or a second use of the same Kamelet with other properties, takes the place of the first, which then has its requests
 * answered by the second, with the second's key. Where one of them is ours the second is refused, and the first goes on.
 */
final class KameletNames extends ModelLifecycleStrategySupport {

    private static final String BEAN = "bactrianKameletNames";

    /** What differs between two routes of one Kamelet that are made alike. */
    private static final Set<String> OF_EACH = Set.of(Kamelet.PARAM_UUID, Kamelet.PARENT_ROUTE_ID, Kamelet.PARENT_PROCESSOR_ID,
            "parent-route-id", "parent-processor-id");

    private final ModelCamelContext context;
    private final Set<String> ours = ConcurrentHashMap.newKeySet();
    /** The routes that were made of Kamelets, by their {@code uuid}. */
    private final Map<String, RouteDefinition> routes = new ConcurrentHashMap<>();
    private RouteDefinition removed;

    private KameletNames(ModelCamelContext context) {
        this.context = context;
    }

    /** Those of a context, which from then on are watched. */
    static KameletNames of(CamelContext context) {
        synchronized (KameletNames.class) {
            KameletNames names = context.getRegistry().lookupByNameAndType(BEAN, KameletNames.class);
            if (names == null) {
                names = new KameletNames((ModelCamelContext) context);
                context.getRegistry().bind(BEAN, names);
                names.context.addModelLifecycleStrategy(names);
            }
            return names;
        }
    }

    /**
     * Takes in a Kamelet of ours whose route is being made. The first in a context was not yet watched when it was added.
     *
     * @throws SettingException where another use of its name is something else
     */
    void use(String templateId, String routeId) {
        ours.add(templateId);
        RouteDefinition route = context.getRouteDefinition(routeId);
        if (route != null && route.getTemplateParameters() != null) {
            routes.putIfAbsent(uuid(route), route);
            require(route);
        }
    }

    @Override
    public void onRemoveRouteDefinition(RouteDefinition definition) {
        // Said twice of a route that was started, the second time with nothing.
        if (definition != null) {
            removed = definition;
        }
    }

    /**
     * A route of the same id has been removed by then, in the same go.
     *
     * @throws SettingException where its name is something else's; the route that had it is back then
     */
    @Override
    public void onAddRouteDefinition(RouteDefinition definition) {
        RouteDefinition before = removed;
        removed = null;
        if (definition.isKamelet() == null || definition.getTemplateParameters() == null) {
            return;
        }
        try {
            require(definition);
            routes.put(uuid(definition), definition);
        } catch (SettingException e) {
            if (before != null && context.isStarted() && definition.getId().equals(before.getId())) {
                restore(before, e);
            }
            throw e;
        }
    }

    /** Its bean is gone with it, so that it is made anew. */
    private void restore(RouteDefinition route, SettingException refusal) {
        Map<String, Object> given = route.getTemplateParameters();
        try {
            if (given != null) {
                context.addRouteFromKamelet(route.getId(), (String) given.get(Kamelet.PARAM_TEMPLATE_ID), uuid(route),
                        (String) given.get(Kamelet.PARENT_ROUTE_ID), (String) given.get(Kamelet.PARENT_PROCESSOR_ID), given);
            }
        } catch (Exception e) {
            refusal.addSuppressed(e);
        }
    }

    private void require(RouteDefinition route) {
        for (KameletEndpoint other : endpoints()) {
            Object otherUuid = other.getKameletProperties().get(Kamelet.PARAM_UUID);
            if (otherUuid == null || otherUuid.equals(uuid(route)) || !other.getRouteId().equals(route.getId())) {
                continue;
            }
            String template = String.valueOf(route.getTemplateParameters().get(Kamelet.PARAM_TEMPLATE_ID));
            String which = "kamelet:" + template + "/" + route.getId();
            if (!other.getTemplateId().equals(template)) {
                if (ours.contains(template) || ours.contains(other.getTemplateId())) {
                    throw new SettingException(which, "the name '" + route.getId() + "' is that of kamelet:" + other.getTemplateId() + "/"
                            + route.getId() + ", too; each needs a name of its own after the slash");
                }
            } else if (ours.contains(template) && routes.containsKey(otherUuid.toString())) {
                requireSame(which, route, routes.get(otherUuid.toString()));
            }
        }
    }

    /** Values may be secrets. */
    private static void requireSame(String which, RouteDefinition route, RouteDefinition other) {
        Map<String, Object> left = given(route);
        Map<String, Object> right = given(other);
        if (!left.equals(right)) {
            Set<String> names = new HashSet<>(left.keySet());
            names.addAll(right.keySet());
            Set<String> differing = names.stream().filter(name -> !Objects.equals(left.get(name), right.get(name)))
                    .map(StringHelper::dashToCamelCase).collect(Collectors.toCollection(TreeSet::new));
            throw new SettingException(which, "is used twice and with different properties (" + String.join(", ", differing)
                    + "); each needs a name of its own after the slash");
        }
    }

    private static Map<String, Object> given(RouteDefinition route) {
        Map<String, Object> given = new HashMap<>(route.getTemplateParameters());
        given.keySet().removeAll(OF_EACH);
        return given;
    }

    private static String uuid(RouteDefinition route) {
        return String.valueOf(route.getTemplateParameters().get(Kamelet.PARAM_UUID));
    }

    private List<KameletEndpoint> endpoints() {
        return context.getEndpoints().stream().filter(KameletEndpoint.class::isInstance).map(KameletEndpoint.class::cast).toList();
    }

    /**
     * Of two {@code kamelet} steps of one name, Camel runs the inner steps of the last for both.
     *
     * @throws SettingException where there are two with inner steps
     */
    void requireStepsOfOne() {
        Set<String> seen = new HashSet<>();
        for (RouteDefinition route : context.getRouteDefinitions()) {
            // The names in a route that a template has made are known to that route alone.
            if (Boolean.TRUE.equals(route.isTemplate())) {
                continue;
            }
            for (KameletDefinition use : ProcessorDefinitionHelper.filterTypeInOutputs(route.getOutputs(), KameletDefinition.class)) {
                String name = context.resolvePropertyPlaceholders(use.getName());
                if (ours.contains(name.split("[/?]", 2)[0]) && !use.getOutputs().isEmpty() && !seen.add(name)) {
                    throw new SettingException("kamelet:" + name.split("\\?", 2)[0],
                            "is used twice with steps in it; each needs a name of its own after a slash");
                }
            }
        }
    }
}
