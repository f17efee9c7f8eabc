package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

import dev.bactrian.simulator.Simulator;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** An application that has Camel make virtual threads. */
@Tag("slow")
class VirtualThreadsTest {

    private static final List<String> POOLS = List.of("bactrianCancels", "bactrianDeliveries", "bactrianDownloads",
            "bactrianPolls", "bactrianSinkWorkers", "bactrianStreamReaders", "bactrianWorkers");

    @Test
    void thePoolsOfTheRoutesHaveVirtualThreads() throws Exception {
        assumeTrue(Runtime.version().feature() >= 21, "Java 17 has none");
        try (Simulator simulator = Simulator.start()) {
            ProcessBuilder builder = LightHost.of(Host.class, "warn", simulator.chatUrl(), simulator.predictionsUrl(), simulator.pollUrl());
            builder.command().add(1, "-Dcamel.threads.virtual.enabled=true");
            Process host = builder.start();
            String said = new String(host.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

            assertThat(host.waitFor()).as(said).isZero();
            assertThat(said.lines().filter(line -> line.contains("\"status\":\"succeeded\""))).as(said).hasSize(2);
            POOLS.forEach(pool -> assertThat(said).contains(pool + ": [true]"));
            assertThat(said).contains("polls at once: true");
        }
    }

    /** The application. */
    static final class Host {

        private Host() {
        }

        public static void main(String[] args) throws Exception {
            Main main = new Main();
            main.configure().setRoutesIncludePattern("classpath:bactrian/*.camel.yaml");
            main.addProperty("bactrian.upstage.api-endpoint", args[0]);
            main.addProperty("bactrian.replicate.api-endpoint", args[1]);
            main.addProperty("bactrian.replicate.poll-endpoint", args[2]);
            main.start();
            try (ProducerTemplate template = main.getCamelContext().createProducerTemplate()) {
                System.out.println(template.requestBody("direct:generate", "Hello", String.class));
                System.out.println(template.requestBody("direct:generate", "{\"model\": \"gemma-2b\", \"prompt\": \"p\"}", String.class));
                for (String pool : POOLS) {
                    System.out.println(pool + ": " + virtual(main.getCamelContext().getRegistry().lookupByNameAndType(pool, ExecutorService.class), 1));
                }
                System.out.println("polls at once: " + !virtual(
                        main.getCamelContext().getRegistry().lookupByNameAndType("bactrianPolls", ExecutorService.class), 40).isEmpty());
            } finally {
                main.stop();
            }
        }

        /** Whether threads that are used at once are virtual; empty where there are fewer than that. */
        private static Set<Boolean> virtual(ExecutorService pool, int threads) throws Exception {
            CountDownLatch met = new CountDownLatch(threads);
            List<Future<Boolean>> kinds = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                kinds.add(pool.submit(() -> {
                    met.countDown();
                    met.await();
                    return (Boolean) Thread.class.getMethod("isVirtual").invoke(Thread.currentThread());
                }));
            }
            Set<Boolean> found = new HashSet<>();
            if (met.await(10, TimeUnit.SECONDS)) {
                for (Future<Boolean> kind : kinds) {
                    found.add(kind.get());
                }
            }
            return found;
        }
    }
}
