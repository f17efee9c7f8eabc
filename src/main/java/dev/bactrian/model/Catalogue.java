package dev.bactrian.model;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.config.Url;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.text.Unicode;
import org.slf4j.Logger;

/**
 * The models that requests may name, per provider, with their aliases and defaults: the file {@code models.yaml}. Immutable.
 * Reading rejects duplicate ids and aliases, and a default that is not a model.
 */
public final class Catalogue {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.models");
    /** The providers that a request may name even if the catalogue does not list them. */
    public static final Set<ProviderName> OWN = Collections.unmodifiableSet(new LinkedHashSet<>(List.of(ProviderName.REPLICATE, ProviderName.UPSTAGE)));

    private static final Set<String> FIELDS = Set.of("extends", "default-model", "providers");
    private static final Set<String> PROVIDER_FIELDS =
            Set.of("url", "working", "supports-stream", "default-model", "default-image-model", "price", "models", "protocol", "endpoint", "fallback");
    private static final Set<String> MODEL_FIELDS = Set.of("id", "kind", "version", "aliases", "price", "fallback", "inputs");
    /** The fields of OpenAI's image API that a model's inputs can be named for. */
    private static final Set<String> INPUT_FIELDS = Set.of("size", "n", "output_format", "image");
    private static final Pattern OWNER_AND_NAME = Pattern.compile("[^/:\\p{Z}\\p{C}]+/[^/:\\p{Z}\\p{C}]+(:[^/:\\p{Z}\\p{C}]+)?");

    private static final int LONGEST_SHOWN = 200;

    private static final String OPENAI = "openai";

    private static final class Entry {
        private String protocol;
        private String endpoint;
        private String defaultModel;
        private String defaultImageModel;
        private final Map<String, Model> models = new LinkedHashMap<>();
        private final Map<String, String> aliases = new LinkedHashMap<>();
        /** The prices of models, and under null that of all others. */
        private final Map<String, Price> prices = new LinkedHashMap<>();
        /** The names of the models to try if a model does not answer, by its id; for the whole provider by null. */
        private final Map<String, List<String>> fallbackNames = new HashMap<>();
        private final Map<String, List<Model>> fallbacks = new HashMap<>();
        private final Map<String, Map<String, List<String>>> inputs = new HashMap<>();
    }

    private final Map<ProviderName, Entry> providers = new LinkedHashMap<>();
    private final String source;
    private final String defaultModel;

    private Catalogue(String source, Map<?, ?> document, Function<String, String> parents, String configuredDefault) {
        this.source = source;
        Map<?, ?> root = document;
        String parent = text(source, root, "extends", null);
        if (parent != null) {
            String text = parents.apply(parent);
            Map<?, ?> extended = parse(parent, text);
            if (extended.get("extends") != null) {
                throw problem(source, "extends a file that itself extends another");
            }
            read(parent, extended);
        }
        read(source, root);
        for (Map.Entry<ProviderName, Entry> provider : providers.entrySet()) {
            Entry entry = provider.getValue();
            requireModel(source, provider.getKey(), entry, "default-model", entry.defaultModel, null);
            requireModel(source, provider.getKey(), entry, "default-image-model", entry.defaultImageModel, Kind.IMAGE);
        }
        rejectSharedNames(source);
        providers.forEach((provider, entry) -> entry.fallbackNames.forEach((id, names) ->
                entry.fallbacks.put(id, fallback(source + ": " + (id == null ? provider : id), names))));
        String fromFile = text(source, root, "default-model", parent != null ? defaultOf(parent, parents) : null);
        this.defaultModel = configuredDefault != null ? configuredDefault : fromFile;
        if (defaultModel != null && find(defaultModel).isEmpty()) {
            String problem = "'" + defaultModel + "' is not a model of the catalogue";
            throw configuredDefault != null ? new SettingException("bactrian.default-model", problem)
                    : problem(source, "default-model " + problem);
        }
        if (defaultModel == null) {
            throw problem(source, "no default-model");
        }
    }

