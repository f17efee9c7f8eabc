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
 * A text as the model writes it, read from the prediction's own event stream (PROVIDERS.md 1.10): an iterator over its
 * pieces, in order, none of them empty. However it ends is no failure and never thrown: the polls of the prediction
 * decide. An event that the end of the stream may have cut short is left to them, too.
 *
 * <p>{@link #hasNext()} never waits, and {@link #next()} answers null at the end, as of
 * {@link dev.bactrian.upstage.ChatStream}. Used by one thread at a time.
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
     * @param kind         the model's, or null where nobody knows: then files are told from text
     * @param patience     how long the stream may go on without any output
     * @param cancellation ends it from any thread, where it also cuts the connection
     * @param firstChunk   is told of the first piece
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

    /** Bytes that make up no line hold no stream open either. */
    private void awaitOutput() {
        waitingSince = System.nanoTime();
        if (in instanceof AnswerBody answer) {
            answer.within(patience);
        }
    }

    private boolean isOverdue() {
        return System.nanoTime() - waitingSince > patience.toNanos();
    }

    /** Has each piece of text go through that. */
    PredictionStream masked(UnaryOperator<String> pieces) {
        mask = pieces;
        return this;
    }

    @Override
    public boolean hasNext() {
        return !ended;
    }

    /** The next piece, waiting for it; null at the end. */
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

    /** The event's text, with the bytes of a character that the event before it has begun, without those of one that it begins. */
    private String text(EventStream event) {
        byte[] bytes = Arrays.copyOf(begunCharacter, begunCharacter.length + event.length());
        System.arraycopy(event.data(), event.start(), bytes, begunCharacter.length, event.length());
        int whole = bytes.length - begunAtTheEnd(bytes);
        begunCharacter = Arrays.copyOfRange(bytes, whole, bytes.length);
        return new String(bytes, 0, whole, StandardCharsets.UTF_8);
    }

    /** How many bytes at the end are the beginning of a character in UTF-8. */
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

    /** {@inheritDoc} The connection is cut; nothing is thrown here. */
    @Override
    public void fail(GenerationFailure reason) {
        failure = reason;
        close();
    }

    /** Leaves the stream: its connection is given back where it is at its end, and cut where not. */
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

    /** The same times, with what the stream tells of them. */
    PollTimings seen(PollTimings times) {
        return begun && times != null ? times.foundRunning(begunNano) : times;
    }

    /** Why it ended before its end, or null. */
    String problem() {
        return problem;
    }

    /** Why a piece of it could not be passed on, or null. */
    GenerationFailure failure() {
        return failure;
    }
}
