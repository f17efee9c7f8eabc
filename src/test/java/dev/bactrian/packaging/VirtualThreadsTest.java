package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.simulator.Simulator;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What threads an application's requests take: {@code bactrian.threads}. */
@Tag("slow")
class VirtualThreadsTest {

    private static final List<String> POOLS = List.of("bactrianCancels", "bactrianDeliveries", "bactrianDownloads",
            "bactrianPolls", "bactrianSinkWorkers", "bactrianStreamReaders", "bactrianWorkers");
    private static final int STREAMS = 200;

    @Test
    void thePoolsOfTheRoutesHaveVirtualThreadsIfJavaHas() throws Exception {
        assertThat(pools(List.of())).contains(String.valueOf(hasVirtual()));
    }

    @Test
    void platformThreadsCanBeAskedFor() throws Exception {
        assertThat(pools(List.of(), "bactrian.threads=platform")).contains("false");
    }

    @Test
    void ownThreadsNeedNotBeCamels() throws Exception {
        List<String> camels = List.of("-Dcamel.threads.virtual.enabled=true");
        assertThat(pools(camels)).contains(String.valueOf(hasVirtual()));
        assertThat(pools(camels, "bactrian.threads=platform")).contains("false");
    }

    @Test
    void theStartFailsWithoutTheVirtualThreadsThatWereAskedFor() throws Exception {
        assumeTrue(!hasVirtual(), "Java has virtual threads");
        assertThatThrownBy(() -> Settings.of(Map.of("bactrian.threads", "virtual"))).isInstanceOf(SettingException.class)
                .hasMessage("bactrian.threads: 'virtual' needs Java 21 or later, and this is Java " + Runtime.version().feature());
    }

    @Test
    void streamsTakeFewPlatformThreads() throws Exception {
        assumeTrue(hasVirtual(), "Java 17 has none");
        try (Simulator simulator = Simulator.builder().pieces(30).pause(Duration.ofMillis(100)).start()) {
            assertThat(threads(simulator)).isLessThan(100);
            assertThat(threads(simulator, "bactrian.threads=platform")).isGreaterThan(STREAMS);
        }
    }

    private static boolean hasVirtual() {
        return Runtime.version().feature() >= 21;
    }

    /** Returns whether the threads of the pools of an application are virtual: {@code true} or {@code false} for all. */
    private static Set<String> pools(List<String> options, String... properties) throws Exception {
        try (Simulator simulator = Simulator.start()) {
            String said = run(PoolsHost.class, options, simulator, properties);
            assertThat(said.lines().filter(line -> line.contains("\"status\":\"succeeded\""))).as(said).hasSize(2);
            assertThat(said).contains("polls at once: true");
            Set<String> kinds = new HashSet<>();
            POOLS.forEach(pool -> kinds.add(said.lines().filter(line -> line.startsWith(pool)).findFirst().orElseThrow().replaceAll(".*\\[|]", "")));
            assertThat(kinds).as(said).hasSize(1);
            return kinds;
        }
    }

    /** Returns the most platform threads of an application with many streams at once. */
    private static int threads(Simulator simulator, String... properties) throws Exception {
        String said = run(StreamsHost.class, List.of(), simulator, properties);
        return said.lines().filter(line -> line.startsWith("threads: ")).mapToInt(line -> Integer.parseInt(line.substring(9))).findFirst()
                .orElseThrow(() -> new AssertionError(said));
    }

    private static String run(Class<?> main, List<String> options, Simulator simulator, String... properties) throws Exception {
        ProcessBuilder builder = LightHost.of(main, "warn", Stream.concat(Stream.of("bactrian.upstage.api-endpoint=" + simulator.chatUrl(),
                "bactrian.replicate.api-endpoint=" + simulator.predictionsUrl(), "bactrian.replicate.poll-endpoint=" + simulator.pollUrl()),
                Stream.of(properties)).toArray(String[]::new));
        builder.command().addAll(1, options);
        // The host has the threads that these properties say, whatever the tests themselves run with.
        builder.environment().remove("BACTRIAN_THREADS");
        Process host = builder.start();
        String said = new String(host.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(host.waitFor()).as(said).isZero();
        return said;
    }

    private static Main application(String... properties) {
        Main main = new Main();
        main.configure().setRoutesIncludePattern("classpath:bactrian/*.camel.yaml");
        for (String property : properties) {
            main.addProperty(property.split("=", 2)[0], property.split("=", 2)[1]);
        }
        return main;
    }

    /** An application that makes many requests at once. */
    static final class StreamsHost {

        private StreamsHost() {
        }

        public static void main(String[] args) throws Exception {
            Main main = application(args);
            main.addProperty("bactrian.emit.result", "bean:done?method=countDown");
            CountDownLatch done = new CountDownLatch(STREAMS);
            main.bind("done", done);
            main.start();
            try (ProducerTemplate template = main.getCamelContext().createProducerTemplate()) {
                for (int i = 0; i < STREAMS; i++) {
                    template.sendBody("direct:generate-and-emit", "Hello");
                }
                if (!done.await(1, TimeUnit.MINUTES)) {
                    throw new IllegalStateException(done + " of " + STREAMS);
                }
                System.out.println("threads: " + ManagementFactory.getThreadMXBean().getPeakThreadCount());
            } finally {
                main.stop();
            }
        }
    }

    /** An application that tells what threads its pools have. */
    static final class PoolsHost {

        private PoolsHost() {
        }

        public static void main(String[] args) throws Exception {
            Main main = application(args);
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
                    return hasVirtual() && (Boolean) Thread.class.getMethod("isVirtual").invoke(Thread.currentThread());
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
