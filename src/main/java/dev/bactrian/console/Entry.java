package dev.bactrian.console;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.core.Poll;
import dev.bactrian.core.Progress;
import dev.bactrian.generate.Fallback.Attempt;
import dev.bactrian.generate.Generation;
import org.apache.camel.Exchange;
import org.apache.camel.support.SynchronizationAdapter;

/** A request in work. Thread-safe. */
final class Entry implements Progress {

    /** How far a request is. */
    enum State {
        WAITING, CREATING, QUEUED, RUNNING, STREAMING, DELIVERING, DONE;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** What tells requests apart, also those of the queue after a restart. */
    record Key(String id, Instant startedAt) {

        static Key of(Generation generation) {
            return new Key(generation.id(), generation.startedAt());
        }
    }

    /** An event that is not written yet. */
    record Change(String name, JsonNode data) {
    }

    private final Work work;
    private final long no;
    private final Way way;
    private final Key key;
    private final Tail text = new Tail();
    private Generation generation;
    private State state = State.WAITING;
    private Instant since = Instant.now();
    private int polls;
    private int chunks;
    private Long firstChunkMs;
    private String whole;
    private boolean wholeCut;
    private ObjectNode outcome;
    private ObjectNode done;
    private boolean delivering;
    private boolean left;
    private long lastNano = System.nanoTime();
    /** What the feed has not been told yet. */
    private boolean isInFeed;
    private boolean isLineNew = true;
    private long told;
    /** The number of characters of the text in which keys are masked. */
    private long clean;

    Entry(Work work, long no, Way way, Key key, Generation generation) {
        this.work = work;
        this.no = no;
        this.way = way;
        this.key = key;
        this.generation = generation;
    }

    long no() {
        return no;
    }

    Key key() {
        return key;
    }

    Way way() {
        return way;
    }

    /** Begins again, perhaps with another model. */
    synchronized void begin(Generation next) {
        generation = next;
        left = false;
        state(State.WAITING);
    }

    /** Goes on with the poll of a prediction in the queue. */
    synchronized void resume(Generation same) {
        generation = same;
        lastNano = System.nanoTime();
    }

    @Override
    public synchronized void waiting() {
        state(State.WAITING);
    }

    @Override
    public synchronized void calling() {
        state(State.CREATING);
    }

    @Override
    public synchronized void polled(Poll poll) {
        int before = polls;
        polls = poll.document().path("polls").asInt();
        isLineNew |= polls != before;
        if (outcome == null && state != State.STREAMING) {
            state(poll.isRunning() || poll.isEnded() ? State.RUNNING : State.QUEUED);
        }
        changed();
    }

    @Override
    public void chunk(String piece) {
        int more;
        synchronized (this) {
            chunks++;
            if (state != State.STREAMING && outcome == null) {
                state(State.STREAMING);
            }
            more = text.add(piece);
            int most = work.mostText();
            if (text.isFull(most)) {
                more += clean();
                more += text.trim(most);
            }
            lastNano = System.nanoTime();
            changed();
        }
        work.textKept(more);
    }

    /**
     * Masks keys in what has arrived since the last time, except for what may be the beginning of a key. Returns by how many characters the
     * text has grown.
     */
    private int clean() {
        long start = Math.max(clean, text.before());
        String raw = text.between(start, text.length());
        String masked = work.mask().masked(raw);
        int more = masked.equals(raw) ? 0 : text.replace(start, masked);
        clean = Math.max(start, text.length() - work.mask().begun(text.characters()));
        return more;
    }

    @Override
    public synchronized void text(String all) {
        wholeCut = all.length() > Tail.HEAD;
        whole = wholeCut ? Lines.cut(all, Tail.HEAD) : all;
    }

    /** Records the time to the first chunk. */
    synchronized void firstChunk(long millis) {
        if (firstChunkMs == null) {
            firstChunkMs = millis;
        }
    }

    @Override
    public void delivering(Exchange exchange) {
        synchronized (this) {
            delivering = true;
        }
        exchange.getExchangeExtension().addOnCompletion(new SynchronizationAdapter() {
            @Override
            public void onDone(Exchange ended) {
                work.done(Entry.this);
            }
        });
    }

