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
 * Spring Boot's auto-configuration that shows Camel the {@code bactrian.*} properties of Spring's environment. Without it Camel can look
 * up a property there but cannot list them: an unknown property would go unnoticed, and Camel would log the secrets that it looks up.
 */
@Configuration(proxyBeanMethods = false)
public class SpringProperties {

    /** Camel uses every bean of this type as a source of properties. */
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
                            .forEach(name -> add(found, filter, ofProvider(name)));
                }
            }
            return found;
        }

        /** Does nothing: each call reads the environment anew. */
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

        /** Returns the name of a provider's property as Bactrian writes it: {@code bactrian.groq.api-key} for {@code bactrian.groq.apiKey}. */
        private String ofProvider(String name) {
            int last = name.lastIndexOf('.') + 1;
            String written = name.substring(0, last) + uniform(name.substring(last)).replaceFirst("^api", "api-");
            return Property.providerOf(written).isPresent() && environment.containsProperty(written) ? written : name;
        }

        /**
         * Reduces names that Spring's relaxed binding treats as equal, such as {@code api-key}, {@code apiKey} and {@code api_key}, to one.
         */
        private static String uniform(String name) {
            return name.replaceAll("[-_]", "").toLowerCase(Locale.ROOT);
        }
    }
}
