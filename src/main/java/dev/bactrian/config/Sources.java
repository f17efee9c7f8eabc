package dev.bactrian.config;

import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.apache.camel.CamelContext;
import org.apache.camel.spi.PropertiesComponent;

/** Reads the {@code bactrian.*} properties of a Camel context, its files and its environment. */
final class Sources {

    /**
     * Where settings are read.
     *
     * @param lookup      a function from the full name of a property to its value, or null
     * @param ofProviders the names of the properties of providers that the catalogue must contain
     */
    record Found(UnaryOperator<String> lookup, Set<String> ofProviders) {
    }

    private Sources() {
    }

    /**
     * Returns the properties of the context.
     *
     * @throws SettingException if the context has an unknown {@code bactrian.*} property
     */
    static Found of(CamelContext context) {
        PropertiesComponent properties = context.getPropertiesComponent();
        Properties raw = properties.loadProperties(name -> withoutMark(name).startsWith(Property.PREFIX));
        // Quarkus also lists BACTRIAN_MAX_IN_FLIGHT of the environment as bactrian.max.in.flight.
        List<String> names = raw.stringPropertyNames().stream().filter(name -> System.getenv(Property.environmentName(name)) == null).toList();
        rejectUnknown(names);
        return new Found(name -> resolve(properties, raw, name), ofProviders(names));
    }

    /** Returns the properties of a map. */
    static Found of(Map<String, String> properties) {
        rejectUnknown(properties.keySet());
        return new Found(properties::get, ofProviders(properties.keySet()));
    }

    private static Set<String> ofProviders(Collection<String> names) {
        return names.stream().filter(name -> Property.providerOf(name).isPresent()).collect(Collectors.toCollection(TreeSet::new));
    }

    /** A secret may contain two opening braces: if they are not a placeholder that can be resolved, they are part of the secret. */
    private static String resolve(PropertiesComponent properties, Properties raw, String name) {
        String fromSystem = System.getProperty(name, System.getenv(Property.environmentName(name)));
        String value = fromSystem != null ? fromSystem : raw.getProperty(name);
        boolean secret = Property.isSecret(name);
        if (secret && value != null && !(value.contains("{{") && value.contains("}}"))) {
            // Does not go through Camel, which logs what it resolves, even in the startup summary, and drops backslashes.
            return value;
        }
        // Empty if the property is not set, and also if its value holds a placeholder that cannot be resolved.
        Optional<String> resolved = properties.resolveProperty(name);
        if (resolved.isPresent()) {
            return resolved.get();
        }
        if (value == null || secret && !value.matches("\\{\\{[^{}]+}}")) {
            return value;
        } else if (secret) {
            throw new SettingException(name, "is a placeholder that cannot be resolved");
        }
        throw new SettingException(name, "'" + value + "' holds a placeholder that cannot be resolved");
    }

    /** Some editors begin a file with a byte order mark. Read as UTF-8 or as single bytes, it becomes part of the first name. */
    private static String withoutMark(String name) {
        return name.replaceFirst("^(?:\\uFEFF|\u00EF\u00BB\u00BF)(?=bactrian\\.)", "");
    }

    /** Rejects each name with Bactrian's prefix that is not a property. */
    static void rejectUnknown(Collection<String> names) {
        for (String name : names) {
            if (!withoutMark(name).equals(name)) {
                throw new SettingException(withoutMark(name), "stands behind a byte order mark: save its file without");
            }
            if (name.startsWith(Property.PREFIX) && Property.of(name).isEmpty() && Property.providerOf(name).isEmpty()) {
                throw unknown(name, List.of());
            }
        }
    }

    /** Returns the exception for an unknown name, which suggests a known one: Bactrian's own or one of these. */
    static SettingException unknown(String name, Collection<String> others) {
        String nearest = Stream.concat(Arrays.stream(Property.values()).map(Property::key), others.stream())
                .min(Comparator.comparingInt(key -> distance(key, name))).orElseThrow();
        return new SettingException(name, "no such property; did you mean " + nearest + "?");
    }

    private static int distance(String a, String b) {
        int[] previous = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            previous[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int[] row = new int[b.length() + 1];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replace = previous[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                row[j] = Math.min(replace, 1 + Math.min(previous[j], row[j - 1]));
            }
            previous = row;
        }
        return previous[b.length()];
    }
}
