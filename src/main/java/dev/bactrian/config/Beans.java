package dev.bactrian.config;

import java.util.ConcurrentModificationException;
import java.util.Map;
import java.util.function.Supplier;

import org.apache.camel.CamelContext;
import org.apache.camel.NoSuchBeanException;

/**
 * Beans by their type, while requests are in work. Camel's registry is a plain map: a search fails where another thread
 * adds a bean meanwhile, as an application may at any time. It is made again then.
 */
public final class Beans {

    private Beans() {
    }

    /**
     * The bean of that name, which the routes declare.
     *
     * @throws org.apache.camel.NoSuchBeanException where there is none, as once the application has stopped
     */
    public static <T> T named(CamelContext context, String name, Class<T> type) {
        T bean = context.getRegistry().lookupByNameAndType(name, type);
        if (bean == null) {
            throw new NoSuchBeanException(name, type.getName());
        }
        return bean;
    }

    /**
     * The one bean of that type.
     *
     * @throws org.apache.camel.NoSuchBeanException where there is none, or more than one
     */
    public static <T> T one(CamelContext context, Class<T> type) {
        return search(() -> context.getRegistry().mandatoryFindSingleByType(type));
    }

    /** All beans of that type, by their names. */
    public static <T> Map<String, T> all(CamelContext context, Class<T> type) {
        return search(() -> context.getRegistry().findByTypeWithName(type));
    }

    private static <T> T search(Supplier<T> registry) {
        while (true) {
            try {
                return registry.get();
            } catch (ConcurrentModificationException e) {
                Thread.onSpinWait();
            }
        }
    }
}
