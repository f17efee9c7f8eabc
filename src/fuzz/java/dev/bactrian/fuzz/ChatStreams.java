package dev.bactrian.fuzz;

import java.io.IOException;
import java.io.InputStream;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Generation;
import dev.bactrian.text.Unicode;
import dev.bactrian.upstage.ChatStream;

/** Answers of a chat: whole ones, cut ones, bodies that are no stream, and any bytes. */
final class ChatStreams {

    private static final Generation CHAT = Product.generation(Product.CHAT);
    private static final Set<ErrorType> FAILURES = EnumSet.complementOf(EnumSet.of(ErrorType.DELIVERY_FAILED, ErrorType.EMPTY_OUTPUT,
            ErrorType.PREDICTION_FAILED, ErrorType.PREDICTION_CANCELED, ErrorType.UNSUPPORTED_MODEL));
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private ChatStreams() {
    }

    static Case next(Dice dice) {
        if (dice.oneIn(12)) {
            return noStream(dice);
        }
        Script script = new Script(dice);
        if (dice.oneIn(2)) {
            return Case.any(dice.mutate(script.bytes), ChatStreams::anyBytes);
        }
        long seed = dice.seed();
        if (script.bytes.length > 0 && dice.oneIn(3)) {
            int cut = dice.below(script.bytes.length);
            IOException end = dice.of(null, new SocketException("Connection reset"), new SocketTimeoutException("Read timed out"));
            return Case.exactly(Arrays.copyOf(script.bytes, cut), input -> cut(script, input, seed, end));
        }
        return Case.exactly(script.bytes, input -> whole(script, input, seed));
    }

    /** What came of a stream. */
    private record Outcome(List<String> chunks, String text, int count, ObjectNode answer, GenerationFailure failure) {

        static Outcome of(InputStream in, int bytes) {
            ChatStream stream = new ChatStream("fuzz", in);
            List<String> chunks = new ArrayList<>();
            GenerationFailure failure = null;
            try {
                for (int calls = 0; stream.hasNext(); calls++) {
                    Finding.unless(calls < bytes + 10, "a stream ends", "more pieces than bytes");
                    String piece = stream.next();
                    if (piece != null) {
                        chunks.add(piece);
                    }
                }
            } catch (GenerationFailure e) {
                failure = e;
            }
            Outcome outcome = new Outcome(chunks, stream.text(), stream.chunks(), failure == null ? stream.answer() : null, failure);
            outcome.check();
            return outcome;
        }

        private void check() {
            Finding.unless(!chunks.contains(""), "no chunk is empty", chunks);
            chunks.forEach(chunk -> Checks.utf8(chunk, "a chunk"));
            Checks.utf8(text, "the text");
            Finding.unlessEqual(String.join("", chunks), text, "the chunks make up the text");
            Finding.unlessEqual(chunks.size(), count, "the chunks are counted");
            if (failure != null) {
                JsonNode error = Checks.error(CHAT, failure, text, null, FAILURES);
                Finding.unless(!error.path("retryable").asBoolean() || chunks.isEmpty() || failure.type() == ErrorType.STREAM_INTERRUPTED,
                        "what has streamed is not said to be retryable", error);
            } else {
                JsonNode written = Checks.written(Documents.result(CHAT, answer), "a result");
                Finding.unlessEqual(text, written.path("text").asText(null), "the result holds the text");
                Finding.unless(written.path("finishReason").isTextual() || written.path("finishReason").isNull(), "finishReason is a string", written);
            }
        }

        /** The same for any sizes of reads. */
        private String same() {
            return chunks + " " + (failure == null ? String.valueOf(answer) : failure.type() + ": " + failure.getMessage());
        }
    }

    private static Outcome both(byte[] input, long seed) {
        Outcome one = Outcome.of(Pieces.of(input, 0, Integer.MAX_VALUE), input.length);
        Outcome other = Outcome.of(Pieces.of(input, seed, seed % 3 == 0 ? 1 : 40), input.length);
        Finding.unlessEqual(one.same(), other.same(), "the same bytes give the same, whatever the sizes of reads");
        return one;
    }

    private static void anyBytes(byte[] input) {
        both(input, Arrays.hashCode(input));
    }

