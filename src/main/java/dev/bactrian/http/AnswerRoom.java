package dev.bactrian.http;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.ErrorNet;
import dev.bactrian.core.Steps;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.support.SynchronizationAdapter;

/**
 * Limits the memory that the answers of all requests in progress take up together to {@code bactrian.max-answers-bytes}. An answer
 * counts from when it is read until the outcome of its request is delivered. If there is no room, reading the answer waits, and its
 * connection with it.
 *
 * <p>The oldest request whose answer is being read may fill all of the room. The others share the part that the oldest can never
 * need, at least a quarter of the room. So two half-read answers never wait for each other. Thread-safe.
 */
public final class AnswerRoom implements CamelContextAware {

    /** This many bytes of each answer are not counted; most answers are no longer. */
    static final int FREE = 16 * 1024;

    private static final String SHARE = "bactrianAnswerShare";
    private static final int STEP = 64 * 1024;
    private static final int FOR_OTHERS = 4;
    private static final long CHECK_MILLIS = 100;
    private static final Duration LONGEST_WAIT = Duration.ofMinutes(10);
    /** A poll is repeated anyway, and must not block the threads that all polls share. */
    private static final Duration LONGEST_WAIT_OF_POLL = Duration.ofSeconds(2);

    private final TreeMap<Long, Share> reading = new TreeMap<>();
    /** No monitor: before Java 24 a virtual thread that waits in one holds a platform thread. */
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private CamelContext camelContext;
    private long room;
    private long forOthers;
    private long held;
    private long heldByReaders;
    private long shares;

    /** Creates a room whose size is set by {@link #setCamelContext}. */
    public AnswerRoom() {
        // see setCamelContext
    }

    /**
     * Creates a room.
     *
     * @param room    the size in bytes
     * @param largest the largest size of one answer in bytes
     */
    AnswerRoom(long room, long largest) {
        size(room, largest);
    }

