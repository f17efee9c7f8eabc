package dev.bactrian.routes.support;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.BeforeEach;

/** Routes that watch an inbox, which is there before they start. */
public abstract class InboxTestSupport extends RouteTestSupport {

    protected Path inbox;

    @BeforeEach
    void makeTheInbox() throws IOException {
        inbox = Files.createDirectories(folder.resolve("inbox"));
    }

    protected void startWatching(String... properties) throws Exception {
        start(List.of("bactrian.file.enabled", "true", "bactrian.emit.chunk", ""), properties);
    }

    /** The files of a folder of the inbox, such as {@code .done}; {@code ""} is the inbox itself. */
    protected List<Path> files(String where) {
        if (!Files.isDirectory(inbox.resolve(where))) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(inbox.resolve(where))) {
            return files.filter(Files::isRegularFile).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Their names. */
    protected List<String> names(String where) {
        return files(where).stream().map(file -> file.getFileName().toString()).toList();
    }
}
