package dev.bactrian.core;

import java.util.function.BiFunction;
import java.util.function.BiPredicate;

import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Predicate;
import org.apache.camel.Processor;
import org.apache.camel.spi.OnCamelContextStarted;
import org.apache.camel.support.CamelContextHelper;
import org.apache.camel.support.ExpressionAdapter;
import org.apache.camel.support.LifecycleStrategySupport;

/**
 * The methods of a bean that the routes use, each in the registry under the name of the bean and its own: {@code bactrianRequests.read}. A
 * route names it in a {@code process} step or in an expression of our language {@code bactrian}. Camel's {@code bean} step calls a
 * method by reflection, and its {@code method} language copies the whole exchange for each call; both cost more than the methods themselves.
 *
 * @param <B> the class of the bean
 */
public final class Steps<B> {

    /** A method that changes the exchange. */
    @FunctionalInterface
    public interface Step<B> {

        /** Runs the step. An exception fails the exchange. */
        void run(B bean, Exchange exchange) throws Exception;
    }

    private final CamelContext context;
    private final String bean;
    private final Class<B> type;
    private volatile B found;

    private Steps(CamelContext context, String bean, Class<B> type) {
        this.context = context;
        this.bean = bean;
        this.type = type;
    }

    /**
     * Begins the steps of the bean of that name. The bean is looked up when the application has started, or when a step runs for the first
     * time if that is earlier. A request may still end after the application has stopped, when the registry is empty.
     */
    public static <B> Steps<B> of(CamelContext context, String bean, Class<B> type) {
        StepsLanguage.addTo(context);
        Steps<B> steps = new Steps<>(context, bean, type);
        context.addLifecycleStrategy(LifecycleStrategySupport.adapt((OnCamelContextStarted) started ->
                steps.found = CamelContextHelper.lookup(started, bean, type)));
        return steps;
    }

    private B bean() {
        B known = found;
        if (known == null) {
            known = CamelContextHelper.mandatoryLookup(context, bean, type);
            found = known;
        }
        return known;
    }

    private Steps<B> bind(String name, Object step) {
        context.getRegistry().bind(bean + "." + name, step);
        return this;
    }

    /** Adds a step for {@code process}. An Error becomes an exception, because Camel goes on with an exchange whose processor throws one. */
    public Steps<B> step(String name, Step<B> step) {
        return bind(name, (Processor) exchange -> {
            try {
                step.run(bean(), exchange);
            } catch (Error e) {
                exchange.setException(ErrorNet.wrapped(e));
            }
        });
    }

    /** Adds a condition. */
    public Steps<B> test(String name, BiPredicate<B, Exchange> test) {
        return bind(name, (Predicate) exchange -> test.test(bean(), exchange));
    }

    /** Adds a value. */
    public Steps<B> value(String name, BiFunction<B, Exchange, Object> value) {
        return bind(name, new ExpressionAdapter() {
            @Override
            public Object evaluate(Exchange exchange) {
                return value.apply(bean(), exchange);
            }

            @Override
            public String toString() {
                return bean + "." + name;
            }
        });
    }
}
