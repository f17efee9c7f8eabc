package dev.bactrian.routes.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

import dev.bactrian.routes.support.RouteTestSupport;
import org.apache.camel.Exchange;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A route of the application that gets a chunk or a result of a trigger's request makes a request of its own. */
class NestedRequestTest extends RouteTestSupport {

    /** What the first request that is made there ends with: the id of its result, or its failure. */
    private final Queue<String> nested = new ConcurrentLinkedQueue<>();

    @Override
    protected void configure(Main main) {
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:nested").filter(exchange -> nested.isEmpty() && exchange.getVariable("nested") == null)
                        .process(exchange -> {
                            exchange.setVariable("nested", true);
                            exchange.getMessage().removeHeaders("*");
                            exchange.getMessage().setBody("translate this");
                        })
                        .doTry().to("direct:generate").doCatch(Exception.class)
                        .process(exchange -> exchange.getMessage().setHeader("BactrianRequestId", exchange.getProperty(Exchange.EXCEPTION_CAUGHT).toString()))
                        .end()
                        .process(exchange -> nested.add(exchange.getMessage().getHeader("BactrianRequestId", String.class)));
            }
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"bactrian.emit.chunk", "bactrian.emit.result"})
    void hasAnIdOfItsOwnThoughTheOtherIsFromAFile(String emit) throws Exception {
        Path inbox = Files.createDirectories(folder.resolve("inbox"));
        Files.writeString(inbox.resolve("outer.txt"), "hello");

        start("bactrian.file.enabled", "true", "bactrian.emit.chunk", "", emit, "direct:nested");

        await().until(() -> nested.size() == 1);
        assertThat(nested.peek()).matches("[0-9a-f-]{36}");
        if (emit.equals("bactrian.emit.chunk")) {
            await().until(() -> captured.results.poll() != null);
        }
    }

    @Test
    void doesNotWaitForTheOtherThoughThatIsFromTheQueue() throws Exception {
        start("bactrian.jms.enabled", "true", "bactrian.emit.chunk", "direct:nested");

        template().sendBodyAndHeaders("jms:queue:bactrian.requests", "hello", Map.of("JMSCorrelationID", "outer"));

        await().until(() -> captured.results.poll() != null);
        assertThat(nested.peek()).matches("[0-9a-f-]{36}");
    }
}
