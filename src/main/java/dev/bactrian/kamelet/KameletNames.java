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
 * Ensures that the name after a Kamelet's slash has one meaning. To Camel it is a route id: another Kamelet with that name, or the
 * same Kamelet with other properties, would replace the first, and requests to the first would be sent with the key of the second.
 * If one of them is ours, the second is rejected and the first continues.
 */
final class KameletNames extends ModelLifecycleStrategySupport {

    private static final String BEAN = "bactrianKameletNames";

    /** Parameters that differ between two identical uses of a Kamelet. */
    private static final Set<String> OF_EACH = Set.of(Kamelet.PARAM_UUID, Kamelet.PARENT_ROUTE_ID, Kamelet.PARENT_PROCESSOR_ID,
            "parent-route-id", "parent-processor-id");

    private final ModelCamelContext context;
    private final Set<String> ours = ConcurrentHashMap.newKeySet();
    /** The routes that were created from Kamelets, by their {@code uuid}. */
    private final Map<String, RouteDefinition> routes = new ConcurrentHashMap<>();
    private RouteDefinition removed;

    private KameletNames(ModelCamelContext context) {
        this.context = context;
    }

    /** Returns the names of a context, and watches them from then on. */
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
     * Registers one of our Kamelets while its route is created. The first one in a context was added before anything was watched.
     *
     * @throws SettingException if the name has another meaning elsewhere
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
        // Camel calls this twice for a started route, the second time with null.
        if (definition != null) {
            removed = definition;
        }
    }

    /**
     * Checks the new route. Camel has just removed an existing route of the same id.
     *
     * @throws SettingException if the name has another meaning elsewhere; the removed route is restored
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

    /** Creates the route again, because its bean was removed with it. */
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

    /** Reports only the names of properties, because the values may be secrets. */
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
     * Rejects two {@code kamelet} steps of the same name with inner steps: Camel would run the inner steps of the last one for both.
     *
     * @throws SettingException if there are two
     */
    void requireStepsOfOne() {
        Set<String> seen = new HashSet<>();
        for (RouteDefinition route : context.getRouteDefinitions()) {
            // Names in a route that was created from a template are local to that route.
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
