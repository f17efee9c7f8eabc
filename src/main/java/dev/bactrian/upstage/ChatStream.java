package dev.bactrian.upstage;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.core.Answer;
import dev.bactrian.core.Cancellation;
import dev.bactrian.core.ChunkSource;
import dev.bactrian.core.Job;
import dev.bactrian.error.Cause;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.http.AnswerBody;
import dev.bactrian.http.EventStream;
import dev.bactrian.http.HttpFailures;
import dev.bactrian.http.NothingHeardException;
import dev.bactrian.http.ResponseTooLargeException;
import dev.bactrian.text.LongText;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.text.ProviderJson;
import dev.bactrian.text.Unicode;
import org.slf4j.Logger;

/**
 * A chat answer that is being streamed: iterates over its chunks of text, in order, and collects the result (Upstage API reference, Chat
 * Completions). No chunk is empty.
 *
 * <p>{@link #hasNext()} never waits: it returns whether the stream is open, and {@link #next()} returns null if the stream then turns out
 * to have ended. Camel's splitter skips nulls. It calls {@code hasNext} before it passes a chunk on, so a waiting {@code hasNext} would
 * delay each chunk until the next one has arrived.
 *
 * <p>The stream ends successfully with {@code [DONE]}, even if the connection stays open or fails then, or after a finish reason, which
 * the usage may follow within {@link #GRACE}. Any other end is {@code stream-interrupted}. Of several choices the first is read. If a
 * whole completion is received instead of a stream, its text is the only chunk. If an error or a page is received, nothing was answered
 * and the type of the failure depends on its text. For use by one thread at a time; only the {@link Cancellation} is thread-safe.
 */
public final class ChatStream implements ChunkSource, Answer, Closeable {

    /** How long a stream may take to end after its finish reason. */
    static final Duration GRACE = Duration.ofSeconds(2);

    private static final String REFUSED = "refusal";
    private static final String FILTERED = "content_filter";
    private static final Logger LOG = OneLineLogger.of("dev.bactrian.upstage");

    private final UnaryOperator<String> redact;
    private final Cancellation cancellation;
    private UnaryOperator<String> mask = UnaryOperator.identity();
    private String provider = Upstage.NAME;
    private Consumer<JsonNode> closed = usage -> { };
    private Job.Reader reader;
    private final boolean textKept;
    private final Runnable begun;
    private final String requestId;
    private final InputStream in;
    private final EventStream events;
    private final ChatEvent event = new ChatEvent();
    private final Unicode.Joiner joiner = new Unicode.Joiner();
    private final LongText text = new LongText();
    private final LongText reasoning = new LongText();
    private final LongText refusal = new LongText();
    private final ToolCalls toolCalls = new ToolCalls();
    private String finishReason;
    private JsonNode usage;
    private int chunks;
    private boolean passedOn;
    private long heldBytes;
    private boolean over;
    private String trouble;
    private boolean ended;
    private GenerationFailure failure;

    /** Reads the answer to the request from a body of {@code text/event-stream}. */
    public ChatStream(String requestId, InputStream in) {
        this(requestId, in, null, UnaryOperator.identity(), new Cancellation(), true, () -> { });
    }

    /**
     * Reads the answer to the request from a body of {@code text/event-stream}.
     *
     * @param patience     how long the stream may contain only comments; null for no limit
     * @param redact       applied to error messages of the service, which may contain the key
     * @param cancellation ends the stream and closes the connection, from any thread
     * @param textKept     whether the text is kept; if not, an answer may be longer than the limit for answers
     * @param begun        called at the first chunk
     */
    ChatStream(String requestId, InputStream in, Duration patience, UnaryOperator<String> redact, Cancellation cancellation,
            boolean textKept, Runnable begun) {
        this.textKept = textKept;
        this.redact = redact;
        this.cancellation = cancellation;
        this.begun = begun;
        this.requestId = requestId;
        this.in = in;
        this.events = new EventStream(in, null, patience);
    }

    /** Applies the operator to each chunk of text. */
    ChatStream masked(UnaryOperator<String> pieces) {
        mask = pieces;
        return this;
    }

    /** Passes what is not text to the reader, as it arrives. */
    ChatStream beside(Job.Reader other) {
        reader = other;
        return this;
    }

