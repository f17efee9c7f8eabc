package dev.bactrian.console;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.generate.Documents;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.threads.RoutePool;
import dev.bactrian.threads.ScheduledPool;
import org.apache.camel.CamelContext;
import org.slf4j.Logger;

/**
 * Passes what changes to the readers, ten times a second. The threads of the requests only mark what has changed. Each reader has a bounded
 * queue and is called on a thread of its own; if its queue is full, it gets a snapshot in place of the events in it.
 */
final class Feed {

    static final int MOST_EVENTS = 2_000;
    static final int MOST_READERS = 50;
    static final long MOST_CHARS = 4L * 1024 * 1024;
    private static final long TICK_MILLIS = 100;
    private static final int TICKS_OF_A_SECOND = 10;
    private static final long BETWEEN_SNAPSHOTS = TimeUnit.SECONDS.toNanos(1);
    private static final Logger LOG = OneLineLogger.of("dev.bactrian.console");

    private final CamelContext context;
    private final Work work;
    private final Health health;
    private final Supplier<ObjectNode> snapshot;
    private final Queue<Entry> changed = new ConcurrentLinkedQueue<>();
    private final List<Reader> readers = new CopyOnWriteArrayList<>();
    private final Object publishing = new Object();
    private ScheduledPool timer;
    private RoutePool threads;
    private ScheduledFuture<?> ticks;
    private int tick;
    private long figuresTold;
    private JsonNode healthTold;

    Feed(CamelContext context, Work work, Health health, Supplier<ObjectNode> snapshot) {
        this.context = context;
        this.work = work;
        this.health = health;
        this.snapshot = snapshot;
    }

    /**
     * Passes a snapshot and then what changes to the consumer, until the result is closed or the consumer throws an exception.
     *
     * @throws RejectedExecutionException if there are {@value #MOST_READERS} readers
     */
    AutoCloseable subscribe(Consumer<Event> consumer) {
        Reader reader = new Reader(consumer);
        synchronized (this) {
            if (timer == null || timer.isShutdown() || threads.isShutdown()) {
                timer = new ScheduledPool(context, "bactrian-console-ticks", 1);
                threads = new RoutePool("bactrian-console");
                threads.setCamelContext(context);
                ticks = null;
                readers.clear();
            }
            if (readers.size() >= MOST_READERS) {
                throw new RejectedExecutionException("the feed of the console has " + MOST_READERS + " readers");
            }
            readers.add(reader);
            if (ticks == null) {
                work.follow(changed::add);
                synchronized (publishing) {
                    work.inWork().forEach(Entry::skip);
                }
                ticks = timer.scheduleWithFixedDelay(this::tick, TICK_MILLIS, TICK_MILLIS, TimeUnit.MILLISECONDS);
            }
        }
        reader.wake();
        return reader;
    }

    private synchronized void leave(Reader reader) {
        readers.remove(reader);
        if (readers.isEmpty() && ticks != null) {
            ticks.cancel(false);
            ticks = null;
            work.follow(null);
            changed.clear();
            timer.shutdownNow();
            threads.shutdown();
        }
    }

    private void tick() {
        try {
            synchronized (publishing) {
                flush();
                if (tick++ % TICKS_OF_A_SECOND == 0) {
                    everySecond();
                }
            }
            readers.forEach(Reader::wake);
        } catch (RuntimeException e) {
            LOG.warn("The feed of the console: {}", e.toString());
        }
    }

    private void everySecond() {
        work.sweep();
        long version = work.figures().version();
        if (version != figuresTold) {
            send("figures", work.figures().json(figuresTold));
            figuresTold = version;
        }
        JsonNode now = health.fresh();
        if (now != healthTold) {
            healthTold = now;
            send("health", now);
        }
    }

    private void flush() {
        for (Entry entry = changed.poll(); entry != null; entry = changed.poll()) {
            entry.changes().forEach(change -> send(change.name(), change.data()));
        }
    }

    private void send(String name, JsonNode data) {
        Event event = new Event(name, Documents.text(data));
        readers.forEach(reader -> reader.offer(event));
    }

    /** A reader of the feed. */
    private final class Reader implements AutoCloseable {

        private final Consumer<Event> consumer;
        private final Deque<Event> waiting = new ArrayDeque<>();
        private long chars;
        private boolean needsSnapshot = true;
        private long nextSnapshot = System.nanoTime();
        private boolean isRunning;
        private boolean isClosed;

        Reader(Consumer<Event> consumer) {
            this.consumer = consumer;
        }

        synchronized void offer(Event event) {
            if (needsSnapshot || isClosed) {
                return;
            }
            waiting.add(event);
            chars += event.data().length();
            if (waiting.size() > MOST_EVENTS || chars > MOST_CHARS) {
                restart();
                needsSnapshot = true;
            }
        }

        private void restart() {
            waiting.clear();
            chars = 0;
        }

        /** Runs on a thread of its own if there is something to read. */
        void wake() {
            synchronized (this) {
                boolean isDue = needsSnapshot ? System.nanoTime() - nextSnapshot >= 0 : !waiting.isEmpty();
                if (isRunning || isClosed || !isDue) {
                    return;
                }
                isRunning = true;
            }
            try {
                threads.execute(this::run);
            } catch (RejectedExecutionException e) {
                close();
            }
        }

        private void run() {
            try {
                for (Event event = next(); event != null; event = next()) {
                    consumer.accept(event);
                }
            } catch (RuntimeException e) {
                LOG.debug("A reader of the console has left: {}", e.toString());
                close();
            }
        }

        private Event next() {
            synchronized (this) {
                if (!needsSnapshot && !waiting.isEmpty() && !isClosed) {
                    Event event = waiting.remove();
                    chars -= event.data().length();
                    return event;
                }
                if (!needsSnapshot || isClosed || System.nanoTime() - nextSnapshot < 0) {
                    isRunning = false;
                    return null;
                }
            }
            ObjectNode whole;
            synchronized (publishing) {
                flush();
                whole = snapshot.get();
                synchronized (this) {
                    if (isClosed) {
                        isRunning = false;
                        return null;
                    }
                    restart();
                    needsSnapshot = false;
                    nextSnapshot = System.nanoTime() + BETWEEN_SNAPSHOTS;
                }
            }
            return new Event("snapshot", Documents.text(whole));
        }

        @Override
        public void close() {
            synchronized (this) {
                isClosed = true;
                restart();
            }
            leave(this);
        }
    }
}