    private void size(long bytes, long largest) {
        room = bytes;
        forOthers = Math.max(bytes / FOR_OTHERS, bytes - largest);
    }

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        Settings settings = Settings.of(camelContext);
        size(settings.answersBytes(), settings.bytes(Property.MAX_RESPONSE_BYTES));
        Steps.of(camelContext, "bactrianAnswerRoom", AnswerRoom.class).step("hold", AnswerRoom::hold);
    }

    /** Returns the bytes that are counted now. */
    public long held() {
        lock.lock();
        try {
            return held;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Counts what the exchange's request takes up until this exchange is done, and not only until one of its copies is done. For
     * the routes.
     */
    public void hold(Exchange exchange) {
        if (exchange.getProperty(SHARE) == null) {
            share(exchange);
        }
    }

    private Share share(Exchange exchange) {
        Share share = open();
        exchange.setProperty(SHARE, share);
        exchange.getExchangeExtension().addOnCompletion(new SynchronizationAdapter() {
            @Override
            public void onDone(Exchange done) {
                share.release();
            }
        });
        return share;
    }

    Share open() {
        lock.lock();
        try {
            return new Share(shares++);
        } finally {
            lock.unlock();
        }
    }

    /** Returns the place for an answer to the exchange that this thread works on. */
    Place place(Kind kind, BooleanSupplier abandoned) {
        Exchange exchange = ErrorNet.current();
        if (exchange == null) {
            return new Place(open(), true, kind, abandoned);
        }
        Share share = exchange.getProperty(SHARE, Share.class);
        return new Place(share == null || share.released ? share(exchange) : share, false, kind, abandoned);
    }

    /** Counts the bytes that are read from the stream, such as an image, for the exchange of this thread. */
    public InputStream counted(InputStream in) {
        Place place = place(Kind.CONTENT, () -> false);
        return new FilterInputStream(in) {
            @Override
            public int read(byte[] buffer, int offset, int most) throws IOException {
                int n = super.read(buffer, offset, most);
                if (n > 0) {
                    place.hold(place.bytes + n);
                }
                return n;
            }

            @Override
            public int read() throws IOException {
                byte[] one = new byte[1];
                return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
            }

            @Override
            public void close() throws IOException {
                place.close();
                super.close();
            }
        };
    }

    /** What is read: an event stream, the answer to a create or a poll, or other content such as an image. */
    enum Kind { STREAM, CALL, POLL, CONTENT }

    /** What one request takes up. */
    final class Share {

        private final long order;
        private long bytes;
        private int open;
        private boolean released;
        private final Map<Boolean, Place> last = new HashMap<>();

        Share(long order) {
            this.order = order;
        }

        private void change(long by) {
            bytes += by;
            held += by;
            if (open > 0) {
                heldByReaders += by;
            }
        }

        private void begin() {
            if (open++ == 0) {
                reading.put(order, this);
                heldByReaders += bytes;
            }
        }

        private void end() {
            if (--open == 0) {
                reading.remove(order);
                heldByReaders -= bytes;
                changed.signalAll();
            }
        }

        private boolean fits(long more) {
            Share oldest = reading.isEmpty() ? this : reading.firstEntry().getValue();
            return oldest == this ? held - heldByReaders + bytes + more <= room : held - oldest.bytes + more <= forOthers;
        }

        void release() {
            lock.lock();
            try {
                released = true;
                change(-bytes);
                // Also removes a request whose answer was never closed; the other requests would wait for it.
                reading.remove(order);
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    /** What one answer takes up. Used by the thread that reads the answer. */
    final class Place {

        private final Share share;
        private final boolean own;
        private final Kind kind;
        private final BooleanSupplier abandoned;
        private long bytes;
        private long counted;
        private boolean closed;

        Place(Share share, boolean own, Kind kind, BooleanSupplier abandoned) {
            this.share = share;
            this.own = own;
            this.kind = kind;
            this.abandoned = abandoned;
            lock.lock();
            try {
                // The answer to the previous call of the request is no longer needed.
                Place before = kind == Kind.CONTENT ? null : share.last.put(kind == Kind.STREAM, this);
                if (before != null) {
                    before.count(0);
                }
                share.begin();
            } finally {
                lock.unlock();
            }
        }

        /**
         * Sets how many bytes are in use; waits if there is no room for more.
         *
         * @throws ResponseTooLargeException if the request's answers do not fit into the whole room
         * @throws NoRoomException if no room became free in time
         */
        void hold(long now) throws IOException {
            bytes = now;
            long wanted = now <= FREE ? 0 : (now + STEP - 1) / STEP * STEP;
            if (wanted == counted) {
                return;
            }
            lock.lock();
            try {
                long more = wanted - counted;
                if (more > 0 && !share.released) {
                    await(more);
                }
                count(wanted);
            } finally {
                lock.unlock();
            }
        }

        private void await(long more) throws IOException {
            if (share.bytes + more > room) {
                throw new ResponseTooLargeException(Property.MAX_ANSWERS_BYTES, room);
            } else if (share.fits(more)) {
                return;
            }
            long until = System.nanoTime() + (kind == Kind.POLL ? LONGEST_WAIT_OF_POLL : LONGEST_WAIT).toNanos();
            while (!share.fits(more) && !share.released) {
                if (abandoned.getAsBoolean()) {
                    throw new IOException("cut while it waited for room");
                } else if (System.nanoTime() - until > 0) {
                    count(0);
                    throw new NoRoomException(room);
                }
                try {
                    changed.await(CHECK_MILLIS, TimeUnit.MILLISECONDS);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw new IOException("interrupted while it waited for room", e);
                }
            }
        }

        private void count(long wanted) {
            if (share.released) {
                return;
            }
            share.change(wanted - counted);
            boolean less = wanted < counted;
            counted = wanted;
            if (less) {
                changed.signalAll();
            }
        }

        /** Ends the reading. The bytes in use still count until the outcome of the request is delivered. */
        void close() {
            lock.lock();
            try {
                if (!closed) {
                    closed = true;
                    share.end();
                    if (own) {
                        share.release();
                    }
                }
            } finally {
                lock.unlock();
            }
        }
    }
}
