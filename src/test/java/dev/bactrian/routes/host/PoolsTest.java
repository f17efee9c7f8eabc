package dev.bactrian.routes.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;

import dev.bactrian.routes.support.RouteTestSupport;
import org.apache.camel.CamelContext;
import org.apache.camel.main.Main;
import org.apache.camel.support.LifecycleStrategySupport;
import org.junit.jupiter.api.Test;

/** The thread pools are Camel's: what it tells of them is what JMX shows as {@code org.apache.camel:type=threadpools}. */
class PoolsTest extends RouteTestSupport {

    private final Map<String, ThreadPoolExecutor> shown = new ConcurrentHashMap<>();

    @Override
    protected void configure(Main main) {
        main.bind("pools", new LifecycleStrategySupport() {
            @Override
            public void onThreadPoolAdd(CamelContext context, ThreadPoolExecutor pool, String id, String sourceId, String routeId, String profile) {
                if (id.startsWith("bactrian-")) {
                    assertThat(shown.put(id, pool)).as(id).isNull();
                }
            }

            @Override
            public void onThreadPoolRemove(CamelContext context, ThreadPoolExecutor pool) {
                shown.values().remove(pool);
            }
        });
    }

    @Test
    void camelIsToldOfEachPoolUntilTheStop() throws Exception {
        start();
        assertThat(generate("hi").path("status").asText()).isEqualTo("succeeded");
        template().sendBody("direct:generate-and-emit", "{\"model\": \"gemma-2b\", \"prompt\": \"p\"}");
        await("emitted").until(() -> captured.results.size() == 1);
        captured.results.clear();
        takeChunks();

        assertThat(shown).containsKeys("bactrian-deadline-replicate", "bactrian-deadline-upstage", "bactrian-deliver", "bactrian-poll", "bactrian-sink");
        assertThat(shown.get("bactrian-poll")).isInstanceOfSatisfying(ScheduledThreadPoolExecutor.class, polls -> {
            assertThat(polls.getCorePoolSize()).isEqualTo(40);
            assertThat(polls.getRemoveOnCancelPolicy()).isTrue();
        });

        stop();

        assertThat(shown).isEmpty();
    }
}
