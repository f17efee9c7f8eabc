package dev.bactrian.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file that is read is the one that was taken. */
class TakenFileTest {

    @TempDir
    Path inbox;

    @Test
    void itsContentIsThatOfAFile() throws Exception {
        Path file = Files.writeString(inbox.resolve("a.txt"), "hello");
        Path lock = Files.createFile(inbox.resolve("a.txt.camelLock"));
        TakenFile taken = new TakenFile(file, lock);

        assertThat(taken.open()).hasContent("hello");
        taken.release();
        assertThat(lock).doesNotExist();
    }

    @Test
    void whatBecameALinkSinceIsNotRead() throws Exception {
        Path secret = Files.writeString(inbox.resolve("secret"), "r8_secret");
        Path file = Files.createSymbolicLink(inbox.resolve("a.txt"), secret);

        assertThatThrownBy(() -> new TakenFile(file, inbox.resolve("lock")).open()).isInstanceOf(IOException.class).hasMessage("it is a link");
        assertThatThrownBy(() -> Files.newInputStream(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)).as("nor just before it is opened")
                .isInstanceOf(IOException.class);
    }
}
