package dev.bactrian.soak;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Supplier;

import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;

/** What goes wrong at the providers: each fault is scripted for the next call of its kind. */
final class Faults {

    private static final String PIECE = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"camel \"},\"finish_reason\":null}]}\n\n";
    private static final String STOP = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    private static final String HTML = "<html><body>Bad gateway</body></html>";

    private final Simulator simulator;
    private final Random random;
    private final Map<Call, Map<String, Supplier<Reply>>> kinds = new TreeMap<>();
    private final Map<String, Integer> made = new TreeMap<>();

    Faults(Simulator simulator, Random random) {
        this.simulator = simulator;
        this.random = random;
        Map<String, Supplier<Reply>> chat = new TreeMap<>();
        chat.put("429", () -> Reply.json(429, "{\"error\":{\"message\":\"slow down\"}}").header("Retry-After", "1"));
        chat.put("500", () -> Reply.json(500, "{\"error\":{\"message\":\"oops\"}}"));
        chat.put("502 page", () -> html(502));
        chat.put("503", () -> Reply.status(503));
        chat.put("200 page", () -> html(200));
        chat.put("200 empty", () -> Reply.body(200, "text/event-stream", new byte[0]));
        chat.put("error as a body", () -> Reply.json(200, "{\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\"}}"));
        chat.put("plain completion", () -> Reply.json(200, "{\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"finish_reason\":\"stop\","
                + "\"message\":{\"role\":\"assistant\",\"content\":\"a camel\"}}]}"));
        chat.put("connection lost", Reply::lost);
        chat.put("cut", () -> Reply.stream("a ", "camel ", "has ", "humps").cutAt(random.nextInt(700)));
        chat.put("stalls", () -> Reply.stream("a ", "camel ", "has ", "humps").cutAt(300).thenHang());
        chat.put("comments alone", () -> Reply.rawStream(PIECE).thenComments(Duration.ofMillis(300)));
        chat.put("no end after its finish reason", () -> Reply.rawStream(PIECE + STOP).thenComments(Duration.ofMillis(300)));
        chat.put("late", () -> Reply.normally().after(Duration.ofMillis(2000)));
        chat.put("too late", () -> Reply.normally().after(Duration.ofSeconds(8)));
        chat.put("slow", () -> Reply.stream("a ", "camel ", "has ", "humps").pause(Duration.ofMillis(500)));
        chat.put("byte by byte", () -> Reply.stream("낙타 ", "camel").byteByByte());
        chat.put("gzip", () -> Reply.stream("a ", "camel").gzip());
        chat.put("halves of a pair", () -> Reply.rawStream(PIECE.replace("camel ", "\\ud83d") + PIECE.replace("camel ", "\\udc2a \\ud83d") + STOP));
        chat.put("error event", () -> Reply.rawStream(PIECE + "event: error\ndata: {\"message\":\"broke\"}\n\n"));
        chat.put("too large", () -> Reply.rawStream(PIECE.replace("camel ", "camel ".repeat(5000)).repeat(60) + STOP));
        kinds.put(Call.CHAT, chat);
        Map<String, Supplier<Reply>> create = new TreeMap<>();
        create.put("429", () -> Reply.json(429, "{\"detail\":\"throttled\",\"retry_after\":1}"));
        create.put("422", () -> Reply.json(422, "{\"detail\":[{\"msg\":\"bad input\"}]}"));
        create.put("500", () -> Reply.status(500));
        create.put("answer lost", Reply::lost);
        create.put("late", () -> Reply.normally().after(Duration.ofMillis(1500)));
        create.put("a page", () -> html(200));
        kinds.put(Call.CREATE, create);
        Map<String, Supplier<Reply>> poll = new TreeMap<>();
        poll.put("429", () -> Reply.json(429, "{\"detail\":\"throttled\"}").header("Retry-After", "1"));
        poll.put("500", () -> Reply.status(500));
        poll.put("404", () -> Reply.json(404, "{\"detail\":\"not found\"}"));
        poll.put("a page", () -> html(200));
        poll.put("connection lost", Reply::lost);
        poll.put("too late", () -> Reply.normally().after(Duration.ofSeconds(8)));
        poll.put("cut", () -> Reply.normally().cutAt(random.nextInt(200)));
        poll.put("failed", () -> Reply.predictionError("failed", "\"out of memory\""));
        poll.put("canceled", () -> Reply.prediction("canceled", "null"));
        poll.put("half a pair", () -> Reply.prediction("succeeded", "[\"a \\ud83d\",\"\\udc2a camel \\ud83d\"]"));
        poll.put("unknown status", () -> Reply.prediction("queued", "null"));
        poll.put("too large", () -> Reply.prediction("succeeded", "\"" + "x".repeat(1_500_000) + "\""));
        kinds.put(Call.POLL, poll);
        Map<String, Supplier<Reply>> stream = new TreeMap<>();
        stream.put("503", () -> Reply.status(503));
        stream.put("cut", () -> Reply.stream("a ", "camel").cutAt(60));
        stream.put("stalls", () -> Reply.stream("a ", "camel").cutAt(60).thenHang());
        kinds.put(Call.STREAM, stream);
    }

    private static Reply html(int status) {
        return Reply.body(status, "text/html", HTML.getBytes(StandardCharsets.UTF_8));
    }

    /** Scripts one for the next call of that kind. */
    void one(Call call) {
        Map<String, Supplier<Reply>> of = kinds.get(call);
        String name = of.keySet().stream().skip(random.nextInt(of.size())).findFirst().orElseThrow();
        simulator.on(call, of.get(name).get());
        made.merge(call + " " + name, 1, Integer::sum);
    }

    /** How many of that name were scripted. */
    int made(Call call, String name) {
        return made.getOrDefault(call + " " + name, 0);
    }

    int made() {
        return made.values().stream().mapToInt(Integer::intValue).sum();
    }
}
