package dev.bactrian.routes.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.text.ProviderJson;

/** Batches in the inbox, and the files with their outcomes. */
public abstract class BatchTestSupport extends InboxTestSupport {

    /** Writes a file that is old enough to be taken at the next poll. */
    protected Path drop(String name, String content) throws IOException {
        return drop(name, content.getBytes(StandardCharsets.UTF_8));
    }

    protected Path drop(String name, byte[] content) throws IOException {
        Path file = Files.write(folder.resolve(name), content);
        Files.setLastModifiedTime(file, FileTime.from(Instant.now().minusSeconds(60)));
        return Files.move(file, inbox.resolve(name));
    }

    /** The folder of the files with outcomes. */
    protected Path outbox() {
        return folder.resolve("outbox");
    }

    /** The lines of the file with the outcomes of a batch. */
    protected List<JsonNode> outcomes(String id) throws IOException {
        return Files.readAllLines(outbox().resolve(id + ".results.jsonl")).stream().map(line -> ProviderJson.json(line).orElseThrow()).toList();
    }

    /** The outcomes of a batch in progress that wait for one before them. */
    protected Path journal(String id) throws IOException {
        Path batches = folder.resolve("data/batches");
        return list(batches).stream().filter(name -> name.startsWith(id + "-")).findFirst().map(name -> batches.resolve(name).resolve("journal")).orElseThrow();
    }

    /** Waits until neither an incomplete file nor a record of a batch is left. */
    protected void assertNothingIsLeft() throws IOException {
        await().until(() -> list(folder.resolve("data/batches")).isEmpty());
        assertThat(list(outbox())).noneMatch(name -> name.contains(".part"));
        assertThat(records()).isEmpty();
    }

    /** The names of the files in a folder, which may be missing. */
    protected static List<String> list(Path where) throws IOException {
        if (!Files.isDirectory(where)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(where)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }
}
