package dev.bactrian.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Records in files outlive the process, whenever it was killed, and hold no more than what is in work. */
class FileRecordsTest extends RecordsContract {

    @TempDir
    Path temp;

    @Override
    Records open() {
        return new FileRecords(folder());
    }

    private Path folder() {
        return temp.resolve("data").resolve("predictions");
    }

    private long files() throws IOException {
        try (Stream<Path> files = Files.list(folder())) {
            return files.count();
        }
    }

    @Test
    void nothingIsMadeBeforeItIsNeeded() {
        assertThat(records.getState("cat-1")).isNull();
        assertThat(folder()).doesNotExist();
    }

    @Test
    void whatIsForgottenLeavesNoFile() throws IOException {
        records.setState("cat-1", "p1");
        records.putIfAbsent("cat-2", "p2");
        records.setState("cat-1", null);
        records.setState("cat-2", null);

        assertThat(files()).isZero();
    }

    /** A pool that is shut down interrupts its threads, one that has just been given a prediction among them. */
    @Test
    void anInterruptedThreadRemembersToo() {
        Thread.currentThread().interrupt();
        try {
            records.setState("cat-1", "p1");
            assertThat(records.putIfAbsent("cat-2", "p2")).isNull();
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }

        assertThat(records.getState("cat-1")).isEqualTo("p1");
        assertThat(records.getState("cat-2")).isEqualTo("p2");
    }

    @Test
    void aThousandSettingsOfOneKeyLeaveOneFile() throws IOException {
        for (int i = 0; i < 1000; i++) {
            records.setState("cat-1", "p" + i);
            records.putIfAbsent("cat-1", "p" + i);
        }

        assertThat(files()).isEqualTo(1);
    }

    @Test
    void whatAKilledProcessLeftHalfWrittenDoesNotCount() throws IOException {
        records.setState("cat-1", "p1");
        Files.writeString(folder().resolve(".12345.tmp"), "p");

        Records restarted = another();

        assertThat(restarted.getState("cat-1")).isEqualTo("p1");
        assertThat(restarted.getState("cat-2")).isNull();
    }

    @Test
    void aFileThatAnOperatorTouchedIsStillRead() throws IOException {
        records.setState("cat-1", "p1");
        Files.writeString(folder().resolve("cat-1"), "p1\n");

        assertThat(records.getState("cat-1")).isEqualTo("p1");
        assertThat(records.replace("cat-1", "p1", "p2")).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"../outside", "/etc/outside", "a/b", "..", ".hidden", "a\\b"})
    void aKeyLeadsNowhereElse(String key) throws IOException {
        records.setState("cat-1", "p1");
        Files.writeString(folder().resolveSibling("outside"), "kept");

        assertThatThrownBy(() -> records.setState(key, null)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> records.getState(key)).isInstanceOf(IllegalArgumentException.class);
        assertThat(folder().resolveSibling("outside")).hasContent("kept");
    }
}
