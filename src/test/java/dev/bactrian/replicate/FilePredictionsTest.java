package dev.bactrian.replicate;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The memory of predictions outlives the process, and holds no more than what is in work. */
class FilePredictionsTest {

    @TempDir
    Path temp;
    private Path folder;
    private FilePredictions predictions;

    @BeforeEach
    void open() {
        folder = temp.resolve("data").resolve("predictions");
        predictions = new FilePredictions(folder);
    }

    private long files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.count();
        }
    }

    @Test
    void whatNobodySetIsNotThere() {
        assertThat(predictions.getState("cat-1")).isNull();
        assertThat(folder).doesNotExist();
    }

    @Test
    void whatWasSetIsThere() {
        predictions.setState("cat-1", "p1");

        assertThat(predictions.getState("cat-1")).isEqualTo("p1");
    }

    @Test
    void whatIsSetAgainReplacesWhatWasThere() {
        predictions.setState("cat-1", "p1");
        predictions.setState("cat-1", "p2");

        assertThat(predictions.getState("cat-1")).isEqualTo("p2");
    }

    @Test
    void whatIsForgottenIsGone() throws IOException {
        predictions.setState("cat-1", "p1");
        predictions.setState("cat-1", null);

        assertThat(predictions.getState("cat-1")).isNull();
        assertThat(files()).isZero();
    }

    @Test
    void whatWasNeverThereCanBeForgotten() {
        predictions.setState("cat-1", null);

        assertThat(predictions.getState("cat-1")).isNull();
    }

    @Test
    void keysAreKeptApart() {
        predictions.setState("cat-1", "p1");
        predictions.setState("cat-2", "p2");
        predictions.setState("cat-1", null);

        assertThat(predictions.getState("cat-2")).isEqualTo("p2");
    }

    @Test
    void aThousandSettingsOfOneKeyLeaveOneFile() throws IOException {
        for (int i = 0; i < 1000; i++) {
            predictions.setState("cat-1", "p" + i);
        }

        assertThat(files()).isEqualTo(1);
    }

    @Test
    void anotherInstanceOnTheSameFolderSeesTheSame() {
        FilePredictions other = new FilePredictions(folder);
        predictions.setState("cat-1", "p1");

        assertThat(other.getState("cat-1")).isEqualTo("p1");
        other.setState("cat-1", null);
        assertThat(predictions.getState("cat-1")).isNull();
    }

    @Test
    void whatAKilledProcessLeftHalfWrittenDoesNotCount() throws IOException {
        predictions.setState("cat-1", "p1");
        Files.writeString(folder.resolve(".12345.tmp"), "p");

        FilePredictions restarted = new FilePredictions(folder);

        assertThat(restarted.getState("cat-1")).isEqualTo("p1");
        assertThat(restarted.getState("cat-2")).isNull();
    }

    @Test
    void aFileThatAnOperatorTouchedIsStillRead() throws IOException {
        predictions.setState("cat-1", "p1");
        Files.writeString(folder.resolve("cat-1"), "p1\n");

        assertThat(predictions.getState("cat-1")).isEqualTo("p1");
    }

    @Test
    void theLongestKeyThereIsFits() {
        String key = "x".repeat(128) + "-" + "0".repeat(24);

        predictions.setState(key, "p1");

        assertThat(predictions.getState(key)).isEqualTo("p1");
    }
}
