package dev.bactrian.emit;

import java.io.Closeable;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Queue;
import java.util.function.Function;

import dev.bactrian.core.Cancellation;
import dev.bactrian.core.Job;
import dev.bactrian.error.GenerateException;
import dev.bactrian.flow.CallerReply;
import org.apache.camel.Exchange;
import org.apache.camel.ExchangeExtension;
import org.apache.camel.support.SynchronizationAdapter;

/**
 * The chunks of an answer as they arrive, in order, none of them empty: what {@code direct:generate-stream} leaves as the
 * body. It is closed when the exchange that holds it is done, at the latest.
 *
 * <p>{@link #hasNext()} never waits: it says whether the stream is open, and {@link #next()} answers null where it then
 * turns out to have ended. Camel's {@code split} skips nulls, and asks {@code hasNext} before it sends a piece on, so that
 * a waiting {@code hasNext} would hold each chunk back until the one after it has come. In Java:
 * <pre>{@code
 * for (String chunk = stream.next(); chunk != null; chunk = stream.next()) { ... }
 * }</pre>
 *
 * <p>Camel converts it to an {@code InputStream} or a {@code Reader}, which have the text as it arrives, and to a {@code String}
 * or {@code byte[]} ({@link ChunkStreamConverters}).
 *
 * <p>The service is read no further ahead than {@value #MOST_WAITING} chunks. To be read by one thread at a time;
 * {@link #close()} may be called by any.
 */
public final class ChunkStream implements Job.Reader, Iterator<String>, Closeable {

    private static final int MOST_WAITING = 64;
    private static final int NEVER = -1;

    private final boolean textKept;
    private final Function<InterruptedException, GenerateException> interrupted;
    private final Queue<String> waiting = new ArrayDeque<>(MOST_WAITING);
    private Exchange holder;
    private int redeliveries;
    private Cancellation cancellation;
    private boolean begun;
    private boolean ended;
    private boolean closed;
    private boolean exhausted;
    private boolean discarding;
    private String document;
    private GenerateException failure;
    private int thrownInTry = NEVER;

    /** With what its reader fails that is interrupted. */
    ChunkStream(boolean textKept, Function<InterruptedException, GenerateException> interrupted) {
        this.textKept = textKept;
        this.interrupted = interrupted;
    }

    /**
     * Whether a chunk may follow; never waits. A stream that has failed has its failure to come, until it was thrown: Camel's
     * {@code split} reads on after it. Who tries again, or has closed it, gets the failure again.
     */
    @Override
    public boolean hasNext() {
        if (holderHasFailed()) {
            close();
            return false;
        }
        synchronized (this) {
            boolean thrown = thrownInTry != NEVER && thrownInTry == currentTry();
            return !closed && !exhausted && !thrown && (!ended || failure != null || !waiting.isEmpty());
        }
    }

    private int currentTry() {
        return holder == null ? 0 : CallerReply.redeliveries(holder);
    }

    /**
     * The next chunk, waiting for it; null where the stream has ended or was closed instead.
     *
     * @throws GenerateException where the request has failed after its answer had begun; the same again when asked again
     */
    @Override
    public String next() {
        synchronized (this) {
            while (waiting.isEmpty() && !ended && !closed) {
                await();
            }
            if (!waiting.isEmpty()) {
                if (waiting.size() == MOST_WAITING) {
                    notifyAll();
                }
                return waiting.remove();
            } else if (failure != null && !closed) {
                thrownInTry = currentTry();
                throw failed();
            } else if (exhausted) {
                throw new NoSuchElementException();
            }
            exhausted = true;
            return null;
        }
    }

    /** The next chunk, waiting for it; null at the end, also once it was reached, and where the stream was closed. */
    String nextOrEnd() {
        synchronized (this) {
            if (exhausted) {
                return null;
            }
        }
        return next();
    }

