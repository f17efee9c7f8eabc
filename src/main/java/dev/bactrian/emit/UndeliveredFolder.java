package dev.bactrian.emit;

import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.Locale;
import java.util.UUID;

import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.OneLineLogger;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.RuntimeCamelException;
import org.slf4j.Logger;

/**
 * The folder {@code bactrian.undelivered} for documents that could not be delivered. Implemented in Java, and not as a {@code file:}
 * endpoint, because documents are also kept at the end of a stop, when no route is running any more.
 */
final class UndeliveredFolder implements CamelContextAware {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.emit");

    /** The prefix of the name of an incomplete file. */
    private static final String PART = ".tmp-";
    private static final DateTimeFormatter TIMESTAMP = DateTimeFormatter.ofPattern("yyyyMMddHHmmssSSS", Locale.ROOT);
    /** The inbox route, whose requests must not be completed without an outcome. */
    private static final String INBOX = "bactrian-from-file";

    private CamelContext camelContext;
    private Path folder;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        if (this.camelContext == camelContext) {
            // Camel calls this more than once.
            return;
        }
        this.camelContext = camelContext;
        folder = Path.of(Settings.of(camelContext).require(Property.UNDELIVERED));
        try {
            camelContext.addStartupListener((context, alreadyStarted) -> tryIt());
        } catch (Exception e) {
            throw RuntimeCamelException.wrapRuntimeCamelException(e);
        }
    }

    /** With an inbox, creates the folder at startup and checks that it can be written. Other applications may never need it. */
    private void tryIt() {
        if (camelContext.getRoute(INBOX) == null) {
            return;
        }
        try {
            Path part = folder.resolve(PART + UUID.randomUUID());
            try {
                write(part, new byte[] {'\n'});
            } finally {
                Files.deleteIfExists(part);
            }
        } catch (IOException e) {
            throw new SettingException(Property.UNDELIVERED.key(), "'" + folder.toAbsolutePath() + "' can't be written: " + reason(e));
        }
    }

    /** Returns the folder as configured. */
    Path folder() {
        return folder;
    }

    /**
     * Keeps the undelivered parts of a document: the document with the error, and its images. Does nothing if they are already kept.
     *
     * @throws IOException if they cannot be written; images may be left behind then
     */
    void keep(OutgoingDocument outgoing) throws IOException {
        synchronized (outgoing) {
            if (!outgoing.isKept()) {
                for (ResultImage image : outgoing.images()) {
                    if (!isKept(image)) {
                        keep(image.name(), image.content().bytes());
                    }
                }
                if (outgoing.batch() != null) {
                    keep(outgoing.id() + FileNames.BATCH, outgoing.batch());
                }
                keep(outgoing.id() + ".json", outgoing.undelivered().getBytes(StandardCharsets.UTF_8));
                outgoing.kept();
            }
        }
    }

    /** Whether an earlier round, which could not write the document, has kept the image. */
    private boolean isKept(ResultImage image) throws IOException {
        Path file = folder.resolve(image.name());
        byte[] bytes = image.content().bytes();
        return Files.isRegularFile(file) && Files.size(file) == bytes.length && Arrays.equals(Files.readAllBytes(file), bytes);
    }

    private void keep(String name, byte[] content) throws IOException {
        // Unique name: a request and another one that was refused because it has the same id may be kept at the same time.
        Path part = folder.resolve(PART + UUID.randomUUID());
        try {
            write(part, content);
            place(part, name);
        } catch (IOException | RuntimeException e) {
            Files.deleteIfExists(part);
            throw e;
        }
    }

    private void keep(String name, Path content) throws IOException {
        Path part = folder.resolve(PART + UUID.randomUUID());
        try {
            if (!Files.isDirectory(folder)) {
                Files.createDirectories(folder);
            }
            Files.copy(content, part);
            place(part, name);
        } catch (IOException | RuntimeException e) {
            Files.deleteIfExists(part);
            throw e;
        }
    }

    private synchronized void place(Path part, String name) throws IOException {
        Path file = folder.resolve(name);
        if (Files.isRegularFile(file)) {
            // The outcome of an earlier request with that id, possibly the only copy.
            Path earlier = free(name);
            Files.move(file, earlier);
            LOG.warn("{} is there already, the outcome of an earlier request, and is kept as {}", file, earlier.getFileName());
        }
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private Path free(String name) {
        LocalDateTime time = LocalDateTime.now();
        Path file = folder.resolve(TIMESTAMP.format(time) + "-" + name);
        while (Files.exists(file)) {
            time = time.plusNanos(1_000_000);
            file = folder.resolve(TIMESTAMP.format(time) + "-" + name);
        }
        return file;
    }

    /** Writes a file and forces it to the disk. Does not use a channel, because an interrupted thread cannot write to one. */
    private void write(Path file, byte[] content) throws IOException {
        if (!Files.isDirectory(folder)) {
            // In Java 17, createDirectories rejects a symbolic link to a folder, for example a mounted volume.
            Files.createDirectories(folder);
        }
        try (FileOutputStream out = new FileOutputStream(file.toFile())) {
            out.write(content);
            out.getFD().sync();
        }
    }

    /** Returns the reason of a failure to write, in one line. */
    static String reason(Throwable e) {
        return OneLine.of(e.getMessage() == null ? e.getClass().getSimpleName() : e.getClass().getSimpleName() + ": " + e.getMessage());
    }
}
