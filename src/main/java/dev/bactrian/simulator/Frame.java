package dev.bactrian.simulator;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.GZIPOutputStream;

/**
 * Bytes of a body that are written at once.
 *
 * @param bytes the bytes
 * @param gap   the wait before them; zero: written together with what precedes them
 * @param piece the index of the stream piece that begins here, or -1
 */
record Frame(byte[] bytes, Duration gap, int piece) {

    private static final Duration SPLIT_GAP = Duration.ofMillis(5);

    static Frame of(byte[] bytes) {
        return new Frame(bytes, Duration.ZERO, -1);
    }

    static long length(List<Frame> frames) {
        long length = 0;
        for (Frame frame : frames) {
            length += frame.bytes.length;
        }
        return length;
    }

    /** Returns the first {@code limit} bytes of the frames. */
    static List<Frame> cut(List<Frame> frames, int limit) {
        List<Frame> result = new ArrayList<>();
        int left = limit;
        for (Frame frame : frames) {
            if (left <= 0) {
                break;
            }
            int length = Math.min(left, frame.bytes.length);
            result.add(length == frame.bytes.length
                    ? frame
                    : new Frame(Arrays.copyOf(frame.bytes, length), frame.gap, frame.piece));
            left -= length;
        }
        return result;
    }

    /** Returns the same bytes with a short gap after the first {@code at} of them. */
    static List<Frame> split(List<Frame> frames, int at) {
        List<Frame> result = new ArrayList<>(frames.size() + 1);
        int start = 0;
        for (Frame frame : frames) {
            int offset = at - start;
            start += frame.bytes.length;
            if (offset > 0 && offset < frame.bytes.length) {
                result.add(new Frame(Arrays.copyOf(frame.bytes, offset), frame.gap, frame.piece));
                result.add(new Frame(Arrays.copyOfRange(frame.bytes, offset, frame.bytes.length), SPLIT_GAP, -1));
            } else if (offset == 0 && at > 0 && frame.gap.isZero()) {
                result.add(new Frame(frame.bytes, SPLIT_GAP, frame.piece));
            } else {
                result.add(frame);
            }
        }
        return result;
    }

    /** Returns the content-encoded frames, each flushed so that a client can decode it as it arrives. */
    static List<Frame> encode(List<Frame> frames, Encoding encoding) {
        try {
            ByteArrayOutputStream encoded = new ByteArrayOutputStream();
            OutputStream encoder = encoding == Encoding.GZIP
                    ? new GZIPOutputStream(encoded, 512, true)
                    : new DeflaterOutputStream(encoded, true);
            List<Frame> result = new ArrayList<>(frames.size());
            for (int i = 0; i < frames.size(); i++) {
                Frame frame = frames.get(i);
                encoder.write(frame.bytes);
                if (i == frames.size() - 1) {
                    encoder.close();
                } else {
                    encoder.flush();
                }
                result.add(new Frame(encoded.toByteArray(), frame.gap, frame.piece));
                encoded.reset();
            }
            return result;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A content encoding. */
    enum Encoding {
        /** RFC 1952. */
        GZIP,
        /** The zlib form of RFC 1950, which HTTP calls deflate. */
        DEFLATE;

        String header() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
