package dev.bactrian.console;

import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.core.Job;
import dev.bactrian.generate.Generation;
import dev.bactrian.observe.Observer;
import org.apache.camel.Exchange;

/** The requests in work, and the last ones that are done. An observer of the context, which costs a request a few microseconds. */
final class Work implements Observer {

    /** Further requests are not followed. */
    static final int MOST_FOLLOWED = 10_000;
    static final int MOST_SHOWN = 1_000;
    private static final int MOST_TEXT = 64 * 1024;
    private static final int LITTLE_TEXT = 4 * 1024;
    /** Once the texts take this many characters together, less is kept of further ones. */
    private static final long MUCH_TEXT = 8L * 1024 * 1024;
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(10);
    private static final long PATIENCE_OF_THE_QUEUE = TimeUnit.MINUTES.toNanos(5);
    private static final long PAUSE = TimeUnit.SECONDS.toNanos(5);

    private final Map<Entry.Key, Entry> entries = new ConcurrentHashMap<>();
    private final AtomicLong numbers = new AtomicLong();
    private final AtomicLong textKept = new AtomicLong();
    private final AtomicLong nextSweep = new AtomicLong(System.nanoTime());
    private final History history = new History();
    private final Figures figures = new Figures();
    private final Mask mask;
    /** Null if nobody reads the feed. */
    private volatile Consumer<Entry> follower;

    Work(Mask mask) {
        this.mask = mask;
    }

    Mask mask() {
        return mask;
    }

    /** Tells the follower of each request that has changed, once until it has read the change; null for nobody. */
    void follow(Consumer<Entry> reader) {
        follower = reader;
    }

    boolean isWatched() {
        return follower != null;
    }

    void changed(Entry entry) {
        Consumer<Entry> reader = follower;
        if (reader != null) {
            reader.accept(entry);
        }
    }

    /** Returns how many characters a request may keep of its text now. */
    int mostText() {
        return textKept.get() < MUCH_TEXT ? MOST_TEXT : LITTLE_TEXT;
    }

    void textKept(long more) {
        textKept.addAndGet(more);
    }

    @Override
    public void begun(Exchange exchange, Generation generation) {
        Entry.Key key = Entry.Key.of(generation);
        Entry known = entries.get(key);
        if (known != null) {
            known.begin(generation);
            follow(exchange, known);
        } else if (entries.size() < MOST_FOLLOWED) {
            follow(exchange, add(key, generation, Way.of(exchange)));
        }
        sweep();
    }

    private Entry add(Entry.Key key, Generation generation, Way way) {
        Entry entry = new Entry(this, numbers.incrementAndGet(), way, key, generation);
        entries.put(key, entry);
        figures.begun();
        entry.begin(generation);
        return entry;
    }

    private static void follow(Exchange exchange, Entry entry) {
        Job job = Job.of(exchange);
        if (job != null) {
            job.progress(entry);
        }
    }

    @Override
    public void resumed(Exchange exchange, Generation generation) {
        Entry.Key key = Entry.Key.of(generation);
        Entry entry = entries.get(key);
        if (entry == null && entries.size() < MOST_FOLLOWED) {
            entry = add(key, generation, Way.QUEUE);
        }
        if (entry != null) {
            entry.resume(generation);
            follow(exchange, entry);
            entry.polled(Job.of(exchange).poll());
        }
    }

    @Override
    public void left(Generation generation) {
        Entry entry = entries.get(Entry.Key.of(generation));
        if (entry != null) {
            entry.leave();
        }
    }

    @Override
    public void firstChunk(Generation generation) {
        long millis = generation.elapsed().toMillis();
        figures.firstChunk(millis);
        Entry entry = entries.get(Entry.Key.of(generation));
        if (entry != null) {
            entry.firstChunk(millis);
        }
    }

    @Override
    public void wholeText(Generation generation) {
        firstChunk(generation);
    }

    @Override
    public void ended(Exchange exchange, Generation generation, ObjectNode document, int chunks) {
        Job job = Job.of(exchange);
        Entry entry = generation == null ? null : entries.get(Entry.Key.of(generation));
        boolean isUnknown = entry == null;
        if (isUnknown && job != null && job.progress() instanceof Entry before && before.isEnded()) {
            return;
        }
        if (isUnknown) {
            Entry.Key key = generation != null ? Entry.Key.of(generation) : new Entry.Key(document.path("id").asText(), Instant.now());
            entry = new Entry(this, numbers.incrementAndGet(), Way.of(exchange), key, generation);
        }
        boolean cancelled = job != null && job.failure() != null && job.isCancelled();
        if (!entry.end(document, cancelled)) {
            return;
        }
        figures.ended(document.has("error") && !cancelled);
        if (isUnknown || !entry.way().isDelivered) {
            done(entry);
        }
    }

    /** Ends a request whose outcome is delivered. */
    void done(Entry entry) {
        if (entries.remove(entry.key(), entry)) {
            figures.left();
        }
        ObjectNode line = entry.complete();
        if (line != null) {
            history.add(entry.no(), line, entry.generation() == null ? null : entry.generation().request());
        }
    }

    /** Forgets the requests that are not in work any more. */
    void sweep() {
        long due = nextSweep.get();
        long now = System.nanoTime();
        if (now - due >= 0 && nextSweep.compareAndSet(due, now + PAUSE)) {
            entries.values().stream().filter(entry -> entry.isGone(PATIENCE, PATIENCE_OF_THE_QUEUE)).forEach(this::done);
        }
    }

    /** Returns the requests in work, the oldest first. */
    List<Entry> inWork() {
        return entries.values().stream().sorted(Comparator.comparingLong(Entry::no)).toList();
    }

    /** Returns the lines of the requests in work, with the end of their texts. */
    ArrayNode lines() {
        ArrayNode lines = JsonNodeFactory.instance.arrayNode();
        inWork().stream().limit(MOST_SHOWN).map(entry -> entry.line(true)).forEach(lines::add);
        return lines;
    }

    /** Returns the line of a request in work. */
    Optional<ObjectNode> line(long no) {
        return entries.values().stream().filter(entry -> entry.no() == no).findFirst().map(entry -> entry.line(true));
    }

    int count() {
        return entries.size();
    }

    long textKept() {
        return textKept.get();
    }

    History history() {
        return history;
    }

    Figures figures() {
        return figures;
    }
}
