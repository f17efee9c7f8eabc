package dev.bactrian.replicate;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

import org.apache.camel.spi.StateRepository;
import org.apache.camel.support.service.ServiceSupport;

/**
 * Remembers predictions in a folder, a small file each: the name is the key, the content the value. A state of null
 * deletes the file, so the folder holds what is in work and does not grow.
 *
 * <p>Camel's own {@code FileStateRepository} forgets nothing, is read into memory whole, and does not load again once a
 * process was killed in the middle of a line: that is the very moment this is for. Every file here is written under
 * another name and moved into place; several processes may share the folder.
 */
public final class FilePredictions extends ServiceSupport implements StateRepository<String, String> {

    private final Path folder;

    /** Remembers in that folder, which is made when it is first needed. */
    public FilePredictions(Path folder) {
        this.folder = folder;
    }

    @Override
    public void setState(String key, String value) {
        try {
            if (value == null) {
                Files.deleteIfExists(folder.resolve(key));
                return;
            }
            Files.createDirectories(folder);
            Path written = Files.createTempFile(folder, ".", ".tmp");
            try {
                Files.writeString(written, value);
                Files.move(written, folder.resolve(key), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            } finally {
                Files.deleteIfExists(written);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public String getState(String key) {
        try {
            return Files.readString(folder.resolve(key)).trim();
        } catch (NoSuchFileException e) {
            return null;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