    /** Whether it was closed before all of the answer had come and was read. */
    synchronized boolean isCutShort() {
        return closed;
    }

    /**
     * The result document, JSON, waiting for the end of the request; chunks that have not been read are dropped. It holds
     * no {@code text} unless the exchange variable {@code bactrianKeepText} was true when the request was made.
     *
     * @throws GenerateException where the request has failed, or was closed before its end
     */
    public synchronized String document() {
        discarding = true;
        waiting.clear();
        notifyAll();
        while (!ended) {
            await();
        }
        if (failure != null) {
            throw failed();
        }
        return document;
    }

    private GenerateException failed() {
        failure.setRedeliveries(redeliveries);
        return failure;
    }

    /**
     * Leaves the stream: the connection is cut at once, whatever it is waiting for; a prediction that still runs is
     * cancelled. After the end it does nothing.
     */
    @Override
    public void close() {
        boolean open;
        synchronized (this) {
            thrownInTry = NEVER;
            open = !ended;
            closed |= open || !waiting.isEmpty();
            waiting.clear();
            notifyAll();
        }
        if (open) {
            cut();
        }
    }

    /** Ends what is going on at the provider. */
    void cut() {
        Cancellation cancels;
        synchronized (this) {
            cancels = cancellation;
        }
        if (cancels != null) {
            cancels.request();
        }
    }

    /**
     * Whether the exchange whose body this is has failed, was stopped, or has had its failure handled: a {@code split}
     * with {@code stopOnException} that a chunk broke off reads on to the end nevertheless.
     */
    private boolean holderHasFailed() {
        Exchange exchange;
        synchronized (this) {
            exchange = holder;
        }
        if (exchange == null) {
            return false;
        }
        ExchangeExtension state = exchange.getExchangeExtension();
        return exchange.getException() != null || exchange.isRouteStop() || state.isErrorHandlerHandledSet() && state.isErrorHandlerHandled();
    }

    private void await() {
        try {
            wait();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw interrupted.apply(e);
        }
    }

    /** Has the end of that exchange close it, or of one that it is handed over to. */
    void heldBy(Exchange exchange) {
        synchronized (this) {
            holder = exchange;
            redeliveries = CallerReply.redeliveries(exchange);
        }
        exchange.getExchangeExtension().addOnCompletion(new SynchronizationAdapter() {
            @Override
            public void beforeHandover(Exchange target) {
                synchronized (ChunkStream.this) {
                    holder = target;
                }
            }

            @Override
            public void onDone(Exchange done) {
                close();
                synchronized (ChunkStream.this) {
                    holder = null;
                }
            }
        });
    }

    /** Whether the answer's text is kept for the document. */
    @Override
    public boolean isTextKept() {
        return textKept;
    }

    /** Waits until the provider has begun to answer or the request has failed; its failure in the latter case, else null. */
    synchronized GenerateException awaitBegin() {
        while (!begun && !ended && !closed) {
            await();
        }
        return begun ? null : failure;
    }

    /** The provider has begun to answer. */
    void begun(Cancellation cutsTheAnswer) {
        synchronized (this) {
            begun = true;
            cancellation = cutsTheAnswer;
            notifyAll();
            if (!closed && !ended) {
                return;
            }
        }
        cut();
    }

    /** Passes a chunk to the reader, waiting while it has enough to read; false where it wants no more. */
    synchronized boolean put(String chunk) throws InterruptedException {
        while (waiting.size() == MOST_WAITING && !closed && !ended) {
            wait();
        }
        if (closed || ended) {
            return false;
        }
        if (!discarding) {
            waiting.add(chunk);
            if (waiting.size() == 1) {
                notifyAll();
            }
        }
        return true;
    }

    /** The request is done, which can't be said twice. */
    synchronized void end(String result, GenerateException reason) {
        if (!ended) {
            ended = true;
            document = result;
            failure = reason;
            notifyAll();
        }
    }
}
