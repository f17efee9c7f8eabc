package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Little memory, few descriptors: each request has an outcome, the rest waits. */
@Timeout(180)
class ScarceIT extends EndToEnd {

    private static final Duration IN_THE_END = Duration.ofSeconds(120);

    private List<String> without(List<String> names, String end) {
        return names.stream().filter(name -> !name.endsWith(end)).toList();
    }

    @Test
    void longAnswersInASmallHeapComeOneAfterTheOther() throws Exception {
        String[] pieces = Collections.nCopies(1536, "x".repeat(8 * 1024)).toArray(String[]::new);
        Reply big = Reply.stream(pieces).pause(Duration.ZERO);
        simulator.on(Call.CHAT, big, big, big, big, big, big);
        for (int i = 0; i < 15; i++) {
            drop("chat" + i + ".txt", "write a lot");
        }
        ServiceProcess service = run(service().jvm("-Xmx64m"));

        await().atMost(IN_THE_END).until(() -> done().size() + failed().size() == 15);
        assertThat(emitted()).as("%s", service).hasSize(15);
        assertThat(without(emitted(), ".error.json")).as("results; the service said %s", service).hasSizeGreaterThanOrEqualTo(12);
        assertThat(service.toString()).doesNotContain("\tat ");
        drop("chat0.txt", "and again");
        await().atMost(SOON).until(() -> done().size() + failed().size() == 16);
        assertThat(Files.size(outbox("chat0.json"))).isLessThan(10_000);
    }

    @Test
    void moreFilesThanDescriptorsWaitInTheInbox() {
        assumeTrue(Files.isExecutable(Path.of("/bin/bash")) && !System.getProperty("os.name").startsWith("Windows"), "needs ulimit");
        simulator.always(Call.CHAT, Reply.stream("a", "b").pause(Duration.ofMillis(200)));
        IntStream.range(0, 300).forEach(i -> drop("chat" + i + ".txt", "hello"));
        ServiceProcess service = run(service().limitDescriptors(256));

        await().atMost(IN_THE_END).until(() -> done().size() + failed().size() == 300);
        assertThat(failed()).as("%s", service).isEmpty();
        assertThat(without(emitted(), ".error.json")).hasSize(300);
        assertThat(service.out()).as("what it says").filteredOn(line -> line.contains("requests are in work at once, and not bactrian.max-in-flight=500")).hasSize(1);
        assertThat(service.toString()).doesNotContain("\tat ").doesNotContain("Too many open files");
    }
}
