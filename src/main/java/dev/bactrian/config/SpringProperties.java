package dev.bactrian.config;

import java.util.Arrays;
import java.util.Locale;
import java.util.Properties;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.apache.camel.spi.LoadablePropertiesSource;
import org.apache.camel.spi.PropertiesSource;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.EnumerablePropertySource;

/**
 * In a Spring Boot application, which finds this class by itself: shows Camel the {@code bactrian.*} properties of
 * Spring's environment. Without it Camel can look one up there but not list them, so that an unknown one goes unnoticed
 * and a secret is looked up where Camel logs what it finds.
 */
@Configuration(proxyBeanMethods = false)
public class SpringProperties {

    /** The source; Camel takes every bean of this type. */
    @Bean
    PropertiesSource bactrianProperties(ConfigurableEnvironment environment) {
        return new Source(environment);
    }

    private record Source(ConfigurableEnvironment environment) implements LoadablePropertiesSource {

        private static final Set<String> KNOWN =
                names().map(Source::uniform).collect(Collectors.toSet());

        private static Stream<String> names() {
            return Arrays.stream(Property.values()).flatMap(property -> Stream.concat(Stream.of(property.key()), property.formerKey().stream()));
        }

        @Override
        public String getName() {
            return "spring";
        }

        @Override
        public String getProperty(String name) {
            return name.startsWith(Property.PREFIX) ? value(name) : null;
        }

        @Override
        public Properties loadProperties() {
            return loadProperties(name -> true);
        }

        @Override
        public Properties loadProperties(Predicate<String> filter) {
            Properties found = new Properties();
            names().forEach(name -> add(found, filter, name));
            for (var source : environment.getPropertySources()) {
                if (source instanceof EnumerablePropertySource<?> listed) {
                    Arrays.stream(listed.getPropertyNames())
                            .filter(name -> name.startsWith(Property.PREFIX) && !KNOWN.contains(uniform(name)))
                            .forEach(name -> add(found, filter, name));
                }
            }
            return found;
        }

        /** Reads the environment anew each time anyway. */
        @Override
        public void reloadProperties(String location) {
        }

        private void add(Properties found, Predicate<String> filter, String name) {
            String value = filter.test(name) ? value(name) : null;
            if (value != null) {
                found.setProperty(name, value);
            }
        }

        private String value(String name) {
            String value = environment.getProperty(name);
            return value == null ? null : Values.trimmed(value);
        }

        /** Spring's relaxed binding takes {@code api-key}, {@code apiKey} and {@code api_key} for the same. */
        private static String uniform(String name) {
            return name.replaceAll("[-_]", "").toLowerCase(Locale.ROOT);
        }
    }
}