    /** Records the outcome. Returns false if there was one before. */
    synchronized boolean end(ObjectNode document, boolean isCancelled) {
        if (outcome != null) {
            return false;
        }
        outcome = Lines.outcome(document, isCancelled);
        if (whole == null && !document.path("partialText").asText().isEmpty()) {
            text(document.path("partialText").textValue());
        }
        state(State.DELIVERING);
        return true;
    }

    synchronized boolean isEnded() {
        return outcome != null;
    }

    /** Records that no thread works on the request any more. */
    synchronized void leave() {
        left = true;
        lastNano = System.nanoTime();
    }

    /**
     * Whether nothing has been heard of the request for so long that it is not in work here any more: it was stopped, or another instance
     * polls its prediction.
     */
    synchronized boolean isGone(long patienceNanos, long queueNanos) {
        long silence = System.nanoTime() - lastNano;
        if (outcome != null) {
            return !delivering && silence > patienceNanos;
        }
        return (left || way == Way.QUEUE && polls > 0) && silence > (way == Way.QUEUE ? queueNanos : patienceNanos);
    }

    private void state(State next) {
        lastNano = System.nanoTime();
        if (state != next) {
            state = next;
            since = Instant.now();
        }
        isLineNew = true;
        changed();
    }

    private void changed() {
        if (!isInFeed && work.isWatched()) {
            isInFeed = true;
            work.changed(this);
        }
    }

    /** Completes the request: returns its line, or null if it was complete before. Releases its text. */
    synchronized ObjectNode complete() {
        if (done != null) {
            return null;
        }
        state = State.DONE;
        ObjectNode line = line(false);
        line.setAll(outcome != null ? outcome : Lines.unknown());
        work.textKept(clean());
        String shown = whole != null ? whole : text.head();
        if (!shown.isEmpty()) {
            line.put("text", shown);
            if (whole != null ? wholeCut : text.length() > shown.length()) {
                line.put("textCut", true);
            }
        }
        done = line;
        work.textKept(-text.kept());
        isLineNew = true;
        changed();
        return done;
    }

    /** Returns the line of the request; the same object once it is done, which must not be changed. */
    synchronized ObjectNode line(boolean withText) {
        if (done != null) {
            return done;
        }
        ObjectNode line = JsonNodeFactory.instance.objectNode().put("no", no).put("id", key.id()).put("from", way.toString());
        if (generation == null) {
            line.putNull("provider").putNull("model");
        } else {
            line.put("provider", generation.getProvider()).put("model", Lines.name(generation.getModelId()));
            if (generation.model().kind() != null) {
                line.put("kind", generation.model().kind().toString());
            }
        }
        line.put("state", state.toString()).put("startedAt", Lines.time(key.startedAt())).put("since", Lines.time(since)).put("polls", polls)
                .put("chunks", chunks);
        if (generation != null) {
            line.put("prompt", Lines.prompt(generation, work.mask())).put("again", Requests.isKept(generation.request()));
            for (Attempt attempt : generation.fallback().tried()) {
                line.withArray("tried").addObject().put("provider", attempt.provider()).put("model", Lines.name(attempt.model()))
                        .put("type", attempt.type());
            }
        }
        if (firstChunkMs != null) {
            line.put("firstChunkMs", firstChunkMs);
        }
        if (withText && text.kept() > 0) {
            work.textKept(clean());
            line.put("text", text.between(0, clean));
            if (text.before() > 0) {
                line.put("textFrom", text.before());
            }
        }
        return line;
    }

    synchronized Generation generation() {
        return generation;
    }

    /** Returns the events about what has changed since the last call. */
    synchronized List<Change> changes() {
        isInFeed = false;
        if (done != null) {
            return List.of(new Change("done", done));
        }
        List<Change> changes = new ArrayList<>(2);
        if (isLineNew) {
            isLineNew = false;
            changes.add(new Change("request", line(false)));
        }
        work.textKept(clean());
        long start = Math.max(told, text.before());
        if (clean > start) {
            changes.add(new Change("text", piece(start)));
            told = clean;
        }
        return changes;
    }

    private JsonNode piece(long start) {
        return JsonNodeFactory.instance.objectNode().put("no", no).put("id", key.id()).put("at", start).put("text", text.between(start, clean));
    }

    /** Begins the feed's texts at the present end, for its first reader. */
    synchronized void skip() {
        work.textKept(clean());
        told = clean;
        isInFeed = false;
    }
}
