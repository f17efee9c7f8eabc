package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

import dev.bactrian.config.Property;
import dev.bactrian.simulator.Call;
import org.junit.jupiter.api.Test;

/** Many files at once, in little memory. */
class LoadIT extends EndToEnd {

    private void dropMany(int count) {
        for (int i = 0; i < count; i++) {
            drop(String.format("r%03d.json", i), i % 2 == 0 ? CHAT : PICTURE);
        }
    }

    private void allSucceed(ServiceProcess service, int count) {
        await("all done").atMost(Duration.ofSeconds(90)).until(() -> !service.isAlive() || done().size() + failed().size() == count);
        assertThat(failed()).as("%s", service).isEmpty();
        assertThat(waiting()).isEmpty();
        assertThat(emitted()).hasSize(count).isEqualTo(done());
        Set<String> predictions = new HashSet<>();
        for (String name : emitted()) {
            String id = name.replace(".json", "");
            String prediction = result(id).path("prediction").path("id").asText(null);
            assertThat(prediction == null || predictions.add(prediction)).as("a prediction of its own").isTrue();
        }
        assertThat(simulator.count(Call.CREATE)).isEqualTo(count / 2);
        assertThat(simulator.count(Call.CHAT)).isEqualTo(count / 2);
        assertThat(service.out()).noneMatch(line -> line.contains(" WARN ") || line.contains(" ERROR "));
        assertThat(service.err()).isEmpty();
    }

    /** The most requests that were in work at once, by what the log says. */
    private static int mostInWork(List<String> log) {
        int now = 0;
        int most = 0;
        for (String line : log) {
            now += line.contains(": admitted, ") ? 1 : line.contains(": succeeded, ") ? -1 : 0;
            most = Math.max(most, now);
        }
        return most;
    }

    @Test
    void fiveHundredFilesAtOnce() {
        dropMany(500);
        ServiceProcess service = run(service().jvm("-Xmx128m"));

        allSucceed(service, 500);
        assertThat(mostInWork(service.out())).isBetween(50, 500);
    }

    @Test
    void noMoreAtOnceThanIsSet() {
        dropMany(120);
        ServiceProcess service = run(service().jvm("-Xmx128m").set(Property.MAX_IN_FLIGHT, "12"));

        allSucceed(service, 120);
        assertThat(mostInWork(service.out())).isLessThanOrEqualTo(12);
        assertThat(simulator.maxConcurrent(Call.CHAT)).isBetween(2, 12);
        assertThat(simulator.maxConcurrent(Call.CREATE)).isLessThanOrEqualTo(12);
    }
}
