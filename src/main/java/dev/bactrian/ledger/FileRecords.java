package dev.bactrian.ledger;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;

import org.apache.camel.support.service.ServiceSupport;

/**
 * Stores each record in a small file: its name is the key, its content the value. Setting a state to null deletes the file, so that
 * the folder only holds what is in progress and does not grow.
 *
 * <p>Camel's {@code FileStateRepository} never deletes entries, reads everything into memory, and cannot load a file after the
 * process was killed in the middle of a line. Here each file is written under a temporary name, flushed to disk, and moved or
 * linked into place. Several processes may share the folder.
 */
public final class FileRecords extends ServiceSupport implements Records {

    /** No key begins with a dot. */
    private static final String LOCK = ".lock";
    private static final OpenOption[] WRITTEN = {StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SYNC};

    private final Path folder;

    /** Creates the records. The folder is created when it is first needed. */
    public FileRecords(Path folder) {
        this.folder = folder;
    }

    @Override
    public String getState(String key) {
        if (Files.notExists(file(key))) {
            return null;
        }
        try {
            return Files.readString(file(key)).trim();
        } catch (NoSuchFileException e) {
            return null;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void setState(String key, String value) {
        try {
            if (value == null) {
                Files.deleteIfExists(file(key));
                return;
            }
            written(value, file -> Files.move(file, file(key), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public String putIfAbsent(String key, String value) {
        try {
            while (true) {
                try {
                    // A move would replace an existing file; creating a link fails instead.
                    written(value, file -> Files.createLink(file(key), file));
                    return null;
                } catch (FileAlreadyExistsException e) {
                    String there = getState(key);
                    if (there != null) {
                        return there;
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public boolean replace(String key, String before, String after) {
        return alone(() -> {
            if (!before.equals(getState(key))) {
                return false;
            }
            setState(key, after);
            return true;
        });
    }

    @Override
    public Map<String, String> list(String prefix) {
        Map<String, String> found = new TreeMap<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, file -> file.getFileName().toString().startsWith(prefix))) {
            for (Path file : files) {
                String value = getState(file.getFileName().toString());
                if (value != null) {
                    found.put(file.getFileName().toString(), value);
                }
            }
        } catch (NoSuchFileException e) {
            return Map.of();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return found;
    }

    @Override
    public void forgetOlderThan(String prefix, Duration age) {
        Instant latest = Instant.now().minus(age);
        alone(() -> {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, file -> file.getFileName().toString().startsWith(prefix))) {
                for (Path file : files) {
                    if (isFrom(file, latest)) {
                        Files.deleteIfExists(file);
                    }
                }
            }
            return true;
        });
    }

    private static boolean isFrom(Path file, Instant latest) throws IOException {
        try {
            return !Files.getLastModifiedTime(file).toInstant().isAfter(latest);
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    private interface Place {
        void put(Path file) throws IOException;
    }

    /** Rejects a key that would lead out of the folder. */
    private Path file(String key) {
        if (key.contains("/") || key.contains("\\") || key.startsWith(".")) {
            throw new IllegalArgumentException("not a key: " + key);
        }
        return folder.resolve(key);
    }

    private void written(String value, Place place) throws IOException {
        Path file = folder.resolve("." + UUID.randomUUID() + ".tmp");
        try {
            write(file, value);
            place.put(file);
            force();
        } finally {
            Files.deleteIfExists(file);
        }
    }

    private void write(Path file, String value) throws IOException {
        try {
            Files.writeString(file, value, WRITTEN);
        } catch (NoSuchFileException e) {
            Files.createDirectories(folder);
            Files.writeString(file, value, WRITTEN);
        }
    }

    /** Also flushes the directory to disk: a power failure must not lose what was paid for. */
    private void force() {
        try (FileChannel names = FileChannel.open(folder, StandardOpenOption.READ)) {
            names.force(true);
        } catch (IOException e) {
            // The record itself is written. Windows cannot open folders, some file systems cannot flush them, and an interrupted
            // thread fails here.
        }
    }

    private interface Step {
        boolean take() throws IOException;
    }

    /** Runs a step exclusively among threads, which a file lock does not exclude from each other, and among processes. */
    private boolean alone(Step step) {
        synchronized (FileRecords.class) {
            try {
                Files.createDirectories(folder);
                try (FileChannel channel = FileChannel.open(folder.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                    channel.lock();
                    return step.take();
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