    private static void whole(Script script, byte[] input, long seed) {
        Outcome outcome = both(input, seed);
        if (script.error != null) {
            Finding.unless(outcome.failure != null, "an error event is a failure", outcome.answer);
            String before = script.text();
            // Half of a pair that nothing followed may be left out.
            boolean kept = before.equals(outcome.text) || before.equals(outcome.text + "\ufffd");
            Finding.unless(kept, "what came before an error is kept", Fuzz.shown(outcome.text) + " of " + Fuzz.shown(before));
            Finding.unless(outcome.failure.getMessage().contains(script.error), "the service's words reach the user", outcome.failure.getMessage());
            return;
        }
        if (script.finish == null && !script.done) {
            Finding.unless(outcome.failure != null && (outcome.chunks.isEmpty() || outcome.failure.type() == ErrorType.STREAM_INTERRUPTED), "a stream without an end is stream-interrupted",
                    outcome.same());
            return;
        }
        if ("error".equals(script.finish)) {
            Finding.unless(outcome.failure != null, "finish_reason error is a failure", outcome.answer);
            return;
        }
        Finding.unless(outcome.failure == null, "a whole stream is a success", outcome.failure == null ? "" : outcome.failure.getMessage());
        Finding.unlessEqual(script.text(), outcome.text, "the text is that of the deltas of choice 0");
        JsonNode written = Checks.written(Documents.result(CHAT, outcome.answer), "a result");
        Finding.unlessEqual(Unicode.valid(script.reasoning.toString()), written.path("reasoning").asText(""),
                "the reasoning is joined");
        Finding.unlessEqual(Unicode.valid(script.refusal.toString()), written.path("refusal").asText(""), "a refusal is in the result");
        if (script.refusal.isEmpty()) {
            Finding.unlessEqual(script.finish, written.path("finishReason").textValue(), "the finish reason is in the result");
        }
        if (script.usage != null) {
            Finding.unlessEqual(script.usage, written.path("usage"), "the usage is in the result");
        }
        Finding.unlessEqual(script.expectedCalls(), calls(written.path("toolCalls")), "each tool call is whole and apart");
    }

    /** A cut stream is no shorter answer. */
    private static void cut(Script script, byte[] input, long seed, IOException end) {
        Outcome outcome = Outcome.of(Pieces.thenFailing(input, seed, 40, end), input.length);
        if (outcome.failure == null) {
            Finding.unless(script.error == null && !"error".equals(script.finish), "an error event is a failure", outcome.answer);
            Finding.unless(input.length >= script.terminal, "a stream cut before its end is no success", outcome.answer);
            Finding.unlessEqual(script.text(), outcome.text, "a cut stream is no shorter answer");
        } else {
            String whole = script.text();
            boolean begins = whole.startsWith(outcome.text) || outcome.text.endsWith("\ufffd")
                    && whole.startsWith(outcome.text.substring(0, outcome.text.length() - 1));
            Finding.unless(begins, "what came of a cut stream is the beginning of the whole",
                    Fuzz.shown(outcome.text) + " of " + Fuzz.shown(whole));
        }
    }

    private static List<String> calls(JsonNode toolCalls) {
        List<String> calls = new ArrayList<>();
        toolCalls.forEach(call -> calls.add(call.path("id").asText() + " " + call.at("/function/name").asText() + " "
                + Fuzz.shown(call.at("/function/arguments").asText())));
        return calls;
    }