    /**
     * Reads a catalogue.
     *
     * @param source            where the text comes from, for error messages
     * @param text              YAML as docs/reference/requests.md describes it
     * @param parents           returns the text of the file that {@code extends} names
     * @param configuredDefault the model for a request that names none, or null for the catalogue's own
     * @throws IllegalArgumentException if the text is not a valid catalogue; the message is one line
     */
    public static Catalogue read(String source, String text, Function<String, String> parents, String configuredDefault) {
        return new Catalogue(source, parse(source, text), parents, configuredDefault);
    }

    private static String defaultOf(String source, Function<String, String> parents) {
        return text(source, parse(source, parents.apply(source)), "default-model", null);
    }

    private static Map<?, ?> parse(String source, String text) {
        Object document;
        try {
            document = Yaml.read(text);
        } catch (IllegalArgumentException e) {
            throw problem(source, e.getMessage());
        }
        if (document instanceof Map<?, ?> map
                && (map.get("providers") instanceof Map<?, ?> || map.get("providers") == null && map.containsKey("extends"))) {
            return map;
        }
        throw problem(source, "lacks 'providers'");
    }

    static IllegalArgumentException problem(String where, String problem) {
        return new IllegalArgumentException(OneLine.of(OneLine.escaped(where + ": " + problem)));
    }

    private void read(String source, Map<?, ?> root) {
        rejectUnknown(source, root, FIELDS);
        if (root.get("providers") == null) {
            return;
        }
        ((Map<?, ?>) root.get("providers")).forEach((name, value) -> {
            ProviderName provider = ProviderName.of(String.valueOf(name)).orElseThrow(
                    () -> problem(source, "'" + name + "' is not the name of a provider"));
            if (!(value instanceof Map<?, ?> fields)) {
                throw problem(source, provider + " is not a map");
            }
            rejectUnknown(source + ": " + provider, fields, PROVIDER_FIELDS);
            Entry entry = providers.computeIfAbsent(provider, p -> new Entry());
            entry.defaultModel = text(source + ": " + provider, fields, "default-model", entry.defaultModel);
            entry.defaultImageModel = text(source + ": " + provider, fields, "default-image-model", entry.defaultImageModel);
            if (fields.get("price") != null) {
                entry.prices.put(null, Price.read(source + ": " + provider, fields.get("price")));
            }
            readProtocol(source + ": " + provider, provider, entry, fields);
            readFallback(source + ": " + provider, entry, null, fields);
            Set<String> seen = new LinkedHashSet<>();
            list(source + ": " + provider, fields, "models").forEach(model -> readModel(source, provider, entry, model, seen));
        });
    }

    private static void readProtocol(String where, ProviderName provider, Entry entry, Map<?, ?> fields) {
        entry.protocol = text(where, fields, "protocol", entry.protocol);
        entry.endpoint = text(where, fields, "endpoint", entry.endpoint);
        if (entry.protocol == null && entry.endpoint == null) {
            return;
        }
        if (!OPENAI.equals(entry.protocol)) {
            throw problem(where, entry.protocol == null ? "endpoint without protocol: " + OPENAI : "protocol '" + entry.protocol + "' is not " + OPENAI);
        }
        if (Property.isFirstWord(provider.toString())) {
            throw problem(where, "a provider with a protocol cannot have this name, because Bactrian has properties " + Property.PREFIX + provider);
        }
        if (entry.endpoint != null) {
            try {
                Url.of(entry.endpoint);
            } catch (IllegalArgumentException e) {
                throw problem(where, "endpoint: " + e.getMessage());
            }
        }
    }

