package dev.bactrian.limit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

import dev.bactrian.core.Provider.Access;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.RepeatedTest;

/** The gates of an application. */
class GatesTest {

    private static final int LIMITS = 8;

    /** As the first requests of an application do, which call several services at once. */
    @RepeatedTest(100)
    void gatesThatAreCreatedAtOnceAreNotMistakenForOneAnother() throws Exception {
        ExecutorService callers = Executors.newFixedThreadPool(LIMITS);
        try (DefaultCamelContext context = new DefaultCamelContext()) {
            Gates gates = Gates.of(context);
            Access access = new Access(List.of("http://127.0.0.1/v1"), "key", "secret", true, null, Optional.empty());
            CyclicBarrier together = new CyclicBarrier(LIMITS);

            List<Future<Gate>> created = new ArrayList<>();
            for (String of : IntStream.range(0, LIMITS).mapToObj(i -> "limit " + i).toList()) {
                created.add(callers.submit(() -> {
                    together.await(10, TimeUnit.SECONDS);
                    return gates.gate(of, access, Gate.Rate.NONE);
                }));
            }

            for (Future<Gate> each : created) {
                Gate gate = each.get(10, TimeUnit.SECONDS);
                assertThat(gates.named(gate.name())).isSameAs(gate);
            }
        } finally {
            callers.shutdownNow();
        }
    }
}
