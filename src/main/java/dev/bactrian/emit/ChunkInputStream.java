package dev.bactrian.emit;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Objects;

import dev.bactrian.error.GenerateException;

/**
 * The text of a {@link ChunkStream} as UTF-8 bytes. A read blocks until the next chunk arrives, and returns no more than that chunk. If
 * the stream fails, or is closed before its end, a read throws an {@link IOException}, so that a partial answer is never mistaken for the
 * whole. Closing it closes the stream.
 */
final class ChunkInputStream extends InputStream {

    private static final byte[] NOTHING = {};

    private final ChunkStream stream;
    private byte[] chunk = NOTHING;
    private int at;
    private boolean closed;

    ChunkInputStream(ChunkStream stream) {
        this.stream = stream;
    }

    @Override
    public int read() throws IOException {
        return fill() ? chunk[at++] & 0xff : -1;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, into.length);
        if (length == 0) {
            return 0;
        } else if (!fill()) {
            return -1;
        }
        int count = Math.min(length, chunk.length - at);
        System.arraycopy(chunk, at, into, offset, count);
        at += count;
        return count;
    }

    /** Waits for a byte. Returns false at the end. */
    private boolean fill() throws IOException {
        if (closed) {
            throw new IOException("closed");
        }
        while (at == chunk.length) {
            String next = next(stream);
            if (next == null) {
                return false;
            }
            chunk = next.getBytes(StandardCharsets.UTF_8);
            at = 0;
        }
        return true;
    }

    /** Returns the next chunk and waits for it, or returns null at the end. */
    static String next(ChunkStream stream) throws IOException {
        try {
            String next = stream.nextOrEnd();
            if (next == null && stream.isCutShort()) {
                throw new IOException("the stream of the answer was closed before its end");
            }
            return next;
        } catch (GenerateException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    @Override
    public int available() {
        return closed ? 0 : chunk.length - at;
    }

    @Override
    public void close() {
        closed = true;
        stream.close();
    }
}
