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
 * The folder {@code bactrian.undelivered}, where what could not be delivered is kept. In Java and not as a {@code file:}
 * endpoint: something is kept at the end of a stop, too, when no route runs any more.
 */
final class UndeliveredFolder implements CamelContextAware {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.emit");

    /** What the name of a file begins with until it is whole. */
    private static final String PART = ".tmp-";
    private static final DateTimeFormatter TIMESTAMP = DateTimeFormatter.ofPattern("yyyyMMddHHmmssSSS", Locale.ROOT);
    /** The route whose requests must not leave the inbox without an outcome. */
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
            // Camel sets it more than once.
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

    /** Where the inbox is watched, the folder is made at the start, and written to once. Others may never need it. */
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

    /** The folder, as it is set. */
    Path folder() {
        return folder;
    }

    /**
     * Keeps what of a document was not delivered: the document with the error, and the images that belong to it. Once.
     *
     * @throws IOException where it can't be written; nothing of it is left then but images
     */
    void keep(OutgoingDocument outgoing) throws IOException {
        synchronized (outgoing) {
            if (!outgoing.isKept()) {
                for (ResultImage image : outgoing.images()) {
                    if (!isKept(image)) {
                        keep(image.name(), image.content().bytes());
                    }
                }
                keep(outgoing.id() + ".json", outgoing.undelivered().getBytes(StandardCharsets.UTF_8));
                outgoing.kept();
            }
        }
    }

    /** Whether an earlier round has kept it, whose document could not be written. */
    private boolean isKept(ResultImage image) throws IOException {
        Path file = folder.resolve(image.name());
        byte[] bytes = image.content().bytes();
        return Files.isRegularFile(file) && Files.size(file) == bytes.length && Arrays.equals(Files.readAllBytes(file), bytes);
    }

    private void keep(String name, byte[] content) throws IOException {
        // Two requests of one id may be kept at the same time: one in work, and one that was refused because of it.
        Path part = folder.resolve(PART + UUID.randomUUID());
        try {
            write(part, content);
            place(part, name);
        } catch (IOException | RuntimeException e) {
            Files.deleteIfExists(part);
            throw e;
        }
    }

    private synchronized void place(Path part, String name) throws IOException {
        Path file = folder.resolve(name);
        if (Files.isRegularFile(file)) {
            // The outcome of an earlier request of that id, which may lie nowhere else.
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

    /** On the disk when it returns. Not by a channel, which an interrupted thread can't write to. */
    private void write(Path file, byte[] content) throws IOException {
        if (!Files.isDirectory(folder)) {
            // Java 17 would take a link to a folder, as to a mounted volume, for a file in the way.
            Files.createDirectories(folder);
        }
        try (FileOutputStream out = new FileOutputStream(file.toFile())) {
            out.write(content);
            out.getFD().sync();
        }
    }

    /** Why it can't be written, in one line. */
    static String reason(Throwable e) {
        return OneLine.of(e.getMessage() == null ? e.getClass().getSimpleName() : e.getClass().getSimpleName() + ": " + e.getMessage());
    }
}
