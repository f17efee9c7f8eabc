package dev.bactrian.config;

import java.util.ConcurrentModificationException;
import java.util.Map;
import java.util.function.Supplier;

import org.apache.camel.CamelContext;
import org.apache.camel.NoSuchBeanException;

/**
 * Looks up beans in Camel's registry while requests are processed. The registry iterates over a plain map, so a search by type fails
 * with a {@link ConcurrentModificationException} when another thread binds a bean at the same time. Such a search is repeated.
 */
public final class Beans {

    private Beans() {
    }

    /**
     * Returns the bean of that name and type.
     *
     * @throws org.apache.camel.NoSuchBeanException if there is none, for example after the application has stopped
     */
    public static <T> T named(CamelContext context, String name, Class<T> type) {
        T bean = context.getRegistry().lookupByNameAndType(name, type);
        if (bean == null) {
            throw new NoSuchBeanException(name, type.getName());
        }
        return bean;
    }

    /**
     * Returns the only bean of that type.
     *
     * @throws org.apache.camel.NoSuchBeanException if there is none or more than one
     */
    public static <T> T one(CamelContext context, Class<T> type) {
        return search(() -> context.getRegistry().mandatoryFindSingleByType(type));
    }

    /** Returns all beans of that type by name. */
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