    /** Sets the name of the provider, for errors. */
    ChatStream from(String name) {
        provider = name;
        return this;
    }

    /** Calls the consumer once, when the stream is closed, with the usage that the service has reported, or null. */
    ChatStream closed(Consumer<JsonNode> consumer) {
        closed = consumer;
        return this;
    }

    @Override
    public boolean hasNext() {
        return !ended;
    }

    /**
     * Returns the next chunk and waits for it, or returns null if the stream has ended successfully.
     *
     * @throws GenerationFailure {@code stream-interrupted}, the failure for what was received instead of an answer, or the one passed to
     *                           {@link #fail}
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
        if (trouble != null) {
            throw interrupted(trouble, null);
        }
        String piece = over ? null : read();
        if (piece == null && trouble != null) {
            throw interrupted(trouble, null);
        }
        if (piece == null) {
            piece = joiner.end();
            if (piece.isEmpty()) {
                return end();
            }
            over = true;
        }
        piece = mask.apply(piece);
        if (chunks++ == 0) {
            begun.run();
        }
        keep(piece);
        return piece;
    }

    /** Returns the next chunk, or null if there are no more, either because of the end or because of {@link #trouble}. */
    private String read() {
        try {
            while (events.next()) {
                String piece = take(event.read(events));
                if (piece != null || over || trouble != null) {
                    return piece;
                }
            }
        } catch (ResponseTooLargeException e) {
            throw interrupted(e.getMessage(), e);
        } catch (NothingHeardException e) {
            if (isWholeDocument()) {
                return readDocument();
            }
            throw interrupted("nothing but comments came for longer than bactrian.response-timeout", e);
        } catch (VirtualMachineError e) {
            throw interrupted("the answer could not be taken in: " + Cause.words(e), e);
        } catch (SocketTimeoutException e) {
            if (isWholeDocument()) {
                return readDocument();
            } else if (finishReason == null) {
                throw interrupted("the stream stalled: nothing came within bactrian.stall-timeout", e);
            }
            return null;
        } catch (IOException e) {
            if (isWholeDocument()) {
                return readDocument();
            } else if (finishReason == null) {
                throw interrupted("the stream broke off: " + e.getMessage(), e);
            }
            return null;
        }
        if (events.holdsDocument()) {
            return readDocument();
        } else if (finishReason == null) {
            throw cutShort();
        }
        return null;
    }

    /** Returns the failure for a body that ends before the answer does. */
    private GenerationFailure cutShort() {
        String said = events.strayText();
        if (chunks == 0 && !events.hasBegun() && ProviderJson.message(said).isPresent()) {
            return inPlaceOfAnAnswer(said);
        }
        return interrupted(ProviderJson.message(said).map(redact).orElse(
                chunks == 0 ? "the answer held no text and no end" : "the stream ended before its end"), null);
    }

    /** Whether a document received instead of a stream is complete, although its connection is still open. */
    private boolean isWholeDocument() {
        return finishReason == null && events.holdsDocument() && ProviderJson.json(events.text()).isPresent();
    }

    /** Reads one completion received instead of a stream. Returns its text as one chunk, or throws if it is not a completion. */
    private String readDocument() {
        String document = events.text();
        over = true;
        try {
            boolean json = event.read(document);
            if (!json || event.error() != null || !event.isMessage() && event.finishReason() == null) {
                throw inPlaceOfAnAnswer(document);
            }
            return take(true);
        } catch (IOException e) {
            throw interrupted("the answer can't be read: " + e.getMessage(), e);
        }
    }

    private GenerationFailure inPlaceOfAnAnswer(String body) {
        close();
        failure = cancellation.isRequested() ? Cancellation.interrupted(1) : HttpFailures.inPlaceOfAnAnswer(redact.apply(body), provider);
        return failure;
    }

    private void keep(String piece) {
        if (textKept) {
            text.append(piece);
            if (in instanceof AnswerBody answer) {
                answer.kept(text.bytes() + reasoning.bytes());
            }
        }
    }

    private String end() {
        close();
        if (!cancellation.settle()) {
            throw interrupted("", null);
        }
        return null;
    }

    private GenerationFailure interrupted(String message, Throwable cause) {
        close();
        failure = cancellation.isRequested() ? Cancellation.interrupted(1)
                : new GenerationFailure(ErrorType.STREAM_INTERRUPTED, message, 200, 1, true, cause);
        return failure;
    }

