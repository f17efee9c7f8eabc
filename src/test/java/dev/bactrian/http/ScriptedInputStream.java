package dev.bactrian.http;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Random;

/** A stream whose every read answers one part, as a socket does; then it ends, fails, or must not be read at all. */
public final class ScriptedInputStream extends InputStream {

    private final Deque<byte[]> parts = new ArrayDeque<>();
    private IOException failure;
    private boolean mustNotBeRead;
    private boolean closed;

    private ScriptedInputStream() {
    }

    public static ScriptedInputStream of(String... parts) {
        ScriptedInputStream reads = new ScriptedInputStream();
        for (String part : parts) {
            reads.add(part.getBytes(StandardCharsets.UTF_8));
        }
        return reads;
    }

    public static ScriptedInputStream cutAt(byte[] bytes, int... cuts) {
        ScriptedInputStream reads = new ScriptedInputStream();
        int from = 0;
        for (int cut : cuts) {
            reads.add(Arrays.copyOfRange(bytes, from, cut));
            from = cut;
        }
        reads.add(Arrays.copyOfRange(bytes, from, bytes.length));
        return reads;
    }

    public static ScriptedInputStream oneByteEach(byte[] bytes) {
        ScriptedInputStream reads = new ScriptedInputStream();
        for (byte b : bytes) {
            reads.add(new byte[] {b});
        }
        return reads;
    }

    public static ScriptedInputStream atRandom(byte[] bytes, Random random, int longest) {
        ScriptedInputStream reads = new ScriptedInputStream();
        for (int from = 0; from < bytes.length;) {
            int to = Math.min(bytes.length, from + 1 + random.nextInt(longest));
            reads.add(Arrays.copyOfRange(bytes, from, to));
            from = to;
        }
        return reads;
    }

    /** After the parts the connection breaks. */
    public ScriptedInputStream thenFail(IOException how) {
        failure = how;
        return this;
    }

    /** After the parts the server is silent: a further read would wait. */
    public ScriptedInputStream thenSilence() {
        mustNotBeRead = true;
        return this;
    }

    public boolean closed() {
        return closed;
    }

    private void add(byte[] part) {
        if (part.length > 0) {
            parts.add(part);
        }
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
        if (closed) {
            throw new IOException("closed");
        }
        byte[] part = parts.poll();
        if (part == null) {
            if (mustNotBeRead) {
                throw new AssertionError("this read would have waited");
            }
            if (failure != null) {
                throw failure;
            }
            return -1;
        }
        int n = Math.min(length, part.length);
        System.arraycopy(part, 0, buffer, offset, n);
        if (n < part.length) {
            parts.addFirst(Arrays.copyOfRange(part, n, part.length));
        }
        return n;
    }

    @Override
    public int read() {
        throw new UnsupportedOperationException("read by the buffer");
    }

    @Override
    public void close() {
        closed = true;
    }
}
