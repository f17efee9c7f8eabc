package dev.bactrian.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file's way to where it ends, in a folder that others write to. */
class EndFolderTest {

    @TempDir
    Path inbox;

    private Path file(String name) throws IOException {
        return Files.writeString(inbox.resolve(name), "content of " + name);
    }

    @Test
    void theFolderIsMadeWhereItIsMissing() throws Exception {
        EndFolder.DONE.take(file("a.txt"));

        assertThat(inbox.resolve(".done/a.txt")).hasContent("content of a.txt");
        assertThat(inbox.resolve("a.txt")).doesNotExist();
    }

    @Test
    void aNameThatIsTakenIsKeptWhateverItIs() throws Exception {
        Path elsewhere = file("elsewhere");
        Files.createDirectory(inbox.resolve(".done"));
        Files.createSymbolicLink(inbox.resolve(".done/a.txt"), elsewhere);
        Files.createSymbolicLink(inbox.resolve(".done/b.txt"), Path.of("nothing"));
        Files.createDirectory(inbox.resolve(".done/c.txt"));
        for (String name : new String[] {"a.txt", "b.txt", "c.txt"}) {
            EndFolder.DONE.take(file(name));
        }

        assertThat(elsewhere).hasContent("content of elsewhere");
        assertThat(Files.isSymbolicLink(inbox.resolve(".done/a.txt"))).isTrue();
        assertThat(inbox.resolve("nothing")).doesNotExist();
        assertThat(inbox.resolve(".done/c.txt")).isEmptyDirectory();
        try (Stream<Path> files = Files.list(inbox.resolve(".done"))) {
            assertThat(files.filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)).map(file -> file.getFileName().toString().substring(18)))
                    .containsExactlyInAnyOrder("a.txt", "b.txt", "c.txt");
        }
    }

    @Test
    void aFolderThatIsALinkOrNoneTakesNothing() throws Exception {
        Path a = file("a.txt");
        Path elsewhere = Files.createDirectory(inbox.resolve("elsewhere"));
        Files.createSymbolicLink(inbox.resolve(".failed"), elsewhere);
        assertThatThrownBy(() -> EndFolder.FAILED.take(a)).isInstanceOf(IOException.class).hasMessageContaining(".failed: is a link");
        assertThat(elsewhere).isEmptyDirectory();
        Files.delete(inbox.resolve(".failed"));

        file(".failed");
        assertThatThrownBy(() -> EndFolder.FAILED.take(a)).isInstanceOf(IOException.class).hasMessageContaining(".failed: is no folder");
        assertThat(a).exists();
    }

    @Test
    void whatHasTakenTheFilesPlaceIsNotMoved() throws Exception {
        Files.createSymbolicLink(inbox.resolve("a.txt"), file("elsewhere"));

        assertThatThrownBy(() -> EndFolder.DONE.take(inbox.resolve("a.txt"))).isInstanceOf(NoSuchFileException.class);
        assertThat(inbox.resolve(".done")).isEmptyDirectory();
    }

    @Test
    void theFolderMayBeAFileSystemOfItsOwn() throws Exception {
        Path done = Files.createDirectory(inbox.resolve(".done"));
        assumeTrue(new ProcessBuilder("mount", "-t", "tmpfs", "-o", "size=64k", "none", done.toString()).start().waitFor() == 0, "needs root");
        try {
            EndFolder.DONE.take(file("a.txt"));

            assertThat(done.resolve("a.txt")).hasContent("content of a.txt");
            assertThat(inbox.resolve("a.txt")).doesNotExist();
        } finally {
            new ProcessBuilder("umount", "-l", done.toString()).start().waitFor();
        }
    }
}
