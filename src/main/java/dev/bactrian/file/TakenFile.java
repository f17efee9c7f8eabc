package dev.bactrian.file;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

import org.apache.camel.Exchange;
import org.apache.camel.WrappedFile;

/** A locked file of the inbox: its state when it was locked, its lock, its content. */
final class TakenFile {

    private static final String PROPERTY = "bactrianTakenFile";

    private final Path path;
    private final Path lock;
    private Entry entry;
    private Content content;
    private boolean left;

    TakenFile(Path path, Path lock) {
        this.path = path;
        this.lock = lock;
    }

    /** Returns the file of the exchange, or null. */
    static TakenFile of(Exchange exchange) {
        return exchange.getProperty(PROPERTY, TakenFile.class);
    }

    void putInto(Exchange exchange) {
        exchange.setProperty(PROPERTY, this);
    }

    Path path() {
        return path;
    }

    String name() {
        return path.getFileName().toString();
    }

    /** Returns the state of the file when it was locked, or null before. */
    Entry entry() {
        return entry;
    }

    void taken(Entry as) {
        entry = as;
    }

    /** Whether the file stays in the inbox for a reason that has been logged. */
    boolean isLeft() {
        return left;
    }

    void leave() {
        left = true;
    }

    /**
     * Opens the file. Does not follow a link, even one that has just replaced the file.
     *
     * @throws IOException if it is no longer a regular file, or cannot be opened
     */
    Content open() throws IOException {
        String refusal = Entry.of(path).refusal();
        if (refusal != null) {
            throw new IOException(refusal);
        }
        content = new Content(Files.newInputStream(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS), this);
        return content;
    }

    /** Closes the file and removes its lock. */
    void release() throws IOException {
        try {
            if (content != null) {
                content.close();
            }
        } finally {
            Files.deleteIfExists(lock);
        }
    }

    /** The content of the file. Because it is a {@link WrappedFile}, the request reader knows the file name and so the format. */
    static final class Content extends FilterInputStream implements WrappedFile<Path> {

        private final TakenFile file;

        private Content(InputStream in, TakenFile file) {
            super(in);
            this.file = file;
        }

        @Override
        public Path getFile() {
            return file.path;
        }

        @Override
        public Object getBody() {
            return this;
        }

        @Override
        public long getFileLength() {
            return file.entry.size();
        }
    }
}
