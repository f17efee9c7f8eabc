package dev.bactrian.console;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.request.GenerateRequest;

/** The last requests that are done: at most {@value #MOST}, and at most {@value #MOST_CHARS} characters. Thread-safe. */
final class History {

    static final int MOST = 1_000;
    static final long MOST_CHARS = 8L * 1024 * 1024;
    /** About what a line takes without its texts. */
    private static final int LINE = 2_000;

    /** A request that is done; {@code request} is null if it is not kept. */
    private record Done(long no, ObjectNode line, GenerateRequest request, long size) {
    }

    private final Deque<Done> last = new ArrayDeque<>();
    private long size;

    /** Adds a request. */
    synchronized void add(long no, ObjectNode line, GenerateRequest request) {
        GenerateRequest kept = request != null && Requests.isKept(request) ? request : null;
        long chars = LINE + line.path("text").asText().length() + line.path("error").path("message").asText().length()
                + (kept == null ? 0 : Requests.size(kept));
        for (var image : line.path("images")) {
            chars += image.path("url").asText().length();
        }
        last.addFirst(new Done(no, line, kept, chars));
        size += chars;
        while (last.size() > MOST || size > MOST_CHARS && last.size() > 1) {
            size -= last.removeLast().size();
        }
    }

    /** Returns the lines, the latest first. */
    synchronized ArrayNode lines() {
        ArrayNode lines = JsonNodeFactory.instance.arrayNode(last.size());
        last.forEach(done -> lines.add(done.line()));
        return lines;
    }

    /** Returns the line of a request. */
    synchronized Optional<ObjectNode> line(long no) {
        return last.stream().filter(done -> done.no() == no).map(Done::line).findFirst();
    }

    /** Returns a request that is kept. */
    synchronized Optional<GenerateRequest> request(long no) {
        return last.stream().filter(done -> done.no() == no && done.request() != null).map(Done::request).findFirst();
    }

    synchronized int count() {
        return last.size();
    }

    synchronized long size() {
        return size;
    }
}
