package dev.bactrian.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import dev.bactrian.config.SettingException;

/** The models that requests may have, by the names of an operator's list; immutable. */
public final class AllowedModels {

    /** Any model. */
    public static final AllowedModels ALL = new AllowedModels(null);

    private final Map<String, Model> byName;

    private AllowedModels(Map<String, Model> byName) {
        this.byName = byName;
    }

    /**
     * The models of a list.
     *
     * @param property what sets the list, for the error
     * @param list     ids and aliases of the catalogue and {@code owner/name[:version]} of Replicate, separated by commas
     * @throws SettingException where a name is none of these, or there is none
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

    /** Those that another list allows, too. */
    public AllowedModels and(AllowedModels other) {
        if (isAll()) {
            return other;
        }
        Map<String, Model> both = new LinkedHashMap<>(byName);
        both.values().removeIf(model -> !other.hold(model));
        return new AllowedModels(both);
    }

    /** Whether there is no list. */
    boolean isAll() {
        return byName == null;
    }

    /** Whether that is one of them: the same provider's, by whatever name. */
    boolean hold(Model model) {
        return isAll() || byName.values().stream().anyMatch(one -> one.provider().equals(model.provider()) && one.id().equals(model.id()));
    }

    /** The names as the operator wrote them, of one provider where it is not null. */
    List<String> names(ProviderName provider) {
        return byName.entrySet().stream().filter(entry -> provider == null || entry.getValue().provider().equals(provider)).map(Map.Entry::getKey).toList();
    }
}