    private static void readModel(String source, ProviderName provider, Entry entry, Object value, Set<String> seen) {
        if (!(value instanceof Map<?, ?> fields) || fields.get("id") == null) {
            throw problem(source, "a model of " + provider + " lacks its id");
        }
        String id = name(source + ": a model of " + provider, "id", fields.get("id"));
        String where = source + ": " + id;
        rejectUnknown(where, fields, MODEL_FIELDS);
        String kindName = text(where, fields, "kind", "text");
        Kind kind = Kind.of(kindName).orElseThrow(() -> problem(where, "kind '" + kindName + "' is not text or image"));
        unique(source, seen, id);
        entry.aliases.remove(id);
        entry.models.put(id, new Model(provider, id, kind, text(where, fields, "version", id)));
        entry.prices.remove(id);
        if (fields.get("price") != null) {
            entry.prices.put(id, Price.read(where, fields.get("price")));
        }
        entry.fallbackNames.remove(id);
        readFallback(where, entry, id, fields);
        readInputs(where, entry, id, fields.get("inputs"));
        for (Object given : list(where, fields, "aliases")) {
            String alias = name(where, "an alias", given);
            unique(source, seen, alias);
            entry.aliases.put(alias, id);
        }
    }

    private static void readInputs(String where, Entry entry, String id, Object value) {
        entry.inputs.remove(id);
        if (value == null) {
            return;
        }
        if (!(value instanceof Map<?, ?> fields)) {
            throw problem(where, "inputs is not a map");
        }
        rejectUnknown(where + ": inputs", fields, INPUT_FIELDS);
        Map<String, List<String>> inputs = new LinkedHashMap<>();
        fields.forEach((field, names) -> {
            List<?> all = names instanceof List<?> list ? list : List.of(String.valueOf(names));
            if (all.isEmpty() || all.size() > (field.equals("size") ? 2 : 1)) {
                throw problem(where, "inputs: " + field + " names " + all.size() + " inputs");
            }
            inputs.put(field.toString(), all.stream().map(name -> name(where, "an input", name)).toList());
        });
        entry.inputs.put(id, Collections.unmodifiableMap(inputs));
    }

    private static void readFallback(String where, Entry entry, String id, Map<?, ?> fields) {
        if (fields.get("fallback") != null) {
            entry.fallbackNames.put(id, list(where, fields, "fallback").stream().map(name -> name(where, "a fallback", name)).toList());
        }
    }

    private List<Model> fallback(String where, List<String> names) {
        return names.stream().map(name -> known(name).orElseThrow(() -> problem(where, "fallback " + quoted(name)
                + " is not a model of the catalogue and not owner/name[:version] of Replicate"))).toList();
    }

    private static List<?> list(String where, Map<?, ?> fields, String name) {
        Object value = fields.get(name);
        if (value != null && !(value instanceof List<?>)) {
            throw problem(where, name + " is not a list");
        }
        return value == null ? List.of() : (List<?>) value;
    }

    private static void unique(String source, Set<String> seen, String name) {
        if (!seen.add(name)) {
            throw problem(source, "the name '" + name + "' is given twice");
        }
    }

    private void rejectSharedNames(String source) {
        Set<String> seen = new LinkedHashSet<>();
        for (Entry entry : providers.values()) {
            entry.models.keySet().forEach(name -> unique(source, seen, name));
            entry.aliases.keySet().forEach(name -> unique(source, seen, name));
        }
    }

    private static void rejectUnknown(String where, Map<?, ?> fields, Set<String> known) {
        for (Object field : fields.keySet()) {
            if (!known.contains(String.valueOf(field))) {
                throw problem(where, "no such field '" + field + "'");
            }
        }
    }

    private static String text(String where, Map<?, ?> fields, String name, String otherwise) {
        Object value = fields.get(name);
        return value == null ? otherwise : name(where, name, value);
    }

    /** Checks that a name is one line of text: it goes into headers, log lines and calls. */
    private static String name(String where, String what, Object value) {
        if (!(value instanceof String text)) {
            throw problem(where, what + " is not text");
        }
        String name = Settings.trimmed(text);
        if (name.isEmpty() || OneLine.hasControls(name)) {
            throw problem(where, what + (name.isEmpty() ? " is empty" : " '" + name + "' holds a line end or a control character"));
        }
        return name;
    }

