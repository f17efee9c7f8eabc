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

/** A file of the inbox from when it is taken until it has ended: as it was then, its lock, its content. */
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

    /** That of an exchange, or null. */
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

    /** As it was when it was taken; null before. */
    Entry entry() {
        return entry;
    }

    void taken(Entry as) {
        entry = as;
    }

    /** Whether it was left where it is, which was said already. */
    boolean isLeft() {
        return left;
    }

    void leave() {
        left = true;
    }

    /**
     * Opens it, whose body becomes its content. No link is followed, also one that has taken the file's place just now.
     *
     * @throws IOException where it is no regular file any more, or can't be opened
     */
    Content open() throws IOException {
        String refusal = Entry.of(path).refusal();
        if (refusal != null) {
            throw new IOException(refusal);
        }
        content = new Content(Files.newInputStream(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS), this);
        return content;
    }

    /** Closes it and gives its lock back. */
    void release() throws IOException {
        try {
            if (content != null) {
                content.close();
            }
        } finally {
            Files.deleteIfExists(lock);
        }
    }

    /** The bytes of a file. That they are one's says how they are to be read: its name ends in {@code .json}, or not. */
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
