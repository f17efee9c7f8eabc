package dev.bactrian.http;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.ErrorNet;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.support.SynchronizationAdapter;

/**
 * The room that the answers of all requests in work have together, {@code bactrian.max-answers-bytes}. What is held of an
 * answer counts from when it is read until its request's outcome is delivered; what does not fit waits, and with it the
 * connection that it comes by.
 *
 * <p>The oldest request whose answer is being read may fill all of the room; the others share what that can't need, and a
 * quarter where it could need all. So two half-read answers never wait for each other. Safe to use from any thread.
 */
public final class AnswerRoom implements CamelContextAware {

    /** So much of each answer is not counted: most are no longer. */
    static final int FREE = 16 * 1024;

    private static final String SHARE = "bactrianAnswerShare";
    private static final int STEP = 64 * 1024;
    private static final int FOR_OTHERS = 4;
    private static final long CHECK_MILLIS = 100;
    private static final Duration LONGEST_WAIT = Duration.ofMinutes(10);
    /** A poll is made again; threads that all polls need must not wait for longer. */
    private static final Duration LONGEST_WAIT_OF_POLL = Duration.ofSeconds(2);

    private final TreeMap<Long, Share> reading = new TreeMap<>();
    private CamelContext camelContext;
    private long room;
    private long forOthers;
    private long held;
    private long heldByReaders;
    private long shares;

    /** As the settings of the context that it is given to say. */
    public AnswerRoom() {
        // see setCamelContext
    }

    /**
     * One of that size.
     *
     * @param room    bytes in all
     * @param largest bytes of one answer at most
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
    }

    /** What answers are in work takes up now, in bytes. */
    public synchronized long held() {
        return held;
    }

    /** For the routes: what the exchange's request takes up counts until this exchange is done, and not only one of its copies. */
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

    synchronized Share open() {
        return new Share(shares++);
    }

    /** The place of an answer that comes for the exchange that this thread works on. */
    Place place(Kind kind, BooleanSupplier abandoned) {
        Exchange exchange = ErrorNet.current();
        if (exchange == null) {
            return new Place(open(), true, kind, abandoned);
        }
        Share share = exchange.getProperty(SHARE, Share.class);
        return new Place(share == null || share.released ? share(exchange) : share, false, kind, abandoned);
    }

    /** Bytes that the exchange of this thread is going to hold, such as an image's. */
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

    /** What is read: an event stream, the answer to a create or to a poll, or content that is had beside them, such as an image. */
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
                AnswerRoom.this.notifyAll();
            }
        }

        private boolean fits(long more) {
            Share oldest = reading.isEmpty() ? this : reading.firstEntry().getValue();
            return oldest == this ? held - heldByReaders + bytes + more <= room : held - oldest.bytes + more <= forOthers;
        }

        void release() {
            synchronized (AnswerRoom.this) {
                released = true;
                change(-bytes);
                // Of an answer that nobody has closed, too: the others would wait for it.
                reading.remove(order);
                AnswerRoom.this.notifyAll();
            }
        }
    }

    /** What of one answer is held. Used by the thread that reads it. */
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
            synchronized (AnswerRoom.this) {
                // What an earlier call was answered is done with.
                Place before = kind == Kind.CONTENT ? null : share.last.put(kind == Kind.STREAM, this);
                if (before != null) {
                    before.count(0);
                }
                share.begin();
            }
        }

        /**
         * That many bytes are held now; waits where there is no room for more.
         *
         * @throws ResponseTooLargeException where there is not that much room at all
         * @throws NoRoomException           where there was none in time
         */
        void hold(long now) throws IOException {
            bytes = now;
            long wanted = now <= FREE ? 0 : (now + STEP - 1) / STEP * STEP;
            if (wanted == counted) {
                return;
            }
            synchronized (AnswerRoom.this) {
                long more = wanted - counted;
                if (more > 0 && !share.released) {
                    await(more);
                }
                count(wanted);
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
                    AnswerRoom.this.wait(CHECK_MILLIS);
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
                AnswerRoom.this.notifyAll();
            }
        }

        /** It is read, or left: what is held of it counts until the request's outcome is delivered. */
        void close() {
            synchronized (AnswerRoom.this) {
                if (!closed) {
                    closed = true;
                    share.end();
                    if (own) {
                        share.release();
                    }
                }
            }
        }
    }
}
