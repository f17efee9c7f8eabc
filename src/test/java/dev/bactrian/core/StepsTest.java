package dev.bactrian.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;

import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Predicate;
import org.apache.camel.Processor;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.DefaultExchange;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Steps work as long as exchanges are processed, which may be longer than the application runs. An Error of a step is its failure. */
@Tag("slow")
class StepsTest {

    private static final class Greeter {

        void greet(Exchange exchange) {
            exchange.getMessage().setBody("hello");
        }

        boolean isGreeted(Exchange exchange) {
            return "hello".equals(exchange.getMessage().getBody());
        }

        void fail(Exchange exchange) {
            throw new OutOfMemoryError("Java heap space");
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

    private static CamelContext withRoute(String id, Object step, List<String> passed) throws Exception {
        CamelContext camel = new DefaultCamelContext();
        new ErrorNet().setCamelContext(camel);
        Steps.of(camel, "greeter", Greeter.class).step("fail", Greeter::fail);
        camel.getRegistry().bind("greeter", new Greeter());
        camel.getRegistry().bind("sick", step);
        camel.addRoutes(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:alone").routeId(id + "-alone").errorHandler(noErrorHandler())
                        .process(step instanceof String name ? name : "sick").process(exchange -> passed.add("went on"));
                from("direct:caught").routeId(id + "-caught").errorHandler(noErrorHandler())
                        .doTry()
                        .process(step instanceof String name ? name : "sick").process(exchange -> passed.add("went on"))
                        .doCatch(Exception.class)
                        .process(exchange -> passed.add("caught"))
                        .end();
            }
        });
        camel.start();
        return camel;
    }

    private static Stream<Arguments> failingSteps() {
        Processor bean = exchange -> {
            throw new OutOfMemoryError("Java heap space");
        };
        // A Kamelet's route has an id of Camel's.
        return Stream.of(Arguments.of("bactrian", "greeter.fail"), Arguments.of("kamelet", "greeter.fail"), Arguments.of("bactrian", bean));
    }

    @ParameterizedTest
    @MethodSource("failingSteps")
    void anErrorFailsTheStepAndNothingGoesOn(String id, Object step) throws Exception {
        List<String> passed = new CopyOnWriteArrayList<>();
        try (CamelContext camel = withRoute(id, step, passed); ProducerTemplate template = camel.createProducerTemplate()) {
            Exchange alone = template.send("direct:alone", exchange -> { });
            assertThat(alone.getException()).hasRootCauseInstanceOf(OutOfMemoryError.class);
            assertThat(passed).isEmpty();
            assertThat(template.send("direct:caught", exchange -> { }).getException()).isNull();
            assertThat(passed).containsExactly("caught");
        }
    }
}
