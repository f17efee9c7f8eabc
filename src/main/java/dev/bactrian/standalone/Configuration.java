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
import dev.bactrian.config.Settings;

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
        all.putAll(file(system.getProperty(Property.CONFIG.key(), environment.get(Settings.environmentName(Property.CONFIG.key())))));
        for (Property property : Property.values()) {
            String value = environment.get(Settings.environmentName(property.key()));
            if (value != null) {
                all.put(property.key(), value);
            }
        }
        system.stringPropertyNames().stream().filter(name -> name.startsWith(Property.PREFIX) || name.startsWith("camel."))
                .forEach(name -> all.put(name, system.getProperty(name)));
        ownName(all, Property.REPLICATE_API_TOKEN, environment.get("REPLICATE_API_TOKEN"));
        ownName(all, Property.UPSTAGE_API_KEY, environment.get("UPSTAGE_API_KEY"));
        return all;
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