    private static void requireModel(String source, ProviderName provider, Entry entry, String field, String id, Kind kind) {
        if (id != null && (!entry.models.containsKey(id) || kind != null && entry.models.get(id).kind() != kind)) {
            throw problem(source, provider + ": " + field + " '" + id + "' is not "
                    + (kind == null ? "one of its models" : "one of its " + kind + " models"));
        }
    }

    /**
     * Returns the model for a request.
     *
     * @param name     an id or an alias, or null
     * @param provider the requested provider, or null
     * @param kind     the requested kind, or null
     * @param allowed  the models that the request may use, including defaults
     * @throws GenerationFailure {@code unsupported-model}, listing the valid names
     */
    public Model resolve(String name, ProviderName provider, Kind kind, AllowedModels allowed) {
        Model model = name == null || name.isBlank() ? defaultFor(provider, kind) : named(Unicode.valid(name), provider, kind, allowed);
        if (!allowed.hold(model)) {
            throw unsupported(quoted(model.id()) + (provider == null ? "" : " of " + provider) + " is not allowed", provider, allowed);
        }
        return model;
    }

    /** Returns the model for a request that may use every model. */
    public Model resolve(String name, ProviderName provider, Kind kind) {
        return resolve(name, provider, kind, AllowedModels.ALL);
    }

    /** Returns the models to try, in this order, if the model does not answer: its own, or else those of its provider. */
    public List<Model> fallback(Model model) {
        Entry entry = providers.get(model.provider());
        return entry == null || entry.fallbacks.isEmpty() ? List.of()
                : entry.fallbacks.getOrDefault(model.id(), entry.fallbacks.getOrDefault(null, List.of()));
    }

    /** Returns the model for a name alone: one of the catalogue, or an {@code owner/name[:version]} of Replicate. */
    Optional<Model> known(String name) {
        return find(name).or(() -> Optional.of(name).filter(other -> OWNER_AND_NAME.matcher(other).matches())
                .map(other -> new Model(ProviderName.REPLICATE, other, null, other)));
    }

    private Model named(String name, ProviderName provider, Kind kind, AllowedModels allowed) {
        Optional<Model> known = provider == null ? find(name) : find(name, provider);
        if (known.isPresent()) {
            return known.get();
        }
        // If there is a list of allowed models, an unknown name is rejected and not replaced.
        if (ProviderName.UPSTAGE.equals(provider) && allowed.isAll()) {
            Model model = defaultFor(ProviderName.UPSTAGE, null);
            LOG.warn("Upstage has no model {} in the catalogue; {} is used", quoted(name), model.id());
            return model;
        }
        boolean ownerAndName = OWNER_AND_NAME.matcher(name).matches();
        if (ownerAndName && mayBeReplicate(provider)) {
            return new Model(ProviderName.REPLICATE, name, kind, name);
        }
        throw unsupported(quoted(name) + " is not a model" + (provider == null ? "" : " of " + provider), provider, allowed);
    }

    private static boolean mayBeReplicate(ProviderName provider) {
        return provider == null || provider.equals(ProviderName.REPLICATE);
    }

    /** Quotes a model name of a request for messages and logs. */
    static String quoted(String name) {
        return "'" + OneLine.blanked(OneLine.cut(name, LONGEST_SHOWN)) + "'";
    }

    private Model defaultFor(ProviderName provider, Kind kind) {
        if (provider == null && kind != Kind.IMAGE) {
            return find(defaultModel).orElseThrow();
        }
        for (Map.Entry<ProviderName, Entry> candidate : providers.entrySet()) {
            Entry entry = candidate.getValue();
            if (provider == null || provider.equals(candidate.getKey())) {
                String id = kind == Kind.IMAGE ? entry.defaultImageModel : entry.defaultModel;
                if (id != null) {
                    return entry.models.get(id);
                }
            }
        }
        throw unsupported((provider == null ? "no provider" : provider) + " has no default "
                + (kind == null ? "" : kind + " ") + "model", provider, AllowedModels.ALL);
    }

