package dev.bactrian.replicate;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.function.UnaryOperator;

import dev.bactrian.core.Cancellation;
import dev.bactrian.core.ChunkSource;
import dev.bactrian.core.PartialAnswer;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.http.AnswerBody;
import dev.bactrian.http.EventStream;
import dev.bactrian.model.Kind;
import dev.bactrian.text.LongText;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.text.ProviderJson;
import org.slf4j.Logger;

/**
 * The text of a prediction while the model generates it, read from the prediction's event stream (Replicate documentation, Streaming
 * output): iterates over its chunks, in order. No chunk is empty. A failing stream is not an error and throws nothing; the polls decide
 * the outcome. An event that the end of the stream may have truncated is dropped; its text is in the polled output.
 *
 * <p>{@link #hasNext()} never waits, and {@link #next()} returns null at the end, as in {@link dev.bactrian.emit.ChunkStream}. For use by
 * one thread at a time.
 */
public final class PredictionStream implements ChunkSource, PartialAnswer, Closeable {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.replicate");

    private final InputStream in;
    private UnaryOperator<String> mask = UnaryOperator.identity();
    private final EventStream events;
    private final Kind kind;
    private final Duration patience;
    private final Cancellation cancellation;
    private final Runnable firstChunk;
    private final LongText text = new LongText();
    private byte[] begunCharacter = {};
    private int chunks;
    private long begunNano;
    private boolean begun;
    private long waitingSince;
    private boolean ended;
    private String problem;
    private GenerationFailure failure;

    /**
     * Reads a body of {@code text/event-stream}.
     *
     * @param kind         the model's kind, or null if it is unknown; then files are distinguished from text
     * @param patience     how long the stream may stay open without any output
     * @param cancellation ends the stream and closes the connection, from any thread
     * @param firstChunk   called at the first chunk
     */
    PredictionStream(InputStream in, Kind kind, Duration patience, Cancellation cancellation, Runnable firstChunk) {
        this.firstChunk = firstChunk;
        this.in = in;
        this.kind = kind;
        this.patience = patience;
        this.cancellation = cancellation;
        this.events = new EventStream(in, this::isEnough, null);
        awaitOutput();
    }

    private boolean isEnough(String comment) {
        boolean timedOut = comment.contains("408");
        if (timedOut) {
            problem = "was ended by the service:" + comment;
        }
        return timedOut || isOverdue();
    }

    /** Restarts the time limit. It also applies to bytes that do not form a line. */
    private void awaitOutput() {
        waitingSince = System.nanoTime();
        if (in instanceof AnswerBody answer) {
            answer.within(patience);
        }
    }

    private boolean isOverdue() {
        return System.nanoTime() - waitingSince > patience.toNanos();
    }

    /** Applies the operator to each chunk of text. */
    PredictionStream masked(UnaryOperator<String> pieces) {
        mask = pieces;
        return this;
    }

    @Override
    public boolean hasNext() {
        return !ended;
    }

    /** Returns the next chunk and waits for it, or returns null at the end. */
    @Override
    public String next() {
        if (cancellation.isRequested()) {
            return end(null);
        }
        try {
            while (!ended && events.next()) {
                String type = events.type() == null ? "" : events.type();
                if (type.equals("done")) {
                    return end(null);
                } else if (!events.isWhole()) {
                    break;
                } else if (type.equals("output")) {
                    String piece = output();
                    if (piece != null) {
                        return piece;
                    }
                } else if (type.equals("error")) {
                    problem = "brought an error: " + ProviderJson.json(events.text()).flatMap(ProviderJson::message).orElse(events.text());
                } else if (isOverdue()) {
                    return end("brought no output");
                }
            }
        } catch (SocketTimeoutException e) {
            return end("stalled");
        } catch (IOException e) {
            return end("broke off: " + e.getMessage());
        }
        return ended ? null : end("ended before it was done");
    }

    private String output() {
        String piece = mask.apply(text(events));
        awaitOutput();
        if (!begun) {
            begun = true;
            begunNano = waitingSince;
        }
        if (piece.isEmpty()) {
            return null;
        }
        if (chunks == 0 && kind != Kind.TEXT && PredictionOutput.isUrl(piece)) {
            return end("brings files");
        }
        if (chunks++ == 0) {
            firstChunk.run();
        }
        text.append(piece);
        return piece;
    }

    /** Returns the text of the event. A UTF-8 character that is split over two events is moved to the second. */
    private String text(EventStream event) {
        byte[] bytes = Arrays.copyOf(begunCharacter, begunCharacter.length + event.length());
        System.arraycopy(event.data(), event.start(), bytes, begunCharacter.length, event.length());
        int whole = bytes.length - begunAtTheEnd(bytes);
        begunCharacter = Arrays.copyOfRange(bytes, whole, bytes.length);
        return new String(bytes, 0, whole, StandardCharsets.UTF_8);
    }

    /** Returns how many bytes at the end are an incomplete UTF-8 character. */
    private static int begunAtTheEnd(byte[] bytes) {
        for (int i = 1; i <= Math.min(3, bytes.length); i++) {
            int one = bytes[bytes.length - i] & 0xFF;
            if (one >= 0xC0) {
                int length = one >= 0xF0 ? 4 : one >= 0xE0 ? 3 : 2;
                return i < length ? i : 0;
            } else if (one < 0x80) {
                return 0;
            }
        }
        return 0;
    }

    private String end(String why) {
        if (why != null && problem == null) {
            problem = why;
        }
        close();
        return null;
    }

    /** {@inheritDoc} Closes the connection; nothing is thrown here. */
    @Override
    public void fail(GenerationFailure reason) {
        failure = reason;
        close();
    }

    /** Closes the stream. Its connection is reused if it was read to its end, and closed otherwise. */
    @Override
    public void close() {
        ended = true;
        try {
            in.close();
        } catch (IOException e) {
            LOG.debug("Closing the stream of a prediction: {}", e.getMessage());
        }
    }

    @Override
    public String text() {
        return text.toString();
    }

    @Override
    public int count() {
        return chunks;
    }

    /** Returns the timings updated by what the stream has shown. */
    PollTimings seen(PollTimings times) {
        return begun && times != null ? times.foundRunning(begunNano) : times;
    }

    /** Returns why the stream ended early, or null. */
    String problem() {
        return problem;
    }

    /** Returns why a chunk could not be delivered, or null. */
    GenerationFailure failure() {
        return failure;
    }
}
