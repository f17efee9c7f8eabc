package dev.bactrian.routes.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

import dev.bactrian.routes.support.RouteTestSupport;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Test;

/** Of a request that has ended nothing stays in memory. */
class NothingIsKeptTest extends RouteTestSupport {

    /** The objects in the exchange variables of what is emitted. */
    private final Queue<WeakReference<Object>> seen = new ConcurrentLinkedQueue<>();

    @Override
    protected void configure(Main main) {
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:watched").process(exchange -> exchange.getVariables().values().stream()
                        .filter(value -> value.getClass().getName().startsWith("dev.bactrian.")).map(WeakReference::new).forEach(seen::add));
            }
        });
    }

    private void nothingIsKept() {
        assertThat(seen).isNotEmpty();
        await("forgotten").atMost(Duration.ofSeconds(30)).until(() -> {
            System.gc();
            return seen.stream().allMatch(object -> object.get() == null);
        });
    }

    @Test
    void ofChatsAndPredictions() throws Exception {
        start("bactrian.emit.chunk", "direct:watched", "bactrian.emit.result", "direct:watched");
        for (String model : new String[] {"solar-pro4", "gemma-2b"}) {
            template().requestBody("direct:generate", "{\"prompt\": \"hi\", \"model\": \"" + model + "\"}");
            int before = seen.size();
            template().sendBody("direct:generate-and-emit", "{\"prompt\": \"hi\", \"model\": \"" + model + "\"}");
            await().until(() -> context().getInflightRepository().size() == 0 && seen.size() > before);
        }
        nothingIsKept();
    }

    @Test
    void ofTheQueue() throws Exception {
        start("bactrian.jms.enabled", "true", "bactrian.emit.chunk", "direct:watched", "bactrian.emit.result", "direct:watched");
        template().sendBody("jms:queue:bactrian.requests", "{\"prompt\": \"hi\", \"model\": \"gemma-2b\"}");
        await().until(() -> context().getInflightRepository().size() == 0 && !seen.isEmpty());
        nothingIsKept();
    }
}