    private GenerationFailure unsupported(String problem, ProviderName provider, AllowedModels allowed) {
        if (!allowed.isAll()) {
            List<String> names = allowed.names(provider);
            return new GenerationFailure(ErrorType.UNSUPPORTED_MODEL, problem + "; allowed: " + (names.isEmpty() ? "none" : String.join(", ", names)));
        }
        List<String> names = new ArrayList<>(names(provider));
        return new GenerationFailure(ErrorType.UNSUPPORTED_MODEL, problem + "; valid names: " + String.join(", ", names)
                + (mayBeReplicate(provider) ? ", or any owner/name[:version] of Replicate" : ""));
    }

    private Optional<Model> find(String name) {
        return providers.keySet().stream().flatMap(provider -> find(name, provider).stream()).findFirst();
    }

    private Optional<Model> find(String name, ProviderName provider) {
        Entry entry = providers.get(provider);
        return entry == null ? Optional.empty() : Optional.ofNullable(entry.models.get(entry.aliases.getOrDefault(name, name)));
    }

    /** Returns the providers that a request may name: Bactrian's own, then those that the catalogue adds. */
    public Set<ProviderName> providers() {
        Set<ProviderName> all = new LinkedHashSet<>(OWN);
        all.addAll(providers.keySet());
        return all;
    }

    /**
     * Returns the providers with {@code protocol: openai}, each with its endpoint; an endpoint that the catalogue does not give is empty.
     */
    public Map<ProviderName, Optional<String>> openAiProviders() {
        Map<ProviderName, Optional<String>> found = new LinkedHashMap<>();
        providers.forEach((name, entry) -> {
            if (entry.protocol != null) {
                found.put(name, Optional.ofNullable(entry.endpoint));
            }
        });
        return Collections.unmodifiableMap(found);
    }

    /**
     * Checks that each provider of the catalogue exists.
     *
     * @throws IllegalArgumentException if one does not; the message is one line
     */
    public void requireProviders(Predicate<ProviderName> there) {
        for (ProviderName provider : providers()) {
            if (!OWN.contains(provider) && !there.test(provider)) {
                throw problem(source, "'" + provider + "' is not a provider (" + String.join(", ",
                        providers().stream().filter(one -> OWN.contains(one) || there.test(one)).map(ProviderName::toString).toList()) + ")");
            }
        }
    }

    /** Returns the price of a model, or that of its provider; empty if neither is known. */
    public Optional<Price> price(ProviderName provider, String model) {
        Entry entry = providers.get(provider);
        return entry == null ? Optional.empty() : Optional.ofNullable(entry.prices.getOrDefault(model, entry.prices.get(null)));
    }

    /** Returns the currencies of all prices. */
    public Set<String> currencies() {
        return providers.values().stream().flatMap(entry -> entry.prices.values().stream()).map(Price::currency)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** Returns all models, in the order of the file. */
    public List<Model> models() {
        return providers.values().stream().flatMap(entry -> entry.models.values().stream()).toList();
    }

    /** Returns the model of the catalogue with that id or alias. */
    public Optional<Model> model(String name) {
        return find(name);
    }

    /**
     * Returns the inputs of a model that stand for fields of OpenAI's image API: by {@code size} the one that takes an aspect ratio, or
     * those for the width and the height in pixels; by {@code n}, {@code output_format} and {@code image} one each.
     */
    public Map<String, List<String>> inputs(Model model) {
        Entry entry = providers.get(model.provider());
        return entry == null ? Map.of() : entry.inputs.getOrDefault(model.id(), Map.of());
    }

    /** Returns the ids of all models. */
    public List<String> ids() {
        return providers.values().stream().flatMap(entry -> entry.models.keySet().stream()).toList();
    }

    /** Returns the ids and aliases of the provider, or of all providers if it is null, in the order of the file. */
    public List<String> names(ProviderName provider) {
        List<String> names = new ArrayList<>();
        providers.forEach((candidate, entry) -> {
            if (provider == null || provider.equals(candidate)) {
                names.addAll(entry.models.keySet());
                names.addAll(entry.aliases.keySet());
            }
        });
        return Collections.unmodifiableList(names);
    }
}
