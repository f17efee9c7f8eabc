package dev.bactrian.simulator;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;

/**
 * A scripted answer. The factories say what is sent; each instance method returns a copy with a fault or another change. Immutable
 * and safe to share; one reply may answer many requests.
 */
public final class Reply {

    enum Kind { NORMAL, BODY, STREAM, RAW_STREAM, PREDICTION, LOST }

    private static final Reply NORMALLY = new Reply(Kind.NORMAL);

    final Kind kind;
    // Written only while a factory or with() builds the object.
    int status = 200;
    String contentType;
    byte[] body = {};
    List<String> pieces = List.of();
    List<String> reasoning = List.of();
    List<ToolCall> toolCalls = List.of();
    String predictionStatus;
    JsonNode output;
    JsonNode error;
    Map<String, List<String>> headers = Map.of();
    Duration after = Duration.ZERO;
    int cutAt = -1;
    List<Integer> splits = List.of();
    boolean byteByByte;
    boolean accepts;
    Duration pause;
    boolean hang;
    Duration comments;
    Frame.Encoding encoding;
    IntConsumer listener;

    private Reply(Kind kind) {
        this.kind = kind;
    }

    private Reply(Reply other) {
        kind = other.kind;
        status = other.status;
        contentType = other.contentType;
        body = other.body;
        pieces = other.pieces;
        reasoning = other.reasoning;
        toolCalls = other.toolCalls;
        predictionStatus = other.predictionStatus;
        output = other.output;
        error = other.error;
        headers = other.headers;
        after = other.after;
        cutAt = other.cutAt;
        splits = other.splits;
        byteByByte = other.byteByByte;
        accepts = other.accepts;
        pause = other.pause;
        hang = other.hang;
        comments = other.comments;
        encoding = other.encoding;
        listener = other.listener;
    }

    private Reply with(Consumer<Reply> change) {
        Reply copy = new Reply(this);
        change.accept(copy);
        return copy;
    }

    /** Returns a body of type {@code application/json}, sent as it is, even if it is not valid JSON. */
    public static Reply json(int status, String body) {
        return body(status, "application/json", body.getBytes(StandardCharsets.UTF_8));
    }

    /** Returns a body of any type; a null content type sends none. */
    public static Reply body(int status, String contentType, byte[] body) {
        byte[] copy = body.clone();
        return new Reply(Kind.BODY).with(reply -> {
            reply.status = status;
            reply.contentType = contentType;
            reply.body = copy;
        });
    }

    /** Returns a status with an empty body. */
    public static Reply status(int status) {
        return body(status, null, new byte[0]);
    }

    /**
     * Returns a complete chat stream: a chunk with the role, one chunk per piece, {@code finish_reason} {@code stop}, the usage if
     * the request asks for it, and {@code [DONE]}. It is a stream even if the request does not ask for one. As an answer to
     * {@link Call#STREAM}: an {@code output} event per piece and {@code done}; polls then find the same output.
     */
    public static Reply stream(String... contentPieces) {
        return stream(List.of(contentPieces));
    }

    static Reply stream(List<String> contentPieces) {
        return new Reply(Kind.STREAM).with(reply -> reply.pieces = contentPieces);
    }

    /** Returns a {@code text/event-stream} of exactly these bytes, in chunked transfer encoding, properly ended. */
    public static Reply rawStream(byte[] bytes) {
        byte[] copy = bytes.clone();
        return new Reply(Kind.RAW_STREAM).with(reply -> reply.body = copy);
    }