    /** {@inheritDoc} Closes the connection. */
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

    /** Closes the stream. Its connection is reused if it was read to its end, and closed otherwise. */
    @Override
    public void close() {
        ended = true;
        Consumer<JsonNode> told = closed;
        closed = usage -> { };
        told.accept(usage);
        try {
            in.close();
        } catch (IOException e) {
            LOG.debug("{}: closing the stream: {}", requestId, e.getMessage());
        }
    }

    /** Adds the current event to the answer. Returns its text, or null. */
    private String take(boolean isJson) throws IOException {
        if (event.isTextAlone()) {
            hold();
            events.heard();
            return joiner.next(event.piece());
        }
        if (!isJson) {
            LOG.warn("{}: a line of the stream is not JSON and is skipped ({} bytes)", requestId, events.length());
        }
        over |= event.isDone();
        if (event.error() != null) {
            trouble = redact.apply(event.error());
        }
        if (event.isMessage() && (chunks > 0 || !toolCalls.isEmpty() || !refusal.isEmpty())) {
            // The whole answer again, after its pieces.
            finish();
            return null;
        }
        hold();
        if (textKept && !(event.isMessage() && !reasoning.isEmpty())) {
            reasoning.append(event.reasoning());
        }
        refusal.append(event.refusal());
        if (!event.toolCalls().isEmpty() && !toolCalls.add(event.toolCalls(), event.isMessage())) {
            LOG.warn("{}: the answer has more calls of tools than are kept", requestId);
        }
        if (event.piece() != null || !event.reasoning().isEmpty() || !event.refusal().isEmpty() || !event.toolCalls().isEmpty()) {
            events.heard();
        }
        if (reader != null && (!event.reasoning().isEmpty() || !event.refusal().isEmpty() || !event.toolCalls().isEmpty())) {
            pass(new Job.Delta(masked(event.reasoning()), masked(event.refusal()), List.copyOf(event.toolCalls())));
        }
        finish();
        String piece = event.piece() == null ? null : joiner.next(event.piece());
        return piece == null || piece.isEmpty() ? null : piece;
    }

    private void pass(Job.Delta delta) throws InterruptedIOException {
        passedOn = true;
        try {
            reader.put(delta);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while the answer was passed on");
        }
    }

    private String masked(CharSequence piece) {
        return piece.isEmpty() ? "" : mask.apply(Unicode.valid(piece.toString()));
    }

    private void finish() {
        usage = event.usage() != null ? event.usage() : usage;
        if (event.finishReason() != null) {
            finishReason = event.finishReason();
            events.endWithin(GRACE);
            if (trouble == null && finishReason.equalsIgnoreCase("error")) {
                trouble = "the service ended the answer with the finish reason \"" + finishReason + "\"";
            }
        }
    }

    /** Counts the memory that the answer occupies. Text does not count if it is not kept; tool calls and a refusal do. */
    private void hold() {
        if (!textKept && in instanceof AnswerBody answer) {
            heldBytes += event.isTextAlone() || event.toolCalls().isEmpty() && event.refusal().isEmpty() ? 0 : events.length();
            answer.hold(heldBytes);
        }
    }

    @Override
    public String text() {
        return text.toString();
    }

    @Override
    public void leave() {
        close();
    }

    @Override
    public void forget() {
        text.clear();
    }

    @Override
    public boolean isPassedOn() {
        return passedOn || chunks > 0;
    }

    @Override
    public int count() {
        return chunks;
    }

    @Override
    public JsonNode usage() {
        return usage;
    }

    @Override
    public ObjectNode answer() {
        ObjectNode answer = JsonNodeFactory.instance.objectNode().put("kind", "text").put("text", text());
        if (!reasoning.isEmpty()) {
            answer.put("reasoning", Unicode.valid(reasoning.toString()));
        }
        if (!refusal.isEmpty()) {
            answer.put("refusal", Unicode.valid(refusal.toString()));
        }
        if (!toolCalls.isEmpty()) {
            answer.set("toolCalls", toolCalls.toJson());
        }
        answer.put("finishReason", refusal.isEmpty() || FILTERED.equals(finishReason) ? finishReason : REFUSED);
        if (usage != null) {
            answer.set("usage", usage);
        }
        return answer.put("chunks", chunks);
    }
}
