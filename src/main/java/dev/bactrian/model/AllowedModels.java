package dev.bactrian.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import dev.bactrian.config.SettingException;

/** The models that requests may use, by the names of an operator's list. Immutable. */
public final class AllowedModels {

    /** Allows every model. */
    public static final AllowedModels ALL = new AllowedModels(null);

    private final Map<String, Model> byName;

    private AllowedModels(Map<String, Model> byName) {
        this.byName = byName;
    }

    /**
     * Parses a list.
     *
     * @param property the property that holds the list, for the error
     * @param list     ids and aliases of the catalogue and {@code owner/name[:version]} of Replicate, separated by commas
     * @throws SettingException if a name is neither of these, or the list is empty
     */
    public static AllowedModels of(Catalogue catalogue, String property, String list) {
        Map<String, Model> byName = new LinkedHashMap<>();
        for (String entry : list.split(",")) {
            String name = entry.strip();
            if (!name.isEmpty()) {
                byName.put(name, catalogue.known(name).orElseThrow(() -> new SettingException(property,
                        Catalogue.quoted(name) + " is not a model of the catalogue and not owner/name[:version] of Replicate")));
            }
        }
        if (byName.isEmpty()) {
            throw new SettingException(property, "names no model");
        }
        return new AllowedModels(byName);
    }

    /** Returns the models that both lists allow. */
    public AllowedModels and(AllowedModels other) {
        if (isAll()) {
            return other;
        }
        Map<String, Model> both = new LinkedHashMap<>(byName);
        both.values().removeIf(model -> !other.hold(model));
        return new AllowedModels(both);
    }

    /** Whether every model is allowed. */
    boolean isAll() {
        return byName == null;
    }

    /** Whether the model is allowed. Compares provider and id, so any alias matches. */
    public boolean hold(Model model) {
        return isAll() || byName.values().stream().anyMatch(one -> one.provider().equals(model.provider()) && one.id().equals(model.id()));
    }

    /** Returns the names as the operator wrote them; only those of the provider if it is not null. */
    List<String> names(ProviderName provider) {
        return byName.entrySet().stream().filter(entry -> provider == null || entry.getValue().provider().equals(provider)).map(Map.Entry::getKey).toList();
    }
}