    /** Same as {@link #rawStream(byte[])}, with UTF-8 text. */
    public static Reply rawStream(String text) {
        return rawStream(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Reads the whole request, then closes the connection without an answer. */
    public static Reply lost() {
        return new Reply(Kind.LOST);
    }

    /**
     * Returns a prediction object: the requested one (poll, cancel) or a new one (create, status 201).
     *
     * @param status     any word, one of Replicate's six or not
     * @param outputJson the output as JSON; null: no output
     * @throws IllegalArgumentException if the output is not JSON
     */
    public static Reply prediction(String status, String outputJson) {
        JsonNode output = parse(outputJson);
        return new Reply(Kind.PREDICTION).with(reply -> {
            reply.predictionStatus = status;
            reply.output = output;
        });
    }

    /**
     * Returns a prediction object with an error and without output.
     *
     * @param status    any word, usually {@code failed}
     * @param errorJson the error as JSON, so a text needs its quotes; null: no error
     * @throws IllegalArgumentException if the error is not JSON
     */
    public static Reply predictionError(String status, String errorJson) {
        JsonNode error = parse(errorJson);
        return prediction(status, null).with(reply -> reply.error = error);
    }

    /** Returns the unscripted answer, to which faults can be added. */
    public static Reply normally() {
        return NORMALLY;
    }

    /** Sends a header. The first one of a name replaces the simulator's own; further ones are added. */
    public Reply header(String name, String value) {
        return with(reply -> {
            Map<String, List<String>> more = new LinkedHashMap<>(headers);
            List<String> values = new ArrayList<>(more.getOrDefault(name, List.of()));
            values.add(value);
            more.put(name, values);
            reply.headers = more;
        });
    }

    /**
     * Waits before anything is sent, including the status line. A create is accepted when it arrives: its prediction is there and is listed
     * meanwhile, and also if the client leaves. Any other call is processed after the wait, if the client is still there.
     */
    public Reply after(Duration delay) {
        return with(reply -> reply.after = delay);
    }

    /**
     * Sends only the first bytes of the body, then breaks the connection: fewer bytes than {@code Content-Length} says, or a
     * chunked body without its end. With {@link #thenHang()}, sends nothing more instead.
     */
    public Reply cutAt(int bytes) {
        return with(reply -> reply.cutAt = bytes);
    }

    /** Flushes after this many bytes of the body and waits 5 ms, so that a client needs two reads. Can be called repeatedly. */
    public Reply splitAt(int bytes) {
        return with(reply -> {
            List<Integer> more = new ArrayList<>(splits);
            more.add(bytes);
            reply.splits = more;
        });
    }

    /** Accepts the request although it is answered with an error or, with {@link #lost()}, not at all: a create makes a prediction. */
    public Reply accepting() {
        return with(reply -> reply.accepts = true);
    }

    /** Writes and flushes each byte of the body separately. */
    public Reply byteByByte() {
        return with(reply -> reply.byteByByte = true);
    }

    /** Sets the wait between two pieces of {@link #stream}, in place of the simulator's. Zero: as fast as possible. */
    public Reply pause(Duration pause) {
        return with(reply -> reply.pause = pause);
    }

    /** Sends reasoning before the pieces of {@link #stream}, as {@code delta.reasoning}. */
    public Reply reasoning(String... thoughts) {
        return with(reply -> reply.reasoning = List.of(thoughts));
    }

    /**
     * Sends a call of a function after the pieces of {@link #stream}, as {@code delta.tool_calls}; the {@code finish_reason} is then
     * {@code tool_calls}. Can be called repeatedly.
     *
     * @param id        the id of the call
     * @param name      the name of the function
     * @param arguments the JSON of the arguments, in the pieces in which it is sent
     */
    public Reply toolCall(String id, String name, String... arguments) {
        return with(reply -> {
            List<ToolCall> more = new ArrayList<>(toolCalls);
            more.add(new ToolCall(id, name, List.of(arguments)));
            reply.toolCalls = more;
        });
    }

    /** Keeps the connection open and silent after the body, until the client leaves or the simulator closes. */
    public Reply thenHang() {
        return with(reply -> reply.hang = true);
    }

    /** Keeps the connection open after the body, and sends a comment line {@code : ping} at this interval. */
    public Reply thenComments(Duration every) {
        return with(reply -> reply.comments = every);
    }

    /** Sends the body gzip-encoded, whatever the client accepts. Byte counts of other methods then refer to the encoded body. */
    public Reply gzip() {
        return with(reply -> reply.encoding = Frame.Encoding.GZIP);
    }

    /** Sends the body deflate-encoded (zlib form), like {@link #gzip()}. */
    public Reply deflate() {
        return with(reply -> reply.encoding = Frame.Encoding.DEFLATE);
    }

    /**
     * Calls the listener with the index (from 0) of each content piece of {@link #stream} just before it is written. Each piece is
     * then flushed separately. The listener may block: that delays only its own stream and one timer thread.
     */
    public Reply chunkListener(IntConsumer beforePiece) {
        return with(reply -> reply.listener = beforePiece);
    }

    /** A call of a function, with the JSON of its arguments in pieces. */
    record ToolCall(String id, String name, List<String> arguments) {
    }

    boolean staysOpen() {
        return hang || comments != null;
    }

    private static JsonNode parse(String json) {
        try {
            return json == null ? null : Json.parse(json);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("Not JSON: " + json, e);
        }
    }
}
