package dev.bactrian.door;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.request.RequestReader.Format;
import dev.bactrian.text.ProviderJson;

/**
 * The outcomes of requests that callers may ask for later, the requests that were accepted and have none yet, and the URLs of the files that
 * were uploaded for a request: a file each, below {@code bactrian.data-dir}. The first line says whose it is; the rest is the document, the
 * body of the request or the URL. Thread-safe.
 */
final class Outcomes {

    /**
     * What a file holds.
     *
     * @param id          the id of the request
     * @param owner       the name of the caller's key; empty if no keys are set
     * @param fingerprint distinguishes what was asked, or the file that was uploaded, from that of another call with the same id
     * @param contentType the content type of a request or of outcomes, or null
     * @param awaited     whether the request ends with the call, so that it is cancelled if a stop or a crash has ended the call
     * @param content     the document, the body of the request, or the URL; of the outcomes of a batch nothing, because they have a file of their own
     */
    record Kept(String id, String owner, String fingerprint, String contentType, boolean awaited, byte[] content) {

        boolean isBatch() {
            return contentType != null && Format.ofContentType(contentType) == Format.JSON_LINES;
        }
    }

    private static final String OUTCOME = ".json";
    private static final String REQUEST = ".request";
    private static final String LINES = ".jsonl";
    private static final String UPLOAD = ".upload";
    private static final String PART = ".part-";

    private final Path folder;
    private final Duration keep;
    private final long mostBytes;
    private long nextSweep = System.nanoTime();

    /**
     * Creates the outcomes. The folder is created when it is first needed.
     *
     * @param keep      how long an outcome is kept
     * @param mostBytes the size of all outcomes, above which the oldest are deleted
     */
    Outcomes(Path folder, Duration keep, long mostBytes) {
        this.folder = folder;
        this.keep = keep;
        this.mostBytes = mostBytes;
    }

    /** Returns the outcome of a request, or empty if it is not kept. */
    Optional<Kept> outcome(String id) throws IOException {
        Path file = folder.resolve(id + OUTCOME);
        try {
            if (isOld(Files.getLastModifiedTime(file))) {
                Files.deleteIfExists(file);
                return Optional.empty();
            }
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
        return read(file, id);
    }

    private boolean isOld(FileTime written) {
        return written.toInstant().isBefore(Instant.now().minus(keep));
    }

    private static Optional<Kept> read(Path file, String id) throws IOException {
        byte[] all;
        try {
            all = Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
        int end = 0;
        while (end < all.length && all[end] != '\n') {
            end++;
        }
        byte[] rest = new byte[Math.max(0, all.length - end - 1)];
        System.arraycopy(all, Math.min(all.length, end + 1), rest, 0, rest.length);
        return ProviderJson.json(new String(all, 0, end, StandardCharsets.UTF_8)).filter(JsonNode::isObject)
                .map(head -> new Kept(id, head.path("owner").asText(), head.path("fingerprint").asText(), head.path("contentType").textValue(),
                        head.path("awaited").asBoolean(), rest));
    }

    /** Keeps the outcome of a request, forced to the disk, and forgets the accepted request. */
    void keep(Kept outcome) throws IOException {
        write(outcome, OUTCOME);
        Files.deleteIfExists(folder.resolve(outcome.id() + REQUEST));
        sweep();
    }

    /** Keeps the outcomes of a batch, which are in that file, and forgets the accepted request. */
    void keep(Kept outcome, Path lines) throws IOException {
        write(outcome.id() + LINES, out -> Files.copy(lines, out));
        keep(outcome);
    }

    /** Returns the outcomes of a batch; empty if they are not kept. */
    Optional<InputStream> lines(String id) throws IOException {
        try {
            return Optional.of(Files.newInputStream(folder.resolve(id + LINES)));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    /** Keeps an accepted request, forced to the disk, and forgets the outcome of an earlier one with its id. */
    void accept(Kept request) throws IOException {
        write(request, REQUEST);
        Files.deleteIfExists(folder.resolve(request.id() + OUTCOME));
        Files.deleteIfExists(folder.resolve(request.id() + LINES));
    }

    /** Returns the accepted request with that id, which has no outcome yet. */
    Optional<Kept> waiting(String id) throws IOException {
        return Files.exists(folder.resolve(id + REQUEST)) ? accepted(id + REQUEST) : Optional.empty();
    }

    /** Forgets an accepted request that will have no outcome. */
    void forget(String id) throws IOException {
        Files.deleteIfExists(folder.resolve(id + REQUEST));
    }

    /** Returns the accepted request of that file; empty if it has an outcome, whose request is then forgotten. */
    Optional<Kept> accepted(String fileName) throws IOException {
        String id = fileName.substring(0, fileName.length() - REQUEST.length());
        if (outcome(id).isPresent()) {
            forget(id);
            return Optional.empty();
        }
        return read(folder.resolve(fileName), id);
    }

    /** Returns the URL of the file that was uploaded for the request with that id; empty if none is known. */
    Optional<Kept> upload(String id) throws IOException {
        return read(folder.resolve(id + UPLOAD), id);
    }

    /** Keeps the URL of a file that was uploaded for a request, forced to the disk. */
    void keepUpload(Kept url) throws IOException {
        write(url, UPLOAD);
        sweep();
    }

    private void write(Kept kept, String extension) throws IOException {
        ObjectNode head = JsonNodeFactory.instance.objectNode().put("owner", kept.owner()).put("fingerprint", kept.fingerprint());
        if (kept.contentType() != null) {
            head.put("contentType", kept.contentType());
        }
        if (kept.awaited()) {
            head.put("awaited", true);
        }
        write(kept.id() + extension, out -> {
            out.write(Answers.bytes(head));
            out.write('\n');
            out.write(kept.content());
        });
    }

    private interface Content {
        void write(OutputStream out) throws IOException;
    }

    private void write(String name, Content content) throws IOException {
        Path part = folder.resolve(PART + UUID.randomUUID());
        Files.createDirectories(folder);
        try {
            try (FileOutputStream out = new FileOutputStream(part.toFile())) {
                content.write(out);
                out.getFD().sync();
            }
            Files.move(part, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
    }

    private record Old(Path file, FileTime written, long bytes) {
    }

    /** Deletes what is too old, and the oldest outcomes if all are too large. Once a minute at most. */
    private void sweep() throws IOException {
        synchronized (this) {
            long now = System.nanoTime();
            if (now - nextSweep < 0) {
                return;
            }
            nextSweep = now + Duration.ofMinutes(1).toNanos();
        }
        List<Old> all = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*{" + OUTCOME + "," + LINES + "," + UPLOAD + "," + PART + "*}")) {
            for (Path file : files) {
                try {
                    all.add(new Old(file, Files.getLastModifiedTime(file), Files.size(file)));
                } catch (NoSuchFileException e) {
                    // Another thread has deleted it.
                }
            }
        }
        all.sort(Comparator.comparing(Old::written));
        long bytes = all.stream().mapToLong(Old::bytes).sum();
        for (Old old : all) {
            if (!isOld(old.written()) && bytes <= mostBytes) {
                return;
            }
            Files.deleteIfExists(old.file());
            bytes -= old.bytes();
        }
    }
}