    /** A body that is no stream at all, with status 200. */
    private static Case noStream(Dice dice) {
        String said = "words" + dice.below(1000);
        ObjectNode body = NODES.objectNode();
        switch (dice.below(5)) {
            case 0 -> {
                String text = dice.someText(5);
                body.put("id", "c").put("object", "chat.completion");
                body.putArray("choices").addObject().put("index", 0).put("finish_reason", "stop").putObject("message").put("role", "assistant").put("content", text);
                return Case.exactly(utf8(dice.write(body)), input -> {
                    Outcome outcome = both(input, text.hashCode());
                    Finding.unless(outcome.failure == null, "a plain completion is an answer", outcome.failure == null ? "" : outcome.failure.getMessage());
                    Finding.unlessEqual(Unicode.valid(text), outcome.text, "the text of a plain completion is the answer");
                    boolean half = Character.isHighSurrogate(text.charAt(text.length() - 1));
                    Finding.unless(outcome.chunks.size() <= (half ? 2 : 1), "a plain completion is one chunk", outcome.chunks.size());
                    Finding.unlessEqual("stop", outcome.answer.path("finishReason").textValue(), "the finish reason is in the result");
                });
            }
            case 1 -> body.putObject("error").put("message", said).put("type", dice.of("server_error", "invalid_request_error", "rate_limit_error", "")).put("code", dice.below(600));
            case 2 -> body.put("object", "error").put("message", said).put("code", dice.below(600));
            case 3 -> {
                return Case.exactly(utf8(dice.of("<!DOCTYPE html>\n", "", " ") + "<html><head><title>" + said + "</title></head>\n<body>Down</body></html>"),
                        input -> Finding.unless(both(input, 7).failure != null, "a page is no answer", ""));
            }
            default -> {
                return Case.exactly(utf8(dice.of("", "\n", "\r\n\r\n", "\ufeff", ": ping\n\n")),
                        input -> Finding.unless(both(input, 7).failure != null, "an empty body is no answer", ""));
            }
        }
        return Case.exactly(utf8(dice.write(body)), input -> {
            Outcome outcome = both(input, 7);
            Finding.unless(outcome.failure != null, "an error as a body is a failure", outcome.answer);
            Finding.unless(outcome.failure.getMessage().contains(said), "the service's words reach the user", outcome.failure.getMessage());
        });
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** A stream of our making, and what it says. */
    private static final class Script {

        private final Dice dice;
        private final Wire wire;
        private final StringBuilder content = new StringBuilder();
        private final StringBuilder reasoning = new StringBuilder();
        private final StringBuilder refusal = new StringBuilder();
        private final List<String[]> calls = new ArrayList<>();
        private final boolean same;
        private JsonNode usage;
        private String finish;
        private String error;
        private boolean done;
        private int terminal = Integer.MAX_VALUE;
        private byte[] bytes;

        Script(Dice dice) {
            this.dice = dice;
            wire = new Wire(dice);
            same = dice.oneIn(2);
            if (dice.oneIn(2)) {
                delta(NODES.objectNode().put("role", "assistant").put("content", ""));
            }
            boolean tools = dice.oneIn(6);
            if (tools && dice.oneIn(2)) {
                toolCalls();
            }
            for (int i = dice.below(dice.oneIn(20) ? 120 : 9); i > 0 && error == null; i--) {
                something();
            }
            if (tools && calls.isEmpty() && error == null) {
                toolCalls();
            }
            if (error == null) {
                end();
            }
            bytes = wire.bytes();
        }

        /** Its text, as it may leave. */
        String text() {
            return Unicode.valid(content.toString());
        }

        List<String> expectedCalls() {
            return calls.stream().map(call -> call[0] + " " + call[1] + " " + Fuzz.shown(Unicode.valid(call[2]))).toList();
        }

        private void something() {
            switch (dice.below(same ? 14 : 24)) {
                case 14 -> {
                    String thought = dice.text(3);
                    reasoning.append(thought);
                    delta(NODES.objectNode().put(dice.of("reasoning", "reasoning_content"), thought));
                }
                case 15 -> delta(NODES.objectNode().putNull("content"));
                case 16 -> wire.event(null, dice.of("oops", "{", "{\"choices\":[", "", " ", "[]", "7", "null", "\"x\"", "{}", "{\"choices\":null}", "{\"choices\":[null,7]}",
                        "{\"choices\":[{\"index\":0,\"delta\":null}]}", "{\"error\":null}"));
                case 17 -> choice(1, NODES.objectNode().put("content", "of another choice"), null, false);
                case 18 -> parts();
                case 19 -> {
                    if (dice.oneIn(4)) {
                        String said = dice.someText(2);
                        refusal.append(said);
                        delta(NODES.objectNode().put("refusal", said));
                    }
                }
                case 20 -> {
                    if (dice.oneIn(4)) {
                        fail();
                    }
                }
                case 21 -> wire.event(null, dice.write(NODES.objectNode().set("x", dice.json(3))));
                default -> {
                    String piece = dice.text(same ? 2 : 4);
                    content.append(piece);
                    delta(NODES.objectNode().put("content", piece));
                }
            }
        }

        /** Content as a list of parts. */
        private void parts() {
            ObjectNode delta = NODES.objectNode();
            ArrayNode list = delta.putArray("content");
            for (int i = dice.below(3); i > 0; i--) {
                String piece = dice.text(2);
                content.append(piece);
                list.addObject().put("type", "text").put("text", piece);
            }
            delta(delta);
        }

        private void fail() {
            error = "words" + dice.below(1000);
            ObjectNode body = NODES.objectNode();
            switch (dice.below(4)) {
                case 0 -> wire.event(null, dice.write(body.set("error", NODES.objectNode().put("message", error).put("code", 500))));
                case 1 -> wire.event("error", dice.write(body.put("message", error)));
                case 2 -> wire.event("error", error);
                default -> wire.event(null, dice.write(body.put("error", error)));
            }
        }

        /** Calls of tools in any of the ways that servers number them. */
        private void toolCalls() {
            int way = dice.below(5);
            int count = dice.between(1, 3);
            for (int i = 0; i < count; i++) {
                calls.add(new String[] {"call_" + i, "tool" + i, ""});
            }
            int[] begun = new int[count];
            for (int i = 0; i < count; i++) {
                for (int piece = dice.between(1, 4); piece > 0; piece--) {
                    // Pieces of calls that have an index may be mixed.
                    int at = way < 2 && begun[i] > 0 && dice.oneIn(3) ? dice.below(i + 1) : i;
                    call(way, at, begun[at]++ == 0);
                }
            }
        }

        private void call(int way, int at, boolean first) {
            String[] call = calls.get(at);
            ObjectNode fields = NODES.objectNode();
            switch (way) {
                case 0 -> fields.put("index", at);
                case 1 -> fields.put("index", at + 1);
                case 2 -> fields.put("index", 0);
                case 3 -> {
                    if (first) {
                        fields.put("index", at);
                    }
                }
                default -> {
                    // without any
                }
            }
            if (first || way == 2 && dice.oneIn(3)) {
                fields.put("id", call[0]).put("type", "function");
            } else if (dice.oneIn(2)) {
                fields.put("id", "");
            }
            ObjectNode function = fields.putObject("function");
            if (first) {
                function.put("name", call[1]);
            } else if (dice.oneIn(3)) {
                function.put("name", "");
            } else if (dice.oneIn(3)) {
                function.putNull("name");
            }
            if (!first || dice.oneIn(2)) {
                String arguments = dice.text(2);
                call[2] += arguments;
                function.put("arguments", arguments);
            }
            ObjectNode delta = NODES.objectNode();
            delta.putArray("tool_calls").add(fields);
            delta(delta);
        }

        private void end() {
            if (!dice.oneIn(5)) {
                finish = !calls.isEmpty() && dice.oneIn(2) ? "tool_calls" : dice.oneIn(20) ? "error" : dice.of("stop", "stop", "length", "content_filter");
                String last = dice.oneIn(4) ? dice.text(2) : "";
                content.append(last);
                terminal = choice(0, last.isEmpty() ? NODES.objectNode() : NODES.objectNode().put("content", last), finish, dice.oneIn(8));
            }
            if (dice.oneIn(2)) {
                usage = NODES.objectNode().put("prompt_tokens", dice.below(99)).put("completion_tokens", dice.below(99)).put("total_tokens", 99);
                ObjectNode event = NODES.objectNode();
                event.putArray("choices");
                wire.event(null, dice.write(event.set("usage", usage)));
            }
            if (!dice.oneIn(5)) {
                done = true;
                terminal = Math.min(terminal, wire.event(null, "[DONE]"));
                if (dice.oneIn(10)) {
                    wire.event(null, "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"after the end\"}}]}");
                }
            }
        }

        private void delta(ObjectNode delta) {
            choice(0, delta, null, !same && dice.oneIn(8));
        }

        private int choice(int index, ObjectNode delta, String reason, boolean odd) {
            ObjectNode event = NODES.objectNode().put("id", "c1").put("object", "chat.completion.chunk");
            ObjectNode choice = event.putArray("choices").addObject();
            choice.put("index", index).set("delta", delta);
            choice.put("finish_reason", reason);
            if (odd) {
                event.set(dice.of("system_fingerprint", "x_groq", "logprobs"), dice.json(3));
                choice.set("logprobs", dice.json(2));
            }
            return wire.event(null, same ? dice.plain(event) : dice.write(event));
        }
    }
}
