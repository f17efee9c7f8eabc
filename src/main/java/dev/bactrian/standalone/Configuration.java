package dev.bactrian.standalone;

import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;

import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import org.apache.camel.impl.DefaultCamelContext;

/** Gathers the service's properties, lowest precedence first: packaged, file, environment, system. */
final class Configuration {

    private Configuration() {
    }

    /**
     * All properties, of Bactrian and of Camel, by full name.
     *
     * @throws SettingException where the named file cannot be read
     */
    static Map<String, String> load(Map<String, String> environment, Properties system) {
        Map<String, String> all = new LinkedHashMap<>();
        try (InputStream packaged = Configuration.class.getResourceAsStream("/bactrian/application.properties")) {
            Properties properties = new Properties();
            properties.load(packaged);
            properties.forEach((name, value) -> all.put(name.toString(), value.toString()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        all.putAll(file(system.getProperty(Property.CONFIG.key(), environment.get(Property.environmentName(Property.CONFIG.key())))));
        for (Property property : Property.values()) {
            String value = environment.get(Property.environmentName(property.key()));
            if (value != null) {
                all.put(property.key(), value);
            }
        }
        system.stringPropertyNames().stream().filter(name -> name.startsWith(Property.PREFIX) || name.startsWith("camel."))
                .forEach(name -> all.put(name, system.getProperty(name)));
        ownName(all, Property.REPLICATE_API_TOKEN, environment.get("REPLICATE_API_TOKEN"));
        ownName(all, Property.UPSTAGE_API_KEY, environment.get("UPSTAGE_API_KEY"));
        resolvePlaceholders(all);
        return all;
    }

    /** {@code {{env:X}}} and the like, as in any Camel application. A secret that only looks so is taken as it stands. */
    private static void resolvePlaceholders(Map<String, String> all) {
        boolean none = all.entrySet().stream().noneMatch(e -> e.getKey().startsWith(Property.PREFIX) && e.getValue().contains("{{"));
        if (none) {
            return;
        }
        try (DefaultCamelContext context = new DefaultCamelContext()) {
            Properties properties = new Properties();
            properties.putAll(all);
            context.getPropertiesComponent().setInitialProperties(properties);
            for (Property property : Property.values()) {
                String value = all.get(property.key());
                if (value != null && value.contains("{{")) {
                    all.put(property.key(), resolved(context, property, value));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String resolved(DefaultCamelContext context, Property property, String value) {
        try {
            return context.getPropertiesComponent().parseUri(value);
        } catch (RuntimeException e) {
            if (property.secret() && !value.matches("\\{\\{[^{}]+}}")) {
                return value;
            }
            throw new SettingException(property.key(), "holds a placeholder that cannot be resolved");
        }
    }

    private static void ownName(Map<String, String> all, Property property, String value) {
        if (value != null) {
            all.putIfAbsent(property.key(), value);
        }
    }

    private static Map<String, String> file(String named) {
        Path path = Path.of(named != null ? named : Property.CONFIG.defaultValue(false).orElseThrow());
        if (named == null && !Files.exists(path)) {
            return Map.of();
        }
        try (Reader reader = Files.newBufferedReader(path, StandardCharsets.UTF_8)) {
            Properties properties = new Properties();
            properties.load(reader);
            Map<String, String> read = new LinkedHashMap<>();
            properties.forEach((name, value) -> read.put(name.toString(), value.toString()));
            return read;
        } catch (IOException | IllegalArgumentException e) {
            throw new SettingException(Property.CONFIG.key(), "'" + path + "' cannot be read: " + e);
        }
    }
}
