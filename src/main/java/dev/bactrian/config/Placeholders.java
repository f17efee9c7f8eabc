package dev.bactrian.config;

import org.apache.camel.CamelContext;
import org.apache.camel.spi.PropertiesComponent;
import org.apache.camel.spi.PropertiesFunction;

/**
 * Has placeholders with a default, such as <code>{{bactrian.file.inbox:inbox}}</code>, mean what {@link Settings} read, and
 * not what was written: Camel takes what stands before the colon for the name of a function, where there is one. Secrets
 * have none, for Camel logs what it resolves.
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
