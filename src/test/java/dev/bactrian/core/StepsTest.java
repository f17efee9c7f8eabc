package dev.bactrian.core;

import static org.assertj.core.api.Assertions.assertThat;

import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Predicate;
import org.apache.camel.Processor;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.DefaultExchange;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Steps work as long as exchanges are processed, which may be longer than the application runs. */
@Tag("slow")
class StepsTest {

    private static final class Greeter {

        void greet(Exchange exchange) {
            exchange.getMessage().setBody("hello");
        }

        boolean isGreeted(Exchange exchange) {
            return "hello".equals(exchange.getMessage().getBody());
        }
    }

    @Test
    void runAfterTheApplicationHasStopped() throws Exception {
        CamelContext camel = new DefaultCamelContext();
        Steps.of(camel, "greeter", Greeter.class).step("greet", Greeter::greet).test("isGreeted", Greeter::isGreeted);
        camel.getRegistry().bind("greeter", new Greeter());
        Processor greet = camel.getRegistry().lookupByNameAndType("greeter.greet", Processor.class);
        Predicate isGreeted = camel.resolveLanguage("bactrian").createPredicate("greeter.isGreeted");
        isGreeted.initPredicate(camel);
        camel.start();
        Exchange exchange = new DefaultExchange(camel);
        camel.stop();
        greet.process(exchange);
        assertThat(isGreeted.matches(exchange)).isTrue();
    }
}
