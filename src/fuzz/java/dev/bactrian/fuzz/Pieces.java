package dev.bactrian.fuzz;

import java.io.IOException;
import java.io.InputStream;
import java.util.SplittableRandom;

/** Bytes that arrive in pieces of any size, as a socket brings them; at the end, the end of the stream or a failure. */
final class Pieces extends InputStream {

    private final byte[] bytes;
    private final SplittableRandom sizes;
    private final int longest;
    private final IOException end;
    private int position;

    private Pieces(byte[] bytes, long seed, int longest, IOException end) {
        this.bytes = bytes;
        this.longest = longest;
        this.end = end;
        sizes = new SplittableRandom(seed);
    }

    static Pieces of(byte[] bytes, long seed, int longest) {
        return new Pieces(bytes, seed, longest, null);
    }

    static Pieces thenFailing(byte[] bytes, long seed, int longest, IOException end) {
        return new Pieces(bytes, seed, longest, end);
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        if (position == bytes.length) {
            if (end != null) {
                throw end;
            }
            return -1;
        }
        int n = Math.min(Math.min(length, bytes.length - position), 1 + sizes.nextInt(longest));
        System.arraycopy(bytes, position, buffer, offset, n);
        position += n;
        return n;
    }
}
