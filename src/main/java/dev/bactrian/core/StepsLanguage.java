package dev.bactrian.core;

import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Expression;
import org.apache.camel.Predicate;
import org.apache.camel.support.CamelContextHelper;
import org.apache.camel.support.LanguageSupport;

/**
 * The language {@code bactrian}: the name of a condition or a value of {@link Steps}. Each expression looks it up once, when its route is
 * made. Camel's language {@code ref} looks it up for each evaluation, and a registry of Spring throws an exception for each name that
 * it does not know.
 */
final class StepsLanguage extends LanguageSupport {

    /** Camel finds a language in the registry by its name and this suffix. In the registry, Quarkus finds it too. */
    private static final String BEAN = "bactrian-language";

    /** What a route names. */
    private static final class Named<T> {

        private final String name;
        private final Class<T> type;
        private volatile T found;

        Named(String name, Class<T> type) {
            this.name = name;
            this.type = type;
        }

        T in(CamelContext context) {
            T known = found;
            if (known == null) {
                known = CamelContextHelper.mandatoryLookup(context, name, type);
                found = known;
            }
            return known;
        }
    }

    /** Adds the language to an application. */
    static void addTo(CamelContext context) {
        if (context.getRegistry().lookupByName(BEAN) == null) {
            context.getRegistry().bind(BEAN, new StepsLanguage());
        }
    }

    @Override
    public Predicate createPredicate(String expression) {
        Named<Predicate> named = new Named<>(expression, Predicate.class);
        return new Predicate() {
            @Override
            public void initPredicate(CamelContext context) {
                named.in(context);
            }

            @Override
            public boolean matches(Exchange exchange) {
                return named.in(exchange.getContext()).matches(exchange);
            }

            @Override
            public String toString() {
                return expression;
            }
        };
    }

    @Override
    public Expression createExpression(String expression) {
        Named<Expression> named = new Named<>(expression, Expression.class);
        return new Expression() {
            @Override
            public void init(CamelContext context) {
                named.in(context);
            }

            @Override
            public <T> T evaluate(Exchange exchange, Class<T> type) {
                return named.in(exchange.getContext()).evaluate(exchange, type);
            }

            @Override
            public String toString() {
                return expression;
            }
        };
    }
}
