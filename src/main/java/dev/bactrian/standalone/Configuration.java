package dev.bactrian.standalone;

import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;

import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import org.apache.camel.impl.DefaultCamelContext;

/** Collects the properties of the service, lowest precedence first: packaged, file, environment, system properties. */
final class Configuration {

    private Configuration() {
    }

    /**
     * Returns all properties of Bactrian and of Camel, by full name.
     *
     * @throws SettingException if the file cannot be read or a placeholder cannot be resolved
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
        String named = system.getProperty(Property.CONFIG.key(), environment.getOrDefault(Property.environmentName(Property.CONFIG.key()), ""));
        all.putAll(file(Settings.trimmed(named)));
        for (Property property : Property.values()) {
            String value = environment.get(Property.environmentName(property.key()));
            if (value != null) {
                all.put(property.key(), value);
            }
        }
        environment.forEach((variable, value) -> Property.ofProviderInEnvironment(variable).ifPresent(name -> all.put(name, value)));
        system.stringPropertyNames().stream().filter(name -> name.startsWith(Property.PREFIX) || name.startsWith("camel."))
                .forEach(name -> all.put(name, system.getProperty(name)));
        ownName(all, Property.REPLICATE_API_TOKEN, environment.get("REPLICATE_API_TOKEN"));
        ownName(all, Property.UPSTAGE_API_KEY, environment.get("UPSTAGE_API_KEY"));
        all.replaceAll((name, value) -> Settings.trimmed(value));
        resolvePlaceholders(all);
        return all;
    }

    /** Resolves placeholders such as {@code {{env:X}}}, as any Camel application does. A secret that only looks like one is kept. */
    private static void resolvePlaceholders(Map<String, String> all) {
        boolean none = all.entrySet().stream().noneMatch(e -> e.getKey().startsWith(Property.PREFIX) && e.getValue().contains("{{"));
        if (none) {
            return;
        }
        try (DefaultCamelContext context = new DefaultCamelContext()) {
            Properties properties = new Properties();
            properties.putAll(all);
            context.getPropertiesComponent().setInitialProperties(properties);
            all.forEach((name, value) -> {
                if (name.startsWith(Property.PREFIX) && value.contains("{{")) {
                    all.put(name, resolved(context, name, value));
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String resolved(DefaultCamelContext context, String name, String value) {
        try {
            return context.getPropertiesComponent().parseUri(value);
        } catch (RuntimeException e) {
            if (Property.isSecret(name) && !value.matches("\\{\\{[^{}]+}}")) {
                return value;
            }
            throw new SettingException(name, "holds a placeholder that cannot be resolved");
        }
    }

    private static void ownName(Map<String, String> all, Property property, String value) {
        if (value != null) {
            all.putIfAbsent(property.key(), value);
        }
    }

    private static Map<String, String> file(String named) {
        Path path = Path.of(named.isEmpty() ? Property.CONFIG.defaultValue(false).orElseThrow() : named);
        if (named.isEmpty() && !Files.exists(path)) {
            return Map.of();
        }
        try {
            Properties properties = new Properties();
            properties.load(new StringReader(text(path)));
            Map<String, String> read = new LinkedHashMap<>();
            properties.forEach((name, value) -> read.put(name.toString(), value.toString()));
            return read;
        } catch (CharacterCodingException e) {
            throw new SettingException(Property.CONFIG.key(), "'" + path + "' is not UTF-8 text");
        } catch (IOException | IllegalArgumentException e) {
            throw new SettingException(Property.CONFIG.key(), "'" + path + "' cannot be read: " + e);
        }
    }

    /** Returns the text of a file, without the byte order mark of some editors, which would become part of the first name. */
    private static String text(Path path) throws IOException {
        byte[] bytes = Files.readAllBytes(path);
        if (bytes.length > 1 && (bytes[0] == (byte) 0xFE && bytes[1] == (byte) 0xFF || bytes[0] == (byte) 0xFF && bytes[1] == (byte) 0xFE
                || bytes[0] == 0 || bytes[1] == 0)) {
            throw new SettingException(Property.CONFIG.key(), "'" + path + "' is UTF-16: save it as UTF-8");
        }
        String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        return text.startsWith("\uFEFF") ? text.substring(1) : text;
    }
}
