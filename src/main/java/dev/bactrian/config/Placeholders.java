package dev.bactrian.config;

import org.apache.camel.CamelContext;
import org.apache.camel.spi.PropertiesComponent;
import org.apache.camel.spi.PropertiesFunction;

/**
 * Resolves placeholders with a default, such as <code>{{bactrian.file.inbox:inbox}}</code>, to the values that {@link Settings} has
 * read instead of the raw ones. Registers a properties function for each property, because Camel treats the text before a colon as
 * the name of a function if such a function exists. Secrets get no function, because Camel logs what it resolves.
 */
final class Placeholders {

    private Placeholders() {
    }

    static void add(CamelContext context, Settings settings) {
        PropertiesComponent properties = context.getPropertiesComponent();
        if (properties.hasPropertiesFunction(Property.CONFIG.key())) {
            return;
        }
        for (Property property : Property.values()) {
            if (!property.secret()) {
                properties.addPropertiesFunction(new Function(property, settings));
            }
        }
    }

    private record Function(Property property, Settings settings) implements PropertiesFunction {

        @Override
        public String getName() {
            return property.key();
        }

        @Override
        public String apply(String otherwise) {
            return settings.written(property).orElse(otherwise);
        }
    }
}
