package dev.bactrian.upstage;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.net.SocketTimeoutException;
import java.util.NoSuchElementException;
import java.util.function.UnaryOperator;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.emit.ChunkSource;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Cancellation;
import dev.bactrian.http.AnswerStream;
import dev.bactrian.http.EventStream;
import dev.bactrian.http.ResponseTooLargeException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A chat answer as it streams in: an iterator over its pieces of text, in order, none of them empty, that keeps what
 * the whole answer adds up to (PROVIDERS.md 3.5).
 *
 * <p>{@link #hasNext()} never waits: it says whether the stream is open, and {@link #next()} answers null where it then
 * turns out to have ended. Camel's splitter skips nulls, and asks {@code hasNext} before it sends a piece on, so that a
 * waiting {@code hasNext} would hold each piece back until the one after it has come.
 *
 * <p>Ends well on {@code [DONE]}, at once and whatever the connection does then, or after a finish reason. Anything
 * else is {@code stream-interrupted}. Used by one thread at a time; only its {@link Cancellation} is for others.
 */
public final class ChatStream implements ChunkSource, Closeable {

    private static final Logger LOG = LoggerFactory.getLogger("dev.bactrian.upstage");

    private final UnaryOperator<String> redact;
    private final Cancellation cancellation;
    private final boolean textKept;
    private final Runnable begun;
    private final String requestId;
    private final InputStream in;
    private final EventStream events;
    private final ChatEvent event = new ChatEvent();
    private final StringBuilder text = new StringBuilder();
    private final StringBuilder reasoning = new StringBuilder();
    private final ArrayNode toolCalls = JsonNodeFactory.instance.arrayNode();
    private String finishReason;
    private JsonNode usage;
    private int chunks;
    private long toolBytes;
    private boolean ended;
    private GenerationFailure failure;

    /** Reads the answer to that request from a body of {@code text/event-stream}. */
    public ChatStream(String requestId, InputStream in) {
        this(requestId, in, UnaryOperator.identity(), new Cancellation(), true, () -> { });
    }

    /**
     * The same.
     *
     * @param redact       what the service says of an error goes through it first: it may echo the key
     * @param cancellation ends it from any thread, where it also cuts the connection
     * @param textKept     whether the answer's text is kept; where not, an answer may be longer than the limit of answers
     * @param begun        is told of the first piece
     */
    ChatStream(String requestId, InputStream in, UnaryOperator<String> redact, Cancellation cancellation, boolean textKept, Runnable begun) {
        this.textKept = textKept;
        this.redact = redact;
        this.cancellation = cancellation;
        this.begun = begun;
        this.requestId = requestId;
        this.in = in;
        this.events = new EventStream(in);
    }

    @Override
    public boolean hasNext() {
        return !ended;
    }

    /**
     * The next piece, waiting for it; null where the stream has ended well instead.
     *
     * @throws GenerationFailure {@code stream-interrupted}, or what {@link #fail} was given
     */
    @Override
    public String next() {
        if (failure == null && cancellation.isRequested()) {
            throw interrupted("", null);
        }
        if (failure != null) {
            ended = true;
            throw failure;
        }
        if (ended) {
            throw new NoSuchElementException();
        }
        try {
            while (events.next()) {
                if (events.startsWith("[DONE]")) {
                    return end();
                }
                String piece = take();
                if (piece != null) {
                    if (chunks++ == 0) {
                        begun.run();
                    }
                    if (textKept) {
                        text.append(piece);
                    }
                    return piece;
                }
            }
        } catch (ResponseTooLargeException e) {
            throw interrupted(e.getMessage(), e);
        } catch (SocketTimeoutException e) {
            if (finishReason == null) {
                throw interrupted("the stream stalled: nothing came within bactrian.stall-timeout", e);
            }
        } catch (IOException e) {
            if (finishReason == null) {
                throw interrupted("the stream broke off: " + e.getMessage(), e);
            }
        }
        if (finishReason == null) {
            throw interrupted(chunks == 0 ? "the answer held no text and no end" : "the stream ended before its end", null);
        }
        return end();
    }

    private String end() {
        close();
        if (!cancellation.settle()) {
            throw interrupted("", null);
        }
        return null;
    }

    private GenerationFailure interrupted(String message, Exception cause) {
        close();
        failure = cancellation.isRequested() ? Cancellation.interrupted(1)
                : new GenerationFailure(ErrorType.STREAM_INTERRUPTED, message, 200, 1, true, cause);
        return failure;
    }

    /** {@inheritDoc} The connection is cut. */
    @Override
    public void fail(GenerationFailure reason) {
        if (failure == null) {
            failure = reason;
            try {
                in.close();
            } catch (IOException e) {
                LOG.debug("{}: closing the stream: {}", requestId, e.getMessage());
            }
        }
    }

    /** Leaves the stream: its connection is given back where it is at its end, and cut where not. */
    @Override
    public void close() {
        ended = true;
        try {
            in.close();
        } catch (IOException e) {
            LOG.debug("{}: closing the stream: {}", requestId, e.getMessage());
        }
    }

    /** Takes in the current event; its text, or null. */
    private String take() throws IOException {
        if (!event.read(events)) {
            LOG.warn("{}: a line of the stream is not JSON and is skipped ({} bytes)", requestId, events.length());
        }
        if (event.error() != null) {
            throw interrupted(redact.apply(event.error()), null);
        }
        if (textKept) {
            reasoning.append(event.reasoning());
        } else if (in instanceof AnswerStream answer) {
            toolBytes += event.toolCalls().isEmpty() ? 0 : events.length();
            answer.hold(toolBytes);
        }
        event.toolCalls().forEach(this::addToolCall);
        finishReason = event.finishReason() != null ? event.finishReason() : finishReason;
        usage = event.usage() != null ? event.usage() : usage;
        return event.piece();
    }

    /** A call's arguments come in pieces, told apart by its index. */
    private void addToolCall(JsonNode delta) {
        int index = delta.path("index").asInt(toolCalls.size());
        while (toolCalls.size() <= index && index < 128) {
            toolCalls.addObject();
        }
        if (!(toolCalls.get(index) instanceof ObjectNode call) || !(delta instanceof ObjectNode fields)) {
            return;
        }
        fields.properties().forEach(field -> {
            if (!field.getValue().isNull() && !field.getKey().equals("function") && !field.getKey().equals("index")) {
                call.set(field.getKey(), field.getValue());
            }
        });
        delta.path("function").properties().forEach(field -> {
            if (field.getValue().isNull()) {
                return;
            }
            ObjectNode function = call.withObjectProperty("function");
            String before = field.getKey().equals("arguments") ? function.path("arguments").asText("") : "";
            function.set(field.getKey(), field.getValue().isTextual()
                    ? JsonNodeFactory.instance.textNode(before + field.getValue().textValue()) : field.getValue());
        });
    }

    /** What has come so far. */
    public String text() {
        return text.toString();
    }

    /** How many pieces have come so far. */
    public int chunks() {
        return chunks;
    }

    /** The parts of the result document that the answer makes up. */
    public ObjectNode answer() {
        ObjectNode answer = JsonNodeFactory.instance.objectNode().put("kind", "text").put("text", text());
        if (!reasoning.isEmpty()) {
            answer.put("reasoning", reasoning.toString());
        }
        if (!toolCalls.isEmpty()) {
            answer.set("toolCalls", toolCalls);
        }
        answer.put("finishReason", finishReason);
        if (usage != null) {
            answer.set("usage", usage);
        }
        return answer.put("chunks", chunks);
    }
}
